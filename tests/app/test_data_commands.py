"""`asgml data`: listed sets load, generated ones train, faults are named."""

from __future__ import annotations

import itertools
import re
import shutil
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asgml.app.errors import FAILED, NOT_FOUND, USAGE
from asgml.app.progress import progress
from asgml.app.recipes import recipe_names
from asgml.core.data.catalogue import DATA_SETS

Asgml = Callable[..., Any]
CLIPS = 30
HOSTILE = "\x1b[31mred\x1b[0m [bold]\u202eturned"
SMALL = ("--set", "frame_size=[32, 32]", "--set", "seconds=0.5", "--workers", "1")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated files in CREMA-D's layout, made by the command. Read them only."""
    from asgml.app.cli.program import run

    folder = tmp_path_factory.mktemp("made") / HOSTILE / "demo"
    assert run(["data", "make-demo", str(folder), "--clips", str(CLIPS)]) == 0
    return folder


@pytest.fixture
def files(demo: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(demo, tmp_path / "demo"))


def wavs(folder: Path) -> list[Path]:
    return sorted((folder / "AudioWAV").iterdir())


def test_every_data_set_that_can_be_loaded_is_listed(asgml: Asgml) -> None:
    records = asgml("data", "list", "--json").json
    assert [one["name"] for one in records] == list(DATA_SETS)
    shown = asgml("data", "list").out
    assert all(
        f"\n{name} " in f"\n{shown}" and row.summary in shown for name, row in DATA_SETS.items()
    )
    for one in records:
        row = DATA_SETS[one["name"]]
        assert one["options"] == dict(row.options)
        assert one["folders"].get("audio", []) == list(row.dirs.audio.names)
    listed = [recipe for one in records for recipe in one["recipes"]]
    assert sorted(listed) == [name for name in recipe_names() if _names_data(name)]


def _names_data(recipe: str) -> bool:
    from asgml.app.recipes import read_recipe, recipe_file

    return "data" in read_recipe(recipe_file(recipe))


def test_what_make_demo_makes_is_fit(asgml: Asgml, demo: Path) -> None:
    said = asgml("data", "check", demo, "--json", *SMALL)
    assert said.code == 0 and said.json["fit"] and said.json["spec"] == f"cremad:{demo}"
    assert sum(part["samples"] for part in said.json["splits"].values()) == CLIPS
    assert said.json["inputs"]["audio"]["read"] == CLIPS


def test_make_demo_prints_the_folder_and_leaves_one_that_is_not_empty_alone(
    asgml: Asgml, files: Path, tmp_path: Path
) -> None:
    before = sorted(files.rglob("*"))
    said = asgml("data", "make-demo", files)
    assert said.code == USAGE and said.err.count("\n") == 1
    assert sorted(files.rglob("*")) == before
    said = asgml("data", "make-demo", tmp_path / "new", "--clips", CLIPS, "--seed", 3)
    assert (
        said.code == 0
        and Path(said.out.strip()) == tmp_path / "new"
        and len(wavs(tmp_path / "new")) == CLIPS
    )


def test_every_file_that_is_wrong_is_named_and_the_exit_code_is_1(
    asgml: Asgml, files: Path
) -> None:
    gone, damaged = wavs(files)[:2]
    gone.unlink()
    damaged.write_bytes(b"\x1b[31mnoise" * 99)
    said = asgml("data", "check", files, *SMALL)
    assert said.code == FAILED
    assert (
        gone.stem in said.out
        and damaged.stem in said.out
        and "missing" in said.out
        and "unreadable" in said.out
    )
    record = asgml("data", "check", files, "--json", *SMALL)
    assert record.code == FAILED and {fault["clip"] for fault in record.json["faults"]} == {
        gone.stem,
        damaged.stem,
    }


def test_names_of_files_cannot_steer_the_terminal(asgml: Asgml, demo: Path) -> None:
    for arguments in (
        ("data", "check", demo, "--quick"),
        ("data", "check", f"{demo}/no", "--quick"),
        ("data", "make-demo", demo),
    ):
        said = asgml(*arguments)
        assert "\x1b" not in said.out + said.err and "\u202e" not in said.out + said.err
        assert "[bold]" in said.out + said.err


def test_the_options_of_a_recipe_are_taken_and_what_is_prepared_is_what_it_trains_on(
    asgml: Asgml, files: Path, tmp_path: Path
) -> None:
    from asgml.core.data.base import load_data

    own = tmp_path / "mine.toml"
    own.write_text(
        '[data]\nname = "cremad"\n[data.options]\n'
        "frames = 2\nframe_size = [32, 32]\nseconds = 0.5\n",
        encoding="utf-8",
    )
    said = asgml("data", "prepare", files, "--recipe", own, "--set", "frames=3", "--workers", 1)
    assert said.code == 0, said.err
    options = {"frames": 3, "frame_size": [32, 32], "seconds": 0.5, "cache": "require"}
    assert load_data(f"cremad:{files}", options).shapes["visual"][0] == 3
    checked = asgml("data", "check", files, "--recipe", own, "--json", "--quick")
    assert checked.json["spec"] == f"cremad:{files}" and checked.code == 0


def test_options_are_those_of_the_configuration(asgml: Asgml, demo: Path) -> None:
    for option in ("modalities=['audio']", "data.options.modalities=['audio']"):
        said = asgml("data", "check", demo, "--quick", "--json", "--set", option)
        assert list(said.json["inputs"]) == ["audio"]
    seeds = [
        asgml("data", "check", demo, "--quick", "--json", "--set", f"data.seed={seed}").json
        for seed in (0, 0, 1)
    ]
    assert seeds[0] == seeds[1] != seeds[2]


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("data", "check", "/nowhere"), NOT_FOUND, "/nowhere"),
        (("data", "check", "cremad:/nowhere"), NOT_FOUND, "/nowhere"),
        (("data", "check", "synthetic"), USAGE, "generated"),
        (("data", "check", "ave"), USAGE, "ave:PATH"),
        (("data", "prepare", "ks"), USAGE, "ks:PATH"),
        (("data", "check", "{demo}", "--set", "frames"), USAGE, "KEY=VALUE"),
        (("data", "check", "{demo}", "--set", "seed=x"), USAGE, "seed"),
        (("data", "check", "{demo}", "--set", "frmes=3"), FAILED, "frames"),
        (("data", "check", "ave:{demo}"), FAILED, "trainSet.txt"),
        (("data", "check", "{demo}/train.csv"), FAILED, "npz"),
        (("data", "prepare", "{demo}/train.csv"), USAGE, "memory"),
    ],
)
def test_errors_are_one_line(
    asgml: Asgml, demo: Path, arguments: tuple[str, ...], code: int, word: str
) -> None:
    said = asgml(*(argument.replace("{demo}", str(demo)) for argument in arguments))
    assert said.code == code and said.err.count("\n") == 1 and word in said.err and not said.out


def test_what_cannot_be_listed_is_not_fit_in_json_too(asgml: Asgml, demo: Path) -> None:
    said = asgml("data", "check", f"ave:{demo}", "--json")
    assert (
        said.code == FAILED and said.json["fit"] is False and "trainSet.txt" in said.json["error"]
    )


def test_arrays_are_checked(asgml: Asgml, tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(30, 5)).astype("float32")
    values[3] = 0
    split = np.where(np.arange(30) < 20, "train", "test")
    np.savez(tmp_path / "mine.npz", label=np.arange(30) % 3, split=split, **{"voice": values})
    said = asgml("data", "check", tmp_path / "mine.npz")
    assert said.code == 0 and "voice" in said.out
    assert "1 samples hold the same number" in said.out


def test_prepare_prints_where_and_refuses_what_is_missing(
    asgml: Asgml, files: Path, tmp_path: Path
) -> None:
    said = asgml("data", "prepare", files, "--to", tmp_path / "cache", *SMALL)
    where = Path(said.out.strip())
    assert said.code == 0 and where.is_relative_to(tmp_path / "cache") and where.is_dir()
    assert asgml("data", "prepare", files, "--to", tmp_path / "cache", *SMALL).out == said.out
    gone = wavs(files)[0]
    gone.unlink()
    refused = asgml("data", "prepare", files, "--to", tmp_path / "other", *SMALL)
    assert (
        refused.code == FAILED
        and gone.stem in refused.err
        and refused.err.count("\n") == 1
        and not refused.out
    )
    assert (
        asgml("data", "prepare", files, "--to", tmp_path / "other", "--allow-missing", *SMALL).code
        == 0
    )


def test_progress_is_one_line_in_a_terminal_and_leaves_nothing_behind(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress("clips") as told:
        for done in range(1, 4):
            told(done, 3)
    said = capsys.readouterr()
    assert (
        "clips 3/3" in said.err
        and "\n" not in said.err
        and said.err.endswith("\r\x1b[2K")
        and not said.out
    )


def test_progress_in_a_log_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count()
    monkeypatch.setattr("asgml.app.progress.time.monotonic", lambda: float(next(clock)))
    with progress("clips") as told:
        for done in range(1, 61):
            told(done, 60)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"clips {done}/60" for done in (15, 30, 45, 60)]


def test_training_takes_the_folder_and_asks_for_it(asgml: Asgml, runs: Path, demo: Path) -> None:
    said = asgml("train", "cremad-1f", "--wait")
    assert said.code == USAGE and "cremad:PATH" in said.err and not runs.exists()
    said = asgml("train", "cremad-1f", "--data", demo, "--allow-missing", "--epochs", 1, "--wait")
    written = tomllib.loads((Path(said.out.strip()) / "run.toml").read_text(encoding="utf-8"))
    assert (
        written["data"]["name"] == f"cremad:{demo}"
        and written["data"]["options"]["allow_missing"] is True
    )
    assert Path(said.out.strip()).name.startswith("cremad-")


@pytest.mark.slow
def test_a_training_ends_at_missing_files_with_one_line_and_goes_on_without_them_when_allowed(
    asgml: Asgml, files: Path, tmp_path: Path
) -> None:
    gone = wavs(files)[:3]
    for path in gone:
        path.unlink()
    words = (
        "train",
        "cremad-1f",
        "--data",
        files,
        "--epochs",
        1,
        "--wait",
        "--runs",
        tmp_path / "runs",
        "--set",
        "encoder=conv",
    )
    refused = asgml(*words)
    assert (
        refused.code == FAILED
        and all(path.stem in refused.err for path in gone)
        and "--allow-missing" in refused.err
    )
    assert "Traceback" not in refused.err
    done = asgml(*words, "--allow-missing")
    assert done.code == 0 and "3 clips of cremad are left out" in done.err
    shown = asgml("show", "latest", "--runs", tmp_path / "runs")
    assert re.search(r"samples +train \d+, val \d+, test \d+; 3 clips left out", shown.out)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("'text'", "split('train')[0], modality 'a' is a str that is no tensor"),
        ("[0.0, float('nan')]", "split('train')[0] has NaN or infinity as float32 in modality 'a'"),
    ],
)
def test_own_data_with_an_unusable_value_is_one_line(
    value: str, words: str, asgml: Asgml, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(
        "class Mine:\n    classes = ('calm', 'glad')\n\n    def split(self, name):\n"
        f"        return [{{'label': i % 2, 'a': {value}}} for i in range(4)]\n",
        encoding="utf-8",
    )
    said = asgml("data", "check", f"{tmp_path}/mine.py:Mine")
    assert said.code != 0 and words in said.err
    assert len(said.err.strip().splitlines()) == 1
