"""The plane of gradient balance and conflict on the whole screen, redrawn as the run goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from asgml.tui.scene.plane import trails
from asgml.tui.scene.scene import Scene
from asgml.tui.terminal.app_protocol import app_of
from asgml.tui.widgets.box import Box
from asgml.tui.widgets.plane_lines import plane_lines

_EVERY = 1.0
"""Seconds between two looks at the scene: the plane is drawn again only where it is a new one."""


class PlaneScreen(ModalScreen[None]):
    """The plane of the run on screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,P,enter", "dismiss(None)", show=False),
    ]

    def __init__(self, scene_now: Callable[[], Scene]) -> None:
        super().__init__()
        self._scene_now = scene_now

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog list"):
            yield Box("gradient balance and conflict", id="plane")
            yield Static(Text("esc back"), classes="hint")

    def on_mount(self) -> None:
        self.set_interval(_EVERY, self.draw)
        self.call_after_refresh(self.draw)

    def draw(self) -> None:
        """Draw the newest rows, where there are others than before."""
        if not self.is_mounted:
            return
        scene, box = self._scene_now(), self.query_one("#plane", Box)
        table = scene.data.table("steps")
        if not box.stale(scene.name, table.rows, table.signature):
            return
        modalities = scene.manifest.modalities if scene.manifest else ()
        width, height = box.inner
        box.show_box(
            plane_lines(trails(table, modalities), app_of(self.app).theme_styles, width, height)
        )
