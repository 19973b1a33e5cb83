"""Read the lists of UCF-101: the classes by number, and the videos of a published split."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from asgml.core.data.base import DataError
from asgml.core.data.datasets.lists import Entry, Row, check_name, is_plain, read_text

# The group, videos cut from the same long one, is all before the number of the clip.
CLIP = re.compile(r"(v_[A-Za-z]+_g[0-9]{2})_c[0-9]{2}")
# In the names of the videos, and in those of the frames and flow of the public archives.
RESPELLED = ("HandStand", "Handstand")


def read_lines(path: Path, counts: Sequence[int]) -> list[Row]:
    """Return the lines of a list that are not blank, cut at their spaces.

    Raise DataError where the number of fields of a line is not among `counts`.
    """
    lines = read_text(path).splitlines()
    rows = [
        Row(tuple(line.split()), path, number)
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    for row in rows:
        line = " ".join(row.fields)[:80]
        if len(row.fields) not in counts or not all(is_plain(field) for field in row.fields):
            expected = " or ".join(map(str, counts))
            raise DataError(
                f"{row}: {line!r}; expected {expected} words, as in the lists of UCF-101"
            )
    if not rows:
        raise DataError(
            f"{path}: no line in it; expected one a class or video, as in the lists of UCF-101"
        )
    return rows


def read_classes(path: Path) -> tuple[str, ...]:
    """Return the classes by their number, which is 1 for the first: lines `1 ApplyEyeMakeup`."""
    rows = read_lines(path, (2,))
    for number, row in enumerate(rows, 1):
        if row.fields[0] != str(number):
            raise DataError(
                f"{row}: class number {row.fields[0][:40]!r}; "
                f"expected {number}, one class a line in the order of their numbers"
            )
        check_name(row.fields[1], row)
    names = tuple(row.fields[1] for row in rows)
    if repeated := [row for row, name in zip(rows, names, strict=True) if names.count(name) > 1]:
        last = repeated[-1]
        raise DataError(f"{last}: class {last.fields[1]!r} is there twice; expected each once")
    return names


def read_entry(row: Row, classes: Sequence[str]) -> Entry:
    """Return the entry of a line `ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1`.

    The number of the class is not in the lists of test. Raise DataError.
    """
    label, slash, file = row.fields[0].partition("/")
    if not slash:
        raise DataError(
            f"{row}: {row.fields[0][:80]!r}; expected the folder of the class, then the video, "
            "as in Archery/v_Archery_g01_c01.avi"
        )
    name = check_name(file[:-4] if file.lower().endswith(".avi") else file, row)
    if len(row.fields) > 1 and label in classes and row.fields[1] != str(classes.index(label) + 1):
        raise DataError(
            f"{row}: class number {row.fields[1][:40]!r} for {label!r}; "
            f"expected {classes.index(label) + 1}, as in classInd.txt"
        )
    named = CLIP.fullmatch(name)
    return Entry(name, label, row, spellings(name), group=named[1] if named else "")


def spellings(name: str) -> tuple[str, ...]:
    """Return the name in the list, and as the public archives of frames and flow spell it."""
    respelled = name.replace(*RESPELLED)
    return (name, respelled) if respelled != name else (name,)
