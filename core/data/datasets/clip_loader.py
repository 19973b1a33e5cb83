"""Find and load the data sets of clips, all in the same way, from their rows of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from asgml.core.data.base import DataError, Dataset, import_target, split_name
from asgml.core.data.catalogue import DATA_SETS
from asgml.core.data.clips.clip_options import ClipOptions
from asgml.core.data.clips.clips import ClipSet
from asgml.core.data.datasets.clip_dataset import load_clips
from asgml.core.data.options import read_options
from asgml.storage.format.user_path import expand_user


def load(spec: str, options: Mapping[str, Any], seed: int) -> Dataset:
    """Return the data set of `spec`, NAME:FOLDER, decoded batch by batch. Raise DataError."""
    name, _ = split_name(spec)
    chosen = options_of(name, options, spec)
    return load_clips(find_chosen(name, root_of(spec), chosen, seed), chosen)


def find(spec: str, options: Mapping[str, Any], seed: int) -> ClipSet:
    """Return the clips of the lists, each with its files, nothing decoded. Raise DataError."""
    name, _ = split_name(spec)
    return find_chosen(name, root_of(spec), options_of(name, options, spec), seed)


def find_chosen(name: str, root: Path, options: ClipOptions, seed: int) -> ClipSet:
    found = import_target(DATA_SETS[name].loader)(check_root(root, name), options, seed)
    return cast(ClipSet, found)


def options_of(name: str, options: Mapping[str, Any], spec: str) -> ClipOptions:
    form: type[ClipOptions] = import_target(DATA_SETS[name].options_class)
    return read_options(form, options, spec)


def root_of(spec: str) -> Path:
    """Return the folder behind the colon of `spec`. Raise DataError where none is given."""
    name, path = split_name(spec)
    if not path:
        raise DataError(
            f"data {spec!r} is read from files; "
            f"give their folder behind a colon, as in {name}:{DATA_SETS[name].example}"
        )
    return Path(path)


def check_root(root: Path, name: str) -> Path:
    """Return the absolute folder of a data set. Raise DataError where it is none."""
    folder = expand_user(root, DataError).absolute()
    if not folder.is_dir():
        state = "is a file" if folder.exists() else "is not there"
        raise DataError(f"{name}: {folder} {state}; expected the folder that holds the data")
    return folder
