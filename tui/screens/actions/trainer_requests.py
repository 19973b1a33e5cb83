"""Requests to the trainer from the keys: sent through the session, or refused with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asgml.tui.screens.actions.base import DashboardScreen

if TYPE_CHECKING:
    from asgml.tui.session.session import Session


class TrainerRequests:
    """The way from a key to the trainer; the user reads why where it is closed."""

    def __init__(self, session: Session, screen: DashboardScreen) -> None:
        self._session = session
        self._screen = screen

    def send(self, kind: str, **fields: Any) -> bool:
        """Send a request. Return False, with the reason on screen, where it was refused."""
        return not self._show(self._session.send(kind, **fields))

    def kill(self) -> None:
        """Send SIGKILL to the training process, or show why not."""
        self._show(self._session.kill())

    def refused(self) -> bool:
        """Return True, with the reason on screen, where the training cannot be steered.

        Asked before a dialog opens: nobody should fill in what cannot be sent.
        """
        return self._show(self._session.refusal())

    def _show(self, refusal: str) -> bool:
        if refusal:
            self._screen.show_message(refusal, "warning")
        return bool(refusal)
