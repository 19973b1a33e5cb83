"""The command palette: every row of the table of keys, found by its words."""

from __future__ import annotations

from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from asgml.tui.keys.row import Key
from asgml.tui.keys.table import keys_for, shown_keys
from asgml.tui.screens.main import MainScreen


class KeyCommands(Provider):
    """The palette's entries. They run on the main screen, also where another one covers it."""

    async def discover(self) -> Hits:
        for screen in self._main_screens():
            for key in _offered(screen):
                yield DiscoveryHit(_entry(key), partial(screen.action_do, key.id))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for screen in self._main_screens():
            for key in _offered(screen):
                text = _entry(key)
                if (score := matcher.match(text)) > 0:
                    run = partial(screen.action_do, key.id)
                    yield Hit(score, matcher.highlight(text), run)

    def _main_screens(self) -> list[MainScreen]:
        return [screen for screen in self.app.screen_stack if isinstance(screen, MainScreen)]


def _offered(screen: MainScreen) -> list[Key]:
    # the palette itself is open already
    return [key for key in keys_for(screen.session.clock_kind) if key.id != "palette"]


def _entry(key: Key) -> str:
    return f"{key.help}  ({shown_keys(key)})"
