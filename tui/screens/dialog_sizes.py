"""The heights at which dialogs give up margins and hints, and the count of hidden rows of lists."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import OptionList

from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.box import more_text

HEIGHTS = [(0, "-line"), (8, "-tiny"), (18, "-short"), (24, "-tall")]
"""The least rows from which a class of `dialogs.tcss` holds."""


def hidden_rows(choices: OptionList, styles: Styles) -> Text:
    """Return how many rows of a list lie above and below those in sight, "" for none."""
    top, rows = round(choices.scroll_target_y), choices.size.height
    below = choices.virtual_size.height - top - rows
    more = more_text(max(top, 0), max(below, 0), styles)
    return Text(f"{more}   " if more else "", styles.key)
