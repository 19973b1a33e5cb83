"""`asgml runs`, `label`, `rename`, `delete`: the table of many runs, and what is done to them."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny import tiny_manifest, tiny_row

from asgml.app.commands.table_lines import Column, cell_len, fitting, shortened, table_lines
from asgml.app.errors import FAILED, NOT_FOUND, OK, REJECTED, USAGE
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.process import start_of, this_host
from asgml.storage.format.status import State
from asgml.storage.write.writer import RunWriter

Asgml = Callable[..., "Said"]
HOSTILE = "\x1b[31m[bold]x[/bold]‮"


def make_run(
    root: Path, *, val: float, seed: int = 0, parent: dict[str, Any] | None = None, **config: Any
) -> RunPaths:
    """A finished run whose validation accuracy peaks at `val`, in the second of three epochs."""
    manifest = dataclasses.replace(
        tiny_manifest(root.name),
        config={"seed": seed, "method": "boost", **config},
        method=config.get("method", "boost"),
        seed=seed,
        parent=parent,
    )
    paths = RunPaths(root)
    root.mkdir(parents=True)
    paths.config.write_text("", encoding="utf-8")
    writer = RunWriter.create(paths, manifest)
    columns = manifest.columns("epochs")
    for epoch, accuracy in enumerate((val / 2, val, val / 4)):
        row = tiny_row(manifest, "epochs", 10 * epoch + 10)
        row[columns.index("val_accuracy")] = accuracy
        row[columns.index("test_accuracy_at_best_val")] = val - 0.125
        writer.append("epochs", row)
    writer.mark(step=30, epoch=2)
    writer.close(State.FINISHED)
    return paths


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two groups of two seeds, and a run of a plan that is a fork."""
    runs = tmp_path / "runs"
    monkeypatch.setenv("ASGML_RUNS", str(runs))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for number, (method, seed, val) in enumerate(
        [("boost", 0, 0.5), ("boost", 1, 0.75), ("ogm", 0, 0.25), ("ogm", 1, 0.3125)]
    ):
        make_run(runs / f"{method}-0{seed}", val=val, seed=seed, method=method, lr=0.1)
        os.utime(runs / f"{method}-0{seed}" / "run.toml", (number, number))
    make_run(runs / "plan" / "row-s0", val=0.125, parent={"run": "boost-00", "step": 4000}, lr=0.01)
    return runs


def names(said: Any) -> list[str]:
    return [record["name"] for record in said.json]


def test_runs_of_plans_are_listed_and_the_newest_comes_first(asgml: Asgml, folder: Path) -> None:
    assert names(asgml("runs", "--json")) == [
        "plan/row-s0",
        "ogm-01",
        "ogm-00",
        "boost-01",
        "boost-00",
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--where", "method=boost and val>0.6"], ["boost-01"]),
        (["--where", "method=boost", "--where", "seed=0"], ["plan/row-s0", "boost-00"]),
        (["--where", "plan != none"], ["plan/row-s0"]),
        (["--match", "^ogm-0[1-9]$"], ["ogm-01"]),
        (["--sort", "val"], ["boost-01", "boost-00", "ogm-01", "ogm-00", "plan/row-s0"]),
        (["--sort", "+val"], ["plan/row-s0", "ogm-00", "ogm-01", "boost-00", "boost-01"]),
        (["--sort", "-name"], ["plan/row-s0", "ogm-01", "ogm-00", "boost-01", "boost-00"]),
        (["--sort", "lr", "--limit", "1"], ["plan/row-s0"]),
        (["--best", "val"], ["boost-01"]),
        (["--best", "val", "--group"], ["boost-01", "ogm-01", "plan/row-s0"]),
    ],
)
def test_filters_orders_and_the_best(
    asgml: Asgml, folder: Path, options: list[str], expected: list[str]
) -> None:
    assert names(asgml("runs", "--json", *options)) == expected


def test_the_value_of_validation_is_the_chosen_one(asgml: Asgml, folder: Path) -> None:
    (record,) = asgml("runs", "--json", "--match", "boost-01").json
    assert record["chosen"]["val_accuracy"] == 0.75
    assert record["metrics"]["val_accuracy"]["last"] == 0.75 / 4
    assert record["settings"]["method"] == "boost"
    line = row_of(asgml("runs").out, "boost-01")
    assert "0.75" in line and "0.625" in line


def row_of(table: str, name: str) -> str:
    (line,) = [line for line in table.splitlines() if line.split()[:1] == [name]]
    return line


def test_groups_have_mean_spread_and_seeds(asgml: Asgml, folder: Path) -> None:
    said = asgml("runs", "--group", "--json", "--sort", "val").json
    assert [(group["runs"], group["seeds"]) for group in said] == [
        (["boost-01", "boost-00"], [1, 0]),
        (["ogm-01", "ogm-00"], [1, 0]),
        (["plan/row-s0"], [0]),
    ]
    assert said[0]["values"]["val"] == {"n": 2, "mean": 0.625, "std": statistics.stdev([0.5, 0.75])}
    assert said[2]["values"]["val"] == {"n": 1, "mean": 0.125, "std": None}
    line = row_of(asgml("runs", "--group").out, "boost")
    assert "0.625 ±0.177" in line and "0–1" in line and "✓ 2" in line


def test_a_group_says_how_many_runs_its_mean_has(asgml: Asgml, folder: Path) -> None:
    """A run that crashed on the way is no measurement beside finished ones."""
    paths = make_run(folder / "boost-02", val=0.99, seed=2, method="boost", lr=0.1)
    head = paths.store / "head" / "c" / "0"
    content = bytearray(head.read_bytes())
    content[16:24] = (5).to_bytes(8, "little")
    head.write_bytes(content)
    assert "0.625 ±0.177 (2)" in row_of(asgml("runs", "--group").out, "boost")


def test_settings_that_differ_are_columns_and_the_others_stand_once(
    asgml: Asgml, folder: Path
) -> None:
    said = asgml("runs")
    assert said.out.splitlines()[0].split() == [
        *("run", "state", "epoch", "method", "lr", "val", "test", "seed", "when", "from")
    ]
    said = asgml("runs", "--where", "method=ogm")
    assert "method" not in said.out and "same in all: method ogm" in said.err


def test_a_fork_shows_its_parent(asgml: Asgml, folder: Path) -> None:
    line = row_of(asgml("runs").out, "plan/row-s0")
    assert "⑂" in line and line.endswith("boost-00 @ 4 000")


def test_columns_of_ones_choice(asgml: Asgml, folder: Path) -> None:
    said = asgml("runs", "--columns", "seed,best.val_accuracy,lr", "--match", "boost-01")
    assert [line.split() for line in said.out.splitlines()] == [
        ["run", "seed", "best.val_accuracy", "lr"],
        ["boost-01", "1", "0.7500", "0.1"],
    ]


def test_tuning_trials_are_shown_when_asked_for_alone(asgml: Asgml, folder: Path) -> None:
    make_run(folder / "plan" / "tune-row-3-s0", val=0.99)
    make_run(folder / "tune-me-3-s0", val=0.1)  # in no plan: a name that a user may give
    said = asgml("runs", "--json")
    assert "1 tuning trial is hidden; --trials shows it" in said.err
    assert "plan/tune-row-3-s0" not in names(said) and "tune-me-3-s0" in names(said)
    assert names(asgml("runs", "--best", "val", "--json")) == ["boost-01"]
    assert "tune-row" not in asgml("runs", "--group").out
    said = asgml("runs", "--best", "val", "--json", "--trials")
    assert names(said) == ["plan/tune-row-3-s0"] and "hidden" not in said.err
    (folder / "plan" / "plan.json").write_text("{}")
    assert "row-s0" in (out := asgml("runs", "--runs", folder / "plan").out)
    assert "tune-row" not in out


@pytest.mark.parametrize("options", [[], ["--group"], ["--best", "val", "--group"]])
def test_where_only_trials_are_no_filter_is_blamed(
    asgml: Asgml, folder: Path, options: list[str]
) -> None:
    shutil.move(folder / "plan" / "row-s0", folder / "plan" / "tune-row-0-s0")
    for path in folder.glob("*-0?"):
        shutil.rmtree(path) if path.name != "ogm-01" else None
    assert asgml("label", "ogm-01", "--archive").code == OK
    said = asgml("runs", *options)
    assert (said.code, said.out) == (OK, "") and "filter" not in said.err
    assert "but tuning trials, and 1 archived (--archived)" in said.err
    assert "1 tuning trial is hidden" in said.err
    assert "passes the filters" in asgml("runs", *options, "--trials", "--where", "val>1").err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--where", "val >"], "a value is missing"),
        (["--where", "vall > 1"], "vall"),
        (["--sort", "vak"], "close are val"),
        (["--columns", "a.b"], "a.b"),
        (["--match", "("], "regular expression"),
        (["--match", "(a+)+"], "ways"),
    ],
)
def test_a_wrong_option_is_one_line(
    asgml: Asgml, folder: Path, options: list[str], words: str
) -> None:
    said = asgml("runs", *options)
    assert (said.code, said.out, said.err.count("\n")) == (USAGE, "", 1)
    assert words in said.err


def test_a_name_with_two_meanings_is_refused(asgml: Asgml, folder: Path) -> None:
    make_run(folder / "two-01", val=0.5, boost={"alpha": 1}, ogm={"alpha": 2})
    said = asgml("runs", "--sort", "alpha")
    assert said.code == USAGE and "boost.alpha or ogm.alpha" in said.err
    assert names(asgml("runs", "--where", "ogm.alpha=2", "--json")) == ["two-01"]


def test_labels_are_kept_shown_and_found(asgml: Asgml, folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert asgml("label", "boost-01", "ogm-01", "--tag", "good", "--note", "why").code == OK
    assert asgml("rename", "boost-01", "The best").code == OK
    assert asgml("label", "ogm-01", "--archive", "--untag", "good").code == OK
    assert {path: path.read_bytes() for path in before} == before, "a run never changes"
    (record,) = asgml("runs", "--json", "--tag", "good").json
    assert (record["name"], record["title"], record["tags"], record["note"]) == (
        *("boost-01", "The best", ["good"]),
        "why",
    )
    assert "ogm-01" not in names(asgml("runs", "--json"))
    assert "ogm-01" in names(asgml("runs", "--json", "--archived"))
    assert "1 archived" in asgml("runs").err
    assert asgml("show", "The best", "--json").json["path"] == str(folder / "boost-01")
    assert "The best" in asgml("runs").out
    assert asgml("label", "ogm-01", "--unarchive").code == OK
    assert "ogm-01" in names(asgml("runs", "--json"))
    assert json.loads(asgml("label", "boost-01", "--json").out)[0]["tags"] == ["good"]


@pytest.mark.parametrize(
    "options", [["--tag", "two words"], ["--tag", "\x1b"], ["--title", "a/b"], ["--title", "a\nb"]]
)
def test_a_label_that_could_not_be_shown_or_typed_is_refused(
    asgml: Asgml, folder: Path, options: list[str]
) -> None:
    assert asgml("label", "boost-01", *options).code == USAGE
    assert not (folder / "boost-01" / "labels.json").exists()


def test_nothing_is_labelled_where_one_run_is_not_there(asgml: Asgml, folder: Path) -> None:
    assert asgml("label", "boost-01", "nowhere", "--tag", "x").code == NOT_FOUND
    assert not (folder / "boost-01" / "labels.json").exists()


def test_labels_of_others_are_shown_safely(asgml: Asgml, folder: Path) -> None:
    labels = {"title": HOSTILE, "tags": [HOSTILE, "a\nb"], "note": HOSTILE}
    (folder / "boost-01" / "labels.json").write_text(json.dumps(labels))
    shutil.copytree(folder / "ogm-01", folder / "ogm-\x1b[31m[bold]")
    for arguments in (["runs"], ["runs", "--group"], ["label", "boost-01"]):
        said = asgml(*arguments)
        assert said.code == OK
        assert "\x1b[31m" not in said.out + said.err and "‮" not in said.out + said.err
        assert arguments == ["runs", "--group"] or "[bold]" in said.out
    assert len(asgml("runs").out.splitlines()) == 7


def test_a_run_is_deleted_with_yes_alone(asgml: Asgml, folder: Path) -> None:
    said = asgml("delete", "boost-01")
    assert said.code == USAGE and "--yes" in said.err and (folder / "boost-01").exists()
    said = asgml("delete", "boost-01", "plan/row-s0", "--yes")
    assert said.code == OK
    assert said.out.split() == [str(folder / "boost-01"), str(folder / "plan" / "row-s0")]
    assert names(asgml("runs", "--json")) == ["ogm-01", "ogm-00", "boost-00"]
    assert [path.name for path in (folder / "plan").iterdir()] == []


def test_delete_says_which_runs_refer_to_one(asgml: Asgml, folder: Path) -> None:
    make_run(folder / "joint-01", val=0.5, references={"audio": str(folder / "boost-00")})
    said = asgml("delete", "boost-00", "--yes")
    assert "plan/row-s0" in said.err and "joint-01" in said.err and "refer to it" in said.err


def test_a_living_run_is_never_deleted(asgml: Asgml, folder: Path) -> None:
    pid = os.getppid()  # the process of the head is this one
    mine = {"pid": pid, "process_start": start_of(pid), "host": this_host()}
    (folder / "boost-01" / "launch.json").write_text(json.dumps(mine))
    said = asgml("delete", "ogm-01", "boost-01", "--yes")
    assert said.code == REJECTED and "boost-01 is starting" in said.err
    assert (folder / "boost-01").exists() and (folder / "ogm-01").exists()


def test_a_run_that_another_computer_may_write_is_not_deleted(asgml: Asgml, folder: Path) -> None:
    lock = {"pid": 1, "process_start": 1, "host": "elsewhere", "created": 1.0}
    (folder / "boost-01" / "writer.lock").write_text(json.dumps(lock))
    assert asgml("delete", "boost-01", "--yes").code == REJECTED
    assert (folder / "boost-01").exists()


def test_delete_follows_no_link(asgml: Asgml, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("mine")
    (folder / "boost-01" / "checkpoints").symlink_to(outside)
    shutil.move(folder / "ogm-01", tmp_path / "ogm-01")
    (folder / "ogm-01").symlink_to(tmp_path / "ogm-01")
    assert asgml("delete", "boost-01", "--yes").code == OK
    assert (outside / "kept").read_text() == "mine"
    for given in ("ogm-01", folder / "ogm-01", f"{folder}/ogm-01/"):
        assert asgml("delete", given, "--yes").code == REJECTED
    assert (tmp_path / "ogm-01" / "run.toml").exists()


def test_no_label_is_written_through_a_link(
    asgml: Asgml, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.move(folder / "ogm-01", tmp_path / "elsewhere")
    (folder / "ogm-01").symlink_to(tmp_path / "elsewhere")
    monkeypatch.chdir(folder)
    for given in ("ogm-01", folder / "ogm-01", f"{folder}/ogm-01/"):
        said = asgml("label", "boost-01", given, "--tag", "x")
        assert said.code == REJECTED and "is a link" in said.err
        assert asgml("delete", given, "--yes").code == REJECTED
    assert not (tmp_path / "elsewhere" / "labels.json").exists()
    assert not (folder / "boost-01" / "labels.json").exists()


def test_a_directory_in_the_place_of_labels_is_one_line(asgml: Asgml, folder: Path) -> None:
    (folder / "boost-01" / "labels.json").mkdir()
    said = asgml("label", "ogm-01", "boost-01", "--tag", "x")
    assert said.code == REJECTED and "labels.json is a directory, expected a file" in said.err
    assert said.err.count("\n") == 1 and "Errno" not in said.err
    assert not (folder / "ogm-01" / "labels.json").exists()


def test_a_folder_that_cannot_be_written_is_one_line(
    asgml: Asgml, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("asgml.storage.format.labels_file.os.replace", refuse)
    said = asgml("label", "boost-01", "--tag", "x")
    assert (said.code, said.err.count("\n")) == (FAILED, 1)
    assert [p.name for p in (folder / "boost-01").iterdir() if "labels" in p.name] == []


@pytest.mark.parametrize("width", [20, 40, 80, 100, 160])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    columns = [
        Column("run", ["a" * 70, "東京" * 20, "b"], least=8),
        Column("state", ["finished"] * 3),
        Column("lr", ["0.001"] * 3, rank=6),
        Column("method", ["ogm_ge+boost"] * 3, rank=5, least=8),
    ]
    kept = fitting(columns, width)
    lines = table_lines(kept, width, coloured=False)
    assert max(cell_len(line) for line in lines) <= width
    if width == 160:
        assert kept == columns and "a" * 70 in lines[1]


def test_a_shortened_name_keeps_both_ends() -> None:
    assert shortened("synthetic-boost+ogm_ge-01", 12) == "syntheti…-01"
    assert [cell_len(shortened("東京" * 9, width)) <= width for width in range(9)] == [True] * 9
