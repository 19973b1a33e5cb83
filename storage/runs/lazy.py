"""A mapping that is decoded from its JSON text when it is first looked at."""

from __future__ import annotations

import json
from collections.abc import Callable, ItemsView, Iterator, Mapping
from typing import Any

Decode = Callable[[str], dict[str, Any]]


def json_object(text: str) -> dict[str, Any]:
    """Return the JSON object of a text, {} for anything else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


class LazyMapping(Mapping[str, Any]):
    """The mapping that `decode` makes of `text`.

    A table of 10,000 runs looks at few of their settings: decoding them all would take as long as
    all the rest.
    """

    __slots__ = ("_decode", "_found", "_text")

    def __init__(self, text: str, decode: Decode = json_object) -> None:
        self._text = text
        self._decode = decode
        self._found: dict[str, Any] | None = None

    def _decoded(self) -> dict[str, Any]:
        if self._found is None:
            self._found, self._text = self._decode(self._text), ""
        return self._found

    def __getitem__(self, key: str) -> Any:
        return self._decoded()[key]

    def get(self, key: str, default: Any = None) -> Any:
        return self._decoded().get(key, default)

    def items(self) -> ItemsView[str, Any]:
        return self._decoded().items()

    def __iter__(self) -> Iterator[str]:
        return iter(self._decoded())

    def __len__(self) -> int:
        return len(self._decoded())

    def __contains__(self, key: object) -> bool:
        return key in self._decoded()

    def __repr__(self) -> str:
        return repr(dict(self))
