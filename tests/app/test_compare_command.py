"""`asgml compare`: what is chosen, what differs, what is paired, and what is only marked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from asgml.app.commands.compare import TEST
from asgml.app.errors import NOT_FOUND, USAGE
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.metrics import rows_of
from asgml.storage.format.status import State
from asgml.storage.runs.plan_record import PlanCell, PlanRecord, PlanRow, write_plan_record
from asgml.storage.runs.settings import cell_digest
from asgml.storage.write.writer import RunWriter

Asgml = Callable[..., Any]
METRICS = rows_of(
    "epochs",
    ("val_accuracy", "", "", False, "high", False, "validation"),
    ("test_accuracy_at_best_val", "", "", False, "high", False, "test"),
    ("best_on_test_accuracy", "", "", False, "high", False, "best on test"),
)
PROTOCOL: dict[str, Any] = {"data": "speech", "epochs": 3, "inputs": {"audio": [1]}, "digest": "a1"}
REACHED = {"baseline": (0.60, 0.62, 0.61), "boost": (0.64, 0.65, 0.66)}


def write_run(
    folder: Path,
    name: str,
    test: float,
    *,
    config: Mapping[str, Any],
    protocol: Mapping[str, Any] | None = None,
    state: State = State.FINISHED,
) -> None:
    """Write a run of three epochs whose validation accuracy ends at `test`."""
    paths = RunPaths(folder / name)
    paths.root.mkdir(parents=True)
    paths.config.write_text("", encoding="utf-8")
    manifest = Manifest(
        name=paths.name,
        created=1000.0,
        config={"data": {"name": "speech.npz"}, **config},
        modalities=("audio", "visual"),
        classes=("a", "b"),
        metrics=METRICS,
        steps_per_epoch=10,
        method=str(config.get("method", "")),
        seed=int(config.get("seed", 0)),
        data={"protocol": {**PROTOCOL, **(protocol or {})}},
    )
    writer = RunWriter.create(paths, manifest)
    for epoch in range(1, 4):
        last = test if epoch == 3 else math.nan
        values = [test * epoch / 3, last, test + 0.05]
        writer.append("epochs", [10 * epoch, 1000.0, epoch, 0, *values])
    writer.mark(state, step=30, epoch=2)
    writer.close(state)


def _digest(method: str, seed: int) -> str:
    settings = {"data.name": "speech.npz", "method": method, "seed": seed, "epochs": 3}
    return cell_digest(settings)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plan with two rows of three seeds, and a run of other epochs."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "runs"
    monkeypatch.setenv("ASGML_RUNS", str(folder))
    for method, values in REACHED.items():
        for seed, value in enumerate(values):
            name = f"mine/{method}-s{seed}"
            write_run(folder, name, value, config={"method": method, "seed": seed, "epochs": 3})
    other = {"epochs": 9, "digest": "b2"}
    config = {"method": "boost", "seed": 0, "epochs": 9}
    write_run(folder, "longer", 0.9, config=config, protocol=other)
    cells = tuple(
        PlanCell(number, seed, f"{method}-s{seed}", _digest(method, seed))
        for number, method in enumerate(REACHED)
        for seed in range(3)
    )
    rows = tuple(PlanRow(f"Row {method}", {"method": method}) for method in REACHED)
    plan = PlanRecord("mine", "Mine", "speech.npz", TEST, "Row baseline", (0, 1, 2),
                      rows, cells)  # fmt: skip
    write_plan_record(folder / "mine", plan)
    return folder


def test_a_plan_is_its_rows_paired_with_its_baseline(asgml: Asgml, runs: Path) -> None:
    said = asgml("compare", "mine", "--json").json
    assert said["metric"] == "test_accuracy_at_best_val" and said["baseline"] == "Row baseline"
    baseline, boost = said["rows"]
    assert [row["name"] for row in said["rows"]] == ["Row baseline", "Row boost"]
    assert boost["runs"]["1"] == "boost-s1" and boost["mean"] == pytest.approx(0.65)
    assert baseline["difference"] is None and boost["difference"]["n"] == 3
    assert boost["difference"]["mean"] == pytest.approx(0.04)
    assert said["differ"] == {"method": {"Row baseline": "baseline", "Row boost": "boost"}}
    assert boost["best_on_test"]["mean"] == pytest.approx(0.70)


def test_the_same_in_words_with_a_chart(asgml: Asgml, runs: Path) -> None:
    out = asgml("compare", "mine").out
    assert "differ" in out and "65.0 ± 1.0" in out
    assert "better by 4.0 points (1.5 to 6.5)" in out
    assert "val_accuracy by epoch, mean over seeds" in out and "•• Row baseline" in out
    assert "val_accuracy by" not in asgml("compare", "mine", "--no-charts").out


@pytest.mark.parametrize("axis", ["step", "epoch", "time"])
def test_curves_are_drawn_over_each_axis(asgml: Asgml, runs: Path, axis: str) -> None:
    assert f"val_accuracy by {axis}" in asgml("compare", "mine", "--by", axis).out


def test_numbers_of_another_protocol_are_marked_and_never_paired(asgml: Asgml, runs: Path) -> None:
    given = ("compare", "mine/boost-s0", "longer")
    row = asgml(*given, "--json").json["rows"][1]
    assert row["other_protocol"] == "epochs" and row["difference"]["n"] == 0
    out = asgml(*given).out
    assert "not compared: other epochs" in out and "2 protocols: a1, b2" in out


def names(said: Any) -> list[str]:
    return [row["name"] for row in said.json["rows"]]


def test_what_a_reference_may_be(asgml: Asgml, runs: Path) -> None:
    def compared(*given: object) -> list[str]:
        return names(asgml("compare", *given, "--json"))

    assert compared("longer") == ["longer"]
    assert compared("long") == ["longer"]  # a prefix
    assert compared(runs / "longer") == ["longer"]
    assert compared("mine/boost") == ["mine/boost"]  # a group
    assert sorted(compared("boost-s[01]$")) == ["mine/boost-s0", "mine/boost-s1"]
    assert compared("boost-s[01]$", "--group") == ["mine/boost"]
    assert compared("--where", "method=baseline", "--group") == ["mine/baseline"]
    assert compared("mine", "longer") == ["mine/Row baseline", "mine/Row boost", "longer"]
    assert compared("longer", "longer") == ["longer"]
    assert len(compared("^mine/")) == 6


def test_a_plan_outside_of_the_runs(asgml: Asgml, runs: Path, tmp_path: Path) -> None:
    said = asgml("compare", runs / "mine", "--runs", tmp_path, "--json")
    assert names(said) == ["Row baseline", "Row boost"]


def test_the_baseline_can_be_chosen(asgml: Asgml, runs: Path) -> None:
    said = asgml("compare", "mine", "--baseline", "Row boost", "--json").json
    assert said["rows"][0]["difference"]["mean"] == pytest.approx(-0.04)


def test_unfinished_runs_have_no_value(asgml: Asgml, runs: Path) -> None:
    write_run(runs, "stopped", 0.9, config={"method": "boost"}, state=State.STOPPED)
    said = asgml("compare", "mine/boost-s0", "stopped", "--no-charts")
    assert "stopped: no value of seed 0 (stopped)" in said.out


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ((), USAGE, "which runs?"),
        (("nothing",), NOT_FOUND, "nothing"),
        (("nothing$",), NOT_FOUND, "no run, group or plan"),
        (("a(",), USAGE, "no regular expression"),
        (("(a*)*",), USAGE, "ways"),
        (("mine", "--where", "val>"), USAGE, "--where"),
        (("--where", "val>2"), NOT_FOUND, "no run matches"),
        (("mine", "--metric", "vall"), USAGE, "no such metric"),
        (("mine", "--baseline", "x"), USAGE, "none of those compared"),
        (("mine", "--by", "year"), USAGE, "year"),
        (("mine", "--runs", "/nowhere"), NOT_FOUND, "/nowhere"),
    ],
)
def test_bad_input_is_one_line(
    asgml: Asgml, runs: Path, given: tuple[str, ...], code: int, words: str
) -> None:
    said = asgml("compare", *given)
    assert said.code == code and words in said.err and said.err.count("\n") == 1


def test_names_and_settings_of_others_are_neither_markup_nor_raw(asgml: Asgml, runs: Path) -> None:
    write_run(runs, "evil", 0.5, config={"method": "\x1b[31m", "note": "[red]x[/red]\n"})
    out = asgml("compare", "longer", "evil").out
    assert "\x1b" not in out and "[red]x[/red]" in out


def test_a_damaged_run_is_compared_as_far_as_it_goes(asgml: Asgml, runs: Path) -> None:
    (runs / "longer" / "run.zarr" / "zarr.json").write_text("{")
    said = asgml("compare", "mine/boost-s0", "longer", "--no-charts")
    assert said.code == 0 and "longer" in said.out


def test_infinite_and_missing_values_are_gaps_of_the_chart(asgml: Asgml, runs: Path) -> None:
    write_run(runs, "wild", math.inf, config={"method": "boost"})
    write_run(runs, "none", math.nan, config={"method": "boost"})
    said = asgml("compare", "longer", "wild", "none")
    assert said.code == 0 and "no curve val_accuracy by epoch: wild, none" in said.err
