"""The draft of a run: a configuration in the making, in which each value has its origin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from asgml.app.errors import UserError
from asgml.app.keys import flatten, nested, resolve
from asgml.core.config.published import published_settings
from asgml.core.config.run_config import ConfigError, make_config
from asgml.core.config.run_settings import RunSettings

DEFAULT = "default"
"""The origin of a value that was not given."""


@dataclass
class Draft:
    """A configuration in the making: dotted keys with values, and the origin of each one given.

    `others` are the sections of methods that the run does not use: a bare name means one of their
    settings only where it is found nowhere else.
    """

    others: frozenset[str] = frozenset()
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, value: Any, origin: str) -> None:
        """Set the key that `name` means. Raise UserError for an unknown one."""
        if isinstance(value, dict):
            for inner, one in value.items():
                self.put(f"{name}.{inner}", one, origin)
            return
        if name == "encoder":  # one kind for all replaces those given for single modalities
            self._drop("encoder.")
        key = resolve(name, origin, self.others)
        self.values[key] = value
        self.origins[key] = origin

    def config(self) -> RunSettings:
        """Return the checked configuration. Raise UserError with the origin of a bad value."""
        try:
            return make_config(nested(self.values))
        except ConfigError as error:
            key = str(error).partition(" = ")[0]
            origin = f" (from {self.origins[key]})" if key in self.origins else ""
            raise UserError(f"{error}{origin}") from None

    def rows(self) -> list[tuple[str, Any, str]]:
        """Return (key, value, origin) of every value of the checked configuration."""
        flat = flatten(self.config().model_dump())
        published = published_settings(nested(self.values))
        origins = {key: f"method {name}" for key, (_, name) in published.items()} | self.origins
        return [(key, value, origins.get(key, DEFAULT)) for key, value in flat]

    def idle(self) -> list[str]:
        """Return the keys that were given for a method that this run does not use."""
        return [
            key
            for key, origin in self.origins.items()
            if key.partition(".")[0] in self.others and origin.startswith("--")
        ]

    def _drop(self, prefix: str) -> None:
        for key in [key for key in self.values if key.startswith(prefix)]:
            del self.values[key], self.origins[key]
