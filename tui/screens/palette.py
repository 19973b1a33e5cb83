"""The command palette: every row of the table of keys, found by its words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol, runtime_checkable

from textual.command import DiscoveryHit, Hit, Hits, Provider

from asgml.tui.keys.row import Key
from asgml.tui.keys.table import keys_for, shown_keys


@runtime_checkable
class KeyedScreen(Protocol):
    """A screen that runs the rows of the table of keys that exist on it."""

    @property
    def keys_of(self) -> str:
        """The name of the screen in the table of keys."""

    def action_do(self, id: str) -> None:
        """Run a row of the table of keys."""


class KeyCommands(Provider):
    """The palette's entries. They run on the topmost screen that has keys, under any dialog."""

    async def discover(self) -> Hits:
        for screen in self._screens():
            for key in _offered(screen):
                yield DiscoveryHit(_entry(key), partial(screen.action_do, key.id))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for screen in self._screens():
            for key in _offered(screen):
                text = _entry(key)
                if (score := matcher.match(text)) > 0:
                    run = partial(screen.action_do, key.id)
                    yield Hit(score, matcher.highlight(text), run)

    def _screens(self) -> Sequence[KeyedScreen]:
        keyed = [screen for screen in self.app.screen_stack if isinstance(screen, KeyedScreen)]
        return keyed[-1:]


def _offered(screen: KeyedScreen) -> list[Key]:
    # the palette itself is open already
    return [key for key in keys_for(screen.keys_of) if key.id != "palette"]


def _entry(key: Key) -> str:
    return f"{key.help}  ({shown_keys(key)})"
