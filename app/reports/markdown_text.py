"""Text from outside in Markdown: escaped where it would be read as markup, and nowhere else."""

from __future__ import annotations

import re

from asgml.storage.format.safe_text import one_line

INSIDE = re.compile(
    r"[\\`*\[\]|~$]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # within a word it is no emphasis (CommonMark 6.2)
    r"|<(?=[A-Za-z/!?])"  # a tag, a comment, an address in angle brackets
    r"|&(?=#?\w+;)"  # an entity
    r"|:(?=//)|(?<=www)\."  # an address that a page would turn into a link
    r"|(?<![^ ])#(?=#*$)",  # the end of a heading
    re.IGNORECASE,
)
AT_START = re.compile(r"^(?:(?=[-+#>=])|(?P<number>\d{1,9})(?=[.)]))")
"""A list, a heading, a quotation or a rule would begin here."""


def escaped(text: object) -> str:
    """Return untrusted text so that Markdown shows it as it is, inside of a line."""
    return INSIDE.sub(r"\\\g<0>", one_line(text))


def paragraph(text: object) -> str:
    """Return untrusted text so that Markdown shows it as it is, from the start of a line on."""
    return AT_START.sub(r"\g<number>\\", escaped(one_line(text).lstrip()))


def code(text: str, *, table: bool = False) -> str:
    """Return text as code, in a table too: as many backticks as its longest run and one more."""
    shown = one_line(text).replace("|", "\\|") if table else one_line(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    pad = " " if shown.startswith(("`", " ")) or shown.endswith(("`", " ")) else ""
    return f"{fence}{pad}{shown}{pad}{fence}"
