"""`python -m asgml.tui.keys` prints KEYS.md."""

from __future__ import annotations

from asgml.tui.keys.manual import manual

print(manual(), end="")
