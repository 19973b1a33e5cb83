"""Sample-level valuation: contributions, how often and how samples return, resuming, refusals."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from core_kit import (
    Bench,
    after_steps,
    assert_same_bits,
    assert_same_rows,
    gradients,
    make_trainer,
    modalities,
    resume_trainer,
    small_config,
    small_data,
    through_a_file,
    train,
    train_small,
    weights,
)
from methods_kit import AV, inner, near
from torch import Tensor

from asgml.core.balancer import Balancer
from asgml.core.balancer.errors import LoopError
from asgml.core.data.loading.batches import Batches
from asgml.core.methods.registry import RegistryError, parse_method
from asgml.core.methods.spec import MethodError
from asgml.core.model.fusion.base import Features, Fusion
from asgml.core.modulators.valuation import contributions, times_shown
from asgml.core.training.balancing import complete_samples
from asgml.core.types import Batch, Repeats

EARLY: dict[str, Any] = {"first_epoch": 0}


class Answers(Fusion):
    """Predicts class 0 (right) for the subsets of modalities that it is told, else class 1."""

    def __init__(self, right: set[frozenset[str]]) -> None:
        super().__init__()
        self.right = right

    def fuse(self, features: Features) -> Tensor:
        shown = frozenset(m for m, h in features.items() if bool(h.any()))
        answer = torch.tensor([1.0, 0.0] if shown in self.right else [0.0, 1.0])
        return answer.expand(len(next(iter(features.values()))), -1)

    def unimodal_logits(self, features: Features) -> dict[str, Tensor]:
        raise NotImplementedError


def phi_of(names: str, right: str) -> list[float]:
    """Return the contributions to a sample that these subsets, `ab b`, are right about."""
    subsets = {frozenset(each) for each in right.split()}
    features = {m: torch.ones(1, 1) for m in names}
    found = contributions(Answers(subsets), features, torch.tensor([0]))
    return [float(each) for each in found.values()]


@pytest.mark.parametrize(
    ("right", "phi", "times"),
    [
        ("a b ab", (1.0, 1.0), (0, 0)),
        ("a ab", (1.5, 0.5), (0, 1)),
        ("ab", (1.0, 1.0), (0, 0)),
        ("a b", (0.0, 0.0), (2, 2)),
        ("a", (0.5, -0.5), (1, 3)),
        ("", (0.0, 0.0), (2, 2)),
    ],
)
def test_contributions_of_two_modalities(
    right: str, phi: tuple[float, float], times: tuple[int, int]
) -> None:
    """(v(a) + v(ab) - v(b)) / 2, with v(ab) of 2 where all are right; thresholds of the script."""
    found = phi_of("ab", right)
    assert found == near(list(phi))
    assert times_shown(torch.tensor(found)).tolist() == list(times)


def test_contributions_of_three_modalities() -> None:
    """Right for a, ab, ac and abc: the sums over all six orders of joining, by hand."""
    assert phi_of("abc", "a ab ac abc") == near([2.0, 0.5, 0.5])
    assert phi_of("abc", "a b c ab ac bc abc") == near([1.0, 1.0, 1.0])
    assert sum(phi_of("abc", "a bc")) == near(0.0), "the sum is M where all together are right"


def test_contributions_by_loops() -> None:
    """As the released script: one prediction a subset, the features outside it zero."""
    bench = Bench("valuation", AV, valuation=EARLY)
    features, labels = inner(bench, "valuation").context.features("train")
    found = contributions(bench.model.fusion, features, labels)
    seen = set()
    for i, label in enumerate(labels.tolist()):
        value = {}
        for chosen in ("audio", "visual", "both"):
            shown = {m: h[i : i + 1].clone() for m, h in features.items()}
            for m in shown:
                if chosen not in (m, "both"):
                    shown[m].zero_()
            right = int(bench.model.fusion.fuse(shown)[0].argmax()) == label
            value[chosen] = float(right) * (2 if chosen == "both" else 1)
        expected = {
            "audio": (value["audio"] + value["both"] - value["visual"]) / 2,
            "visual": (value["visual"] + value["both"] - value["audio"]) / 2,
        }
        for m in AV:
            assert float(found[m][i]) == near(expected[m])
        seen.add(tuple(expected.values()))
    assert len(seen) > 2, "the test sees nothing"


def test_a_sample_returns_as_often_as_it_is_counted_with_one_modality_alone() -> None:
    bench = Bench("valuation", modalities(3), valuation=EARLY)
    method = inner(bench, "valuation")
    features, labels = method.context.features("train")
    found = contributions(bench.model.fusion, features, labels)
    repeats = bench.modulator.repeats()
    assert repeats is not None
    shown = [
        (int(sample), m)
        for k, sample in enumerate(repeats.samples)
        for m in bench.names
        if [bool(repeats.present[n][k]) for n in bench.names] == [n == m for n in bench.names]
    ]
    assert len(shown) == len(repeats.samples), "each with exactly one modality"
    for m in bench.names:
        for i, phi in enumerate(found[m].tolist()):
            times = 0 if phi > 0.99 else 1 if phi > 0.4 else 2 if phi > -0.1 else 3
            assert shown.count((i, m)) == times


def test_the_modality_level_by_loops() -> None:
    """Draws of the modality with the least mean over the chosen share, in proportion to the gap."""
    options = {**EARLY, "level": "modality", "share": 1.0, "rate": 1.5}
    bench = Bench("valuation", AV, valuation=options)
    method = inner(bench, "valuation")
    phi = {"audio": torch.full((40,), 1.25), "visual": torch.full((40,), 0.5)}
    counts = method.by_modality(phi, torch.Generator().manual_seed(0))
    assert list(counts) == ["visual"]
    assert int(counts["visual"].sum()) == int(abs((1 - 1.25) - (1 - 0.5)) / 3 * 2 * 1.5 * 40) == 30
    even = method.by_modality({m: torch.ones(40) for m in AV}, torch.Generator().manual_seed(0))
    assert int(sum(each.sum() for each in even.values())) == 0


@pytest.mark.parametrize("strength", [0.25, 0.5])
def test_a_strength_shows_a_share_again(strength: float) -> None:
    whole = Bench("valuation", AV, valuation=EARLY).modulator.repeats()
    share = Bench("valuation", AV, valuation={**EARLY, "strength": strength}).modulator.repeats()
    assert whole is not None and share is not None
    assert len(share.samples) == round(strength * len(whole.samples))


def test_planning_moves_no_other_random_stream_and_no_weight() -> None:
    bench = Bench("valuation", modalities(6), valuation={**EARLY, "level": "modality"})
    before = weights(bench.trainer)
    streams = (torch.get_rng_state(), bench.balancing.method_generator.get_state())
    bench.modulator.begin_epoch(1)
    assert_same_bits(weights(bench.trainer), before)
    after = (torch.get_rng_state(), bench.balancing.method_generator.get_state())
    assert all(torch.equal(a, b) for a, b in zip(streams, after, strict=True))


# -- what is shown again -------------------------------------------------------------


def made_batches(seed: int = 3) -> Batches:
    return Batches(small_data(AV).splits["train"], 8, torch.device("cpu"), seed)


def four_again() -> Repeats:
    masks = {"audio": torch.tensor([1, 0, 1, 0]), "visual": torch.tensor([0, 1, 0, 1])}
    return Repeats(torch.tensor([5, 5, 7, 28]), {m: mask.bool() for m, mask in masks.items()})


def seen_in(batches: Batches, again: Repeats | None) -> list[tuple[float, int, bool, bool]]:
    """Return each sample of an epoch: a number of its input, its label, and its two masks."""
    batches.begin_epoch(again)
    found = []
    for batch in batches.rest_of_epoch():
        for i, label in enumerate(batch.labels.tolist()):
            masks = [
                batch.present is None or bool(batch.present[m][i]) for m in ("audio", "visual")
            ]
            found.append((float(batch.inputs["visual"][i, 0]), label, masks[0], masks[1]))
    return found


def test_an_epoch_has_every_sample_once_and_those_shown_again() -> None:
    split = small_data(AV).splits["train"]
    key = [
        (float(x), int(y)) for x, y in zip(split.inputs["visual"][:, 0], split.labels, strict=True)
    ]
    expected = [(*each, True, True) for each in key]
    expected += [(*key[5], True, False), (*key[5], False, True)]
    expected += [(*key[7], True, False), (*key[28], False, True)]
    batches = made_batches()
    assert batches.count(33, 8) == 4, "the last one, of a single sample, is left out"
    batches.batch_size = 11
    found = seen_in(batches, four_again())
    assert sorted(found) == sorted(expected)
    places = [i for i, each in enumerate(found) if not all(each[2:])]
    assert places != list(range(29, 33)), "shown again anywhere in the epoch"


def test_without_repeats_the_order_is_what_it_was() -> None:
    plain, other = made_batches(), made_batches()
    seen_in(plain, None)
    seen_in(other, four_again())
    assert other.per_epoch == 4
    assert not other.in_epoch
    other.begin_epoch()
    assert other.samples == 29 and len(other.order) == 29
    generator = torch.Generator().manual_seed(3)
    assert torch.equal(torch.randperm(29, generator=generator), first_order())


def first_order() -> Tensor:
    batches = made_batches()
    batches.begin_epoch()
    return batches.order


def test_the_rest_of_an_epoch_survives_a_checkpoint() -> None:
    ours, theirs = made_batches(), made_batches(9)
    ours.begin_epoch(four_again())
    stream = ours.rest_of_epoch()
    for _ in range(2):
        next(stream)
    theirs.load_state_dict(through_a_file(ours.state_dict()))
    assert theirs.in_epoch and not theirs.begin_epoch()
    left, right = list(itertools.islice(theirs.rest_of_epoch(), 1, None)), list(stream)
    assert len(left) == len(right) > 0
    for one, other in zip(left, right, strict=True):
        assert torch.equal(one.inputs["audio"], other.inputs["audio"])
        assert one.present is not None and other.present is not None
        assert_same_bits(one.present, other.present)


def test_a_masked_encoder_gets_no_gradient_and_its_features_are_zero() -> None:
    bench = Bench("baseline", AV)
    some = torch.tensor([True, False, True, False, False, True])
    bench.batch = Batch(
        bench.batch.inputs, bench.batch.labels, present={"audio": some, "visual": ~some}
    )
    forward = bench.look_back().forward
    for m, present in (("audio", some), ("visual", ~some)):
        assert not forward.features[m][~present].any() and bool(forward.features[m][present].any())
    features, labels = complete_samples(forward)
    assert len(labels) == 0 and all(len(h) == 0 for h in features.values())
    bench.batch = Batch(
        bench.batch.inputs,
        bench.batch.labels,
        present={"audio": torch.zeros(6, dtype=torch.bool), "visual": torch.ones(6).bool()},
    )
    bench.look_back()
    for name, gradient in gradients(bench.model.encoders["audio"]).items():
        assert not gradient.any(), name


def test_micro_batches_keep_their_masks(tmp_path: Path) -> None:
    """No encoder with batch norm here: it sees micro-batches."""
    data, found = small_data(("visual", "text"), train=24), []
    for count in (1, 2):
        (tmp_path / str(count)).mkdir()
        config = small_config(
            method="valuation",
            epochs=2,
            optimizer={"accumulate": count, "lr": 0.05},
            valuation=EARLY,
        )
        trainer = make_trainer(tmp_path / str(count), data, config, silent=True)
        trainer.train()
        found.append(weights(trainer))
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.parametrize("level", ["sample", "modality"])
@pytest.mark.parametrize("where", [3, 6])
def test_a_resumed_training_is_the_same(level: str, where: int, tmp_path: Path) -> None:
    """Stopped in the middle of an epoch whose plan is that of weights long gone."""
    options = {**EARLY, "level": level, "rate": 3.0, "share": 0.5}
    config = small_config(method="valuation", epochs=2, valuation=options)
    whole = make_trainer(tmp_path / "whole", small_data(), config)
    uninterrupted = train(whole)
    stopped = make_trainer(tmp_path / "stopped", small_data(), config)
    after_steps(stopped, {where: stopped.run.command_handler.stop})
    train(stopped)
    resumed = resume_trainer(tmp_path / "stopped", small_data(), config)
    assert resumed.run.step == where
    again = train(resumed)
    assert_same_bits(weights(resumed), weights(whole))
    assert_same_rows(again, uninterrupted)


def test_epochs_are_longer_and_the_length_is_not_promised(tmp_path: Path) -> None:
    """Plain up to first_epoch; probes are read from whole samples alone."""
    _, run = train_small(
        tmp_path / "run", method="valuation", epochs=3, valuation={"first_epoch": 1}
    )
    epochs = run.column("steps", "epoch")
    counts = [int((epochs == epoch).sum()) for epoch in range(3)]
    assert counts[0] == 4 < counts[1]
    assert run.manifest is not None and run.manifest.total_steps == 0
    assert np.isfinite(run.column("steps", "loss")).all()
    assert np.isfinite(run.column("probes", "probe_loss/audio")).all()


def test_what_it_cannot_do_is_told() -> None:
    with pytest.raises(MethodError, match="valuation balances modalities"):
        Bench("valuation", ("audio",))
    with pytest.raises(RegistryError, match="both drop features before the fusion"):
        parse_method("opm+valuation")
    encoders = {m: torch.nn.Linear(2, 2) for m in AV}
    with pytest.raises(LoopError, match="valuation has to read the data between epochs"):
        Balancer(encoders, widths=dict.fromkeys(AV, 2), classes=2, method="valuation")
