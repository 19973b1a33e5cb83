"""The comparison as a program: runs side by side, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from asgml.tui.scene.view_state import SMOOTHING
from asgml.tui.screens.comparison import ComparisonScreen
from asgml.tui.screens.palette import KeyCommands
from asgml.tui.terminal.themed_app import COMMANDS, Commands, ThemedApp


def run_comparison(
    paths: Sequence[Path],
    folder: Path,
    *,
    metric: str | None = None,
    ascii: bool = False,
    keymap: dict[str, str] | None = None,
    interval: float | None = None,
    theme: str = "auto",
    axis: str = "step",
    smoothing: float = SMOOTHING,
) -> int:
    """Show runs side by side until the user leaves. Return the exit code.

    `paths`: directories of runs; those that differ in their seed alone make a group. `folder`: the
    names of runs are relative to it. `metric`: what the statistics are about, None for the test
    score of the chosen epoch.
    """
    app = ComparisonApp(
        paths, folder, metric=metric, ascii=ascii, keymap=keymap, interval=interval, theme=theme
    )
    # time stands for nothing that two runs have in common
    app.main.view.axis = axis if axis in app.main.view.axes else "step"
    app.main.view.smoothing = smoothing
    app.main.smooth(smoothing)
    app.run()
    return app.return_code or 0


class ComparisonApp(ThemedApp):
    """The program that shows nothing but a comparison."""

    CSS_PATH = "screens/dialogs.tcss"
    COMMANDS: ClassVar[Commands] = {KeyCommands} | COMMANDS

    def __init__(
        self,
        paths: Sequence[Path],
        folder: Path,
        *,
        metric: str | None = None,
        ascii: bool = False,
        keymap: dict[str, str] | None = None,
        interval: float | None = None,
        theme: str = "auto",
    ) -> None:
        super().__init__(ascii=ascii, keymap=keymap, interval=interval, theme=theme)
        self.main = ComparisonScreen(paths, folder, metric=metric, interval=self.interval)

    def on_mount(self) -> None:
        self.push_screen(self.main)
