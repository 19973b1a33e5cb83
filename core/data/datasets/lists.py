"""Reads the lists that name the clips of a data set, and says which line of which list is wrong."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from asgml.core.data.base import DataError

LARGEST = 64 * 2**20  # bytes; VGGSound's list, the longest of the field, has 8 MB
LONGEST_NAME = 200  # characters; file systems allow 255 bytes with the suffix
NAME = re.compile(r"[^/\\\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class Row:
    """A line of a list, cut at its separators. As text it is the file and the number of the line."""

    fields: tuple[str, ...]
    path: Path
    line: int

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}"


@dataclass(frozen=True)
class Entry:
    """What a list says of one clip.

    `names` are those its files may have, without suffix, the likeliest first. `start` and `seconds` are the part of the files
    that the clip is; None is all. `group` is the person or the video that it comes from.
    """

    id: str
    label: str
    row: Row
    names: tuple[str, ...]
    start: float = 0.0
    seconds: float | None = None
    group: str = ""


Components = Mapping[str, Sequence[Entry]]


def read_rows(path: Path, fields: int, separator: str = ",") -> list[Row]:
    """The lines of a list that are not blank. UTF-8 with or without a byte order mark, any line ends, no header.

    A field between double quotes may hold a comma. Raises DataError where a line has another number of fields, or an empty one.
    """
    text = io.StringIO(read_text(path), newline="")
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if separator == "," else csv.QUOTE_NONE
    reader = csv.reader(text, delimiter=separator, quoting=quoting, strict=True)
    rows = []
    try:
        for cut in reader:
            if any(field.strip() for field in cut):
                rows.append(Row(tuple(field.strip() for field in cut), path, reader.line_num))
    except csv.Error as error:
        raise DataError(
            f"{path}, line {reader.line_num}: {error}; expected {fields} fields with {separator!r} between them"
        ) from error
    for row in rows:
        check_fields(row, fields, separator)
    if not rows:
        raise DataError(
            f"{path}: no line in it; expected {fields} fields with {separator!r} between them, one line a clip"
        )
    return rows


def check_fields(row: Row, fields: int, separator: str) -> None:
    line = separator.join(row.fields)[:80]
    if len(row.fields) != fields or not all(row.fields):
        raise DataError(
            f"{row}: {line!r}; expected {fields} fields with {separator!r} between them, none of them empty"
        )
    if not all(is_plain(field) for field in row.fields):
        raise DataError(f"{row}: {line!r} holds a character that is not text; remove it")


def is_plain(text: str) -> bool:
    """Without control characters and those that turn the direction of writing: names are shown in a terminal."""
    return (text.isascii() and text.isprintable()) or not any(
        unicodedata.category(char).startswith("C") for char in text
    )


def read_text(path: Path) -> str:
    """A small text file. Raises DataError for a file that cannot be read, is not UTF-8, or is too large to be a list."""
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(
                f"{path}: {path.stat().st_size / 2**20:.0f} MB; expected a list of clips, at most {LARGEST // 2**20} MB"
            )
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror or error}); expected a list of clips"
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: byte {error.start} is not UTF-8; save the list as UTF-8"
        ) from error


def read_words(path: Path) -> list[str]:
    """One word or name a line, each once; blank lines do not count."""
    words = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    twice = [f"{word!r} is there twice" for i, word in enumerate(words) if word in words[:i]]
    strange = [
        f"{word[:80]!r} holds a character that is not text" for word in words if not is_plain(word)
    ]
    if not words or twice or strange:
        raise DataError(
            f"{path}: {[*twice, *strange, 'no line in it'][0]}; expected one class a line, each once"
        )
    return words


def find_list(root: Path, folder: str | None, name: str, usual: Iterable[str], advice: str) -> Path:
    """The list `name` in the folder that was given, else in the data's root or one of its usual subfolders."""
    places = (
        [root / Path(folder).expanduser()]
        if folder is not None
        else [root, *(root / place for place in usual)]
    )
    for place in places:
        if (place / name).is_file():
            return place / name
    raise DataError(
        f"no list {name!r}: looked in {', '.join(map(str, places))}; {advice}, or give its folder with the option lists"
    )


def check_name(name: str, row: Row) -> str:
    """`name`, which becomes part of a path, and so must not lead out of its folder."""
    if not NAME.fullmatch(name) or name in (".", "..") or len(name) > LONGEST_NAME:
        raise DataError(
            f"{row}: {name[:80]!r} is not the name of a clip; expected a file name without folder and suffix"
        )
    return name


def check_number(text: str, row: Row, what: str) -> float:
    """A finite number that is not negative. The pattern keeps out 'nan', '1e999' and digits of other scripts."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise DataError(f"{row}: {what} is {text[:40]!r}; expected seconds, 0 or more")
    return float(text)


def refuse_repeats(parts: Components) -> None:
    """Every clip is in one part, once."""
    seen: dict[str, Row] = {}
    for entries in parts.values():
        for entry in entries:
            if entry.id in seen:
                raise DataError(
                    f"{entry.row}: clip {entry.id!r} is there already ({seen[entry.id]}); expected each clip once, in one list"
                )
            seen[entry.id] = entry.row


def refuse_strange_labels(parts: Components, classes: Sequence[str]) -> None:
    known = set(classes)
    for entries in parts.values():
        for entry in entries:
            if entry.label not in known:
                named = ", ".join(classes[:12]) + (" …" if len(classes) > 12 else "")
                raise DataError(
                    f"{entry.row}: class {entry.label[:80]!r} of clip {entry.id!r} is not one of {named}"
                )
