"""`asgml report` on runs as they lie on the disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from report_runs import COMMIT, ROWS, write_plan, write_run

from asgml.app.reports.cells import command_of
from asgml.app.reports.figures import gallery
from asgml.app.reports.json_file import read_report
from asgml.core.config.run_config import RunConfig
from asgml.storage.format.status import State
from asgml.storage.runs.ensemble_record import EnsembleRecord, ensemble_file, write_ensemble
from asgml.storage.runs.index import read_records
from asgml.storage.runs.plan_record import PlanCell, PlanRow, read_plan_record, write_plan_record
from asgml.storage.runs.settings import cell_digest, flatten

FORMS = "md,latex,json,html"


@pytest.fixture(autouse=True)
def cache_and_one_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, and one figure instead of seven, for their time."""
    monkeypatch.setattr(gallery, "FIGURES", {"differences": gallery.FIGURES["differences"]})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a plan of two rows and three seeds, whole. Read only."""
    folder = tmp_path_factory.mktemp("written") / "small"
    write_plan(folder)
    return folder


@pytest.fixture
def plan(runs: Path, written: Path) -> Path:
    """A copy of that plan in the folder of runs."""
    shutil.copytree(written, runs / "small")
    return runs / "small"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_report_of_a_plan(asgml: Callable, plan: Path) -> None:
    said = asgml("report", "small", "--to", FORMS)
    assert said.code == 0, said.err
    assert "OGM-GE has the highest mean" in said.out and "test accuracy" in said.out
    assert f"wrote 4 files to {plan / 'report'}" in said.err
    made = read_report(plan / "report" / "report.json").parts[0]
    assert [row.label for row in made.rows] == ["Baseline", "OGM-GE"]
    cell = made.rows[1].cells[2]
    assert (cell.seed, cell.run, cell.link) == (2, "row1-s2", "../row1-s2")
    assert cell.values["metric"] == pytest.approx(0.65 + 0.02 + ((2 * 7 + 1) % 3) / 500)
    assert cell.values["best_on_test"] == pytest.approx(cell.values["metric"] + 0.01)
    assert (cell.commit, cell.versions["asgml"]) == (COMMIT, "0.2.0")
    assert cell.test_readings == 1
    assert (plan / "report" / cell.link / "run.toml").is_file()
    assert cell.command == "asgml train ../row1-s2/run.toml"
    line = next(line for line in made.curves["gain"] if line.row == "OGM-GE")
    assert set(line.mean) == {0.5} and line.n == 3
    strength = next(each for each in made.spectrum if each.row == "OGM-GE")
    assert [a / b for a, b in zip(strength.after, strength.before, strict=True)] == pytest.approx(
        [0.5] * 3
    )


def test_the_same_runs_elsewhere_give_the_same_bytes(
    asgml: Callable, plan: Path, tmp_path: Path
) -> None:
    assert asgml("report", plan, "--to", FORMS).code == 0
    elsewhere = tmp_path / "far" / "away" / "small"
    shutil.copytree(plan, elsewhere, ignore=shutil.ignore_patterns("report"))
    assert asgml("report", elsewhere, "--to", FORMS).code == 0
    assert contents(plan / "report") == contents(elsewhere / "report")


def test_the_tables_come_from_the_data_alone(asgml: Callable, plan: Path, tmp_path: Path) -> None:
    assert asgml("report", plan, "--to", FORMS).code == 0
    before = contents(plan / "report")
    stored = shutil.copy(plan / "report" / "report.json", tmp_path / "report.json")
    shutil.rmtree(plan.parent)
    said = asgml("report", stored, "--to", FORMS, "--out", tmp_path / "again")
    assert said.code == 0, said.err
    assert contents(tmp_path / "again") == before
    assert b"OGM-GE" in before["tables.tex"]


def test_json_is_the_file(asgml: Callable, plan: Path) -> None:
    said = asgml("report", "small", "--to", "json", "--json")
    assert said.out == (plan / "report" / "report.json").read_text(encoding="utf-8")


def test_the_command_of_a_fork_leads_from_the_reports_folder_to_its_parent(plan: Path) -> None:
    record = next(r for r in read_records(plan) if r.name == "row0-s0")
    said = f"asgml fork {plan / 'row1-s0'} --at 4 --set boost.alpha=0.25 --schedule-from {plan}"
    forked = replace(record, summary={**record.summary, "repeat": said})
    expected = "asgml fork ../row1-s0 --at 4 --set boost.alpha=0.25 --schedule-from .."
    assert command_of(forked, plan / "report") == expected
    assert command_of(replace(record, summary={"repeat": None}), plan / "report") == ""


def test_failed_and_missing_cells_are_named(asgml: Callable, runs: Path) -> None:
    plan = write_plan(runs / "small", states={"row1-s1": State.FAILED})
    shutil.rmtree(runs / "small" / plan.cells[0].run)
    said = asgml("report", "small", "--to", "json")
    assert "2 of 6 cells missing" in said.out
    assert "Baseline, seed 0: not started" in said.out and "OGM-GE, seed 1: failed" in said.out


def test_a_run_of_other_settings_is_not_counted(asgml: Callable, plan: Path) -> None:
    shutil.rmtree(plan / "row1-s1")
    write_run(plan / "row1-s1", {"method": "boost"}, 1, 0.99)
    said = asgml("report", "small", "--to", "json")
    assert "OGM-GE, seed 1: other settings" in said.out


def test_a_run_whose_knob_was_turned_is_marked(asgml: Callable, plan: Path) -> None:
    shutil.rmtree(plan / "row1-s1")
    turned = {"method": "ogm_ge", "boost": {"alpha": 0.25}}  # its knob is 0.5 at the end
    config = write_run(plan / "row1-s1", turned, 1, 0.7)
    record = read_plan_record(plan)
    digest = cell_digest(flatten(config))
    cells = [replace(c, digest=digest) if c.run == "row1-s1" else c for c in record.cells]
    write_plan_record(plan, replace(record, cells=tuple(cells)))
    said = asgml("report", "small", "--to", "json")
    assert "Steered" in said.out and "OGM-GE, seed 1 (boost.alpha)" in said.out


def test_an_ensemble_has_its_members_values(asgml: Callable, plan: Path) -> None:
    record = read_plan_record(plan)
    cells = tuple(PlanCell(2, seed, f"both-s{seed}", f"d{seed}") for seed in (0, 1, 2))
    rows = (*record.rows, PlanRow("Both", {"ensemble": ["Baseline", "OGM-GE"]}))
    write_plan_record(plan, replace(record, rows=rows, cells=(*record.cells, *cells)))
    for seed in (0, 1):
        members = (f"row0-s{seed}", f"row1-s{seed}")
        values = {"test_accuracy_at_best_val": 0.7 + seed / 20, "val_accuracy": 0.72}
        ensemble = EnsembleRecord(members, "softmax", f"d{seed}", values)
        write_ensemble(ensemble_file(plan, f"both-s{seed}"), ensemble)
    assert asgml("report", "small", "--to", "json").code == 0
    made = read_report(plan / "report" / "report.json").parts[0]
    both = made.rows[2]
    assert [cell.values.get("metric") for cell in both.cells] == [0.7, 0.75, None]
    assert both.cells[0].command == "asgml ensemble ../row0-s0 ../row1-s0"


def test_a_folder_of_runs_is_grouped(asgml: Callable, runs: Path) -> None:
    for seed in (0, 1):
        write_run(runs / f"plain-{seed}", {"method": "baseline"}, seed, 0.6 + seed / 100)
        write_run(runs / f"boost-{seed}", {"method": "boost"}, seed, 0.7 + seed / 90)
    said = asgml("report", runs, "--to", "json")
    assert said.code == 0, said.err
    made = read_report(runs / "report" / "report.json").parts[0]
    assert {row.label: len(row.cells) for row in made.rows} == {"plain": 2, "boost": 2}
    assert made.baseline == "plain"
    assert [row.settings for row in made.rows if row.label == "boost"] == [{"method": "boost"}]


def test_a_folder_of_plans_has_a_part_for_each_and_ranks(
    asgml: Callable, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "FIGURES", {})  # that of the ranks alone
    rows = (*ROWS, ("Boost", {"method": "boost"}, 0.7, 1.0))
    for name in "abcd":
        write_plan(runs / name, (0,), rows, data=f"data {name}")
    said = asgml(
        "report", *(runs / name for name in "abcd"), "--to", "html,md", "--out", runs / "r"
    )
    assert said.code == 0, said.err
    assert "Mean ranks over 4 data sets" in said.out
    assert 'id="critical-difference-' in (runs / "r" / "report.html").read_text(encoding="utf-8")
    assert asgml("report", runs, "--to", "json").code == 0
    assert len(read_report(runs / "report" / "report.json").parts) == 4


def test_another_metric_and_another_baseline(asgml: Callable, plan: Path) -> None:
    said = asgml("report", "small", "--to", "json", "--metric", "val", "--baseline", "OGM-GE")
    assert said.code == 0, said.err
    assert "Validation accuracy" in said.out and "compared with OGM-GE" in said.out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nothing"], 3, "no plan 'nothing'"),
        (["small", "--to", "word"], 2, "--to 'word'"),
        (["small", "--to", ""], 2, "--to nothing"),
        (["small", "--baseline", "Other"], 2, "Baseline, OGM-GE"),
        (["small", "--metric", "beauty"], 2, "beauty"),
        (["small/row0-s0"], 2, "single run"),
        (["alpha"], 3, "has no runs"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    asgml: Callable, plan: Path, arguments: list[str], code: int, words: str
) -> None:
    said = asgml("report", *arguments)
    assert said.code == code
    assert words in said.err and len(said.err.strip().splitlines()) == 1


def test_an_empty_folder_and_a_damaged_plan(asgml: Callable, plan: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert asgml("report", tmp_path / "empty").code == 3
    (plan / "plan.json").write_text("{}")
    said = asgml("report", plan)
    assert said.code == 2 and "plan.json" in said.err


def test_where_nothing_can_be_written_it_says_so(asgml: Callable, plan: Path) -> None:
    (plan / "report").write_text("a file")
    said = asgml("report", plan, "--to", "json")
    assert said.code == 2 and "--out" in said.err


def test_only_settings_that_say_something_are_told_as_equal(asgml: Callable, runs: Path) -> None:
    common = {"epochs": 7, "batch_size": RunConfig().batch_size, "mlb": {"alpha": 3.0}}
    rows = (
        ("Baseline", {**common, "method": "baseline"}, 0.6, 1.0),
        ("OGM-GE", {**common, "method": "ogm_ge"}, 0.65, 0.5),
    )
    write_plan(runs / "small", (0, 1), rows)
    assert asgml("report", "small", "--to", "json,md,html").code == 0
    made = read_report(runs / "small" / "report" / "report.json").parts[0]
    assert {"epochs", "batch_size", "mlb.alpha"} <= set(made.same), "the data keeps every setting"
    assert "epochs" in made.changed, "no default"
    assert "batch_size" not in made.changed, "a default"
    assert "mlb.alpha" not in made.changed, "of a method that no row uses"
    for name in ("report.md", "report.html"):
        text = (runs / "small" / "report" / name).read_text(encoding="utf-8")
        (told,) = [line for line in text.splitlines() if "Equal in all runs" in line]
        told = told[told.index("Equal in all runs") :]
        assert "epochs = 7" in told and "report.json alone" in told
        assert "mlb.alpha =" not in told and "batch_size =" not in told
