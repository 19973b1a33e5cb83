"""Shared inputs and helpers of the tests of the methods, one test file a method."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from core_kit import Bench
from hypothesis import strategies as st
from torch import Tensor

from asgml.core.modulators.window import Windowed
from asgml.core.types import Backward, Batch, Forward

AV = ("audio", "visual")
ATV = ("audio", "text", "visual")

SCORES = st.lists(st.floats(0.01, 64), min_size=2, max_size=6)
ALPHA = st.floats(0, 3)

ACTIVE: dict[str, dict[str, Any]] = {
    "agm": {},
    "mmpareto": {},
    "pmr": {"share": 0.4, "entropy": 0.01, "entropy_epochs": 2},
    "g_blending": {"every": 2, "measure_epochs": 1},
    "relearning": {"start": 0, "every": 1},
    "inforeg": {"threshold": -1.0},
    "dgl": {"strength": 0.5},
    "lfm": {"weight": "learned", "lr": 0.01},
    "mses": {"patience": -1},
    "asgml_v1": {"eval_freq": 3, "soft_mask_scale": 0.1},
    "asgml_v1 by staleness": {"eval_freq": 3, "mode": "staleness", "signal": "both", "phase": 1},
    "asgml_v1 of the paper": {"variant": "paper", "eval_freq": 3, "mode": "staleness"},
}
"""Options with which each method intervenes, and keeps state, within two epochs of four steps."""


def near(expected: object) -> object:
    """Compare with numbers that the papers and the design print with six decimals."""
    return pytest.approx(expected, abs=6e-7)


def doubles(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def example() -> Backward:
    """Return a step of two samples and three classes in which audio is the stronger modality."""
    audio = torch.tensor([[2.0, 0, 0], [0, 1, 0]])
    visual = torch.tensor([[0.5, 0, 0], [0, 0.2, 0]])
    labels = torch.tensor([0, 1])
    unimodal = {"audio": audio, "visual": visual}
    forward = Forward(Batch({}, labels), {}, audio + visual, unimodal, labels)
    return Backward(forward, {}, {"audio": torch.tensor(3.0), "visual": torch.tensor(1.0)})


def inner(bench: Bench, method: str) -> Any:
    """Return the method without the window of epochs around it."""
    windowed = bench.modulator.members[method]
    assert isinstance(windowed, Windowed)
    return windowed.inner


def nudge(bench: Bench, factor: float = 1.02) -> None:
    """Scale every parameter, as if training had gone on."""
    with torch.no_grad():
        for parameter in bench.model.parameters():
            parameter.mul_(factor)
