"""The trainer's output: levels, tracebacks in one piece, only the end of a plain file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgml.storage.read import trainer_log
from asgml.storage.read.trainer_log import LEVELS, TrainerLog, at_least, level_of, log_records

TRACEBACK = """\
Traceback (most recent call last):
  File "a.py", line 3, in f
    g()

ValueError: no
""".splitlines()
CHAINED = [
    *TRACEBACK,
    "",
    "During handling of the above exception, another exception occurred:",
    "",
    "Traceback (most recent call last):",
    '  File "b.py", line 9, in <module>',
    "RuntimeError: worse",
]


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("2026-01-01 12:00:00 DEBUG asgml: x", "DEBUG"),
        ("[WARN] disk", "WARNING"),
        ("FATAL: gone", "CRITICAL"),
        ("a.py:12: UserWarning: the INFO", "WARNING"),
        ("error: no such file", "ERROR"),
        ("torch.OutOfMemoryError: CUDA", "ERROR"),
        ("loading INFORMATION", "INFO"),
        ("my.ERROR.module", "INFO"),
        ("x" * 90 + " ERROR", "INFO"),
        ("epoch 3", "INFO"),
    ],
)
def test_a_line_has_the_level_that_it_names(line: str, level: str) -> None:
    assert level_of(line) == level


def test_a_traceback_is_one_record_with_those_that_led_to_it() -> None:
    records = log_records(["epoch 1", *CHAINED, "epoch 2", "  more of it", "", "epoch 3"])
    assert [(record.level, record.lines[0]) for record in records] == [
        ("INFO", "epoch 1"),
        ("ERROR", CHAINED[0]),
        ("INFO", "epoch 2"),
        ("INFO", "epoch 3"),
    ]
    assert list(records[1].lines) == CHAINED
    assert records[2].lines == ("epoch 2", "  more of it")


@given(st.lists(st.sampled_from([*CHAINED, "a", " b", "INFO c", "ERROR d", ""]), max_size=40))
def test_no_line_is_lost_and_none_comes_twice(lines: list[str]) -> None:
    kept = [line for record in log_records(lines) for line in record.lines if line.strip()]
    assert kept == [line for line in lines if line.strip()]


def test_levels_and_words_choose_whole_records() -> None:
    records = log_records(["DEBUG a", "INFO b", *TRACEBACK, "CRITICAL end"])
    sizes = [len(at_least(records, level)) for level in LEVELS]
    assert sizes == [4, 3, 2, 2, 1]
    assert [record.lines[-1] for record in at_least(records, "DEBUG", "G()")] == ["ValueError: no"]


def test_it_is_read_on_only_where_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "trainer.log"
    log = TrainerLog(path)
    assert log.refresh() and "No such file" in log.problem and not log.refresh()
    path.write_bytes(b"one\r\nprogress 1%\rprogress 2%\n\x1b[31mred\n")
    assert log.refresh() and log.problem == ""
    assert [record.lines[0] for record in log.records] == ["one", "progress 2%", "␛[31mred"]
    assert not log.refresh()
    with path.open("ab") as file:
        file.write(b"two\n")
    assert log.refresh() and log.records[-1].lines == ("two",)
    path.write_bytes(b"anew\n")
    assert log.refresh() and [record.lines for record in log.records] == [("anew",)]


def test_only_the_end_of_a_large_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer_log, "MAX_BYTES", 100)
    path = tmp_path / "trainer.log"
    path.write_text("".join(f"line {number}\n" for number in range(100)))
    log = TrainerLog(path)
    assert log.refresh() and log.left_out == path.stat().st_size - 100
    assert log.records[-1].lines == ("line 99",) and len(log.records) <= 15
    assert all(record.lines[0].startswith("line ") for record in log.records)


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_no_plain_file_is_not_read(kind: str, tmp_path: Path) -> None:
    path, secret = tmp_path / "trainer.log", tmp_path / "secret"
    secret.write_text("secret")
    if kind == "link":
        path.symlink_to(secret)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    log = TrainerLog(path)
    assert log.refresh() and log.records == [] and log.problem
