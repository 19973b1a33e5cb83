"""What a method costs: the time of a training step, relative to plain training of the same model on the same batches.

    uv run python benchmarks/step.py                          # every method of the table, small conv encoders
    uv run python benchmarks/step.py --method ogm_ge+boost --encoder resnet18 --size 64 --steps 5

All variants take turns in one process, a few steps each, so that a change of the machine's speed meets them alike. What
counts is the quickest round: whatever else the machine does only adds to it. `plain` is a hand-written loop: no recording,
no probes, no commands. `loop` is OGM-GE as a straightforward transcription does it: a Python loop over the samples, each
with the softmax of the whole batch, and one over the named parameters. CPU time of the process, in ms, on one thread.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from core.config import make_config
from core.data.base import load_data
from core.describe import make_manifest
from core.parts import make_parts
from core.registry import METHODS
from core.trainer import Trainer
from core.types import Batch
from storage.layout import RunPaths
from storage.writer import RunWriter


def make_trainer(method: str, given: argparse.Namespace) -> Trainer:
    tree: dict[str, Any] = {
        "method": method,
        "encoder": given.encoder,
        "epochs": 10_000,
        "data": {"name": given.data, "options": {"train": 64 * 4} if given.data == "synthetic" else {}},
    }
    config = make_config(tree)
    paths, device = RunPaths(Path(tempfile.mkdtemp(prefix="asgml-bench-"))), torch.device("cpu")
    data = load_data(given.data, tree["data"]["options"], 0)
    manifest = make_manifest("bench", config, data, device)
    parts = make_parts(config, paths, data, manifest, device)
    parts.recorder.open(RunWriter.create(paths, manifest, to_array=parts.recorder.to_array))
    return Trainer(parts)


def endless(trainer: Trainer) -> Iterator[Batch]:
    while True:
        trainer.parts.batches.begin_epoch()
        yield from trainer.parts.batches.rest_of_epoch()


def full(trainer: Trainer) -> Callable[[], None]:
    """A step as `asgml train` does it, with commands, recording and probes."""
    batches = endless(trainer)
    trainer.begin_epoch()

    def step() -> None:
        batch = next(batches)
        trainer.parts.desk.attend(trainer)
        forward = trainer.step(batch)
        if trainer.progress.step % trainer.config.probe.eval_freq == 0:
            trainer.probe(forward)

    return step


def plain(trainer: Trainer) -> Callable[[], None]:
    """The least that trains the same model."""
    batches, parts = endless(trainer), trainer.parts

    def step() -> None:
        forward = parts.model(next(batches))
        loss = functional.cross_entropy(forward.logits, forward.labels)
        parts.optimizer.zero_grad()
        torch.autograd.backward(loss)
        parts.optimizer.step()

    return step


def loop(trainer: Trainer, alpha: float = 0.8) -> Callable[[], None]:
    """OGM-GE by a loop over samples and one over named parameters, on top of `plain`."""
    batches, parts = endless(trainer), trainer.parts
    first, second = parts.model.modalities[:2]

    def step() -> None:
        forward = parts.model(next(batches))
        loss = functional.cross_entropy(forward.logits, forward.labels)
        parts.optimizer.zero_grad()
        torch.autograd.backward(loss)
        samples = range(len(forward.labels))
        scores = {m: sum(functional.softmax(forward.alone[m], dim=1)[i][forward.labels[i]] for i in samples) for m in (first, second)}
        ratio = (scores[first] / scores[second]).item()
        factor = {
            first: 1 - torch.tanh(torch.tensor(alpha * ratio)).item() if ratio > 1 else 1.0,
            second: 1 - torch.tanh(torch.tensor(alpha / ratio)).item() if ratio <= 1 else 1.0,
        }
        for place, m in enumerate((first, second)):
            for name, parameter in parts.model.named_parameters():
                if name.startswith(f"_encoders.{place}.") and parameter.grad is not None and parameter.grad.dim() == 4:
                    gradient = parameter.grad
                    noise = torch.zeros_like(gradient).normal_(0, gradient.std().item() + 1e-8)
                    parameter.grad = gradient * factor[m] + noise
        parts.optimizer.step()

    return step


def measure(steps: dict[str, Callable[[], None]], rounds: int, per_round: int) -> dict[str, list[float]]:
    """CPU milliseconds per step, one number a round."""
    spent: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        step()
    for _, (name, step) in itertools.product(range(rounds), steps.items()):
        began = time.process_time()
        for _ in range(per_round):
            step()
        spent[name].append((time.process_time() - began) / per_round * 1e3)
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", action="append", help="methods to measure (default: all, and ogm_ge+boost)")
    parser.add_argument("--encoder", default="conv")
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=10)
    given = parser.parse_args()
    torch.set_num_threads(1)
    methods = given.method or [name for name in METHODS if name != "baseline"] + ["ogm_ge+boost"]
    variants = {"plain": plain(make_trainer("baseline", given)), "loop": loop(make_trainer("baseline", given))}
    variants |= {name: full(make_trainer(name, given)) for name in ["baseline", *methods]}
    spent = measure(variants, given.rounds, given.steps)
    best = {name: min(times) for name, times in spent.items()}
    print(f"{'method':<16} {'ms/step':>8} {'× baseline':>11} {'over it, ms':>12}")
    for name, quickest in best.items():
        base = best["plain" if name in ("plain", "loop", "baseline") else "baseline"]
        print(f"{name:<16} {quickest:8.2f} {quickest / base:11.3f} {quickest - base:12.3f}")
    print("(plain, loop and baseline: beside plain)")


if __name__ == "__main__":
    main()
