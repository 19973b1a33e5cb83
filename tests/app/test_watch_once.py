"""watch --once: the screen as text, without a terminal, and the state as an exit code."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from asgml.app.errors import FAILED, NOT_FOUND, OK, USAGE
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import State
from asgml.storage.write.writer import RunWriter

Asgml = Callable[..., "Said"]


def test_the_screen_is_printed_at_the_size_asked_for(asgml: Asgml, tiny_run: RunPaths) -> None:
    said = asgml("watch", "--once", tiny_run.root, "--size", "110x32")
    lines = said.out.splitlines()
    assert said.code == OK and len(lines) == 32 and max(map(len, lines)) <= 110
    assert "FINISHED" in lines[0] and "tiny-01" in lines[0] and "\x1b" not in said.out
    assert any("probe accuracy" in line for line in lines)


def test_plain_ascii_is_nothing_else(asgml: Asgml, tiny_run: RunPaths) -> None:
    said = asgml("watch", "--once", tiny_run.root, "--ascii", "--size", "120x40")
    assert said.code == OK and said.out.isascii() and "tiny-01" in said.out


def test_a_picture_is_written_and_its_path_is_data(
    asgml: Asgml, tiny_run: RunPaths, tmp_path: Path
) -> None:
    picture = tmp_path / "screen.svg"
    said = asgml("watch", "--once", tiny_run.root, "--svg", picture)
    assert said.code == OK and said.out == f"{picture}\n"
    assert "tiny-01" in "".join(ElementTree.parse(picture).getroot().itertext())
    refused = asgml("watch", "--once", tiny_run.root, "--svg", tmp_path / "no" / "x.svg")
    assert refused.code == USAGE and "cannot be written" in refused.err


def test_a_folder_of_runs_is_its_list(asgml: Asgml, tiny_run: RunPaths) -> None:
    said = asgml("watch", "--once", tiny_run.root.parent)
    assert said.code == OK and "tiny-01" in said.out and "finished" in said.out


@pytest.mark.parametrize(
    ("state", "code"), [(State.STOPPED, OK), (State.FAILED, FAILED), (None, FAILED)]
)
def test_the_exit_code_is_that_of_the_state(
    asgml: Asgml, tmp_path: Path, state: State | None, code: int
) -> None:
    from tiny import tiny_manifest

    from asgml.storage.format.process import this_host

    paths = RunPaths(tmp_path / "runs" / "one")
    paths.root.mkdir(parents=True)
    if state is not None:
        RunWriter.create(paths, tiny_manifest("one")).close(state)
    else:  # its trainer died before it had a store
        paths.config.write_text("epochs = 1\n")
        record = {"pid": 999999999, "process_start": 1, "host": this_host(), "created": 1}
        paths.launch.write_text(json.dumps(record))
    assert asgml("watch", "--once", paths.root, "--size", "80x24").code == code


def test_what_is_not_there_is_exit_3(asgml: Asgml, runs: Path) -> None:
    assert asgml("watch", "--once", "nothing").code == NOT_FOUND


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--once", "--size", "wide"), "COLUMNSxROWS"),
        (("--once", "--size", "1x1"), "COLUMNSxROWS"),
        (("--once", "--inline"), "--inline"),
        (("--size", "80x24"), "--once"),
        (("--svg", "x.svg"), "--once"),
        (("--once", "another"), "--once draws one"),
    ],
)
def test_wrong_options_are_one_line(
    asgml: Asgml, tiny_run: RunPaths, words: tuple[str, ...], named: str
) -> None:
    said = asgml("watch", tiny_run.root, *words)
    assert said.code == USAGE and named in said.err and said.err.count("\n") == 1


def test_a_run_that_goes_while_it_is_read_is_no_hang(
    asgml: Asgml, tiny_run: RunPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asgml.app.commands.watch_once.PATIENCE_SECONDS", 1.0)
    copy = tmp_path / "runs" / "gone"
    shutil.copytree(tiny_run.root, copy)
    real = RunPaths(copy)
    monkeypatch.setattr("asgml.app.commands.watch.find", lambda *_: shutil.rmtree(copy) or real)
    assert "gone" in asgml("watch", "--once", copy).out


def test_the_list_of_runs_is_waited_for(
    asgml: Asgml, tiny_run: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asgml.storage.runs import index

    read = index.read_records

    def slowly(*given: object, **options: object) -> object:
        time.sleep(3.5)
        return read(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(index, "read_records", slowly)
    panel = asgml("watch", "--once", tiny_run.root, "--size", "160x45").out.partition("─ runs ─")[2]
    assert "tiny-01" in panel
