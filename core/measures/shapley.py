"""Shapley values of the modalities: the mean of what each one adds, over all orders of joining.

    phi_m = sum over subsets S without m of |S|! (M - |S| - 1)! / M! * (f(S + m) - f(S))

For logits, f(S) are those with every input outside S replaced by zeros. f of no modality counts as
0, so that sum_m phi_m = f(all).
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


def shapley_logits(model: MultimodalModel, forward: Forward) -> tuple[dict[str, Tensor], Tensor]:
    """Return phi_m of each modality, (B, C), and the labels (B,) that go with them.

    f(all) are the logits of the step itself, all other subsets are predicted in eval mode. Each
    encoder has only two inputs, its own and zeros: it runs once on each, and only the fusion runs
    for every subset. They carry a graph where gradients are enabled.
    """
    with in_eval_mode(model):
        present = model.encode_batch(forward.batch)
        zeros = model.encode(zero_inputs(forward.batch.inputs))
        absent = {m: zero.expand_as(present[m]) for m, zero in zeros.items()}
        values = {
            s: model.fusion.fuse({m: (present if m in s else absent)[m] for m in present})
            for s in subsets(model.modalities)
            if s
        }
    # Fewer labels than the batch had: a method dropped samples between encoders and fusion, so the
    # step's logits are of other samples than the predictions above.
    if len(forward.labels) == len(forward.batch.labels):
        values[frozenset(model.modalities)] = forward.logits
    return shapley_values(values, model.modalities), forward.batch.labels


def shapley_values(values: Mapping[Subset, Tensor], players: Sequence[str]) -> dict[str, Tensor]:
    """Return each player's Shapley value from the value of every subset.

    The empty subset counts as 0 where it is not given.
    """
    # A batch has no logits without any input; a split has an accuracy even then.
    empty = values.get(frozenset(), torch.zeros_like(values[frozenset(players)]))
    known = {**values, frozenset(): empty}
    found = {}
    for player in players:
        gains = [
            shapley_weight(len(s), len(players)) * (known[s | {player}] - known[s])
            for s in subsets(players)
            if player not in s
        ]
        found[player] = torch.stack(gains).sum(dim=0)
    return found


def shapley_weight(before: int, players: int) -> float:
    """Return the share of all orders in which a given set of `before` players precedes a player."""
    return math.factorial(before) * math.factorial(players - before - 1) / math.factorial(players)


def subsets(players: Sequence[str]) -> list[Subset]:
    """Return all subsets by size, the empty one first."""
    return [
        frozenset(chosen)
        for size in range(len(players) + 1)
        for chosen in itertools.combinations(players, size)
    ]


def zero_inputs(inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return one sample of zeros: in eval mode a sample's features do not depend on the others."""
    return {m: torch.zeros_like(tensor[:1]) for m, tensor in inputs.items()}
