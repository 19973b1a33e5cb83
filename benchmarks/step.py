r"""Measure the cost of each method: the time of a training step beside plain training.

    uv run python benchmarks/step.py                   # every method, small conv encoders
    uv run python benchmarks/step.py --method ogm_ge+boost --encoder resnet18 --steps 5
    uv run python benchmarks/step.py --method ogm_ge+boost --encoder resnet18 --real-size \
        --batch-size 16 --steps 1 --rounds 4

All variants take turns in one process, a few steps each, so that a change of the machine's speed
meets them alike. The quickest round counts: whatever else the machine does only adds to it. `plain`
is a hand-written loop: no recording, no probes, no commands. `loop` is OGM-GE in a straightforward
transcription: a Python loop over the samples, each with the softmax of the whole batch, and one
over the named parameters. CPU time of the process, in ms, on one thread.

A step varies by more than a cheap method costs. So the time between backward and update is measured
apart (`acts`): all that methods add which only project, scale or blur gradients, and all that
`loop` adds. `--real-size` has the shapes of CREMA-D: (257, 188) and one frame of 224x224.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from asgml.core.config.run_config import make_config
from asgml.core.data.base import Dataset, Split, load_data
from asgml.core.methods.registry import METHODS, parse_method
from asgml.core.methods.spec import TEACHERS
from asgml.core.run.manifest_builder import make_manifest
from asgml.core.training.components import make_components
from asgml.core.training.modulation_result import ModulationResult
from asgml.core.training.trainer import Trainer
from asgml.core.types import Batch, Forward
from asgml.storage.format.layout import RunPaths


def make_trainer(method: str, given: argparse.Namespace) -> Trainer:
    tree: dict[str, Any] = {
        "method": method,
        "encoder": given.encoder,
        "epochs": 10_000,
        "batch_size": given.batch_size,
    }
    kinds = [row.fusion for row in parse_method(method) if row.fusion]
    config = make_config({**tree, "fusion": kinds[0]} if kinds else tree)
    paths, device = RunPaths(Path(tempfile.mkdtemp(prefix="asgml-bench-"))), torch.device("cpu")
    if given.real_size:
        data = of_real_size(given.batch_size)
    else:
        data = load_data(
            given.data, {"train": given.batch_size * 4} if given.data == "synthetic" else {}, 0
        )
    manifest = make_manifest("bench", config, data, device)
    trainer = Trainer(make_components(config, paths, data, manifest, device))
    trainer.run.open()
    return trainer


def of_real_size(batch_size: int, classes: int = 6) -> Dataset:
    """Return noise in the shapes of CREMA-D with one frame."""
    shapes = {"audio": (1, 257, 188), "visual": (1, 3, 224, 224)}
    generator = torch.Generator().manual_seed(0)

    def split(samples: int) -> Split:
        inputs = {
            m: torch.randn(samples, *shape, generator=generator) for m, shape in shapes.items()
        }
        return Split(inputs, torch.arange(samples) % classes)

    splits = {"train": split(batch_size), "val": split(classes), "test": split(classes)}
    return Dataset(
        "noise", tuple(shapes), tuple(map(str, range(classes))), shapes, splits, {"counts": {}}
    )


def endless(trainer: Trainer) -> Iterator[Batch]:
    while True:
        trainer.components.batches.begin_epoch()
        yield from trainer.components.batches.rest_of_epoch()


def full(trainer: Trainer, spent: list[float]) -> Callable[[], None]:
    """A step of `asgml train`, with commands, records and probes; `spent` gets ms of modulation."""
    batches = endless(trainer)
    trainer.begin_epoch()
    balancing, modulate = trainer.balancing, trainer.balancing.modulate_gradients

    def timed(forward: Forward, trained: tuple[str, ...]) -> ModulationResult:
        began = time.process_time()
        modulated = modulate(forward, trained)
        spent.append((time.process_time() - began) * 1e3)
        return modulated

    balancing.modulate_gradients = timed  # type: ignore[method-assign]

    def step() -> None:
        batch = next(batches)
        trainer.run.command_handler.process_pending(trainer)
        forward = trainer.step(batch)
        if trainer.run.step % trainer.config.probe.eval_freq == 0:
            trainer.probe(forward)

    return step


def plain(trainer: Trainer) -> Callable[[], None]:
    """The least that trains the same model."""
    batches, components = endless(trainer), trainer.components

    def step() -> None:
        forward = components.model(next(batches))
        loss = functional.cross_entropy(forward.logits, forward.labels)
        components.optimizer.zero_grad()
        torch.autograd.backward(loss)
        components.optimizer.step()

    return step


def loop(trainer: Trainer, spent: list[float], alpha: float = 0.8) -> Callable[[], None]:
    """OGM-GE by Python loops, on top of `plain`; `spent` gets the ms of these loops."""
    batches, components = endless(trainer), trainer.components
    first, second = components.model.modalities[:2]

    def step() -> None:
        forward = components.model(next(batches))
        loss = functional.cross_entropy(forward.logits, forward.labels)
        components.optimizer.zero_grad()
        torch.autograd.backward(loss)
        began = time.process_time()
        samples = range(len(forward.labels))
        scores = {
            m: sum(
                functional.softmax(forward.unimodal_logits[m], dim=1)[i][forward.labels[i]]
                for i in samples
            )
            for m in (first, second)
        }
        ratio = (scores[first] / scores[second]).item()
        factor = {
            first: 1 - torch.tanh(torch.tensor(alpha * ratio)).item() if ratio > 1 else 1.0,
            second: 1 - torch.tanh(torch.tensor(alpha / ratio)).item() if ratio <= 1 else 1.0,
        }
        for place, m in enumerate((first, second)):
            for name, parameter in components.model.named_parameters():
                if (
                    name.startswith(f"_encoders.{place}.")
                    and parameter.grad is not None
                    and parameter.grad.dim() == 4
                ):
                    gradient = parameter.grad
                    noise = torch.zeros_like(gradient).normal_(0, gradient.std().item() + 1e-8)
                    parameter.grad = gradient * factor[m] + noise
        spent.append((time.process_time() - began) * 1e3)
        components.optimizer.step()

    return step


def measure(
    steps: dict[str, Callable[[], None]], rounds: int, per_round: int
) -> dict[str, list[float]]:
    """Return CPU milliseconds per step, one number a round."""
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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--method",
        action="append",
        help="methods to measure (default: all that need no other runs, and ogm_ge+boost)",
    )
    parser.add_argument("--encoder", default="conv")
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--real-size", action="store_true", help="inputs of the size of CREMA-D's")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=10)
    given = parser.parse_args()
    torch.set_num_threads(1)
    # methods with teachers need runs to take them from
    alone = [name for name, row in METHODS.items() if TEACHERS not in row.requires]
    methods = given.method or [*(name for name in alone if name != "baseline"), "ogm_ge+boost"]
    names = ["loop", "baseline", *methods]
    acting: dict[str, list[float]] = {name: [] for name in names}
    variants = {
        "plain": plain(make_trainer("baseline", given)),
        "loop": loop(make_trainer("baseline", given), acting["loop"]),
    }
    variants |= {name: full(make_trainer(name, given), acting[name]) for name in names[1:]}
    best = {
        name: min(times) for name, times in measure(variants, given.rounds, given.steps).items()
    }
    print(f"{'method':<16} {'ms/step':>8} {'× baseline':>11} {'acts, ms':>9} {'% of plain':>11}")
    for name, quickest in best.items():
        base = best["plain" if name in ("plain", "loop", "baseline") else "baseline"]
        acts = statistics.median(acting[name]) if name in acting else 0.0
        share = 100 * acts / best["plain"]
        print(f"{name:<16} {quickest:8.2f} {quickest / base:11.3f} {acts:9.3f} {share:11.2f}")
    print("(plain, loop and baseline: beside plain)")


if __name__ == "__main__":
    main()
