"""What a frame costs, as counts: styles sent, scenes made of new rows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fake_trainer import FakeTrainer
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import State
from asgml.tui.scene.scene import Scene
from asgml.tui.session.open_run import open_run
from asgml.tui.session.outbox import Outbox
from asgml.tui.terminal.diff_renderer import DiffRenderer

STYLES = [Style.parse(colour) for colour in ("red", "green", "blue")]
CONSOLE = Console(color_system="truecolor", force_terminal=True)


def update(rows: int, letter: str) -> LayoutUpdate:
    """Rows in which the styles take turns, with unchanged cells between them."""
    gap = Segment(" " * 8, Style.null())
    strips = [
        [Strip([piece for style in STYLES for piece in (Segment(letter, style), gap)])]
        for _ in range(rows)
    ]
    return LayoutUpdate(strips, Region(0, 0, 27, rows))  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", [1, 40])
def test_a_frame_changes_to_each_style_once_however_many_cells_have_it(rows: int) -> None:
    renderer = DiffRenderer()
    renderer.changes(update(rows, "a"), CONSOLE)
    sent = renderer.changes(update(rows, "b"), CONSOLE)
    assert sent is not None
    text = sent.render_segments(CONSOLE)
    assert text.count("b") == len(STYLES) * rows
    assert len(re.findall(r"\x1b\[[0-9;]+m", text)) == len(STYLES) + 1  # and the reset


def test_new_rows_alone_make_scenes_at_a_pace_and_an_event_at_once(trainer: FakeTrainer) -> None:
    outbox = Outbox(lambda text, severity="information": None)
    followed = open_run(trainer.paths.root, trainer.paths.root.parent, None, rows_every=1e6)

    def poll(before: Scene) -> Scene | None:
        trainer.writer.flush()
        return followed.poll(before, outbox, 0.9, None)

    scene = poll(Scene(trainer.paths.name, "opening"))
    assert scene is not None
    for _ in range(5):
        trainer.train_step()
        assert poll(scene) is None
    assert followed.run.rows("steps") > scene.data.table("steps").rows
    trainer._event("note", text="now")
    newer = poll(scene)
    assert newer is not None and newer.data.table("steps").rows == followed.run.rows("steps")


def test_the_last_rows_of_a_run_do_not_wait(tmp_path: Path) -> None:
    trainer = FakeTrainer(RunPaths(tmp_path / "runs" / "brief-01"))
    trainer.train_step()
    trainer.writer.flush()
    outbox = Outbox(lambda text, severity="information": None)
    followed = open_run(trainer.paths.root, trainer.paths.root.parent, None, rows_every=1e6)
    scene = followed.poll(Scene(trainer.paths.name, "opening"), outbox, 0.9, None)
    assert scene is not None
    trainer.train_step()
    trainer.writer.close(State.STOPPED)
    last = followed.poll(scene, outbox, 0.9, None)
    assert last is not None and last.data.table("steps").rows == 2


def test_a_column_of_a_table_lies_in_one_piece(trainer: FakeTrainer) -> None:
    run = open_run(trainer.paths.root, trainer.paths.root.parent, None).run
    for _ in range(3):
        trainer.train_step()
        trainer.writer.flush()
        run.refresh()
        for table in ("steps", "probes"):
            for name in run.columns(table):
                assert run.column(table, name).flags.c_contiguous
