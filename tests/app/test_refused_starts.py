"""A start that is refused: before the trainer where that can be known, and without a trace."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import ValidationError

from asgml.app.errors import FAILED, NOT_FOUND, USAGE
from asgml.app.settings import Settings
from asgml.core.config.error_words import expected
from asgml.core.config.run_config import ConfigError, RunConfig, known_keys, make_config
from asgml.storage.format.layout import RunPaths

Asgml = Callable[..., "Said"]
INTERNAL = re.compile(
    r"\^|\\d|\bpattern\b|Config\b|instance of|[Ii]nput should|unable to parse|NoneType"
)
"""What no user should have to read: regular expressions, classes, words of the library."""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "syntax.py").write_text("x = (\n")
    (tmp_path / "other.py").write_text("class Other: ...\n")
    (tmp_path / "text.npz").write_text("no archive")
    labels = {"label": np.arange(8) % 2, "split": np.array(["train"] * 6 + ["val", "test"])}
    np.savez(tmp_path / "one.npz", audio=np.zeros((8, 3), np.float32), **labels)
    (tmp_path / "plan.toml").write_text("colour = 1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("--set colour=1", "unknown key 'colour'"),
        ("--device gpu", "device = 'gpu': expected auto, cpu, cuda or cuda:N"),
        ("--set device=cuda:x", "expected auto, cpu, cuda or cuda:N"),
        ("--method bost", "boost"),
        ("--method boost+boost", "named twice"),
        ("--set boost.alpha=9", "boost.alpha = 9: expected 1.5 or less"),
        ("--set optimizer.name=foo", "expected sgd, adam or adamw"),
        ("--only smell", "no modality 'smell': synthetic has audio, visual"),
        ("--only audio --method boost", "boost balances modalities"),
        ("--set encoder.smell=mlp", "no modality 'smell'"),
        ("--data one.npz --method boost", "boost balances 2 modalities or more"),
        ("--data nothing.npz", "there is no"),
        ("--data text.npz", "not an .npz file"),
        ("--modulator nothing.py:A", "there is no"),
        ("--modulator syntax.py:A", "line 1"),
        ("--modulator other.py:A", "other.py has no class A; there are Other"),
        ("--set encoder.audio=other.py:A", "has no class A"),
        ("--data other.py:A", "has no class A"),
        ("--schedule-from nothing", "nothing"),
        ("--name a/b", "expected a plain name"),
        ("--set references.audio=nothing", "no run 'nothing'"),
        ("--detach --wait", "expected one of them"),
        ("colour.toml", "colour.toml"),
    ],
)
def test_what_can_be_known_is_refused_before_the_trainer(
    asgml: Asgml, runs: Path, files: Path, monkeypatch: pytest.MonkeyPatch, words: str, named: str
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a trainer was started")

    monkeypatch.setattr("asgml.app.launcher.subprocess.Popen", never)
    said = asgml("train", *words.split())
    assert said.code in (USAGE, NOT_FOUND) and said.err.count("\n") == 1 and not said.out
    assert named in said.err and not INTERNAL.search(said.err), said.err
    assert not runs.exists() or not list(runs.iterdir())


REFUSES = "import sys; print('error: no option x', file=sys.stderr); sys.exit(1)"
BREAKS = "raise ZeroDivisionError('what nobody thought of')"


@pytest.mark.parametrize("mode", ["--wait", "--detach"])
def test_what_the_trainer_refuses_leaves_nothing(
    asgml: Asgml, runs: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    import sys

    monkeypatch.setattr(
        "asgml.app.launcher.worker_command", lambda: [sys.executable, "-P", "-c", REFUSES]
    )
    said = asgml("train", "--name", "a", mode)
    assert said.code == FAILED and not said.out and not list(runs.iterdir())
    assert "refused to start: no option x; nothing is left of the run" in said.err


def test_what_broke_leaves_its_log(
    asgml: Asgml, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setattr(
        "asgml.app.launcher.worker_command", lambda: [sys.executable, "-P", "-c", BREAKS]
    )
    said = asgml("train", "--name", "a", "--detach")
    assert said.code == FAILED and "everything it said is in" in said.err
    assert "what nobody thought of" in RunPaths(runs / "a").trainer_log.read_text()
    assert asgml("show", "a", "--json").json["state"] == "failed"


def test_a_resume_that_is_refused_keeps_the_run(
    asgml: Asgml, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    assert asgml("train", "--epochs", 900, "--name", "a", "--detach").code == 0
    assert asgml("ctl", "a", "stop").code == 0
    while asgml("show", "a", "--json").json["state"] != "stopped":
        pass
    monkeypatch.setattr(
        "asgml.app.launcher.worker_command", lambda: [sys.executable, "-P", "-c", REFUSES]
    )
    said = asgml("resume", "a", "--detach")
    assert said.code == FAILED and "everything it said is in" in said.err
    assert (runs / "a" / "run.toml").is_file()


@pytest.mark.parametrize("value", ["×", -7, 1e9, [[]], {"a": {}}, True, float("nan")])
def test_no_message_of_a_setting_shows_how_it_is_checked(value: Any) -> None:
    from asgml.app.keys import nested

    refused = 0
    for key in known_keys():
        try:
            make_config(nested({key: value}))
        except ConfigError as error:
            refused += 1
            assert "\n" not in str(error) and not INTERNAL.search(str(error)), str(error)
    assert refused


@pytest.mark.parametrize("name", Settings.model_fields)
def test_no_message_of_a_preference_does(name: str) -> None:
    for value in ("×", -7, [[]], {"a": {}}):
        try:
            Settings(**{name: value})
        except ValidationError as error:
            for one in error.errors():
                assert not INTERNAL.search(expected(one)), (name, value, one)


def test_every_choice_is_named_where_none_was_met() -> None:
    for name, section in RunConfig.model_fields.items():
        for field, info in getattr(section.annotation, "model_fields", {}).items():
            choices = [one for one in get_args(info.annotation) if isinstance(one, str)]
            if choices:
                with pytest.raises(ConfigError) as caught:
                    make_config({name: {field: "none of them"}})
                assert all(choice in str(caught.value) for choice in choices)
