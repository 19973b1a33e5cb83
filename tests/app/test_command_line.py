"""The command line as a whole: help, errors, settings, completion, and the smaller commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from asgml.app.cli.plain import plain_where_asked
from asgml.app.cli.tree import app
from asgml.app.errors import FAILED, INTERRUPTED, NOT_FOUND, USAGE, UserError
from asgml.core.methods.registry import METHODS
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.safe_text import one_line, safe

Asgml = Callable[..., "Said"]
PROMISED = ["train", "demo", "resume", "watch", "replay", "runs", "show", "tail", "check", "ctl"]
PROMISED += ["ensemble", "export", "methods", "recipes", "data", "config", "doctor"]
PROMISED += ["schedule", "fork", "serve", "mcp"]
PROMISED += ["wait", "alerts"]
PROMISED += ["label", "rename", "delete", "ablate", "sweep", "diagnose", "compare", "report"]


def commands(group: Any, path: str = "asgml") -> Iterator[tuple[str, Any]]:
    for name, command in getattr(group, "commands", {}).items():
        yield f"{path} {name}", command
        yield from commands(command, f"{path} {name}")


ALL = dict(commands(typer.main.get_command(app)))


def test_the_commands_are_those_promised() -> None:
    assert {path.split()[1] for path in ALL} == set(PROMISED)
    assert {"asgml config show", "asgml config schema"} <= ALL.keys()
    assert {
        f"asgml data {name}" for name in ("list", "check", "make-demo", "prepare")
    } <= ALL.keys()


@pytest.mark.parametrize("path", ALL)
def test_every_command_argument_and_option_is_documented(path: str) -> None:
    command = ALL[path]
    assert command.help and command.get_short_help_str(80).endswith(".")
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{path}: {parameter.name}"


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",), ("train", "--help"), ("config",)])
def test_help_is_data(asgml: Asgml, arguments: tuple[str, ...]) -> None:
    said = asgml(*arguments)
    assert said.code == 0 and said.out.startswith("Usage: asgml") and not said.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("trian",), ["train"]),
        (("train", "--epocs", "3"), ["--epochs", "asgml train --help"]),
        (("train", "--epochs", "many"), ["--epochs"]),
        (("train", "--detach", "--wait"), ["--detach", "--wait"]),
        (("export", "latest", "out"), ["--to", "Choose from: csv, parquet, jsonl; see"]),
        (("ctl",), ["RUN"]),
    ],
)
def test_usage_errors_are_one_line_and_exit_2(
    asgml: Asgml, runs: Path, arguments: tuple[str, ...], words: list[str]
) -> None:
    said = asgml(*arguments)
    assert said.code == USAGE and said.err.count("\n") == 1 and not said.out
    assert all(word in said.err for word in words), said.err


def test_an_interrupted_command_is_exit_130(asgml: Asgml, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("asgml.app.commands.runs.runs", interrupted)
    assert asgml("runs").code == INTERRUPTED


def test_an_error_of_the_program_keeps_its_traceback(
    asgml: Asgml, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr("asgml.app.commands.runs.runs", broken)
    with pytest.raises(ZeroDivisionError):
        asgml("runs")


def test_python_m_asgml_is_the_same_program() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "asgml", "methods", "--json"],
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0 and [
        method["method"] for method in json.loads(said.stdout)
    ] == list(METHODS)
    assert (
        subprocess.run(
            [sys.executable, "-m", "asgml", "show", "no"], capture_output=True
        ).returncode
        == NOT_FOUND
    )


def test_methods_are_listed_by_axis(capsys: pytest.CaptureFixture[str]) -> None:
    """Each axis heads its own methods, and every method stands below one."""
    assert app(["methods"], standalone_mode=False) == 0
    listed: dict[str, list[str]] = {}
    for line in capsys.readouterr().out.splitlines()[1:]:
        if line.startswith("  ") and line[2:3].strip():
            listed[axis].append(line.split()[0])
        elif line[:1].strip() and not line.startswith("Methods compose"):
            axis = line.strip()
            listed[axis] = []
    assert sum(map(len, listed.values())) == len(METHODS)
    for axis, names in listed.items():
        assert names == [name for name, method in METHODS.items() if method.axis == axis]


def test_a_closed_pipe_is_no_traceback() -> None:
    script = f"{sys.executable} -P -m asgml config schema | head -c 1"
    root = Path(__file__).resolve().parents[2]
    environment = {"PYTHONPATH": str(root / "src"), "PATH": "/usr/bin:/bin"}
    said = subprocess.run(
        ["bash", "-c", script], cwd=root, capture_output=True, text=True, env=environment
    )
    assert "Traceback" not in said.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has this device")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", ["--version", "config schema", "methods"])
def test_a_full_output_is_one_line(words: str, unbuffered: str) -> None:
    """A buffered stream fails when it is flushed, an unbuffered one in the middle of a command."""
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w") as full:
        said = subprocess.run(
            [sys.executable, "-P", "-m", "asgml", *words.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
    assert said.returncode == FAILED
    assert said.stderr == (
        "asgml: cannot write the output: No space left on device; make room and try again\n"
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_closed_stream_is_no_traceback(closed: str, tiny_run: RunPaths) -> None:
    root = Path(__file__).resolve().parents[2]
    script = f"{sys.executable} -P -m asgml show {tiny_run.root} {closed}"
    environment = {
        "PYTHONPATH": str(root / "src"),
        "PATH": "/usr/bin:/bin",
        "XDG_CONFIG_HOME": "/nowhere",
    }
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment)
    assert said.returncode == 0 and not said.stderr


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_described(asgml: Asgml, name: str) -> None:
    said = asgml("methods", name)
    assert said.code == 0
    for knob in METHODS[name].settings:
        assert knob.name in said.out
    assert asgml("methods", name, "--json").json["formula"] == METHODS[name].formula


def test_what_is_not_there_is_named_with_what_is(asgml: Asgml) -> None:
    for arguments, word in (
        (("methods", "bost"), "boost"),
        (("recipes", "dmeo"), "demo"),
        (("config", "show", "dmeo"), "demo"),
    ):
        said = asgml(*arguments)
        assert said.code == NOT_FOUND and word in said.err


def test_a_printed_recipe_is_a_recipe(asgml: Asgml, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(asgml("recipes", "demo").out, encoding="utf-8")
    shown = asgml("config", "show", tmp_path / "mine.toml", "--json").json
    assert {key: row["value"] for key, row in shown.items()} == {
        key: row["value"] for key, row in asgml("config", "show", "demo", "--json").json.items()
    }


def test_config_show_gives_value_and_origin(asgml: Asgml) -> None:
    shown = asgml("config", "show", "demo", "--set", "alpha=0.75", "--seed", 3, "--json").json
    assert shown["boost.alpha"] == {"value": 0.75, "origin": "--set alpha=0.75"}
    assert shown["seed"] == {"value": 3, "origin": "--seed"}
    table = asgml("config", "show", "--set", "alpha=0.75").out
    assert any(line.split()[:2] == ["boost.alpha", "0.75"] for line in table.splitlines())


def test_the_schema_knows_every_section(asgml: Asgml) -> None:
    assert {"boost", "optimizer", "probe", "epochs"} <= asgml("config", "schema").json[
        "properties"
    ].keys()


def test_settings_come_from_the_file_and_above_it_the_environment(
    asgml: Asgml, tiny_run: RunPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "asgml").mkdir()
    (tmp_path / "asgml" / "settings.toml").write_text(
        f'runs = "{tiny_run.root.parent}"\n', encoding="utf-8"
    )
    assert [record["name"] for record in asgml("runs", "--json").json] == ["tiny-01"]
    monkeypatch.setenv("ASGML_RUNS", str(tmp_path / "none"))
    assert asgml("runs", "--json").json == []
    assert [
        record["name"] for record in asgml("runs", "--json", "--runs", tiny_run.root.parent).json
    ] == ["tiny-01"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("colour = 1\n", "colour"),
        ("ascii = 'perhaps'\n", "ascii"),
        ("runs = [", "settings.toml"),
        ("theme = 'pink'\n", "theme"),
        ("smoothing = 1\n", "smoothing"),
        ("axis = 'epoch'\n", "axis"),
        ("refresh = 0\n", "refresh"),
    ],
)
def test_a_wrong_setting_is_named(
    asgml: Asgml, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, word: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "asgml").mkdir()
    (tmp_path / "asgml" / "settings.toml").write_text(text, encoding="utf-8")
    said = asgml("runs")
    assert said.code == USAGE and word in said.err and said.err.count("\n") == 1


def test_preferences_have_a_schema_and_origins(
    asgml: Asgml, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asgml.app.settings import Settings

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "asgml" / "settings.toml"
    file.parent.mkdir()
    file.write_text("theme = 'ansi-light'\nsmoothing = 0.6\n", encoding="utf-8")
    monkeypatch.setenv("ASGML_SMOOTHING", "0.97")
    shown = asgml("config", "show", "--settings", "--json").json
    assert shown["theme"] == {"value": "ansi-light", "origin": str(file)}
    assert shown["smoothing"] == {"value": 0.97, "origin": "ASGML_SMOOTHING"}
    assert shown["refresh"] == {"value": None, "origin": "default"}
    assert set(shown) == set(Settings.model_fields)
    table = asgml("config", "show", "--settings").out
    assert any(line.split()[:2] == ["theme", "ansi-light"] for line in table.splitlines())
    schema = asgml("config", "schema", "--settings").json
    assert set(schema["properties"]) == set(Settings.model_fields)
    assert "asgml-dark" in schema["properties"]["theme"]["enum"]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("{pauze = 'p'}", "near it: pause"),
        ("{log = 'p'}", "log_y"),
        ("{zzzz = 'p'}", "tui/KEYS.md"),
        ("{pause = 'the big one'}", "expected a key such as p"),
        ("{pause = ''}", "expected a key such as p"),
        ("{pause = 'q'}", "q would mean pause and detach"),
    ],
)
def test_keys_that_cannot_be_are_told_in_one_line(
    keys: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asgml.app.commands.screen_options import screen_options
    from asgml.app.errors import UserError

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "asgml").mkdir()
    (tmp_path / "asgml" / "settings.toml").write_text(f"keys = {keys}\n", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        screen_options(False)
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert "settings.toml" in str(caught.value)


def test_a_screen_is_ascii_wherever_stdout_takes_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asgml.app.commands.screen_options import screen_options

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with open(tmp_path / "out", "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert not screen_options(False)["ascii"]
        with plain_where_asked(["--ascii", "watch"]):
            assert screen_options(False)["ascii"]


def test_completion_knows_runs_recipes_methods_keys_and_knobs(tiny_run: RunPaths) -> None:
    from asgml.app.completion import complete

    given = {"runs": tiny_run.root.parent, "run": "tiny-01", "action": "set"}
    assert complete("runs", given, "ti") == ["tiny-01"]
    assert complete("recipes", given, "de") == ["default", "demo"]
    assert complete("methods", given, "boo") == ["boost"]
    assert "boost.alpha=" in complete("settings", given, "boost.")
    assert complete("knobs", given, "") == ["boost.alpha=", "probe.eval_freq="]
    assert complete("knobs", {**given, "action": "pause"}, "") == []
    assert complete("knobs", {**given, "run": "no"}, "") == []


def test_the_shell_gets_completions(tiny_run: RunPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).resolve().parents[2]
    typed = "asgml ctl tiny-01 set boost."
    environment = {
        "PYTHONPATH": str(root / "src"),
        "ASGML_RUNS": str(tiny_run.root.parent),
        "_ASGML_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": "4",
    }
    program = "import sys; sys.argv = ['asgml']; from asgml.app.cli.program import main; main()"
    said = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, env=environment
    )
    assert said.stdout.split() == ["boost.alpha="], said.stderr


def test_doctor_finds_what_is_missing(
    asgml: Asgml, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = asgml("doctor", "--json", "--runs", tmp_path / "runs")
    assert good.code == 0 and not (tmp_path / "runs").exists()
    assert {check["name"] for check in good.json} >= {
        "python",
        "torch",
        "terminal",
        "size",
        "runs",
        "write",
        "disk",
        "file system",
    }
    monkeypatch.setattr("asgml.app.commands.doctor.ASK_TORCH", "import no_such_torch")
    bad = asgml("doctor", "--json", "--runs", "/proc/no/such")
    assert bad.code == FAILED
    assert [check["name"] for check in bad.json if check["status"] == "missing"] == [
        "torch",
        "write",
    ]


@given(st.text())
def test_visible_text_cannot_steer_a_terminal(text: str) -> None:
    shown = safe(text)
    assert len(shown) == len(text)
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in shown)
    assert all(
        a == b
        for a, b in zip(text, shown, strict=True)
        if a.isprintable() and a not in "\u061c\u200e\u200f"
    )
    assert "\n" not in one_line(text)


def test_a_user_error_without_more_is_about_usage() -> None:
    assert UserError("x").exit_code == USAGE


@pytest.mark.parametrize(
    "words",
    [
        ("show", "~nobody-here/x"),
        ("runs", "--runs", "~nobody-here/x"),
        ("train", "~nobody-here/x.toml"),
        ("train", "--data", "~nobody-here/x.npz"),
        ("data", "check", "cremad:~nobody-here/x"),
        ("data", "make-demo", "~nobody-here/x"),
    ],
)
def test_a_home_that_is_not_there_is_one_line(asgml: Asgml, words: tuple[str, ...]) -> None:
    said = asgml(*words)
    assert said.code in (FAILED, USAGE, NOT_FOUND) and not said.out
    assert "there is no home directory ~nobody-here; give the path in full" in said.err
    assert len(said.err.splitlines()) == 1
