"""A launcher for tests of the scheduler: its trainers write a run at once, or when told to."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tiny import tiny_row

from asgml.app.plans.launchers import JobState
from asgml.app.plans.resources import Share
from asgml.storage.format.events import Event
from asgml.storage.format.knobs import Knob
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.process import this_host
from asgml.storage.format.status import State
from asgml.storage.runs.ensemble_record import EnsembleRecord, write_ensemble
from asgml.storage.write.writer import RunWriter

STEPS = 4


class FakeLauncher:
    """Writes the rows of a run in place of training it.

    `ends`: by a run's name, the state of each of its trainings in turn; None dies before it opens
    the store. `held`: runs stay alive until `finish`.
    """

    def __init__(self, jobs: int = 2, *, held: bool = False, sha256: str = "") -> None:
        self.share = Share(jobs, 3)
        self.held, self.sha256 = held, sha256
        self.ends: dict[str, list[State | None]] = {}
        self.started: list[tuple[str, bool]] = []
        self.evaluated: list[str] = []
        self.living: dict[str, RunWriter] = {}
        self.turned: dict[str, float] = {}  # by a run's name, boost.alpha as the user sets it
        self.value: Callable[[str], float] = lambda name: 0.5

    def start(self, paths: RunPaths, *, resume: bool) -> None:
        self.started.append((paths.name, resume))
        left = self.ends.get(paths.name, [])
        end = left.pop(0) if left else State.FINISHED
        if end is None:
            paths.trainer_log.write_text("Traceback\nerror: no such data\n")
            paths.launch.write_text(f'{{"pid": 999999999, "host": "{this_host()}"}}')
            return
        again = (paths.store / "zarr.json").is_file()
        manifest = manifest_of(paths.name, tomllib.loads(paths.config.read_text()), self.sha256)
        writer = RunWriter.resume(paths) if again else RunWriter.create(paths, manifest)
        writer.mark(State.RUNNING)
        self.living[paths.name] = writer
        if not self.held:
            self.finish(paths.name, end)

    def finish(self, name: str, end: State = State.FINISHED) -> None:
        writer = self.living.pop(name)
        columns = manifest_of(name, {"seed": 0})
        for step in range(1, STEPS + 1):
            writer.append("steps", tiny_row(columns, "steps", step))
        row = dict(zip(columns.columns("epochs"), tiny_row(columns, "epochs", 4), strict=True))
        row |= {"test_accuracy_at_best_val": self.value(name), "val_accuracy": 0.6}
        writer.append("epochs", [row[column] for column in columns.columns("epochs")])
        if name in self.turned:
            turned = {"command": "set", "knob": "boost.alpha", "after": self.turned[name]}
            answer = {"id": "a", "answer": "applied", "before": 0.5, "issuer": "me@here"}
            writer.event(Event("command", 2, 1000.2, 0.2, 0, turned | answer))
        writer.mark(step=STEPS, epoch=0)
        writer.close(end)

    def evaluate(self, file: Path, arguments: Sequence[str]) -> None:
        digest, _, *runs = arguments
        self.evaluated.append(file.stem)
        members = tuple(Path(run).name for run in runs)
        values = {"test_accuracy_at_best_val": 0.75}
        write_ensemble(file, EnsembleRecord(members, "softmax", digest, values))

    def state(self, place: Path) -> JobState:
        return "running" if place.name in self.living else "ended"

    def has_room(self) -> bool:
        return True

    def cancel(self, place: Path) -> None:
        self.finish(place.name, State.STOPPED)

    def close(self) -> None:
        """Leave the runs alone."""


def manifest_of(name: str, config: dict[str, Any], sha256: str = "") -> Manifest:
    """Return the manifest of a fake run."""
    return Manifest(
        name=name,
        created=1000.0,
        config=config,
        modalities=("audio", "visual"),
        classes=("one", "two"),
        knobs=[Knob("boost.alpha", "float", config.get("boost", {}).get("alpha", 0.5), "strength")],
        total_steps=STEPS,
        total_epochs=1,
        seed=config["seed"],
        host=this_host(),
        data={"sha256": sha256} if sha256 else {},
    )
