"""Read the lists that name the clips of a data set; an error names the line of the list."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from asgml.core.data.base import DataError
from asgml.core.data.catalogue import Dirs
from asgml.storage.format.user_path import expand_user

LARGEST = 64 * 2**20  # bytes; VGGSound's list, the longest of the field, has 8 MB
LONGEST_NAME = 200  # characters; file systems allow 255 bytes with the suffix
NAME = re.compile(r"[^/\\\x00-\x1f\x7f]+")
# Keeps out 'nan', '1e999' and digits of other scripts, which float() takes.
NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


@dataclass(frozen=True)
class Row:
    """A line of a list, cut at its separators. As text it is the file and the line's number."""

    fields: tuple[str, ...]
    path: Path
    line: int

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}"


@dataclass(frozen=True)
class Entry:
    """One clip as a list describes it.

    `names` are those its files may have, without suffix, the likeliest first. `start` and `seconds`
    are the part of the files that the clip is; None is all. `group` is the person or the video that
    it comes from.
    """

    id: str
    label: str
    row: Row
    names: tuple[str, ...]
    start: float = 0.0
    seconds: float | None = None
    group: str = ""


EntriesBySplit = Mapping[str, Sequence[Entry]]


def read_rows(path: Path, fields: int, separator: str = ",") -> list[Row]:
    """Return the lines of a list that are not blank.

    UTF-8 with or without a byte order mark, any line ends, no header. A field between double quotes
    may hold a comma. Raise DataError where a line has another number of fields, or an empty one.
    """
    text = io.StringIO(read_text(path), newline="")
    # Quotes enclose fields where commas separate them (VGGSound); in AVE's list they are text.
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if separator == "," else csv.QUOTE_NONE
    reader = csv.reader(text, delimiter=separator, quoting=quoting, strict=True)
    expected = f"expected {fields} fields with {separator!r} between them"
    rows = []
    try:
        for cut in reader:
            if any(field.strip() for field in cut):
                rows.append(Row(tuple(field.strip() for field in cut), path, reader.line_num))
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}; {expected}") from error
    for row in rows:
        check_fields(row, fields, separator)
    if not rows:
        raise DataError(f"{path}: no line in it; {expected}, one line a clip")
    return rows


def check_fields(row: Row, fields: int, separator: str) -> None:
    """Raise DataError for a wrong number of fields, an empty one, or one that is not plain text."""
    line = separator.join(row.fields)[:80]
    if len(row.fields) != fields or not all(row.fields):
        raise DataError(
            f"{row}: {line!r}; "
            f"expected {fields} fields with {separator!r} between them, none of them empty"
        )
    if not all(is_plain(field) for field in row.fields):
        raise DataError(f"{row}: {line!r} holds a character that is not text; remove it")


def is_plain(text: str) -> bool:
    """Return False for text with control characters or those that turn the direction of writing.

    Names are shown in a terminal, which such characters could steer.
    """
    return (text.isascii() and text.isprintable()) or not any(
        unicodedata.category(char).startswith("C") for char in text
    )


def read_text(path: Path) -> str:
    """Return a small text file.

    Raise DataError for one that cannot be read, is not UTF-8, or is too large to be a list.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(
                f"{path}: {path.stat().st_size / 2**20:.0f} MB; "
                f"expected a list of clips, at most {LARGEST // 2**20} MB"
            )
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{path}: cannot be read ({reason}); expected a list of clips") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: byte {error.start} is not UTF-8; save the list as UTF-8"
        ) from error


def read_class_names(path: Path) -> list[str]:
    """Return the names of a file, one a line; blank lines do not count. Raise DataError."""
    names = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    faults = [f"{name!r} is there twice" for i, name in enumerate(names) if name in names[:i]]
    faults += [
        f"{name[:80]!r} holds a character that is not text" for name in names if not is_plain(name)
    ]
    if not names:
        faults.append("no line in it")
    if faults:
        raise DataError(f"{path}: {faults[0]}; expected one class a line, each once")
    return names


def find_list(root: Path, folder: str | None, name: str, defaults: Dirs) -> Path:
    """Return the list `name` in the folder given, else in the root or one of its default folders.

    Raise DataError that names the folders tried.
    """
    if folder is not None:
        folders = [root / expand_user(folder, DataError)]
    else:
        folders = [root, *(root / default for default in defaults.names)]
    for parent in folders:
        if (parent / name).is_file():
            return parent / name
    raise DataError(
        f"no list {name!r}: looked in {', '.join(map(str, folders))}; "
        f"{defaults.advice}, or give its folder with the option lists"
    )


def check_name(name: str, row: Row) -> str:
    """Return `name`, which becomes part of a path, and so must not lead out of its folder."""
    if not NAME.fullmatch(name) or name in (".", "..") or len(name) > LONGEST_NAME:
        raise DataError(
            f"{row}: {name[:80]!r} is not the name of a clip; "
            "expected a file name without folder and suffix"
        )
    return name


def check_number(text: str, row: Row, quantity: str) -> float:
    """Return a finite number that is not negative. Raise DataError for anything else."""
    if not NUMBER.fullmatch(text):
        raise DataError(f"{row}: {quantity} is {text[:40]!r}; expected seconds, 0 or more")
    return float(text)


def refuse_repeats(entries: EntriesBySplit) -> None:
    """Raise DataError unless every clip is in one split, once."""
    seen: dict[str, Row] = {}
    for listed in entries.values():
        for entry in listed:
            if entry.id in seen:
                raise DataError(
                    f"{entry.row}: clip {entry.id!r} is there already ({seen[entry.id]}); "
                    "expected each clip once, in one list"
                )
            seen[entry.id] = entry.row


def refuse_strange_labels(entries: EntriesBySplit, classes: Sequence[str]) -> None:
    """Raise DataError for an entry whose label is none of the classes."""
    known = set(classes)
    for entry in (entry for listed in entries.values() for entry in listed):
        if entry.label not in known:
            named = ", ".join(classes[:12]) + (" …" if len(classes) > 12 else "")
            raise DataError(
                f"{entry.row}: class {entry.label[:80]!r} of clip {entry.id!r} "
                f"is not one of {named}"
            )
