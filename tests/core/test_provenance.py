"""The provenance of a run: the user's code where it was started from, and files of the user's."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from core_kit import resume_trainer, save_npz, small_config, small_data, train, train_small

from asgml.core.run import provenance
from asgml.core.run.provenance import (
    LAUNCHED_FROM,
    describe_code,
    describe_git,
    describe_versions,
    own_commit,
)

MODULATOR = """
from asgml.core.modulators.base import Modulator

class Calm(Modulator):
    "Does nothing."
"""


def git(folder: Path, *words: str) -> str:
    """An own git, so that what is tested is not asked about itself."""
    environment = {"HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A user's repository with one committed file."""
    folder = tmp_path / "paper"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "calm.py").write_text(MODULATOR)
    git(folder, "add", "calm.py")
    git(folder, "commit", "-q", "-m", "calm")
    return folder


def test_the_commit_is_that_of_the_folder_it_was_launched_from(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that of the run directory, in which the trainer works."""
    run_folder = tmp_path / "runs" / "a"
    run_folder.mkdir(parents=True)
    monkeypatch.chdir(run_folder)
    monkeypatch.setenv(LAUNCHED_FROM, str(repository))
    _, run = train_small(tmp_path / "run", epochs=1)
    assert run.manifest is not None
    head = git(repository, "rev-parse", "HEAD")
    assert run.manifest.git == {"commit": head, "dirty": False, "folder": str(repository)}
    (repository / "calm.py").write_text(MODULATOR + "# changed\n")
    assert describe_git(repository)["dirty"] is True


def test_untracked_files_do_not_make_the_code_dirty(repository: Path) -> None:
    (repository / "data.npz").write_bytes(b"1")
    assert describe_git(repository)["dirty"] is False


def test_outside_of_a_repository_there_is_no_commit(tmp_path: Path) -> None:
    assert describe_git(tmp_path) == {}
    assert describe_git(tmp_path / "nowhere") == {}


def test_git_of_another_repository_in_the_environment_is_not_asked(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As inside of a hook of git."""
    monkeypatch.setenv("GIT_DIR", str(repository / ".git"))
    assert describe_git(tmp_path) == {}


def test_a_repository_runs_no_program_of_its_own(repository: Path) -> None:
    spy = repository / "spy.sh"
    spy.write_text(f"#!/bin/sh\ntouch {repository / 'ran'}\n")
    spy.chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(spy))
    assert describe_git(repository)["commit"]
    assert not (repository / "ran").exists()


def test_each_own_file_has_its_digest_and_commit(repository: Path, tmp_path: Path) -> None:
    loose = tmp_path / "net.py"
    loose.write_text("class Net: ...\n")
    config = small_config(
        modulator=f"{repository / 'calm.py'}:Calm", encoder={"audio": f"{loose}:Net"}
    )
    calm, net = describe_code(config)
    head = git(repository, "rev-parse", "HEAD")
    assert calm == {
        "use": "modulator",
        "path": str(repository / "calm.py"),
        "sha256": hashlib.sha256(MODULATOR.encode()).hexdigest(),
        "commit": head,
        "dirty": False,
    }
    assert (net["use"], net["commit"], net["dirty"]) == ("encoder.audio", "", False)
    (repository / "calm.py").write_text("changed")
    assert describe_code(config)[0]["dirty"] is True


def test_a_file_that_was_never_committed_is_not_as_committed(repository: Path) -> None:
    for name in ("new.py", "ignored.py"):
        (repository / name).write_text(MODULATOR)
    (repository / ".gitignore").write_text("ignored.py\n")
    for name in ("new.py", "ignored.py"):
        record = describe_code(small_config(modulator=f"{repository / name}:Calm"))[0]
        assert record["commit"] and record["dirty"] is True, name


def test_versions_name_what_numbers_come_out_of() -> None:
    versions = describe_versions()
    assert versions["torch"] == torch.__version__ and versions["numpy"] == np.__version__
    assert versions["asgml"] not in ("", "unknown")
    assert all(isinstance(text, str) for text in versions.values())


def test_an_install_inside_of_the_users_checkout_has_no_commit(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """site-packages in a repository's .venv: the commit is not that of asgml."""
    module = repository / ".venv" / "asgml" / "core" / "run" / "provenance.py"
    module.parent.mkdir(parents=True)
    module.write_text("")
    monkeypatch.setattr(provenance, "__file__", str(module))
    assert own_commit.__wrapped__() == ""
    git(repository, "add", "-f", str(module))
    git(repository, "commit", "-q", "-m", "vendored")
    assert own_commit.__wrapped__() == git(repository, "rev-parse", "HEAD")


def test_a_run_resumed_with_other_code_says_so(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LAUNCHED_FROM, str(repository))
    save_npz(small_data(), tmp_path / "a.npz")
    root, config = tmp_path / "run", small_config(epochs=1)
    train_small(root, epochs=1)
    train(resume_trainer(root, small_data(), config))
    (repository / "calm.py").write_text("changed")
    run = train(resume_trainer(root, small_data(), config))
    same, other = (event.fields for event in run.events if event.kind == "resumed")
    assert "git" not in same and "versions" not in same
    assert other["git"]["dirty"] is True and "versions" not in other
