"""The contrast of two colours after WCAG 2.2, in true colour and in palettes of 16 colours."""

from __future__ import annotations

from rich.color import Color, ColorSystem, ColorType
from rich.style import Style


def palette(codes: str) -> list[str]:
    """Return the codes of the 16 colours."""
    return codes.split()


XTERM = palette(
    "000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5 "
    "7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff"
)
VGA = palette(
    "000000 aa0000 00aa00 aa5500 0000aa aa00aa 00aaaa aaaaaa "
    "555555 ff5555 55ff55 ffff55 5555ff ff55ff 55ffff ffffff"
)
Rgb = tuple[int, int, int]


def luminance(colour: Rgb) -> float:
    parts = [part / 255 for part in colour]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Rgb, other: Rgb) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def rgb(colour: Color | None, default: Rgb, palette: list[str], system: ColorSystem) -> Rgb:
    """Return what a terminal shows, which draws its `default` and the 16 colours of `palette`."""
    if colour is None or colour.is_default:
        return default
    shown = colour.downgrade(system)
    if shown.type is ColorType.STANDARD:
        assert shown.number is not None
        code = palette[shown.number]
        return int(code[:2], 16), int(code[2:4], 16), int(code[4:], 16)
    triplet = shown.get_truecolor()
    return triplet.red, triplet.green, triplet.blue


def seen(
    style: Style, paper: Rgb, ink: Rgb, palette: list[str], system: ColorSystem
) -> tuple[Rgb, Rgb]:
    """Return the colours of letters and of what lies behind them."""
    front = rgb(style.color, ink, palette, system)
    back = rgb(style.bgcolor, paper, palette, system)
    return (back, front) if style.reverse else (front, back)
