"""The colours of the four themes: of the styles by meaning, and of the widgets of Textual.

Every text has a contrast of 4.5 : 1 or more on every background that it is drawn on, the line of
the selection included; of the 16 colours in the palettes of xterm and of VGA.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.theme import Theme


@dataclass(frozen=True)
class Colours:
    """The colours of one theme, as names or `#rrggbb`; those of curves separated by spaces."""

    curves: str
    raw_curves: str
    text: str
    muted: str
    frame: str
    accent: str
    good: str
    warn: str
    bad: str
    mark: str


ON_DARK = Colours(
    curves="#6cb6ff #f69d50 #6bd968 #d2a8ff #e3c14b #ff8fc7 #56d4dd #ff7b72",
    raw_curves="#2b4a69 #63422a #2d5a30 #55446b #5c5023 #663b52 #245a5f #663531",
    text="#d5dae0",
    muted="#9aa4b0",
    frame="#3a434f",
    accent="#6cb6ff",
    good="#56d364",
    warn="#e3b341",
    bad="#ff7b72",
    mark="#c39bff",
)
ON_LIGHT = Colours(
    curves="#0550ae #9a4600 #116329 #8700af #6b5000 #a3246f #0f6a70 #b3151f",
    raw_curves="#b3cdea #ecc9ab #b5dcbe #dac9f7 #e3d6a6 #f0c4dd #b0dadd #f3bfc3",
    text="#1f2328",
    muted="#505861",
    frame="#b8c0ca",
    accent="#0550ae",
    good="#116329",
    warn="#7d4e00",
    bad="#b3151f",
    mark="#5f00af",
)
ANSI_ON_DARK = Colours(
    curves="bright_cyan bright_yellow bright_green bright_magenta"
    " bright_red cyan green bright_white",
    raw_curves="blue yellow green magenta red bright_black bright_black bright_black",
    text="default",
    muted="default",
    frame="bright_black",
    accent="bright_cyan",
    good="bright_green",
    warn="bright_yellow",
    bad="bright_red",
    mark="bright_magenta",
)
# on white the palettes of xterm and VGA leave five that can be read
ANSI_ON_LIGHT = Colours(
    curves="blue red default magenta bright_blue",
    raw_curves="bright_cyan bright_red bright_black bright_magenta cyan",
    text="default",
    muted="default",
    frame="bright_black",
    accent="blue",
    good="blue",
    warn="magenta",
    bad="red",
    mark="bright_blue",
)


def _theme(
    name: str, colours: Colours, selected: str, layers: tuple[str, str, str], *, dark: bool
) -> Theme:
    """Return the theme of true colours; `layers`: background, surface and panel."""
    background, surface, panel = layers
    return Theme(
        name=name,
        primary=colours.accent,
        secondary=colours.mark,
        accent=colours.accent,
        warning=colours.warn,
        error=colours.bad,
        success=colours.good,
        foreground=colours.text,
        background=background,
        surface=surface,
        panel=panel,
        dark=dark,
        variables={**_selection(colours.text, selected, "bold"), "muted": colours.muted},
    )


def _selection(text: str, background: str, style: str) -> dict[str, str]:
    """Return the look of the selected line: its coloured words are readable on it."""
    shared = {"text-muted": text, "text-disabled": text}
    cursor = {"foreground": text, "background": background, "text-style": style}
    for place in ("block-cursor", "block-cursor-blurred"):
        shared |= {f"{place}-{part}": value for part, value in cursor.items()}
    return {**shared, "block-hover-background": background}


def _scrollbar(accent: str) -> dict[str, str]:
    grips = ("scrollbar", "scrollbar-hover", "scrollbar-active")
    grounds = ("background", "background-hover", "background-active", "corner-color")
    return {
        **dict.fromkeys(grips, accent),
        **{f"scrollbar-{place}": "ansi_default" for place in grounds},
    }


def _ansi(name: str, colours: Colours, paper: str, ink: str, *, dark: bool) -> Theme:
    """Return the theme of the terminal's own 16 colours; a selected line is underlined."""
    variables = {
        **_selection("ansi_default", "ansi_default", "bold underline"),
        "muted": "ansi_default",
        "ansi-background": paper,
        "ansi-foreground": ink,
        "border": f"ansi_{colours.accent}",
        "border-blurred": "ansi_bright_black",
        "input-cursor-background": ink,
        "input-cursor-foreground": paper,
        "input-cursor-text-style": "none",
        "input-selection-background": ink,
        "input-selection-foreground": paper,
        "screen-selection-background": ink,
        "screen-selection-foreground": paper,
        **_scrollbar(f"ansi_{colours.accent}"),
    }
    plain = "ansi_default"
    return Theme(
        name=name,
        ansi=True,
        primary=f"ansi_{colours.accent}",
        secondary=f"ansi_{colours.mark}",
        accent=f"ansi_{colours.accent}",
        warning=f"ansi_{colours.warn}",
        error=f"ansi_{colours.bad}",
        success=f"ansi_{colours.good}",
        foreground=plain,
        background=plain,
        surface=plain,
        panel=plain,
        boost=plain,
        dark=dark,
        variables=variables,
    )


DARK = _theme("asgml-dark", ON_DARK, "#2b2f36", ("#0d1117", "#161b22", "#1c232c"), dark=True)
LIGHT = _theme("asgml-light", ON_LIGHT, "#e3e6ea", ("#ffffff", "#f3f5f7", "#e3e6ea"), dark=False)
ANSI_DARK = _ansi("ansi-dark", ANSI_ON_DARK, "ansi_black", "ansi_white", dark=True)
ANSI_LIGHT = _ansi("ansi-light", ANSI_ON_LIGHT, "ansi_bright_white", "ansi_black", dark=False)
THEMES = (DARK, LIGHT, ANSI_DARK, ANSI_LIGHT)
"""All that are offered: those of Textual hold no contrast for the styles of this program."""


def colours_of(*, ansi: bool, dark: bool) -> Colours:
    """Return the colours of the styles of a theme."""
    if ansi:
        return ANSI_ON_DARK if dark else ANSI_ON_LIGHT
    return ON_DARK if dark else ON_LIGHT
