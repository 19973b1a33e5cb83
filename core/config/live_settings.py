"""The knob live_settings: the present value of every setting, read live by the parts and turned by commands."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from asgml.core.config.config import RunSettings
from asgml.storage.format.knobs import Knob, Value, find_knob


class LiveSettings:
    """All settings by full name. `knobs` are those that a command may turn."""

    def __init__(self, knobs: Sequence[Knob], settings: Mapping[str, Value]) -> None:
        self.knobs = list(knobs)
        self.values: dict[str, Value] = {**settings, **{knob.name: knob.initial for knob in knobs}}

    def set(self, word: str, given: object) -> tuple[str, Value, Value]:
        """Sets a knob; returns its full name and its value before and after. Raises KnobError and changes nothing."""
        knob = find_knob(word, self.knobs)
        before, after = self.values[knob.name], knob.parse(given)
        self.values[knob.name] = after
        return knob.name, before, after

    def live(self) -> dict[str, Value]:
        """The present values of the live knobs."""
        return {knob.name: self.values[knob.name] for knob in self.knobs}

    def options(self, owner: str) -> Mapping[str, Value]:
        """A live view of one owner's settings, {"alpha": 0.5, ...}."""
        return _Options(self.values, owner)


class _Options(Mapping[str, Value]):
    def __init__(self, values: Mapping[str, Value], owner: str) -> None:
        self._values, self._prefix = values, f"{owner}."

    def __getitem__(self, name: str) -> Value:
        return self._values[self._prefix + name]

    def __iter__(self) -> Iterator[str]:
        return (
            name.removeprefix(self._prefix)
            for name in self._values
            if name.startswith(self._prefix)
        )

    def __len__(self) -> int:
        return sum(1 for _ in self)


def make_live_settings(
    config: RunSettings, extra: Sequence[Knob] = (), without: Collection[str] = ()
) -> LiveSettings:
    """The board of a run: the settings of its methods and of the trainer; `extra` are a user's modulator's.

    Those named in `without` keep their initial value.
    """
    fixed = {
        f"{method.name}.{name}": value
        for method in config.methods
        for name, value in config.section(method.name).items()
    }
    knobs = [*config.knobs(), *extra]
    kept = {knob.name: knob.initial for knob in knobs if knob.name in without}
    return LiveSettings([knob for knob in knobs if knob.name not in without], {**fixed, **kept})
