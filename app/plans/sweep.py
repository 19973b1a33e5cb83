"""A sweep: trials of a few settings, each an ordinary run; the bad ones are stopped early."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from time import sleep

from asgml.app.errors import RunFailedError
from asgml.app.new_run import make_run
from asgml.app.plans.launchers import Launcher
from asgml.app.plans.row_settings import settings_digest
from asgml.app.plans.sweep_plan import SweepPlan, found_trials
from asgml.app.plans.sweep_study import SweepStudy
from asgml.app.plans.sweep_trial import Trial, TrialRun, TrialState
from asgml.storage.format.status import ALIVE
from asgml.storage.runs.plan_record import PlanCell, PlanRecord, PlanRow, write_plan_record

POLL_SECONDS = 0.25
METRIC = "val_accuracy"
MOST_FAILURES = 3
"""Trials after which a sweep that has seen nothing but failures ends."""
_AFTER_END: dict[str, TrialState] = {"failed": "failed", "diverged": "diverged", "": "pruned"}
"""The state of a trial that was ended early, by what became of one of its runs."""
OnEnd = Callable[[Trial, Sequence[Trial]], None]


class Sweep:
    """The trials of a sweep in its folder of runs; those that are there already are taken up."""

    def __init__(
        self, plan: SweepPlan, study: SweepStudy, folder: Path, launcher: Launcher
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.plan, self.study, self.folder = plan, study, folder.resolve()
        self.trials, self._numbers = found_trials(plan, study.spaces, self.folder)
        self._launcher = launcher
        self._used_up = False  # nothing is left to propose

    def run(self, on_end: OnEnd) -> list[Trial]:
        """Train until all trials have ended. Ctrl-C (KeyboardInterrupt) leaves trainers at work.

        Raise RunFailedError where nothing but failures comes of it.
        """
        for trial in self._running():  # what had ended before is no news
            self._follow(trial)
        self._write_record()
        while True:
            for trial in self._running():
                self._follow(trial)
                if trial.state != "running":
                    on_end(trial, self.trials)
            self._refuse_to_fail_forever()
            self._start_what_has_room()
            if not self._running():
                return self.trials
            sleep(POLL_SECONDS)

    def _refuse_to_fail_forever(self) -> None:
        """Raise RunFailedError where the first trials have failed, and nothing but failed."""
        ended = [trial for trial in self.trials if trial.state != "running"]
        if len(ended) >= MOST_FAILURES and all(trial.state == "failed" for trial in ended):
            why = ended[-1].begun[-1].last_line() or "their trainers said nothing"
            raise RunFailedError(
                f"{len(ended)} trials, and all have failed: {why}; their logs are in {self.folder}"
            )

    def _running(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.state == "running"]

    def _follow(self, trial: Trial) -> None:
        """Look at a trial's runs; settle it where they have ended, stop them where it is bad."""
        states = [self._state_of(run) for run in trial.begun]
        if "stopped" in states and not trial.pruned:
            trial.prune()
        lost = next((state for state in ("failed", "diverged") if state in states), "")
        if lost:
            trial.give_up()
        living = "alive" in states
        whole = all(run is not None for run in trial.runs.values())
        if living and not trial.ending:
            self._judge(trial)
        elif not living and trial.ending:
            trial.state = _AFTER_END[lost]
        elif not living and whole:
            trial.state = "finished"

    def _judge(self, trial: Trial) -> None:
        """Stop a trial that is worse than the median of the others at the same evaluation."""
        evaluations = len(trial.intermediate())
        if self.plan.prune and evaluations > trial.judged:
            trial.judged = evaluations
            if self.study.should_prune(trial, self.trials, evaluations):
                trial.prune()

    def _state_of(self, run: TrialRun) -> str:
        """Return alive, finished, stopped, diverged or failed.

        What was interrupted is resumed once.
        """
        state = run.look()
        if state in ALIVE or state == "stale" or self._launcher.state(run.paths.root) == "running":
            return "alive"
        if state in ("finished", "stopped", "diverged"):
            return state
        if run.resumed or (state == "failed" and self._launcher.state(run.paths.root) == "ended"):
            return "failed"
        run.resumed = True
        self._launcher.start(run.paths, resume=True)
        return "alive"

    def _start_what_has_room(self) -> None:
        room = self._launcher.share.jobs - sum(trial.living() for trial in self._running())
        while room > 0:
            waiting = next((one for one in self._running() if one.waiting), None) or self._propose()
            if waiting is None:
                return
            self._start(waiting, waiting.waiting[0])
            room -= 1

    def _propose(self) -> Trial | None:
        """Return the next trial, None where there are as many as were asked for."""
        if len(self.trials) >= self.plan.trials or self._used_up:
            return None
        number = self._numbers + 1
        values = self.study.next_values(self.trials, number)
        if values is None:
            self._used_up = True
            return None
        self._numbers = number
        self.trials.append(Trial(number, values, dict.fromkeys(self.plan.seeds)))
        return self.trials[-1]

    def _start(self, trial: Trial, seed: int) -> None:
        settings = self.plan.make(trial.values, seed)
        threads = settings.threads or self._launcher.share.threads
        config = settings.model_copy(update={"threads": threads}).model_dump()
        paths = make_run(config, self.folder, f"trial-{trial.number:03d}-s{seed}")
        self._launcher.start(paths, resume=False)
        trial.runs[seed] = TrialRun(paths)
        self._write_record()

    def _write_record(self) -> None:
        """Write plan.json: to the run list and the dashboard a sweep is a plan, a row a trial."""
        cells = [
            PlanCell(row, seed, run.paths.name, settings_digest(self.plan.make(trial.values, seed)))
            for row, trial in enumerate(self.trials)
            for seed, run in trial.runs.items()
            if run is not None
        ]
        rows = [PlanRow(f"trial {trial.number}", dict(trial.values)) for trial in self.trials]
        plan = self.plan
        record = PlanRecord(
            plan.name, plan.title, plan.data, METRIC, "", plan.seeds, tuple(rows), tuple(cells)
        )
        write_plan_record(self.folder, record)
