"""Variants of the boost and other methods on one data set, beside the baseline.

    uv run python benchmarks/questions.py DATA.npz --seeds 3 --epochs 15

Every variant trains by the same protocol; the reported test accuracy is that of the model with the
best validation accuracy. `gap` is the utilization gap at the end, `weak` the validation accuracy of
the weakest modality's probe, both means over seeds. `Δ` is the mean difference from the baseline of
the same seed, with its standard error: below two of those it means nothing.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asgml.core.config.run_config import make_config
from asgml.core.data.base import Dataset, load_data
from asgml.core.run.manifest_builder import make_manifest
from asgml.core.training.components import make_components
from asgml.core.training.trainer import Trainer
from asgml.storage.format.layout import RunPaths
from asgml.storage.read.reader import Run

BOOST: dict[str, dict[str, Any]] = {
    "boost": {},
    "boost gap_scale 0.2": {"gap_scale": 0.2},
    "boost dead_band 0.05": {"dead_band": 0.05},
    "boost probe_val": {"signal": "probe_val"},
    "boost bias_corrected": {"bias_corrected": True},
    "boost by discrepancy": {"signal": "discrepancy"},
    "boost by grad_norm": {"signal": "grad_norm"},
    "boost by loss": {"signal": "loss"},
    "boost linear": {"schedule": "linear"},
    "boost cosine": {"schedule": "cosine"},
    "boost by gap": {"schedule": "gap"},
}
COMPANY = (
    "ogm_ge",
    "ogm_ge+boost",
    "ogm+boost",
    "mlb",
    "agm",
    "agm+boost",
    "cggm",
    "cggm+boost",
    "mmpareto",
    "mmpareto+boost",
)


def variants() -> dict[str, dict[str, Any]]:
    """Return the part of the configuration of each variant, by name."""
    boosts = {name: {"method": "boost", "boost": section} for name, section in BOOST.items()}
    return {
        "baseline": {"method": "baseline"},
        **boosts,
        **{name: {"method": name} for name in COMPANY},
    }


def train(data: Dataset, tree: dict[str, Any]) -> Run:
    """Train as `asgml train` does it, in this process; return the recorded run."""
    config, device = make_config(tree), torch.device("cpu")
    paths = RunPaths(Path(tempfile.mkdtemp(prefix="asgml-questions-")))
    manifest = make_manifest("question", config, data, device)
    components = make_components(config, paths, data, manifest, device)
    components.run.open()
    components.run.close(Trainer(components).train())
    run = Run.open(paths)
    shutil.rmtree(paths.root)
    return run


def outcome(run: Run) -> tuple[float, float, float]:
    """Return test accuracy at best validation, last gap, last accuracy of the weakest probe."""
    assert run.manifest is not None
    tested = run.column("epochs", "test_accuracy_at_best_val")[-1]
    probes = [run.column("epochs", f"val_probe_accuracy/{m}")[-1] for m in run.manifest.modalities]
    return float(tested), float(run.column("probes", "utilization_gap")[-1]), float(min(probes))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--only", action="append", help="variants to train, beside the baseline")
    given = parser.parse_args()
    torch.set_num_threads(1)
    data, began = load_data(given.data), time.perf_counter()
    protocol = {
        "epochs": given.epochs,
        "optimizer": {"lr": given.lr},
        "probe": {"eval_freq": 5},
        "data": {"name": given.data},
    }
    chosen = {
        name: tree
        for name, tree in variants().items()
        if not given.only or name in {"baseline", *given.only}
    }
    sizes = f"{len(data.modalities)} modalities, {given.seeds} seeds, {given.epochs} epochs"
    print(f"{data.name}: {sizes}, lr {given.lr}")
    print(f"{'variant':<22} {'test':>14} {'Δ baseline':>16} {'gap':>7} {'weak':>7}")
    baseline: list[float] = []
    for name, tree in chosen.items():
        outcomes = [
            outcome(train(data, {**protocol, **tree, "seed": seed})) for seed in range(given.seeds)
        ]
        tested, gaps, weak = (list(column) for column in zip(*outcomes, strict=True))
        baseline = baseline or tested
        means = (statistics.mean(gaps), statistics.mean(weak))
        print(line(name, tested, baseline, *means), flush=True)
    print(f"{time.perf_counter() - began:.0f} s")


def line(name: str, tested: list[float], baseline: list[float], gap: float, weak: float) -> str:
    difference = np.array(tested) - np.array(baseline)
    error = difference.std(ddof=1) / len(difference) ** 0.5
    spread = np.std(tested, ddof=1)
    accuracy = f"{np.mean(tested):.4f} ± {spread:.4f}"
    change = f"{difference.mean():+.4f} ± {error:.4f}"
    return f"{name:<22} {accuracy} {change} {gap:7.3f} {weak:7.3f}"


if __name__ == "__main__":
    main()
