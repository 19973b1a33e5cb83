"""Files made from the screen: the metrics as CSV, the screen itself as SVG."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textual.app import App

from asgml.storage.format.safe_text import safe
from asgml.tui.scene.csv_export import screenshot_path
from asgml.tui.screens.actions.base import ActionGroup, DashboardScreen, Handler
from asgml.tui.terminal.screenshot import svg_screenshot


class FileActions(ActionGroup):
    """Handlers that write files into the current folder; existing ones are never overwritten."""

    def handlers(self) -> Mapping[str, Handler]:
        return {"export": self._export, "screenshot": self._screenshot}

    def _export(self) -> None:
        if self._may_write():
            self._session.export(Path.cwd())

    def _may_write(self) -> bool:
        """Return False, and say so, for one who only looks from a browser at another's files."""
        if not (self._session.readonly and self._screen.app.is_web):
            return True
        told = "read-only: a browser writes no files; `asgml export` or `asgml watch` does"
        self._screen.show_message(told, "warning")
        return False

    def _screenshot(self) -> None:
        if not self._may_write():
            return
        path = screenshot_path(self._screen.scene, Path.cwd())
        try:
            path.write_text(screen_svg(self._screen), encoding="utf-8")
        except OSError as error:
            self._screen.show_message(f"the picture could not be written: {error}", "error")
        else:
            self._screen.show_message(f"wrote {safe(path)}")


def screen_svg(screen: DashboardScreen) -> str:
    """Return the program's screen as SVG, dialogs included."""
    return program_svg(screen.app, f"asgml, run {screen.scene.name}")


def program_svg(app: App[Any], title: str) -> str:
    """Return whatever a program shows as SVG."""
    rows = app.screen._compositor.render_strips(app.size)
    ground, text = ("#0d1117", "#d5dae0") if app.current_theme.dark else ("#ffffff", "#1f2328")
    return svg_screenshot(rows, title, ground, text)
