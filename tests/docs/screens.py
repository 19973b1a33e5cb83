"""Draw the main screens as SVG pictures from real runs, without a terminal.

    uv run python tests/docs/screens.py RUNS/PLAN RUN docs/screens

PLAN: a folder of a plan's runs; RUN: the name of one of them, with a baseline row beside it. The
pictures of the README were made like this from `asgml ablate`'s runs on AV-MNIST.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from asgml.tui.app import Dashboard
from asgml.tui.comparison_app import ComparisonApp
from asgml.tui.screens.actions.files import program_svg
from asgml.tui.terminal.themed_app import ThemedApp

sys.path.append(str(Path(__file__).parents[2] / "examples"))
from picture import nameless, size

WIDE, NARROW = size("140x40"), size("80x24")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("plan", type=Path, help="folder of a plan's runs")
    parser.add_argument("run", help="name of one of them")
    parser.add_argument("out", type=Path, help="folder for the pictures")
    given = parser.parse_args()
    os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    given.out.mkdir(parents=True, exist_ok=True)
    plan = given.plan.resolve()
    for name, app, keys, cells in screens(plan, given.run):
        svg = asyncio.run(picture_of(app, keys, cells))
        (given.out / f"{name}.svg").write_text(svg, encoding="utf-8")
        print(f"wrote {given.out / name}.svg")


def screens(
    plan: Path, run: str
) -> Sequence[tuple[str, ThemedApp, tuple[str, ...], tuple[int, int]]]:
    """Return for each picture its name, the program, the keys that are pressed, and its size."""
    others = sorted(path for path in plan.glob("*-s[0-9]") if path.name[:-1] != run[:-1])
    baseline = [path for path in others if path.name.startswith("baseline-s")]
    same = sorted(plan.glob(f"{run[:-1]}[0-9]"))
    return (
        ("small", Dashboard(plan / run, plan), (), NARROW),
        ("replay", Dashboard(plan / run, plan, clock="replay", at_step=200), ("c",), WIDE),
        ("effect", Dashboard(plan / run, plan), ("b",), WIDE),
        ("runs", Dashboard(None, plan), ("g",), WIDE),
        ("plan", Dashboard(None, plan.parent, plan=plan), (), WIDE),
        ("compare", ComparisonApp([*baseline, *same], plan), (), WIDE),
    )


async def picture_of(app: ThemedApp, keys: tuple[str, ...], cells: tuple[int, int]) -> str:
    """Return the screen as SVG, once it has drawn all that follows the keys."""
    if isinstance(app, Dashboard):
        show = app.main.show_scene
        app.main.show_scene = lambda scene: show(nameless(scene))  # type: ignore[method-assign]
    async with app.run_test(size=cells) as pilot:
        await pilot.pause(3.0)
        await pilot.press(*keys)
        await pilot.pause(3.0)
        return program_svg(app, f"asgml, {app.screen.__class__.__name__}")


if __name__ == "__main__":
    main()
