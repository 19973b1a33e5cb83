"""Sweeps: what is tried, what is stopped early, and that nothing but the runs is needed to go on.

The trainers are fakes in this process: each look of the sweep lets every run train one epoch, with
a validation accuracy that follows from its settings by a formula.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from asgml.app.arguments import TrainArguments
from asgml.app.commands.sweep import in_order
from asgml.app.configure import build
from asgml.app.errors import RunFailedError, UserError
from asgml.app.plans.launchers import JobState
from asgml.app.plans.over import spaces_of
from asgml.app.plans.resources import Share
from asgml.app.plans.search_space import Space
from asgml.app.plans.sweep import Sweep
from asgml.app.plans.sweep_plan import SweepPlan
from asgml.app.plans.sweep_study import SweepStudy
from asgml.app.plans.sweep_trial import Trial
from asgml.core.config.run_settings import RunSettings
from asgml.storage.format.layout import RunPaths, list_runs
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.metrics import Metric
from asgml.storage.format.process import this_host
from asgml.storage.format.status import State
from asgml.storage.runs.plan_record import read_plan_record
from asgml.storage.write.writer import RunWriter

EPOCHS = 10
Curve = Callable[[Mapping[str, Any], int], float]
"""Validation accuracy by settings and epoch."""


def better_with_rate(settings: Mapping[str, Any], epoch: int) -> float:
    """The nearer to 0.03, the better, in every epoch."""
    distance = abs(math.log10(settings["optimizer"]["lr"] / 0.03))
    return (0.9 - 0.2 * distance) * (1 - 0.5**epoch)


@dataclass
class Fake:
    """A trainer: its writer, settings and epochs so far."""

    paths: RunPaths
    writer: RunWriter
    settings: dict[str, Any]
    epoch: int = 0
    ended: bool = False


@dataclass
class FakeLauncher:
    """Trains by a formula, one epoch at each `tick`; ends a run that is asked to stop."""

    curve: Curve
    share: Share = field(default_factory=lambda: Share(2, 1))
    fakes: dict[Path, Fake] = field(default_factory=dict)
    most: int = 0
    metric: str = "val_accuracy"
    fails: Callable[[Mapping[str, Any]], bool] = lambda settings: False
    failure: State = State.FAILED

    def start(self, paths: RunPaths, *, resume: bool) -> None:
        assert not resume
        settings = tomllib.loads(paths.config.read_text("utf-8"))
        manifest = Manifest(
            name=paths.name,
            created=1000.0,
            config=settings,
            modalities=("audio", "visual"),
            classes=("one", "two"),
            metrics=(Metric(self.metric, "epochs", "what validation says"),),
            host=this_host(),
        )
        writer = RunWriter.create(paths, manifest)
        writer.mark(state=State.RUNNING)
        writer.flush()
        self.fakes[paths.root] = Fake(paths, writer, settings)
        self.most = max(self.most, sum(not fake.ended for fake in self.fakes.values()))

    def state(self, place: Path) -> JobState:
        fake = self.fakes.get(place)
        return "unknown" if fake is None else "ended" if fake.ended else "running"

    def evaluate(self, file: Path, arguments: Sequence[str]) -> None:
        raise AssertionError

    def cancel(self, place: Path) -> None:
        raise AssertionError

    def close(self) -> None:
        """Nothing to give back."""

    def tick(self) -> None:
        for fake in [fake for fake in self.fakes.values() if not fake.ended]:
            self._train(fake)

    def _train(self, fake: Fake) -> None:
        if any(path.suffix == ".json" for path in fake.paths.commands.iterdir()):
            self._end(fake, State.STOPPED)
            return
        fake.epoch += 1
        value = self.curve(fake.settings, fake.epoch)
        fake.writer.append("epochs", [fake.epoch * 10, 1000.0, 1.0, 0, value])
        fake.writer.mark(step=fake.epoch * 10, epoch=fake.epoch)
        fake.writer.flush()
        if self.fails(fake.settings):
            self._end(fake, self.failure)
        elif fake.epoch == fake.settings["epochs"]:
            self._end(fake, State.FINISHED)

    @staticmethod
    def _end(fake: Fake, state: State) -> None:
        if state is State.FAILED:
            fake.paths.trainer_log.write_text("loading\nerror: no such data\n", "utf-8")
        fake.writer.close(state)
        fake.ended = True


@dataclass
class Bench:
    """A sweep of the learning rate in a folder of its own, as often as it is asked for."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    launcher: FakeLauncher = field(default_factory=lambda: FakeLauncher(better_with_rate))
    sets: tuple[str, ...] = ("method=baseline", f"epochs={EPOCHS}")

    def sweep(
        self,
        trials: int,
        over: str = "lr=1e-4..1:log",
        seeds: tuple[int, ...] = (0,),
        sampler: str = "tpe",
        prune: bool = True,
        interrupt_after: int = 10**6,
    ) -> tuple[list[Trial], list[int]]:
        """Run it; return the trials, and the numbers of those that ended meanwhile."""
        draft = build(TrainArguments(sets=list(self.sets)))
        spaces = spaces_of([over], draft)
        study = SweepStudy(spaces, sampler, trials, warmup=2)
        plan = SweepPlan("sweep", "A sweep", "synthetic", self._make, seeds, trials, prune)
        ticks = iter(range(10**7))

        def sleep(_: float) -> None:
            if next(ticks) >= interrupt_after:
                raise KeyboardInterrupt
            self.launcher.tick()

        self.monkeypatch.setattr("asgml.app.plans.sweep.sleep", sleep)
        ended: list[int] = []
        sweep = Sweep(plan, study, self.folder, self.launcher)
        with suppress(KeyboardInterrupt):
            sweep.run(lambda trial, _: ended.append(trial.number))
        return sweep.trials, ended

    def _make(self, values: Mapping[str, Any], seed: int) -> RunSettings:
        sets = [*self.sets, *(f"{key}={value}" for key, value in values.items())]
        return build(TrainArguments(sets=sets, seed=seed)).config()

    @property
    def names(self) -> set[str]:
        return {paths.name for paths in list_runs(self.folder)}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    made = Bench(tmp_path / "sweep", monkeypatch)
    yield made
    for fake in made.launcher.fakes.values():
        if not fake.ended:
            fake.writer.close(State.STOPPED)


def rates(trials: Sequence[Trial]) -> list[float]:
    return [trial.values["optimizer.lr"] for trial in trials]


FIVE = "lr=0.03,0.031,0.032,0.033,0.0001"
"""Four good rates, then a bad one."""


def test_a_sweep_finds_what_is_good_and_spends_little_on_what_is_not(bench: Bench) -> None:
    trials, ended = bench.sweep(20, over="lr=1e-4..1:log")
    assert len(trials) == 20 and sorted(ended) == list(range(1, 21))
    assert {trial.state for trial in trials} == {"finished", "pruned"}
    best = in_order(trials)[0]
    assert abs(math.log10(best.values["optimizer.lr"] / 0.03)) < 0.25
    assert best.value() == max(trial.value() or 0 for trial in trials)
    epochs = {state: [] for state in ("finished", "pruned")}  # type: dict[str, list[int]]
    for trial in trials:
        epochs[trial.state].append(len(trial.intermediate()))
    assert set(epochs["finished"]) == {EPOCHS} and max(epochs["pruned"]) < EPOCHS
    assert bench.launcher.most == 2  # jobs


def test_a_trial_below_the_median_is_asked_to_stop_after_the_warm_up(bench: Bench) -> None:
    bench.launcher.share = Share(1, 1)
    trials, _ = bench.sweep(5, over=FIVE, sampler="grid")
    assert [trial.state for trial in trials] == ["finished"] * 4 + ["pruned"]
    assert len(trials[4].intermediate()) == 3
    assert [fake.epoch for fake in bench.launcher.fakes.values()] == [EPOCHS] * 4 + [3]


def test_without_pruning_every_trial_is_whole(bench: Bench) -> None:
    trials, _ = bench.sweep(5, over=FIVE, sampler="grid", prune=False)
    assert {trial.state for trial in trials} == {"finished"}


def test_the_last_place_is_that_of_what_was_not_trained_to_the_end(bench: Bench) -> None:
    """A stopped trial that was the best of its time is still not the answer."""
    bench.launcher.curve = lambda settings, epoch: settings["optimizer"]["lr"]
    trials, _ = bench.sweep(2, over="lr=0.1,0.2", sampler="grid")
    trials[1].state = "pruned"
    assert [trial.number for trial in in_order(trials)] == [1, 2]


def test_an_interrupted_sweep_goes_on_with_its_runs_and_trains_none_twice(bench: Bench) -> None:
    first, _ = bench.sweep(6, interrupt_after=14)
    assert {trial.state for trial in first} >= {"finished", "running"}
    again, ended = bench.sweep(6)
    assert len(again) == 6 and {trial.state for trial in again} <= {"finished", "pruned"}
    assert rates(again)[: len(first)] == rates(first)
    done = {trial.number for trial in first if trial.state != "running"}
    assert not done & set(ended)  # no news
    assert bench.names == {f"trial-{number:03d}-s0" for number in range(1, 7)}
    assert len(bench.launcher.fakes) == 6


def test_the_trials_are_the_same_with_and_without_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tried(*interruptions: int) -> list[float]:
        bench = Bench(tmp_path / f"after-{interruptions}", monkeypatch)
        bench.launcher.share = Share(1, 1)
        for after in (*interruptions, 10**6):
            trials, _ = bench.sweep(14, interrupt_after=after, prune=False)
        return rates(trials)

    assert tried() == tried(25, 13)


def test_what_is_whole_is_left_and_more_can_be_asked_for(bench: Bench) -> None:
    first, _ = bench.sweep(4)
    same, ended = bench.sweep(4)
    assert (rates(same), ended, len(bench.launcher.fakes)) == (rates(first), [], 4)
    more, ended = bench.sweep(6)
    assert rates(more)[:4] == rates(first) and sorted(ended) == [5, 6]


def test_runs_of_another_training_are_left_alone(bench: Bench) -> None:
    bench.sweep(2)
    bench.sets = (*bench.sets, "batch_size=32")
    trials, _ = bench.sweep(2)
    assert [trial.number for trial in trials] == [3, 4]
    assert {fake.settings["batch_size"] for fake in bench.launcher.fakes.values()} == {64, 32}


def test_a_trial_is_the_mean_of_its_seeds(bench: Bench) -> None:
    bench.launcher.curve = lambda settings, epoch: epoch / 100 + settings["seed"] / 10
    trials, _ = bench.sweep(2, seeds=(1, 4))
    for trial in trials:
        assert trial.value() == pytest.approx(0.1 + 0.25)
        assert trial.intermediate() == pytest.approx([0.25 + e / 100 for e in range(1, 11)])
        assert len({fake.settings["optimizer"]["lr"] for fake in fakes_of(bench, trial)}) == 1
    assert bench.names == {f"trial-00{n}-s{seed}" for n in (1, 2) for seed in (1, 4)}


def fakes_of(bench: Bench, trial: Trial) -> list[Fake]:
    return [bench.launcher.fakes[run.paths.root] for run in trial.begun]


def test_a_run_that_fails_ends_its_trial_and_not_the_sweep(bench: Bench) -> None:
    bench.launcher.fails = lambda s: s["optimizer"]["lr"] == 0.2 and s["seed"] == 1
    trials, _ = bench.sweep(3, over="lr=0.1,0.2,0.3", sampler="grid", seeds=(0, 1), prune=False)
    assert [trial.state for trial in trials] == ["finished", "failed", "finished"]
    assert fakes_of(bench, trials[1])[0].epoch < EPOCHS  # the other seed was stopped


def test_a_run_that_diverges_is_told_and_a_sweep_goes_on_however_many_do(bench: Bench) -> None:
    bench.launcher.fails = lambda settings: settings["optimizer"]["lr"] > 0.01
    bench.launcher.failure = State.DIVERGED
    over = "lr=0.1,0.2,0.3,0.4,0.005"
    trials, _ = bench.sweep(5, over=over, sampler="grid", prune=False)
    assert sorted(trial.state for trial in trials) == ["diverged"] * 4 + ["finished"]
    assert in_order(trials)[0].state == "finished"


def test_a_sweep_that_only_fails_ends_and_says_why(bench: Bench) -> None:
    bench.launcher.fails = lambda settings: True
    bench.launcher.share = Share(1, 1)
    with pytest.raises(RunFailedError, match="3 trials, and all have failed: no such data"):
        bench.sweep(20)
    assert len(bench.launcher.fakes) == 3


def test_a_run_that_the_user_stops_is_not_resumed(bench: Bench) -> None:
    bench.sweep(2, over="lr=0.1,0.2", sampler="grid", interrupt_after=4)
    for fake in bench.launcher.fakes.values():
        (fake.paths.commands / "stop.json").touch()
    trials, _ = bench.sweep(2, over="lr=0.1,0.2", sampler="grid")
    assert [trial.state for trial in trials] == ["pruned", "pruned"]


def test_in_a_regression_the_smaller_error_wins(bench: Bench) -> None:
    bench.launcher.metric = "val_mae"
    bench.launcher.curve = lambda settings, epoch: settings["optimizer"]["lr"] + 1 / epoch
    trials, _ = bench.sweep(3, over="lr=0.3,0.1,0.2", sampler="grid", prune=False)
    assert rates(in_order(trials)) == [0.1, 0.2, 0.3]


def test_a_sweep_is_a_plan_to_whoever_reads_its_folder(bench: Bench) -> None:
    trials, _ = bench.sweep(3, seeds=(0, 5))
    record = read_plan_record(bench.folder)
    assert [row.settings for row in record.rows] == [dict(trial.values) for trial in trials]
    assert {cell.run for cell in record.cells} == bench.names
    assert (record.seeds, record.metric) == ((0, 5), "val_accuracy")


def test_the_importance_of_a_setting_without_effect_is_small(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spaces = [Space("optimizer.lr", 1e-4, 1, log=True), Space("mixup", 0, 1)]
    study = SweepStudy(spaces, "random", 20, 0)
    monkeypatch.setattr(Trial, "value", lambda trial: -abs(math.log(trial.values["optimizer.lr"])))
    trials: list[Trial] = []
    for number in range(1, 21):
        values = study.next_values(trials, number)
        assert values is not None
        trial = Trial(number, values, state="finished")
        monkeypatch.setattr(
            Trial, "value", lambda self: -abs(math.log(self.values["optimizer.lr"]))
        )
        trials.append(trial)
    found = study.importance(trials)
    assert found["optimizer.lr"] > 0.8 > 0.2 > found["mixup"]
    assert study.importance(trials[:5]) == {}


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ([], ["--over", "LOW..HIGH"]),
        (["lr"], ["'lr'", "KEY=LOW..HIGH"]),
        (["lr="], ["KEY=LOW..HIGH"]),
        (["lr=1"], ["two values"]),
        (["lr=0.1,0.1"], ["each once"]),
        (["lr=a..b"], ["KEY=LOW..HIGH"]),
        (["lr=1..0.1"], ["low = 1"]),
        (["lr=0..1:log"], ["log"]),
        (["lr=0.1..99"], ["optimizer.lr = 99"]),
        (["lr=0.1..inf"], ["finite"]),
        (["lr=0.1..1", "optimizer.lr=1..2"], ["optimizer.lr", "twice"]),
        (["boost.alpah=0..1"], ["boost.alpah", "boost.alpha"]),
        (["boost.alpha=0..1"], ["boost.alpha", "no effect", "baseline"]),
        (["fusion.kind=0..1"], ["fusion.kind", "choices"]),
        (["seed=0..5"], ["--seeds"]),
        (["data=a,b"], ["--data"]),
    ],
)
def test_what_cannot_be_searched_is_refused(over: list[str], words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        spaces_of(over, build(TrainArguments(method="baseline")))
    message = str(caught.value)
    assert "\n" not in message and all(word in message for word in words), message


def test_what_can_be_searched() -> None:
    draft = build(TrainArguments(method="boost"))
    over = ["lr=1e-4..1e-1:log", "alpha=0..1:0.25", "fusion=concat,sum", "batch_size=16..64:16"]
    lr, alpha, fusion, batch = spaces_of(over, draft)
    assert (lr.key, lr.low, lr.high, lr.log) == ("optimizer.lr", 1e-4, 0.1, True)
    assert (alpha.key, alpha.step) == ("boost.alpha", 0.25)
    assert (fusion.key, fusion.choices) == ("fusion.kind", ("concat", "sum"))
    assert (batch.whole, batch.all_values()) == (True, [16, 32, 48, 64])


def test_without_optuna_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(UserError, match=r"asgml\[sweep\]"):
        SweepStudy([Space("optimizer.lr", 0.1, 1)], "tpe", 3, 0)


# -- the command --------------------------------------------------------------------------


@pytest.fixture
def sweep(
    asgml: Callable[..., Any], bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Any]:
    """Calls `asgml sweep`, whose trainers are the fakes of the bench."""
    monkeypatch.setattr("asgml.app.commands.sweep.LocalLauncher", lambda *_: bench.launcher)
    monkeypatch.setattr("asgml.app.plans.sweep.sleep", lambda _: bench.launcher.tick())
    words = ("sweep", "--runs", tmp_path, "--method", "baseline", "--epochs", EPOCHS)
    return lambda *more: asgml(*words, *more)


def test_the_command_prints_the_best_first_and_how_to_train_it(
    sweep: Callable[..., Any], tmp_path: Path
) -> None:
    over = ("--over", "lr=0.001,0.03,0.5", "--sampler", "grid", "--trials", 3, "--no-prune")
    said = sweep(*over, "--json")
    assert said.code == 0
    folder = tmp_path / "sweep-synthetic-baseline"
    assert said.json["folder"] == str(folder)
    found = [one["values"]["optimizer.lr"] for one in said.json["trials"]]
    assert found == [0.03, 0.5, 0.001]  # by their distance from 0.03, in a log scale
    table = sweep(*over)
    assert table.out.splitlines()[1].split()[:3] == ["2", "finished", "0.03"]
    best = folder / "trial-002-s0" / "run.toml"
    assert f"asgml train {best} --set eval.test=end" in table.err
    assert build(TrainArguments(recipe=str(best), sets=["eval.test=end"])).config()
    stored = tomllib.loads(best.read_text("utf-8"))
    assert (stored["eval"]["test"], stored["threads"]) == ("never", 1)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--over", "lr=0.1..1", "--name", "../x"), 2),
        (("--over", "lr=0.1..1", "--jobs", "x"), 2),
        (("--over", "lr=0.1..1", "--seeds", "x"), 2),
        (("--over", "lr=0.1..1", "--data", "no.npz"), 3),
        (("--over", "lr=0.1,0.2", "--sampler", "grid", "--trials", 1), 2),
    ],
)
def test_a_command_that_cannot_be_is_refused(
    sweep: Callable[..., Any], words: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    said = sweep(*words)
    assert (said.code, said.out, said.err.count("\n")) == (code, "", 1)
    assert list(tmp_path.iterdir()) == []
