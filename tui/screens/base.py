"""What the parts of the main screen share: the scene, a way to draw it and a way to say something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.screen import Screen

from asgml.tui.messages import Severity
from asgml.tui.terminal.app_protocol import AppProtocol, app_of

if TYPE_CHECKING:
    from asgml.tui.scene.scene import Scene


class ScreenPart(Screen[None]):
    """The ground under the main screen's groups of keys."""

    if TYPE_CHECKING:
        scene: Scene

    @property
    def host(self) -> AppProtocol:
        return app_of(self.app)

    def draw(self) -> None:
        """Draws the scene as the view asks."""
        raise NotImplementedError

    def tell(self, text: str, severity: Severity = "information") -> None:
        """A line in the corner for some seconds; never read as markup."""
        self.app.notify(
            text, severity=severity, markup=False, timeout=6 if severity == "information" else 10
        )
