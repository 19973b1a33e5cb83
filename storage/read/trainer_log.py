"""What the trainer printed: the end of trainer.log as records with levels, read on as it grows."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from asgml.storage.format.safe_text import safe

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
MAX_BYTES = 512 << 10
"""Most bytes of the file that are kept: its end."""
MAX_LINE = 2000
"""Most characters of a line that are kept."""
MAX_RECORDS = 5000
_WORDS = {"WARN": "WARNING", "FATAL": "CRITICAL", **{level: level for level in LEVELS}}
_LEVEL = re.compile(rf"(?<![\w.])({'|'.join(_WORDS)})(?![\w.])")
_LOOKED_AT = 80
"""Characters at the beginning of a line in which its level may stand."""
_WARNING = re.compile(r"\S+:\d+: \w*Warning: ")
_ERROR = re.compile(r"error: |[\w.]*(?:Error|Exception): ")
_TRACEBACK = "Traceback (most recent call last):"
_CHAINED = ("During handling of the above", "The above exception was the direct cause")


@dataclass(frozen=True)
class LogRecord:
    """Lines that belong together, safe to print: one with its continuation, or a traceback."""

    level: str
    lines: tuple[str, ...]


class TrainerLog:
    """The end of a log file. Nothing but a regular file is read, and no link followed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = (0, 0, 0)  # file, its size, and how much of it was left out
        self.records: list[LogRecord] = []
        self.left_out = 0
        """Bytes before the first record."""
        self.problem = ""
        """Why there is nothing to read, "" where there is."""

    def refresh(self) -> bool:
        """Read the file where it has changed. Return True where there is something else to show."""
        try:
            handle = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            return self._tell(f"{self._path.name} cannot be read: {error.strerror}")
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                return self._tell(f"{self._path.name} is no regular file")
            begin = max(status.st_size - MAX_BYTES, 0)
            read = (status.st_ino, status.st_size, begin)
            if read == self._read:
                return False
            content = os.pread(handle, MAX_BYTES, begin)
        finally:
            os.close(handle)
        self._read, self.left_out, self.problem = read, begin, ""
        self.records = log_records(_lines(content, whole=begin == 0))[-MAX_RECORDS:]
        return True

    def _tell(self, problem: str) -> bool:
        told, self.problem = self.problem, safe(problem)
        self.records, self._read = [], (0, 0, 0)
        return told != self.problem


def log_records(lines: Iterable[str]) -> list[LogRecord]:
    """Return the records of a log: tracebacks, and continued lines, are kept together."""
    found: list[tuple[str, list[str]]] = []
    in_traceback = False
    for line in lines:
        begins = line.startswith(_TRACEBACK)
        if in_traceback or (found and _continues(line, found[-1][1])):
            found[-1][1].append(line)
        elif line.strip():
            found.append(("ERROR" if begins else level_of(line), [line]))
        else:
            continue
        # the last line of one is the first that is not indented, unless another follows from it
        chained = line.startswith(_CHAINED)
        inner = in_traceback and (not line.strip() or line[0].isspace())
        in_traceback = begins or chained or inner
    return [LogRecord(level, tuple(_without_blank_end(lines))) for level, lines in found]


def level_of(line: str) -> str:
    """Return the level that a line names at its beginning; INFO where it names none."""
    if _WARNING.match(line):
        return "WARNING"
    if _ERROR.match(line):
        return "ERROR"
    named = _LEVEL.search(line[:_LOOKED_AT])
    return _WORDS[named[1]] if named else "INFO"


def at_least(records: Iterable[LogRecord], level: str, words: str = "") -> list[LogRecord]:
    """Return the records of a level or a graver one that have these words, in any case."""
    least, wanted = LEVELS.index(level), words.lower()
    return [
        record
        for record in records
        if LEVELS.index(record.level) >= least
        and (not wanted or any(wanted in line.lower() for line in record.lines))
    ]


def _continues(line: str, before: list[str]) -> bool:
    """Return True for an indented line, and for what leads from one traceback to the next."""
    if line.startswith(_CHAINED) or not line.strip():
        return before[0].startswith(_TRACEBACK)
    return line[0].isspace()


def _without_blank_end(lines: list[str]) -> list[str]:
    while len(lines) > 1 and not lines[-1].strip():
        lines.pop()
    return lines


def _lines(content: bytes, *, whole: bool) -> list[str]:
    """Return safe lines; of one that a progress bar has overwritten, what it shows at last."""
    rows = content.decode("utf-8", "replace").split("\n")
    shown = [row.rstrip("\r").rpartition("\r")[2] for row in (rows if whole else rows[1:])]
    return [safe(row[:MAX_LINE].replace("\t", "    ")) for row in shown]
