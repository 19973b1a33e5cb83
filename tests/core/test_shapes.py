"""Annotated shapes hold: short trainings in a process that checks every annotated call."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from warm_kit import warm_python

SCRIPT = """
import importlib
import sys
from pathlib import Path

from jaxtyping import install_import_hook

with install_import_hook(MODULES, "beartype.beartype"):
    import asgml.core.training.trainer
    for method in asgml.core.methods.registry.METHODS.values():
        importlib.import_module(method.target.partition(":")[0])

import pytest
import torch
from jaxtyping import TypeCheckError
from core_kit import modalities, small_data, train_small
from asgml.core.measures.task import correct
from asgml.core.methods.registry import METHODS
from asgml.core.types import Batch

with pytest.raises(TypeCheckError):  # the checks are on
    correct(torch.zeros(4, 3), torch.zeros(5, dtype=torch.int64))
with pytest.raises(TypeCheckError):
    Batch({}, torch.zeros(4))

root = Path(sys.argv[1])
SETUPS = {
    "two": dict(
        method="ogm_ge+boost", probe={"type": "mlp_1layer", "eval_freq": 2}, fusion={"hidden": 8}
    ),
    "three": dict(method="ogm+boost", fusion={"kind": "sum"}, loss={"gamma": 1.0}),
    "six": dict(
        method="ogm_ge", fusion={"alone": "heads"}, loss={"gamma": 1.0}, eval={"test": "epoch"}
    ),
}
for (name, setup), count in zip(SETUPS.items(), (2, 3, 6), strict=True):
    _, run = train_small(root / name, small_data(modalities(count)), epochs=1, **setup)
    assert run.state() == "finished", name
for method in METHODS:
    _, run = train_small(root / method, method=method, epochs=2, fusion={"hidden": 0})
    assert run.state() == "finished", method
print("checked")
"""

MODULES = [
    "asgml.core.data.loading.batches",
    "asgml.core.measures",
    "asgml.core.model",
    "asgml.core.modulators",
    "asgml.core.run.rows",
    "asgml.core.training",
    "asgml.core.types",
]
"""Modules and packages whose annotated functions are checked."""


def test_shapes(tmp_path: Path) -> None:
    here = Path(__file__).resolve().parent
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": f"{here.parents[1]}{os.pathsep}{here}",
    }
    script = SCRIPT.replace("MODULES", repr(MODULES))
    done = subprocess.run(
        [*warm_python(), "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=250,
        env=environment,
        check=False,
    )
    assert done.stdout == "checked\n", done.stderr[-3000:]
