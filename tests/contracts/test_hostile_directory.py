"""Files of our names in the current directory are run by neither program nor trainer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
ASGML = Path(sys.executable).with_name("asgml")
NAMES = (
    "core/__init__.py",
    "core/worker.py",
    "app/__init__.py",
    "app/cli.py",
    "storage.py",
    "tui.py",
    "numpy.py",
    "torch.py",
    "typer.py",
)


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A directory whose modules leave a mark when they are imported."""
    folder = tmp_path / "hostile"
    for name in NAMES:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        mark = str(tmp_path / f"imported-{name.replace('/', '-')}")
        file.write_text(
            f"open({mark!r}, 'w').close()\nraise SystemExit('a foreign {name} was run')\n",
            encoding="utf-8",
        )
    return folder


def marks(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in tmp_path.glob("imported-*"))


def test_the_marks_work(hostile: Path, tmp_path: Path) -> None:
    """The trap itself: a plain `import core` in that directory does run the foreign file."""
    subprocess.run(
        [sys.executable, "-c", "import core"],
        cwd=hostile,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
    )
    assert marks(tmp_path) == ["imported-core-__init__.py"]


@pytest.mark.parametrize("search", [":.", "{here}"])
def test_training_in_a_hostile_directory_runs_our_own_code(
    hostile: Path, tmp_path: Path, search: str
) -> None:
    """The worker is ours even where PYTHONPATH asks for the current directory."""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    program = (
        "from pathlib import Path; import sys; from asgml.app.launcher import start; "
        "from asgml.storage.format.layout import RunPaths; "
        "start(RunPaths(Path(sys.argv[1]))).process.wait()"
    )
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.toml").write_text(
        "epochs = 0\n", encoding="utf-8"
    )  # refused by the worker, once it is really ours
    # The parent is started clean; what the user's PYTHONPATH would do to the worker is set inside.
    setting = f"import os; os.environ['PYTHONPATH'] = {search.format(here=hostile)!r}; "
    said = subprocess.run(
        [sys.executable, "-P", "-c", setting + program, str(run)],
        cwd=hostile,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert said.returncode == 0, said.stderr
    log = (run / "trainer.log").read_text(encoding="utf-8")
    assert "epochs" in log, log
    assert marks(tmp_path) == []


def test_the_installed_program_works_in_a_hostile_directory(hostile: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    runs = tmp_path / "runs"

    def asgml(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(ASGML), *arguments],
            cwd=hostile,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
        )

    assert asgml("methods").returncode == 0
    started = asgml("train", "demo", "--epochs", "500", "--runs", str(runs), "--detach")
    assert started.returncode == 0, started.stderr
    try:
        assert (
            json.loads(asgml("show", started.stdout.strip(), "--json").stdout)["state"] == "running"
        )
        assert asgml("ctl", started.stdout.strip(), "stop", "--now").returncode == 0
    finally:
        _end(Path(started.stdout.strip()))
    assert marks(tmp_path) == []


def _end(run: Path) -> None:
    """Waits for the trainer, which was asked to stop; does not let it outlive the test."""
    pid = json.loads((run / "launch.json").read_text(encoding="utf-8"))["pid"]
    until = time.monotonic() + 20
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > until:
            psutil.Process(pid).kill()
        time.sleep(0.1)
