"""`asgml ensemble`: what it prints, and what it refuses before it reads a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from asgml.app.errors import NOT_FOUND, USAGE
from asgml.core.run.unimodal_reference import ReferenceRunError
from asgml.core.training import ensemble
from asgml.core.training.ensemble import Ensemble, Member
from asgml.storage.format.layout import RunPaths

Asgml = Callable[..., "Said"]
MEMBERS = (
    Member("/runs/\x1b[31ma", ("audio",), 0.5, 0.25),
    Member("/runs/v", ("visual",), 0.5, 0.75),
)


@pytest.fixture
def two(tiny_run: RunPaths, tmp_path: Path) -> Path:
    """A directory with two runs, whose networks are never read here."""
    for name in ("a", "v"):
        (tmp_path / "two" / name).mkdir(parents=True)
        (tmp_path / "two" / name / "run.toml").write_text("", encoding="utf-8")
    return tmp_path / "two"


def test_each_run_and_the_ensemble_are_printed(
    asgml: Asgml, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def found(paths: list[Path], split: str, device: object) -> Ensemble:
        asked.append(([path.name for path in paths], split))
        return Ensemble(split, "softmax", MEMBERS, 0.875)

    monkeypatch.setattr(ensemble, "evaluate_ensemble", found)
    said = asgml("ensemble", "a", "v", "--runs", two)
    assert said.code == 0 and asked == [(["a", "v"], "test")]
    rows = [line.split() for line in said.out.splitlines()]
    assert rows[0] == ["run", "modalities", "test", "accuracy"]
    assert rows[1] == ["␛[31ma", "audio", "0.25"] and rows[2] == ["v", "visual", "0.75"]
    assert rows[3] == ["ensemble", "mean", "softmax", "0.875"]
    record = asgml("ensemble", "a", "v", "--runs", two, "--split", "val", "--json").json
    assert (record["accuracy"], record["averaged"], record["split"]) == (0.875, "softmax", "val")
    assert [member["accuracy"] for member in record["members"]] == [0.25, 0.75]


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        (("a",), USAGE, "expected two runs or more"),
        (("a", "a"), USAGE, "named twice"),
        (("a", "no"), NOT_FOUND, "no run 'no'"),
        (("a", "v", "--split", "train"), USAGE, "train"),
        (("a", "v", "--device", "cuda:77"), USAGE, "cuda:77"),
        (("a", "v"), USAGE, "has recorded nothing yet; train it first"),
    ],
)
def test_what_cannot_be_averaged_is_one_line(
    asgml: Asgml, two: Path, given: tuple[str, ...], code: int, words: str
) -> None:
    said = asgml("ensemble", *given, "--runs", two)
    assert said.code == code and said.out == ""
    assert words in said.err and said.err.count("\n") == 1


def test_an_error_of_a_run_is_shown_safely(
    asgml: Asgml, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*given: object) -> Ensemble:
        raise ReferenceRunError("the run \x1b[31mred has lost its best model")

    monkeypatch.setattr(ensemble, "evaluate_ensemble", failing)
    said = asgml("ensemble", "a", "v", "--runs", two)
    assert said.code == USAGE and "\x1b" not in said.err
