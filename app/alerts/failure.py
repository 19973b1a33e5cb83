"""The error of an alert that could not be delivered."""

from __future__ import annotations


class DeliveryError(Exception):
    """A delivery that failed. One line, without secrets; `final`: another try would fail too."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final
