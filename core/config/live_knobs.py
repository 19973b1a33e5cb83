"""The knobs of a run: the settings that may be changed while it trains, with their initial values.

A knob bears the name of its setting (`boost.alpha`); `lr` stands for `optimizer.lr`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo

from asgml.core.config.run_settings import RunSettings
from asgml.core.config.sections import Section
from asgml.core.methods.registry import short_name
from asgml.storage.format.knobs import Applies, Knob

SMALLEST_ABOVE = 1e-9
"""Added to an exclusive lower bound, because the range of a knob is inclusive."""


def live_knobs(config: RunSettings) -> list[Knob]:
    """Return the knobs of the run's methods, then those of the trainer."""
    of_methods = [
        replace(knob, initial=config.section(method.name)[short_name(knob)])
        for method in config.methods
        for knob in method.knobs
    ]
    of_trainer = [
        _field_knob("lr", config.optimizer, "lr", step=0.001),
        _field_knob("loss.gamma", config.loss, "gamma", step=0.1),
        _field_knob("optimizer.clip", config.optimizer, "clip", step=0.5),
        _field_knob("diagnose.every", config.diagnose, "every", step=10),
    ]
    of_probes = [
        _field_knob("probe.eval_freq", config.probe, "eval_freq", step=5, applies="probe"),
        _field_knob("probe.train_steps", config.probe, "train_steps", step=5, applies="probe"),
    ]
    if any(method.takes_turns for method in config.methods):
        # refused beside turns, so it stays 0
        of_trainer = [knob for knob in of_trainer if knob.name != "loss.gamma"]
    return of_methods + of_trainer + (of_probes if config.probe.enabled else [])


def _field_knob(
    name: str, section: Section, field: str, step: float, applies: Applies = "step"
) -> Knob:
    """Return a knob with the range and the description of a configuration field."""
    info = type(section).model_fields[field]
    low, high = _bounds(info)
    initial = getattr(section, field)
    kind: Literal["int", "float"] = "int" if isinstance(initial, int) else "float"
    return Knob(name, kind, initial, info.description or "", low, high, step, applies=applies)


def _bounds(info: FieldInfo) -> tuple[float | None, float | None]:
    low: float | None = None
    high: float | None = None
    for limit in info.metadata:
        if isinstance(limit, Ge):
            low = float(str(limit.ge))
        elif isinstance(limit, Gt):
            low = float(str(limit.gt)) + SMALLEST_ABOVE
        elif isinstance(limit, Le):
            high = float(str(limit.le))
    return low, high
