"""Laws of a comparison: runs look as on the main screen, a band holds its mean, colours stay."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from fake_trainer import FakeTrainer
from hypothesis import given, settings
from hypothesis import strategies as st
from make_many import make_compared
from scipy import stats

from asgml.storage.format.layout import RunPaths
from asgml.storage.read.clock import LiveClock
from asgml.storage.read.reader import Run
from asgml.storage.runs.groups import group_records
from asgml.tui.messages import ComparisonChanged
from asgml.tui.plot.band_envelope import band_envelope
from asgml.tui.plot.decimation import decimate
from asgml.tui.plot.glyphs import ASCII, BRAILLE, HALF, Glyphs
from asgml.tui.plot.ranges import Range
from asgml.tui.plot.raster import draw, draw_tail
from asgml.tui.plot.textures import LINES, Texture, textured
from asgml.tui.plot.windows import Window
from asgml.tui.scene.comparison import ComparedRun, Subject, has_ended, reach_of
from asgml.tui.scene.comparison_builder import should_group
from asgml.tui.scene.comparison_view import ComparisonView
from asgml.tui.scene.panels import Line
from asgml.tui.scene.run_data import RunData, TableSnapshot
from asgml.tui.scene.scene import Scene
from asgml.tui.scene.subject_curves import SubjectCurves, group_curve
from asgml.tui.scene.view_state import View
from asgml.tui.session.compared_runs import RunFollower
from asgml.tui.session.comparison_session import ComparisonSession
from asgml.tui.session.followed_run import FollowedRun
from asgml.tui.session.outbox import Outbox
from asgml.tui.widgets.axes import range_of, window_of, window_over
from asgml.tui.widgets.comparison_curves import Drawn, drawn_of, faults_of, places_of, textures_of
from asgml.tui.widgets.curves import RAW, curves_of

NO_WINDOW = Window(0.0, 1.0, 1)
LOSS = Line("steps", "loss", "loss", 0)


def main_scene(path: Path) -> Scene:
    """Return what the main screen draws of a run."""
    followed = FollowedRun(Run.open(RunPaths(path)), LiveClock())
    outbox = Outbox(lambda text, severity: None)
    scene = followed.poll(Scene(path.name, "opening"), outbox, 0.9, None)
    assert scene is not None
    return scene


@pytest.mark.parametrize("axis", ["step", "active_time"])
def test_a_run_is_drawn_as_on_the_main_screen(axis: str, compared: list[Path]) -> None:
    scene, run = main_scene(compared[0]), RunFollower(compared[0], "x").poll(0.9)
    subject = Subject(0, "x", (run,))
    view, main_view = ComparisonView(axis=axis), View(axis=axis)
    window = window_over([reach_of([subject], axis)], view, 180, has_ended([subject]))
    assert window == window_of(scene, main_view, 180)
    seen = 0
    for panel in scene.panels:
        theirs = [c for c in curves_of(panel, scene, main_view) if c.style < RAW]
        ours = drawn_of(panel, [subject], view, SubjectCurves(), window)
        told = [line for line in panel.lines if line.column in run.known]
        theirs = [c for c in theirs if any(line.column in c.key for line in told)]
        assert len(ours) == len(theirs) == len(told)
        span = range_of([decimate(c.x, c.y, window) for c in theirs], panel.log, 8)
        for mine, other in zip(ours, theirs, strict=True):
            envelopes = [decimate(c.x, c.y, window) for c in (mine.curve, other)]
            drawn, expected = (draw([(0, each)], span, 90, 8) for each in envelopes)
            assert np.array_equal(drawn.pattern, expected.pattern)
            seen += int(expected.pattern.any())
    assert seen > 10


def imagined_run(name: str, values: list[float]) -> ComparedRun:
    """Return a run whose loss has these values; nothing else of it is read."""
    steps = np.arange(1, len(values) + 1, dtype=np.float64)
    data = np.stack([steps, steps, steps, 0 * steps, np.array(values)], axis=1)
    names = ["step", "wall_time", "active_time", "segment", "loss"]
    tables = {"steps": TableSnapshot(names, data)}

    class Named:
        pass

    record = Named()
    record.name = name  # type: ignore[attr-defined]
    known = frozenset({"loss"})
    return ComparedRun(record, "finished", 1, None, RunData(tables), known)  # type: ignore[arg-type]


values_of_runs = st.lists(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), min_size=2, max_size=5
)


@given(values_of_runs, st.sampled_from(["std", "interval"]), st.integers(3, 40))
@settings(max_examples=60, deadline=None)
def test_a_band_holds_its_mean(values: list[list[float]], band: str, columns: int) -> None:
    runs = tuple(imagined_run(f"r{place}", each) for place, each in enumerate(values))
    view, subject = ComparisonView(band=band), Subject(0, "group", runs)
    curve = group_curve(subject, LOSS, view, None, ())
    assert curve is not None and curve.low is not None and curve.high is not None
    several = np.isfinite(curve.low)
    assert curve.n is not None and np.array_equal(several, curve.n >= 2)
    assert (curve.low[several] <= curve.y[several] + 1e-9).all()
    assert (curve.high[several] >= curve.y[several] - 1e-9).all()
    window = window_over([subject.reach("step")], view, columns)
    mean = decimate(curve.x[several], curve.y[several], window)
    drawn = band_envelope(curve.x, curve.low, curve.high, window)
    held = mean.filled
    assert (drawn.low[held] <= mean.low[held] + 1e-9).all()
    assert (drawn.high[held] >= mean.high[held] - 1e-9).all()


def test_a_fault_of_one_run_is_marked_on_the_mean_of_its_group() -> None:
    values = [[1.0, 2.0, math.nan, 4.0], [1.0, 2.0, 3.0, math.inf], [1.7e308] * 4]
    runs = tuple(imagined_run(f"r{place}", each) for place, each in enumerate(values))
    curve = group_curve(Subject(0, "group", runs), LOSS, ComparisonView(), None, ())
    assert curve is not None and curve.faults is not None
    assert curve.faults.tolist() == [3.0, 4.0] and np.isfinite(curve.y).all()
    twice = (runs[2], imagined_run("again", [1.7e308] * 4))
    huge = group_curve(Subject(0, "group", twice), LOSS, ComparisonView(), None, ())
    assert huge is not None and np.allclose(huge.y / 1.7e308, 1.0)
    places = curve.faults
    (drawn,) = faults_of([Drawn(Subject(0, "group", runs), LOSS, 0, curve)])
    data = decimate(drawn.x, drawn.y, Window(0.0, 1.0, 8))
    assert np.flatnonzero(data.bad).tolist() == places.astype(int).tolist()


def test_the_interval_is_that_of_scipy() -> None:
    values = [0.3, 0.5, 0.9, 0.4]
    subject = Subject(0, "g", tuple(imagined_run(str(v), [v, v]) for v in values))
    curve = group_curve(subject, LOSS, ComparisonView(band="interval"), None, ())
    assert curve is not None and curve.low is not None and curve.high is not None
    error = np.std(values, ddof=1) / 2
    low, high = stats.t.interval(0.95, 3, np.mean(values), error)
    assert (curve.low[0], curve.high[0]) == (pytest.approx(low), pytest.approx(high))
    spread = group_curve(subject, LOSS, ComparisonView(band="std"), None, ())
    assert spread is not None and spread.high is not None
    assert spread.high[0] - spread.y[0] == pytest.approx(2 * error)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(2, 50))
@settings(max_examples=60, deadline=None)
def test_a_band_is_filled_between_its_points(first: int, gap: int, columns: int) -> None:
    x = np.array([first, first + gap + 1, first + 2 * gap + 2], dtype=np.float64)
    low, high = np.array([0.0, 2.0, 1.0]), np.array([1.0, 4.0, 1.5])
    window = window_over([(1.0, x[-1])], ComparisonView(), columns)
    found = band_envelope(x, low, high, window)
    begin, end = window.column(x[0]), window.column(x[-1])
    assert found.filled[begin : end + 1].all()
    assert found.filled.sum() == end + 1 - begin
    assert (found.low[begin : end + 1] <= found.high[begin : end + 1]).all()


@given(
    st.integers(70, 160),
    st.floats(0, 0.005),
    st.integers(1, 70),
    st.sampled_from([*LINES, "band"]),
    st.sampled_from([BRAILLE, HALF, ASCII]),
)
@settings(max_examples=80, deadline=None)
def test_a_textured_tail_is_that_of_the_whole(
    amount: int, slope: float, begin: int, texture: Texture, glyphs: Glyphs
) -> None:
    x = np.arange(1, amount + 1, dtype=np.float64)
    y = 0.1 + slope * x
    window = Window(0.0, 1.0, 80 * glyphs.across)
    data, span, kinds = decimate(x, y, window), Range(0.0, 1.0, 0.5), {3: texture}
    whole = draw([(3, data)], span, 80, 6, glyphs, kinds)
    again = draw_tail(whole, min(begin, window.columns), [(3, data)], span, glyphs, kinds)
    assert np.array_equal(again.pattern, whole.pattern)
    solid = draw([(3, data)], span, 80, 6, glyphs)
    assert not (whole.pattern & ~solid.pattern).any()


@pytest.mark.parametrize("texture", LINES)
def test_a_spike_survives_every_texture(texture: Texture) -> None:
    for column in range(12):
        grid = np.zeros((24, 12), dtype=bool)
        grid[:, column] = True
        assert np.array_equal(textured(grid, texture, 0, BRAILLE), grid)


def test_lines_of_one_panel_never_share_a_place() -> None:
    def line(column: str, colour: int) -> Line:
        return Line("steps", column, column, colour)

    assert places_of([line("a/x", 0), line("a/y", 2)]) == [0, 2]
    assert places_of([line("a/x", 0), line("b", 0), line("c", 1)]) == [0, 1, 2]
    assert places_of([line("a", 5)]) == [0]


def session_of(paths: list[Path]) -> tuple[ComparisonSession, list[ComparisonChanged]]:
    posted: list[ComparisonChanged] = []
    return ComparisonSession(paths, paths[0].parent, posted.append), posted  # type: ignore[arg-type]


def letters(session: ComparisonSession) -> dict[str, str]:
    return {subject.name: subject.letter for subject in session.latest.subjects}


def poll_all(session: ComparisonSession) -> None:
    session._poll()
    while session.latest.unread:
        session._poll()


def test_colours_stay_when_a_run_goes_away(tmp_path: Path) -> None:
    trainers = [FakeTrainer(RunPaths(tmp_path / name)) for name in ("a", "b", "c")]
    for trainer in trainers:
        trainer.train_step()
        trainer.writer.flush()
    session, _ = session_of([trainer.paths.root for trainer in trainers])
    poll_all(session)
    assert letters(session) == {"a": "A", "b": "B", "c": "C"}
    trainers[1].close()
    shutil.rmtree(trainers[1].paths.root)
    session._poll()
    assert letters(session) == {"a": "A", "c": "C"}
    assert [problem.partition(":")[0] for problem in session.latest.problems] == ["b"]
    for trainer in (trainers[0], trainers[2]):
        trainer.close()


def test_living_runs_are_followed_and_ended_ones_read_once(tmp_path: Path) -> None:
    trainer = FakeTrainer(RunPaths(tmp_path / "live"))
    trainer.train_step()
    trainer.writer.flush()
    ended = make_compared(tmp_path, "ended", 0, steps=40, method="x").root
    session, posted = session_of([ended, trainer.paths.root])
    poll_all(session)
    before, amount = session.latest.subjects, len(posted)
    session._poll()
    assert len(posted) == amount, "nothing is new, so nothing is posted"
    for _ in range(5):
        trainer.train_step()
    trainer.writer.flush()
    session._poll()
    after = session.latest.subjects
    assert len(posted) == amount + 1 and after[0].runs == before[0].runs
    grown = [s[1].runs[0].data.table("steps").rows for s in (before, after)]
    assert grown[1] - grown[0] == 5
    shutil.rmtree(ended)
    session._poll()
    assert [subject.name for subject in session.latest.subjects] == ["ended", "live"]
    trainer.close()


def test_groups_are_shown_where_they_tell_more(compared: list[Path]) -> None:
    session, _ = session_of(compared)
    poll_all(session)
    found = session.latest
    assert found.grouped and [len(subject.runs) for subject in found.subjects] == [3, 3, 1]
    assert [subject.name for subject in found.subjects] == ["baseline", "boost", "mlb"]
    assert [bool(subject.mark) for subject in found.subjects] == [False, False, True]
    assert "epochs" in found.subjects[2].mark
    assert set(found.differing) == {"method", "boost.alpha", "epochs"}
    session._arrangement.flip_groups()
    session._poll()
    assert [subject.name for subject in session.latest.subjects] == [p.name for p in compared]
    one_group = [RunFollower(path, path.name).poll(0.9).record for path in compared[:3]]
    assert not should_group(group_records(one_group)), "seeds of one group can be compared"


def test_more_than_eight_are_counted_and_not_drawn(compared: list[Path], tmp_path: Path) -> None:
    more = [make_compared(tmp_path, f"m{n}", n, steps=20, method="m").root for n in range(3)]
    session, _ = session_of([*compared, *more])
    poll_all(session)
    session._arrangement.flip_groups()
    session._poll()
    assert len(session.latest.subjects) == 8 and session.latest.left_out == 2


def test_the_epoch_axis_counts_parts_of_epochs() -> None:
    names = ["step", "wall_time", "active_time", "segment", "epoch"]
    rows = np.array([[step, 0, 0, 0, (step - 1) // 10] for step in range(1, 41)], dtype=float)
    known = RunData({"steps": TableSnapshot(names, rows)}, steps_per_epoch=10)
    assert known.x("steps", "epoch").tolist() == [step / 10 for step in range(1, 41)]
    assert known.reach("epoch") == (0.1, 4.0)
    unknown = RunData({"steps": TableSnapshot(names, rows)})
    assert unknown.x("steps", "epoch").tolist() == rows[:, 4].tolist()


def test_bands_have_a_texture_of_their_own(compared: list[Path]) -> None:
    session, _ = session_of(compared)
    poll_all(session)
    found, view = session.latest, ComparisonView()
    panel = next(panel for panel in found.panels if len(panel.lines) > 1)
    drawn = drawn_of(panel, found.subjects, view, SubjectCurves(), NO_WINDOW)
    kinds = textures_of(drawn)
    groups = [each for each in drawn if each.subject.is_group]
    assert {RAW + each.style for each in groups} == {s for s, k in kinds.items() if k == "band"}
    assert len({each.style for each in drawn}) == len(drawn)
    assert all(math.isfinite(each.curve.value(None) or math.nan) for each in groups)
