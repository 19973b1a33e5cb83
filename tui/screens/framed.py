"""A screen that draws all of itself at once, once its layout has settled."""

from __future__ import annotations

import time

from textual.screen import Screen

from asgml.tui.messages import Severity
from asgml.tui.terminal.app_protocol import app_of

WIDTHS = [(0, "-sliver"), (40, "-narrow"), (100, "-mid"), (150, "-wide")]
HEIGHTS = [(0, "-line"), (10, "-tiny"), (18, "-short"), (30, "-medium"), (40, "-tall")]
"""The least columns and rows from which a class of a screen with charts holds."""
_LOST = 1.0
"""Seconds after which a frame that was not drawn is asked for anew."""


class FramedScreen(Screen[None]):
    """A screen that is drawn frame by frame: however often it is asked to, once for all.

    Textual hands a due frame to whatever screen is on top. Should that one go without passing it
    back, the frame is asked for anew: a screen must never wait for ever.
    """

    frame_due = False
    _asked = 0.0

    def draw(self) -> None:
        """Draw once after the layout has settled, however often it is asked for."""
        now = time.monotonic()
        if self.is_mounted and (not self.frame_due or now - self._asked > _LOST):
            self.frame_due, self._asked = True, now
            self.call_after_refresh(self._draw_once)

    def _draw_once(self) -> None:
        self.frame_due = False
        if self.is_mounted and self.children:  # none before it is composed, nor once it closes
            self.draw_frame()

    def draw_frame(self) -> None:
        """Draw everything that has changed."""
        raise NotImplementedError

    def on_resize(self) -> None:
        self.draw()

    def on_screen_resume(self) -> None:
        """Draw again, without waiting for a frame that was due while another screen was on top."""
        self.frame_due = False
        self.draw()

    def show_message(self, text: str, severity: Severity = "information") -> None:
        """Show a line for some seconds; it is never read as markup."""
        app_of(self.app).show_message(text, severity)
