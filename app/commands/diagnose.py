"""`asgml diagnose`: would balancing help on this data? A few trainings, a verdict, one picture."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from asgml.app.diagnosis.diagnosis_plan import DiagnosisArguments, diagnosis_plan, folder_name
from asgml.app.diagnosis.measurements import Measurements, measurements_to_json
from asgml.app.diagnosis.picture import ASCII, DiagnosisPicture, Signs
from asgml.app.diagnosis.stored import Diagnosis, read_diagnosis, write_diagnosis
from asgml.app.diagnosis.verdict import judge_data
from asgml.app.diagnosis.words import advice, headline, next_command, sentences, verdict_to_json
from asgml.app.errors import INTERRUPTED, OK, UserError, narrate
from asgml.app.output import console, print_json
from asgml.app.plans.cells import ResolvedPlan
from asgml.app.plans.launchers import LocalLauncher
from asgml.app.plans.progress_view import progress_view
from asgml.app.plans.resources import share_of
from asgml.app.plans.scheduler import PlanOutcome, run_plan
from asgml.app.preferences import runs_directory
from asgml.app.settings import load_settings
from asgml.core.config.published import DEFAULT_METHOD
from asgml.storage.format.safe_text import safe
from asgml.storage.format.user_path import expand_user


def diagnose(
    stored: str | None, given: DiagnosisArguments, jobs: int | None, runs: Path | None, json_: bool
) -> int:
    """Train what a diagnosis lacks and print its verdict; of a stored one, print it again."""
    if stored is not None:
        return _show_stored(stored, given, runs, json_)
    method = given.method or DEFAULT_METHOD
    plan = diagnosis_plan(given, method)
    folder = runs_directory(runs) / folder_name(plan.data)
    outcome = _train(plan, folder, jobs)
    if outcome is None:
        return INTERRUPTED
    found = _measure(outcome, folder, method)
    diagnosis = Diagnosis(plan.data, given.recipe or "", _arguments(given), found)
    write_diagnosis(folder, diagnosis, verdict_to_json(diagnosis, judge_data(found)))
    _print(diagnosis, folder, json_)
    return outcome.exit_code


def _show_stored(stored: str, given: DiagnosisArguments, runs: Path | None, json_: bool) -> int:
    if given.data is not None:
        raise UserError(f"asgml diagnose {stored} --data …: give the data, or a stored diagnosis")
    path = expand_user(stored, UserError)
    folder = path if path.is_dir() else runs_directory(runs) / stored
    _print(read_diagnosis(folder), folder, json_)
    return OK


def _train(plan: ResolvedPlan, folder: Path, jobs: int | None) -> PlanOutcome | None:
    """Run the plan; return None where the user left it."""
    share = share_of(jobs)
    launcher = LocalLauncher(share)
    narrate(f"{len({cell.run for cell in plan.cells if not cell.ensemble})} runs in {folder}")
    try:
        with progress_view() as show:
            return run_plan(plan, folder, jobs=share.jobs, launcher=launcher, on_change=show)
    except KeyboardInterrupt:
        narrate("left; the trainers at work go on, and the same command continues")
        return None
    finally:
        launcher.close()


def _measure(outcome: PlanOutcome, folder: Path, method: str) -> Measurements:
    # imported late: only now torch is needed
    from asgml.app.diagnosis.measure import measure

    return measure(outcome.progress, folder, method, lambda name: narrate(f"reading {name}"))


def _arguments(given: DiagnosisArguments) -> tuple[str, ...]:
    """Return what a next command must be given too, beside recipe, data, seeds and method."""
    epochs = ["--epochs", str(given.epochs)] if given.epochs is not None else []
    return (*epochs, *(part for text in given.sets for part in ("--set", text)))


def _print(diagnosis: Diagnosis, folder: Path, json_: bool) -> None:
    found, verdict = diagnosis.measurements, judge_data(diagnosis.measurements)
    if json_:
        record = {"folder": str(folder), "data": diagnosis.data, "method": found.method}
        measured = measurements_to_json(found)
        print_json({**record, **verdict_to_json(diagnosis, verdict), "measurements": measured})
        return
    out = console()
    signs = ASCII if load_settings().ascii else Signs()
    out.print(Text(safe(headline(verdict)), "bold"))
    out.print(Text(safe(f"{diagnosis.data}, {len(found.seeds)} seeds, validation"), "dim"))
    out.print()
    for line in DiagnosisPicture(found, verdict, out.width, signs).text():
        out.print(line, overflow="fold")
    out.print()
    for sentence in (*sentences(found, verdict), advice(verdict)):
        out.print(Text(safe(sentence)))
    out.print(Text(f"next: {safe(next_command(diagnosis, verdict))}", "bold"))
