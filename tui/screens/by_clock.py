"""The main screen under each clock: Textual binds keys to classes, so each clock has one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from asgml.tui.keys.table import bindings_for
from asgml.tui.scene.view_state import View
from asgml.tui.screens.main import MainScreen

if TYPE_CHECKING:
    from asgml.tui.session.session import Session


class LiveScreen(MainScreen):
    """The main screen with the keys of watching."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_for("live")


class ReplayScreen(MainScreen):
    """The main screen with the keys of replaying."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_for("replay")


def main_screen(session: Session, view: View, list_runs: Callable[[], None]) -> MainScreen:
    """Return the screen for the session's clock; `list_runs` asks for the runs of the folder."""
    return (LiveScreen if session.clock_kind == "live" else ReplayScreen)(session, view, list_runs)
