"""Keys that were typed while the program loads: kept, and given back once they can be answered."""

from __future__ import annotations

from textual import events

_MOST = 100
"""More keys than anyone types while a program loads."""


class HeldKeys:
    """The keys in their order. `holding`: none was released yet."""

    def __init__(self) -> None:
        self.holding = True
        self._keys: list[events.Key] = []

    def hold(self, event: events.Key) -> None:
        """Keep a key."""
        if len(self._keys) < _MOST:
            self._keys.append(events.Key(event.key, event.character))

    def release(self) -> list[events.Key]:
        """Return the keys, once."""
        self.holding = False
        keys, self._keys = self._keys, []
        return keys
