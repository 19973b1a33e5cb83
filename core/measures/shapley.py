"""Shapley values of the modalities' inputs in the logits: what each one adds, averaged over all orders of adding them.

    m_m = sum over subsets S without m of |S|! (M - |S| - 1)! / M! * (f(S + m) - f(S))

f(S) are the logits with every input outside S replaced by zeros, f of nothing is 0, so sum_m m_m = f(all).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from asgml.core.measures.evaluate import in_eval_mode
from asgml.core.model.model import MultimodalModel
from asgml.core.types import Forward

Subset = frozenset[str]

MOST_MODALITIES = 6
"""The most modalities that all subsets are evaluated for: 2^6 = 64, and each more doubles them."""


@torch.no_grad()
def shapley_logits(model: MultimodalModel, forward: Forward) -> tuple[dict[str, Tensor], Tensor]:
    """m_m of each modality, (B, C), and the labels that go with them. The model is left as it was.

    f(all) are the logits of the step itself; the 2^M - 2 padded predictions are made in eval mode. An encoder has but two
    inputs, its own and zeros, so each is run on those once and only the fusion 2^M - 2 times: the same numbers for less.
    """
    with in_eval_mode(model):
        present = model.encode(forward.batch.inputs)
        zeros = model.encode(zero_inputs(forward.batch.inputs))
        absent = {m: zero.expand_as(present[m]) for m, zero in zeros.items()}
        values = {
            s: model.fusion.fuse({m: (present if m in s else absent)[m] for m in present})
            for s in subsets(model.modalities)
            if s
        }
    if len(forward.labels) == len(
        forward.batch.labels
    ):  # otherwise another method dropped samples behind the encoders
        values[frozenset(model.modalities)] = forward.logits.detach()
    return shapley_values(values, model.modalities), forward.batch.labels


def shapley_values(values: Mapping[Subset, Tensor], players: Sequence[str]) -> dict[str, Tensor]:
    """Of each player, from the value of every subset; that of the empty one counts as 0 where it is not given."""
    empty = values.get(frozenset(), torch.zeros_like(values[frozenset(players)]))
    known = {**values, frozenset(): empty}
    found = {}
    for player in players:
        others = [s for s in subsets(players) if player not in s]
        found[player] = torch.stack(
            [
                shapley_weight(len(s), len(players)) * (known[s | {player}] - known[s])
                for s in others
            ]
        ).sum(dim=0)
    return found


def shapley_weight(before: int, players: int) -> float:
    """The share of all orders in which exactly these `before` players come first, then this one."""
    return math.factorial(before) * math.factorial(players - before - 1) / math.factorial(players)


def subsets(players: Sequence[str]) -> list[Subset]:
    """All, the empty one included."""
    return [
        frozenset(chosen)
        for size in range(len(players) + 1)
        for chosen in itertools.combinations(players, size)
    ]


def zero_inputs(inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """One sample of zeros; in eval mode a sample's features do not depend on the others."""
    return {m: torch.zeros_like(tensor[:1]) for m, tensor in inputs.items()}
