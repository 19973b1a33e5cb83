"""Copying: values and command lines of the run on screen, to the clipboard of the terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from rich.text import Text

from asgml.storage.format.safe_text import safe
from asgml.storage.format.status import ALIVE, ENDED
from asgml.storage.format.value_text import setting
from asgml.tui.scene.view_state import View
from asgml.tui.screens.actions.base import ActionGroup, DashboardScreen, Handler
from asgml.tui.screens.actions.knobs import KnobActions
from asgml.tui.screens.lists import ListScreen
from asgml.tui.terminal.clipboard import clipboard_refusal, clipboard_text
from asgml.tui.widgets.legend import legend_values

if TYPE_CHECKING:
    from asgml.tui.session.session import Session


class CopyActions(ActionGroup):
    """The handler that offers what can be copied, and copies what is chosen."""

    def __init__(
        self, session: Session, view: View, screen: DashboardScreen, knobs: KnobActions
    ) -> None:
        super().__init__(session, view, screen)
        self._knobs = knobs

    def handlers(self) -> Mapping[str, Handler]:
        return {"copy": self._ask}

    def offers(self) -> list[tuple[str, str]]:
        """Return (what it is, its text) of everything that can be copied now."""
        return [(what, clipboard_text(text)) for what, text in self._offers() if text]

    def _offers(self) -> Iterator[tuple[str, str]]:
        scene, panels = self._screen.scene, self._screen.panels
        if panels:
            panel = panels[min(self._view.selected, len(panels) - 1)]
            values = legend_values(panel, scene, self._view)
            named = [
                f"{name} = {value:.10g}" for name, value in values.items() if value is not None
            ]
            at = "" if self._view.cursor is not None else f"step {scene.progress.step}: "
            yield f"values of {panel.title}", f"{at}{', '.join(named)}" if named else ""
        if scene.history.lines:
            last = scene.history.lines[-1]
            yield "last event", f"step {last.step}: {last.text}"
        run = self._session.path
        if run is None:
            return
        name = shlex.quote(str(run))
        yield "folder of the run", str(run)
        yield "command that watches it", f"asgml watch {name}"
        state = self._knobs.selected_knob()
        if state is not None and scene.state in ALIVE:
            change = shlex.quote(f"{state.knob.name}={setting(state.value)}")
            yield "command that sets the knob", f"asgml ctl {name} set {change}"
        if scene.state in ENDED:
            yield "command that plays it", f"asgml replay {name}"
            if scene.state != "finished":
                yield "command that goes on", f"asgml resume {name}"

    def _ask(self) -> None:
        if refusal := clipboard_refusal():
            self._screen.show_message(refusal, "warning")
            return
        offers = self.offers()

        def copy(number: int | None) -> None:
            if number is not None:
                text = offers[number][1]
                self._screen.app.copy_to_clipboard(text)
                sent = f"sent {len(text)} characters to the terminal's clipboard"
                self._screen.show_message(f"{sent}: {safe(text[:60])}")

        rows = [Text.assemble((f"{what}  ", "bold"), text) for what, text in offers]
        hint = "enter copies (OSC 52; not every terminal allows it) · esc back"
        self._screen.app.push_screen(ListScreen("Copy", rows, hint, "there is nothing yet"), copy)
