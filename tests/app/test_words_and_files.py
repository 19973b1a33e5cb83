"""Words at which no file can be, and files that cannot be read: one line, and nothing is left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from asgml.app.errors import OK
from asgml.storage.format.layout import RunPaths

Asgml = Callable[..., "Said"]
LONG = "x" * 300
TAKES_A_PATH = {
    "train": ["@", "--detach"],
    "train --data": ["@", "--detach"],
    "train --schedule-from": ["@", "--detach"],
    "config show": ["@"],
    "recipes": ["@"],
    "ablate": ["@", "--dry-run"],
    "sweep --over lr=1..2": ["@"],
    "report": ["@"],
    "diagnose": ["@"],
    "compare": ["@"],
    "show": ["@"],
    "tail": ["@"],
    "data check": ["@"],
    "runs --runs": ["@"],
    "watch --once": ["@"],
    "serve": ["@"],
}
"""Command → what it is given, @ for a path."""


@pytest.fixture
def unreadable(tmp_path: Path) -> Path:
    """A file whose brackets never end."""
    path = tmp_path / "deep.toml"
    path.write_text("a = " + "[" * 100_000)
    return path


@pytest.mark.parametrize("command", TAKES_A_PATH)
@pytest.mark.parametrize("word", [f"{LONG}.toml", "y/" * 3000, "~nobody/x", "deep.toml", "memory"])
def test_a_word_that_is_no_path_is_told_in_one_line(
    asgml: Asgml, runs: Path, unreadable: Path, command: str, word: str
) -> None:
    given = {"deep.toml": str(unreadable), "memory": "/proc/self/mem"}.get(word, word)
    said = asgml(*command.split(), *(given if one == "@" else one for one in TAKES_A_PATH[command]))
    if command in ("runs --runs", "recipes") and said.code == OK:
        return  # a folder that is not there yet holds no runs; a recipe is printed as it is
    assert said.code != OK and said.err.startswith("asgml: ") and said.err.count("\n") == 1
    assert "Errno" not in said.err and "Error" not in said.err, said.err
    assert not runs.exists() or not list(runs.iterdir())


@pytest.mark.parametrize("content", ["a = " + "[" * 100_000, 'runs = "a\\u0000b"', "\xff", "a ="])
def test_settings_that_cannot_be_read_are_told_in_one_line(
    asgml: Asgml, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    home = tmp_path / "config" / "asgml"
    home.mkdir(parents=True)
    (home / "settings.toml").write_text(content, encoding="latin-1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home.parent))
    said = asgml("runs")
    assert said.code != OK and said.err.count("\n") == 1 and "Error" not in said.err, said


def test_an_output_at_which_no_file_can_be_is_told_in_one_line(
    asgml: Asgml, tiny_run: RunPaths
) -> None:
    for given in (
        ("export", tiny_run.root, LONG, "--to", "csv"),
        ("schedule", tiny_run.root, "--out", LONG),
        ("watch", "--once", tiny_run.root, "--svg", LONG),
    ):
        said = asgml(*given)
        assert said.code != OK and said.err.count("\n") == 1 and "File name too long" in said.err


def test_a_refusal_of_a_command_that_prints_lines_of_json_is_one_of_them(asgml: Asgml) -> None:
    said = asgml("tail", "nothing", "--json")
    assert said.out.count("\n") == 1 and said.json["exit_code"] == said.code
