"""`asgml watch` and `asgml replay`: the dashboard on a run, a folder of runs, or a plan."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from asgml.app.commands.screen_options import open_dashboard
from asgml.app.errors import UserError
from asgml.app.lookup import find
from asgml.app.output import in_browser, in_terminal
from asgml.app.preferences import runs_directory
from asgml.storage.format.layout import RunPaths, is_run, list_runs
from asgml.storage.format.user_path import expand_user

if TYPE_CHECKING:
    from asgml.app.commands.watch_once import OnceOptions


def watch(
    ref: str,
    runs: Path | None,
    *,
    readonly: bool,
    inline: bool,
    ascii_: bool,
    fresh: bool = False,
) -> int:
    """Show a run live, or as it ended; the runs of a folder as a list; a plan with its cells."""
    folder = folder_meant(ref, runs_directory(runs))
    if folder is None:
        options = {"readonly": readonly, "inline": inline, "fresh": fresh, "ascii": ascii_}
        return dashboard(find(ref, runs), "live", "asgml tail --follow", **options)
    if inline:
        raise UserError(f"--inline shows one run, and {ref} is a folder of runs; name a run in it")
    return folder_dashboard(folder, readonly=readonly, fresh=fresh, ascii=ascii_)


def watch_once(refs: tuple[str, ...], runs: Path | None, options: OnceOptions) -> int:
    """Print the screen of a run, folder or plan. Return the exit code of the run's state."""
    if len(refs) > 1:
        raise UserError(f"--once draws one run, folder or plan, and {len(refs)} were given")
    ref = refs[0]
    from asgml.app.commands.watch_once import draw_once
    from asgml.storage.runs.plan_record import is_plan

    folder = folder_meant(ref, runs_directory(runs))
    if folder is None:
        paths = find(ref, runs)
        return draw_once(paths, _runs_around(paths.root), None, options)
    plan = folder if is_plan(folder) else None
    return draw_once(None, folder.parent if plan else folder, plan, options)


def watch_several(refs: tuple[str, ...], runs: Path | None, *, inline: bool, ascii_: bool) -> int:
    """Show several runs or groups side by side, living ones followed."""
    from asgml.app.commands.compare import Comparison, compare

    if inline:
        raise UserError(f"--inline shows one run, and {len(refs)} were given; leave it out")
    return compare(Comparison(refs, watch=True, ascii=ascii_), runs, json_=False, charts=False)


def replay(run_ref: str, runs: Path | None, *, speed: float, at: int | None, ascii_: bool) -> int:
    """Play the stored run back."""
    paths = find(run_ref, runs)
    return dashboard(
        paths, "replay", "asgml show", readonly=True, speed=speed, at_step=at, ascii=ascii_
    )


def folder_meant(ref: str, runs: Path) -> Path | None:
    """Return the folder of runs that is meant: a path, or the name of a plan; None for neither.

    A run of that name comes first.
    """
    from asgml.storage.runs.plan_record import is_plan

    given = expand_user(ref, UserError) if "/" in ref else Path(ref)
    for path in (given, runs / ref):
        try:
            if is_run(runs / ref):
                return None
            if path.is_dir() and not is_run(path) and (is_plan(path) or list_runs(path)):
                return path.resolve()
        except OSError:  # a name that is too long
            continue
    return None


def dashboard(
    paths: RunPaths, clock: Literal["live", "replay"], instead: str, *, ascii: bool, **options: Any
) -> int:
    """Hand the terminal to the dashboard, drawn as the settings say."""
    _refuse_without_terminal(f"{instead} {paths.name}")
    return open_dashboard(
        paths.root, _runs_around(paths.root), paths.name, ascii=ascii, clock=clock, **options
    )


def folder_dashboard(folder: Path, *, ascii: bool, **options: Any) -> int:
    """Hand the terminal to the list of a folder's runs, or to the cells of a plan."""
    _refuse_without_terminal(f"asgml runs --runs {folder}")
    from asgml.storage.runs.plan_record import is_plan

    plan = folder if is_plan(folder) else None
    runs = folder.parent if plan else folder
    return open_dashboard(None, runs, folder.name, ascii=ascii, plan=plan, **options)


def _runs_around(run: Path) -> Path:
    """Return the folder of runs that a run belongs to: of a plan's run the folder of the plan."""
    from asgml.storage.runs.plan_record import is_plan

    return run.parent.parent if is_plan(run.parent) else run.parent


def _refuse_without_terminal(instead: str) -> None:
    if in_terminal() or in_browser():
        return
    if os.environ.get("TERM") == "dumb":
        raise UserError(
            "TERM=dumb: the dashboard draws where a dumb terminal cannot; "
            f"use `{instead}` or `asgml watch --once`, or set TERM to what the terminal is"
        )
    raise UserError(
        "the dashboard needs a terminal, and this is none; "
        f"use `{instead}`, or `asgml watch --once` for the screen as text"
    )
