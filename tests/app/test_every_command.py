"""What every command keeps: plain ASCII, refusals as one line and as JSON, a full device."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from asgml.app.cli import program
from asgml.app.cli.tree import app
from asgml.app.errors import FAILED, OK
from asgml.storage.format.layout import RunPaths

Asgml = Callable[..., "Said"]


def commands(group: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in getattr(group, "commands", {}).items():
        yield f"{path}{name}", command
        yield from commands(command, f"{path}{name} ")


ALL = dict(commands(typer.main.get_command(app)))
WITH_JSON = [path for path, one in ALL.items() if any("--json" in p.opts for p in one.params)]
GOOD: dict[str, list[str]] = {
    "train": ["--epochs", "1", "--wait"],
    "demo": ["--epochs", "1", "--wait"],
    "schedule": ["RUN"],
    "watch": ["RUN", "--once"],
    "runs": ["--runs", "TMP/kept"],
    "label": ["RUN"],
    "show": ["RUN"],
    "tail": ["RUN", "--lines", "100"],
    "check": ["RUN"],
    "export": ["RUN", "TMP/out.jsonl", "--to", "jsonl"],
    "wait": ["RUN", "--for", "ended"],
    "alerts": ["RUN"],
    "compare": ["RUN"],
    "methods": ["boost"],
    "recipes": [],
    "doctor": [],
    "ablate": [],
    "config": [],
    "config show": [],
    "config schema": [],
    "data": [],
    "data list": [],
    "data make-demo": ["TMP/clips", "--clips", "30"],
}
"""Command → arguments with which it prints something; TMP is a folder, RUN a finished run."""
REFUSED: dict[str, list[str]] = {
    "train": ["--data", "/nothing/×.npz"],
    "demo": ["--set", "lr=∞"],
    "resume": ["nö"],
    "fork": ["nö", "--at", "3"],
    "schedule": ["nö"],
    "watch": ["nö", "--once"],
    "replay": ["nö"],
    "ctl": ["RUN", "pause"],
    "ablate": ["nö"],
    "sweep": ["nö", "--over", "lr=1…2"],
    "runs": ["--where", "val > …"],
    "label": ["nö"],
    "rename": ["nö", "title"],
    "delete": ["nö", "--yes"],
    "show": ["nö"],
    "ensemble": ["nö", "nü"],
    "tail": ["nö"],
    "check": ["nö"],
    "export": ["nö", "TMP/out", "--to", "csv"],
    "wait": ["nö", "--for", "ended"],
    "alerts": ["nö"],
    "diagnose": ["nö"],
    "compare": ["nö"],
    "report": ["nö"],
    "methods": ["nö"],
    "recipes": ["nö"],
    "doctor": ["--nö"],
    "serve": ["nö"],
    "mcp": ["--runs", "TMP/nö"],
    "config": ["nö"],
    "config show": ["nö"],
    "config schema": ["nö"],
    "data": ["nö"],
    "data list": ["nö"],
    "data check": ["TMP/nö"],
    "data make-demo": ["/proc/nö"],
    "data prepare": ["TMP/nö"],
}
"""Command → arguments that it refuses, some of them no ASCII."""


@pytest.fixture
def words(
    tiny_run: RunPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, list[str]], list[str]]:
    # importing torch takes seconds, and what the doctor says of it has a test of its own
    monkeypatch.setattr("asgml.app.commands.doctor.ASK_TORCH", "import no_such_torch")
    run = tmp_path / "kept" / "tiny-01"
    shutil.copytree(tiny_run.root, run)

    def made(path: str, arguments: list[str]) -> list[str]:
        filled = [one.replace("TMP", str(tmp_path)) for one in arguments]
        return [*path.split(), *(str(run) if one == "RUN" else one for one in filled)]

    return made


def test_every_command_is_in_these_tables() -> None:
    assert REFUSED.keys() == ALL.keys()
    opens = {"resume", "fork", "replay", "ctl", "sweep", "serve", "mcp"}
    changes = {"rename", "delete", "ensemble", "diagnose", "report", "data check", "data prepare"}
    assert GOOD.keys() == ALL.keys() - opens - changes


@pytest.mark.parametrize("path", ALL)
def test_every_command_takes_ascii_and_tells_of_it(asgml: Asgml, path: str) -> None:
    said = asgml(*path.split(), "--help", "--ascii")
    assert said.code == OK and said.out.isascii() and "--ascii" in said.out


@pytest.mark.parametrize("path", GOOD)
def test_plain_output_is_ascii(asgml: Asgml, runs: Path, words: Any, path: str) -> None:
    said = asgml(*words(path, GOOD[path]), "--ascii")
    assert said.out and said.out.isascii() and said.err.isascii(), said


@pytest.mark.parametrize("path", REFUSED)
def test_a_refusal_is_one_plain_line(asgml: Asgml, runs: Path, words: Any, path: str) -> None:
    said = asgml(*words(path, REFUSED[path]), "--ascii")
    assert said.code not in (OK, FAILED + 1000) and not said.out
    assert said.err.startswith("asgml: ") and said.err.count("\n") == 1 and said.err.isascii()
    assert not runs.exists() or not list(runs.iterdir())


@pytest.mark.parametrize("path", WITH_JSON)
def test_a_refusal_is_json_where_json_was_asked_for(
    asgml: Asgml, runs: Path, words: Any, path: str
) -> None:
    for given in (REFUSED[path], ["--no-such-option"]):
        said = asgml(*words(path, given), "--json")
        assert said.json["exit_code"] == said.code != OK
        assert said.err == f"asgml: {said.json['error']}\n"


@pytest.mark.parametrize("variable", ["LC_ALL", "ASGML_ASCII", "settings.toml"])
def test_the_locale_and_the_settings_ask_for_plain_output(
    asgml: Asgml, tiny_run: RunPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert not asgml("show", tiny_run.root).out.isascii()
    if variable == "settings.toml":
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        (tmp_path / "asgml").mkdir()
        (tmp_path / "asgml" / "settings.toml").write_text("ascii = true\n")
    else:
        monkeypatch.setenv(variable, {"LC_ALL": "C", "ASGML_ASCII": "yes"}[variable])
    assert asgml("show", tiny_run.root).out.isascii()


FULL = "asgml: cannot write the output: No space left on device; make room and try again\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has this device")
@pytest.mark.parametrize("path", ["--help", "--version", *(f"{path} --help" for path in ALL)])
def test_help_on_a_full_device_is_one_line(path: str) -> None:
    assert forked(path.split(), out="/dev/full") == (FAILED, FULL)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has this device")
@pytest.mark.parametrize("path", GOOD)
def test_a_full_device_is_one_line(runs: Path, words: Any, path: str) -> None:
    code, err = forked(words(path, GOOD[path]), out="/dev/full")
    assert code == FAILED and err.endswith(FULL), err
    assert "Traceback" not in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has this device")
def test_a_full_stderr_changes_no_exit_code(runs: Path, words: Any) -> None:
    for path in ("show", "runs", "resume", "methods"):
        given = words(path, GOOD.get(path, REFUSED[path]))
        codes = [forked(given, err=err)[0] for err in (os.devnull, "/dev/full")]
        assert codes[0] == codes[1], path


def test_a_reader_that_has_seen_enough_is_told_nothing(words: Any) -> None:
    for path in ("show", "tail", "config schema", "data list", "watch"):
        assert forked(words(path, GOOD[path]), out="closed pipe") == (FAILED, ""), path


def forked(arguments: list[str], out: str = os.devnull, err: str = "") -> tuple[int, str]:
    """Return exit code and stderr of the program, run by a copy of this process: quicker."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.dup2(_opened(out), 1)
            os.dup2(os.open(err, os.O_WRONLY) if err else writer, 2)
            sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
            sys.argv = ["asgml", *arguments]
            program.main()  # a defect prints its traceback as Python would: nothing is caught
        except SystemExit as ended:
            os._exit(int(ended.code or 0))
        finally:
            os._exit(99)
    os.close(writer)
    with open(reader, "rb") as file:
        said = file.read().decode()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


def _opened(out: str) -> int:
    """Return a descriptor to write to: of a file, or of a pipe that nobody reads."""
    if out != "closed pipe":
        return os.open(out, os.O_WRONLY)
    reader, writer = os.pipe()
    os.close(reader)
    return writer
