"""Shared by all tests: few threads, no user settings, real data if present, a tiny run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asgml.storage.format.layout import RunPaths

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(
        _name, "1"
    )  # before numpy and torch are imported: small tensors are faster on one thread

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _no_preferences(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for name in [name for name in os.environ if name.startswith("ASGML_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-config"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data beside the repository; tests that use it are skipped where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the data in ../shared/data")
    return folder


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> RunPaths:
    """A finished run of 40 steps, with a NaN, an intervention and a hostile note. Read only."""
    from tiny import write_tiny_run

    return write_tiny_run(tmp_path_factory.mktemp("tiny") / "runs" / "tiny-01")
