"""Characters that charts are drawn with: braille dots, half blocks or plain ASCII."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Glyphs:
    """A set of characters. A cell has `across` × `down` dots, `patterns` one for each set."""

    name: str
    across: int
    down: int
    patterns: str
    mark: str
    pause: str
    bad: str
    below: str
    markers: str
    horizontal: str
    vertical: str
    corners: str
    tick: str

    @property
    def dot_weights(self) -> tuple[tuple[int, ...], ...]:
        """The number that each dot adds to the index into `patterns`, `down` rows of `across`."""
        if self.across == 2:
            return _BRAILLE_WEIGHTS
        return tuple((1 << row,) for row in range(self.down))


# Unicode numbers the dots of a braille letter by columns, 1 to 6; the lowest row is 7 and 8.
_BRAILLE_WEIGHTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))

BRAILLE = Glyphs(
    name="braille",
    across=2,
    down=4,
    patterns="".join(chr(0x2800 + code) for code in range(256)),
    mark="┆",
    pause="┊",
    bad="✗",
    below="▾",
    markers="●▲■◆✚★▼◉",
    horizontal="─",
    vertical="│",
    corners="╭╮╰╯",
    tick="┤",
)
HALF = Glyphs("half", 1, 2, " ▀▄█", ":", ":", "!", "_", "●▲■◆✚★▼◉", "─", "│", "┌┐└┘", "┤")
ASCII = Glyphs("ascii", 1, 1, " *", ":", ":", "!", "_", "oxs+#@v%", "-", "|", "++++", "|")
