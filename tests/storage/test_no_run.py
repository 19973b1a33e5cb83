"""A path that exists and is no run: what it is, and what to give instead."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import pytest

from asgml.storage.format.layout import RunNotFoundError, RunPaths, find_run
from asgml.storage.read.check import check_run


def told(path: Path | str, folder: Path) -> str:
    with pytest.raises(RunNotFoundError) as caught:
        find_run(str(path), folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_lies_there_is_named(tiny_run: RunPaths, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zarr.zip", "w") as archive:
        archive.writestr("zarr.json", "{}")
    (tmp_path / "foreign.zarr").mkdir()
    (tmp_path / "foreign.zarr" / "zarr.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert "is a zip file" in told(tmp_path / "x.zarr.zip", tmp_path)
    assert "another program" in told(tmp_path / "foreign.zarr", tmp_path)
    assert f"give the run: {tiny_run.root}" in told(tiny_run.store, tmp_path)
    assert "no run" in told(tmp_path / "empty", tmp_path)
    assert "no run" in told(tmp_path / "pipe", tmp_path)
    assert "there are no runs" in told("nothing", tmp_path / "none")


def test_a_name_is_first_of_all_the_name_of_a_run(
    tiny_run: RunPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").write_text("a file that is named like the run begins")
    assert find_run("tiny", tiny_run.root.parent).root == tiny_run.root


def test_a_store_that_is_a_file_is_told(tiny_run: RunPaths, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_run.root, copy, ignore=shutil.ignore_patterns("run.zarr"))
    (copy / "run.toml").touch()
    (copy / "run.zarr").write_bytes(b"PK")
    assert any("unpack it" in finding.problem for finding in check_run(copy))
