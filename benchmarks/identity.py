"""Digest the rows and weights of short trainings, to show that a change alters no number.

    python benchmarks/identity.py --asgml OLD/.venv/bin/asgml > before.txt
    python benchmarks/identity.py --asgml NEW/.venv/bin/asgml > after.txt
    diff before.txt after.txt                      # nothing: the same rows and weights, bit for bit

Each method is trained with each encoder on one CPU thread through the command line; the store and
the checkpoint are then read with zarr and torch alone, so that no code of the program stands
between the numbers and the digest. A method whose default rule has changed since 0.1.0 is trained
with the settings of its old rule, each where the program has it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
import zarr

METHODS = ("baseline", "ogm_ge+boost", "mmpareto", "agm", "inforeg")
OLD_RULE = {
    "mmpareto": ("fusion.alone=split",),
    "agm": ("agm.variant=paper", "agm.scope=encoder"),
    "inforeg": ("inforeg.variant=paper", "inforeg.threshold=0.04"),
}
"""Settings with which a method does what it did in 0.1.0."""
SHAPES = {
    "conv": ((1, 20, 16), (3, 16, 16)),
    "mlp": ((24,), (40,)),
    "sequence": ((12, 8), (6, 10)),
    "resnet18": ((1, 40, 32), (3, 32, 32)),
}
"""Input shapes of the two modalities, by encoder."""
TIMES = ("wall_time", "active_time", "step_time")
LATER = ("grad_norm_clean", "head_gain")
"""Columns that older versions lack."""
SPLITS = ("train",) * 96 + ("val",) * 32 + ("test",) * 32
COMMON = (
    "--epochs 3 --seed 5 --device cpu --wait "
    "--set batch_size=16 --set threads=1 --set probe.eval_freq=3"
)


def main() -> None:
    """Print one line for each method and encoder: digest of the rows, digest of the weights."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--asgml", default="asgml", help="the program to train with")
    parser.add_argument("--encoders", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for encoder in asked.encoders:
            data = write_data(Path(folder) / f"{encoder}.npz", SHAPES[encoder])
            for method in METHODS:
                run = Path(folder) / f"{encoder}-{method.replace('+', '-')}"
                train(asked.asgml, data, encoder, method, run)
                digests = f"rows {rows_digest(run)}  weights {weights_digest(run)}"
                print(f"{method:13} {encoder:9} {digests}", flush=True)


def write_data(path: Path, shapes: tuple[tuple[int, ...], ...]) -> Path:
    """Write two noisy modalities of four classes in the arrays format."""
    rng = np.random.default_rng(0)
    labels = np.arange(len(SPLITS)) % 4
    arrays = {}
    for name, noise, shape in zip(("audio", "visual"), (1.0, 3.0), shapes, strict=True):
        centers = rng.normal(size=(4, *shape))
        values = centers[labels] + noise * rng.normal(size=(len(SPLITS), *shape))
        arrays[name] = values.astype(np.float32)
    np.savez(path, label=labels, split=np.array(SPLITS), **arrays)
    return path


def train(asgml: str, data: Path, encoder: str, method: str, run: Path) -> None:
    """Train to the end. Raise CalledProcessError where the program fails."""
    given = f"train --data {data} --method {method} --set encoder={encoder} --runs {run.parent}"
    kept = [f"--set={setting}" for setting in old_rule(asgml, method)]
    command = [asgml, *given.split(), "--name", run.name, *COMMON.split(), *kept]
    subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def old_rule(asgml: str, method: str) -> list[str]:
    """Return the settings of the method's old rule that this version of the program has."""
    settings = OLD_RULE.get(method, ())
    if not settings:
        return []
    asked = [asgml, "methods", method, "--json"]
    row = json.loads(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)
    names = {option["name"] for option in row["options"]}
    return [each for each in settings if each.startswith("fusion.") or each.split("=")[0] in names]


def rows_digest(run: Path) -> str:
    """Return the digest of every recorded number but the times."""
    digest = hashlib.sha256()
    for table in ("steps", "probes", "epochs"):
        array = zarr.open_array(run / "run.zarr", path=table, mode="r")
        columns = [str(name) for name in array.attrs["columns"]]
        later = [name for name in columns if name.partition("/")[0] in LATER]
        kept = [i for i, name in enumerate(columns) if name not in (*TIMES, *later)]
        digest.update(",".join(name for name in columns if name not in later).encode())
        digest.update(np.ascontiguousarray(np.asarray(array[:])[:, kept]).tobytes())
    return digest.hexdigest()[:16]


def weights_digest(run: Path) -> str:
    """Return the digest of the last checkpoint's model and optimizer."""
    last = max((run / "checkpoints").glob("step-*.pt"))
    state = torch.load(last, map_location="cpu", weights_only=True)
    digest = hashlib.sha256()
    for name, value in state["model"].items():
        digest.update(name.encode() + value.contiguous().numpy().tobytes())
    for index, slots in sorted(state["optimizer"]["state"].items()):
        for name, value in sorted(slots.items()):
            if isinstance(value, torch.Tensor):
                digest.update(f"{index}.{name}".encode() + value.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    main()
