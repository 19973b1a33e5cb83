"""Shared by all tests: few threads, no user settings, real data if present, a tiny run."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from warm_kit import WarmParent

from asgml.storage.format.layout import RunPaths

# Before numpy and torch are imported: small tensors are faster on one thread.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

ROOT = Path(__file__).resolve().parent.parent
# The kit of the dashboard's tests serves those in other folders too.
sys.path.append(str(ROOT / "tests" / "tui"))


BYTECODE = pytest.StashKey[Path]()
WARM = pytest.StashKey[WarmParent]()


def pytest_configure(config: pytest.Config) -> None:
    """Start what the workers share, in the process that starts them."""
    if hasattr(config, "workerinput"):
        return
    if sys.dont_write_bytecode:
        config.stash[BYTECODE] = keep_bytecode()
    config.stash[WARM] = WarmParent()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what the workers shared."""
    if WARM in config.stash:
        config.stash[WARM].close()
    if BYTECODE in config.stash:
        shutil.rmtree(config.stash[BYTECODE])


def keep_bytecode() -> Path:
    """Return a folder in which bytecode is kept as long as the tests run.

    PYTHONDONTWRITEBYTECODE is set, so none may be written beside the code. Without any, each of
    the 200 processes that the tests start compiles what it imports: 5 s of 8 s where that is torch.
    """
    folder = tempfile.mkdtemp(prefix="bytecode-")
    del os.environ["PYTHONDONTWRITEBYTECODE"]
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = folder
    sys.dont_write_bytecode = False
    return Path(folder)


@pytest.fixture(autouse=True)
def _no_preferences(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for name in [name for name in os.environ if name.startswith("ASGML_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data beside the repository; tests that use it are skipped where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the optional folder shared/data beside the checkout")
    return folder


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> RunPaths:
    """A finished run of 40 steps, with a NaN, an intervention and a hostile note. Read only."""
    from tiny import write_tiny_run

    return write_tiny_run(tmp_path_factory.mktemp("tiny") / "runs" / "tiny-01")
