"""The present value of every setting of a run: read at each step, set by commands."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from asgml.core.config.live_knobs import live_knobs
from asgml.core.config.run_settings import RunSettings
from asgml.storage.format.knobs import Knob, Value, find_knob


class LiveSettings:
    """All settings by full name; `knobs` are those that may be set while the run trains."""

    def __init__(self, knobs: Sequence[Knob], settings: Mapping[str, Value]) -> None:
        self.knobs = list(knobs)
        self.values: dict[str, Value] = {**settings, **{knob.name: knob.initial for knob in knobs}}

    def set(self, name: str, given: object) -> tuple[str, Value, Value]:
        """Set a knob; return its full name and its value before and after.

        `name` may be abbreviated as in find_knob. Raise KnobError where it is no knob or `given` is
        not in its range; nothing is changed then.
        """
        knob = find_knob(name, self.knobs)
        before, after = self.values[knob.name], knob.parse(given)
        # Methods read through a view of `values`, so the next step sees the new value.
        self.values[knob.name] = after
        return knob.name, before, after

    def live(self) -> dict[str, Value]:
        """Return the present values of the knobs."""
        return {knob.name: self.values[knob.name] for knob in self.knobs}

    def options(self, owner: str) -> Mapping[str, Value]:
        """Return a live view of the settings of one owner, {"alpha": 0.5, ...} of `boost`."""
        return _OwnerView(self.values, owner)


class _OwnerView(Mapping[str, Value]):
    """The settings under one prefix; a knob that is set shows its new value."""

    def __init__(self, values: Mapping[str, Value], owner: str) -> None:
        self._values, self._prefix = values, f"{owner}."

    def __getitem__(self, name: str) -> Value:
        return self._values[self._prefix + name]

    def __iter__(self) -> Iterator[str]:
        owned = (name for name in self._values if name.startswith(self._prefix))
        return (name.removeprefix(self._prefix) for name in owned)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def make_live_settings(
    config: RunSettings, extra: Sequence[Knob] = (), without: Collection[str] = ()
) -> LiveSettings:
    """Return the settings of a run's methods and trainer; `extra` are knobs of a user's modulator.

    Knobs named in `without` are fixed at their initial value.
    """
    of_methods = {
        f"{method.name}.{name}": value
        for method in config.methods
        for name, value in config.section(method.name).items()
    }
    of_methods["loss.gamma"] = config.loss.gamma  # no knob of every run
    knobs = [*live_knobs(config), *extra]
    fixed = {knob.name: knob.initial for knob in knobs if knob.name in without}
    live = [knob for knob in knobs if knob.name not in without]
    return LiveSettings(live, {**of_methods, **fixed})
