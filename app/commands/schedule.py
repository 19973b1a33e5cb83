"""`asgml schedule`: the interventions of a run as a file, and the schedule that a run follows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from asgml.app.errors import NotFoundError, UserError, narrate
from asgml.app.lookup import find, open_run
from asgml.app.new_run import write_whole
from asgml.core.config.live_knobs import live_knobs
from asgml.core.config.run_settings import RunSettings
from asgml.storage.format.errors import FormatError
from asgml.storage.format.knobs import Knob, KnobError
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.safe_text import one_line
from asgml.storage.format.schedule import Schedule, checked, read_schedule
from asgml.storage.format.user_path import why

HEADING = """\
# Interventions of {source}: each is made after `step` optimizer steps.
# A training follows them with: asgml train … --schedule-from FILE
"""


def schedule(run_ref: str, runs: Path | None, out: Path | None) -> int:
    """Print the interventions of a run as TOML, or write them to a file that is not there yet."""
    made = _of_run(run_ref, runs)
    text = to_toml(made)
    if out is None:
        print(text, end="")
    else:
        _write_new(out, text)
    count = len(made.interventions)
    narrate(f"{count or 'no'} intervention{'' if count == 1 else 's'} in {made.source}")
    return 0


def to_toml(schedule: Schedule) -> str:
    """Return the schedule as the text of its file."""
    import tomli_w

    heading = HEADING.format(source=one_line(schedule.source))
    return f"{heading}\n{tomli_w.dumps(schedule.to_tree())}"


def load_schedule(
    ref: str, runs: Path | None, config: RunSettings, first_step: int = 0
) -> Schedule:
    """Return the schedule of a run or a file, checked against the knobs of a configuration.

    Without the interventions before `first_step`, which lie behind the training. Raise UserError
    for a knob that the run will not have, or a value outside its range.
    """
    found = _of_file(Path(ref)) if _is_file(ref) else _of_run(ref, runs)
    ahead = [each for each in found.interventions if each.step >= first_step]
    if config.modulator:  # its knobs are known to the trainer alone, which checks them all
        return Schedule(found.source, ahead)
    return _checked(Schedule(found.source, ahead), live_knobs(config), ref)


def write_schedule(paths: RunPaths, schedule: Schedule) -> None:
    """Have the trainer of a run follow a schedule."""
    write_whole(paths.schedule, to_toml(schedule))


def _is_file(ref: str) -> bool:
    return ref.endswith(".toml")


def _of_run(ref: str, runs: Path | None) -> Schedule:
    from asgml.storage.read.interventions import schedule_of

    return schedule_of(open_run(find(ref, runs)))


def _of_file(path: Path) -> Schedule:
    try:
        return read_schedule(path)
    except FileNotFoundError:
        raise NotFoundError(
            f"no schedule {path}: expected a run, or a file as `asgml schedule RUN` prints it"
        ) from None
    except (FormatError, OSError) as error:
        raise UserError(f"--schedule-from {path}: {why(error)}") from None


def _checked(schedule: Schedule, knobs: Iterable[Knob], ref: str) -> Schedule:
    try:
        return checked(schedule, list(knobs))
    except KnobError as error:
        raise UserError(f"--schedule-from {ref}: {error}") from None


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UserError(f"--out {path}: there is such a file; give another name") from None
    except OSError as error:
        raise UserError(f"--out {path}: cannot be written: {error.strerror}") from None
