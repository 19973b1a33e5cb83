"""The numbers of an imagined training: its manifest, and the same rows for the same seed."""

from __future__ import annotations

import math

import numpy as np

from asgml.storage.format.knobs import Knob
from asgml.storage.format.manifest import Manifest

BORN = 1_790_000_000.0
STEP_SECONDS = 0.2
PROBE_EVERY, EPOCH_STEPS = 50, 300

_BOOSTED = "how strongly the weakest modality is boosted"
_THROTTLED = "how strongly the dominant modality is throttled"

KNOBS = (
    Knob("boost.alpha", "float", 0.25, _BOOSTED, 0.0, 1.0, 0.05),
    Knob("boost.scale_max", "float", 2.0, "upper end of the boost scale", 1.0, 10.0, 0.5),
    Knob("ogm_ge.alpha", "float", 0.8, _THROTTLED, 0.0, 3.0, 0.1),
    Knob("ogm_ge.noise", "bool", True, "add gradient noise"),
    Knob("probe.eval_freq", "int", 50, "steps between two probes", 1, 10000, 10, applies="probe"),
    Knob("lr", "float", 0.001, "learning rate", 0.0, 1.0, 0.0005),
)


def make_manifest(
    name: str, modalities: tuple[str, ...] = ("audio", "visual"), total: int = 10_000
) -> Manifest:
    return Manifest(
        name=name,
        created=BORN,
        config={
            "seed": 7,
            "batch_size": 64,
            "probe": {"split_batch": True, "utilization_ema": 0.1},
        },
        modalities=modalities,
        classes=("a", "b", "c"),
        knobs=KNOBS,
        total_steps=total,
        total_epochs=-(-total // EPOCH_STEPS),
        steps_per_epoch=EPOCH_STEPS,
        method="ogm_ge+boost",
        parts=(
            {"name": "ogm_ge", "summary": "throttles the dominant modality", "window": [0, 5]},
            {"name": "boost", "summary": "boosts the weakest modality", "window": None},
        ),
        device="cpu",
        seed=7,
        host="gpu7",
    )


class Course:
    """The numbers of an imagined training, the same for the same seed."""

    def __init__(self, manifest: Manifest, seed: int = 7) -> None:
        self.manifest = manifest
        self.random = np.random.default_rng(seed)
        self.boost = dict.fromkeys(manifest.modalities, 1.0)
        self.skill = dict.fromkeys(manifest.modalities, 0.0)
        self.alpha = 0.25

    def row(
        self, table: str, step: int, wall: float, active: float, segment: int = 0
    ) -> list[float]:
        """Return one row of a table, with NaN for all that this training does not measure."""
        measure = {
            "steps": self._steps,
            "probes": self._probes,
            "epochs": self._epochs,
            "system": self._system,
        }[table]
        axes = {"step": step, "wall_time": wall, "active_time": active, "segment": segment}
        values = axes | measure(step)
        return [values.get(column, math.nan) for column in self.manifest.columns(table)]

    def ability(self, place: int, step: int) -> float:
        return 0.15 + (0.77 - 0.12 * place) * (1 - math.exp(-step / (500 + 900 * place)))

    def _steps(self, step: int) -> dict[str, float]:
        noise = self.random.normal
        values = {
            "epoch": float((step - 1) // EPOCH_STEPS),
            "lr": 0.001,
            "step_time": STEP_SECONDS * (1 + abs(noise(0, 0.05))),
        }
        values["task_loss"] = 0.25 + 2.0 * math.exp(-step / 700) + abs(noise(0, 0.08))
        values["loss"] = values["task_loss"] + 0.05
        values["accuracy"] = min(max(self.ability(0, step) + noise(0, 0.06), 0.0), 1.0)
        for place, modality in enumerate(self.manifest.modalities):
            before = (0.9 - 0.35 * place) * math.exp(-step / 2500) * math.exp(noise(0, 0.25))
            throttle = 1 - math.tanh(0.8 * 0.6) if place == 0 and step <= 6 * EPOCH_STEPS else 1.0
            gain = throttle * self.boost[modality]
            accuracy = min(max(self.ability(place, step) - 0.1 + noise(0, 0.06), 0.0), 1.0)
            values |= {
                f"grad_norm/{modality}": before,
                f"grad_norm_after/{modality}": before * gain,
                f"gain/{modality}": gain,
                f"boost_scale/{modality}": self.boost[modality],
                f"throttle/{modality}": throttle,
                f"discrepancy/{modality}": (1.9 if place == 0 else 0.52) * math.exp(noise(0, 0.1)),
                f"own_accuracy/{modality}": accuracy,
                f"own_loss/{modality}": 2.2 * math.exp(-step / (900 + 400 * place)) + 0.4,
            }
        return values

    def _probes(self, step: int) -> dict[str, float]:
        values = {}
        for place, modality in enumerate(self.manifest.modalities):
            accuracy = min(max(self.ability(place, step) + self.random.normal(0, 0.02), 0.0), 1.0)
            self.skill[modality] = 0.7 * self.skill[modality] + 0.3 * accuracy
            values |= {
                f"probe_accuracy/{modality}": accuracy,
                f"probe_loss/{modality}": -math.log(max(accuracy, 0.01)),
            }
        best = max(self.skill.values())
        for modality, skill in self.skill.items():
            target = 1 + self.alpha * (best - skill) / max(best, 1e-9) * 4
            self.boost[modality] = 0.8 * self.boost[modality] + 0.2 * target
            values |= {f"utilization/{modality}": skill, f"boost_target/{modality}": target}
        return values | {"utilization_gap": best - min(self.skill.values())}

    def _epochs(self, step: int) -> dict[str, float]:
        ability = self.ability(0, step)
        values = {
            "train_loss": 2.2 * math.exp(-step / 700) + 0.2,
            "train_accuracy": ability,
            "val_loss": 2.2 * math.exp(-step / 800) + 0.35,
        }
        return values | {"val_accuracy": ability - 0.04, "best_val_accuracy": ability - 0.04}

    def _system(self, step: int) -> dict[str, float]:
        return {
            "cpu": 180 + 15 * math.sin(step / 40),
            "memory": 812.0 + step / 100,
            "samples_per_second": 320.0,
            "store_bytes": 150.0 * step,
        }
