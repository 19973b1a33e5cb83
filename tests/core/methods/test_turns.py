"""Turns of a batch: MLA and ReconBoost against plain loops, their records, resumes and refusals."""

from __future__ import annotations

import copy
from collections.abc import Callable
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
    make_trainer,
    modalities,
    resume_trainer,
    small_config,
    small_data,
    train,
    weights,
)
from methods_kit import AV, doubles, near
from torch import Tensor, nn

from asgml.core.balancer import Balancer, LoopError
from asgml.core.config.live_settings import make_live_settings
from asgml.core.methods.registry import METHODS, RegistryError, parse_method, short_name
from asgml.core.methods.spec import MethodError
from asgml.core.model.fusion.base import FusionError
from asgml.core.model.fusion.build import make_fusion
from asgml.core.model.fusion.shared import certainty_weights
from asgml.core.modulators import mla
from asgml.core.modulators.base import Modulator
from asgml.core.modulators.mla import divided, least_squares
from asgml.core.modulators.turns import Turn
from asgml.core.training.preflight import configuration_warnings
from asgml.core.training.trainer import Trainer
from asgml.core.types import Batch
from asgml.storage.format.knobs import KnobError

LR, MOMENTUM, DECAY = 0.01, 0.9, 1e-4
Record = Callable[[str, object], None]
Loop = Callable[[nn.Module, list[list[Batch]]], list[float]]


def recorded(trainer: Trainer) -> list[list[Batch]]:
    """Have the trainer keep the batches of each epoch in this list."""
    epochs: list[list[Batch]] = []
    begin, step = trainer.begin_epoch, trainer.step

    def begin_and_keep() -> None:
        epochs.append([])
        begin()

    def step_and_keep(batch: Batch) -> Any:
        epochs[-1].append(batch)
        return step(batch)

    trainer.begin_epoch, trainer.step = begin_and_keep, step_and_keep  # type: ignore[method-assign]
    return epochs


def assert_trained_as(loop: Loop, root: Path, count: int, record: Record, **changes: Any) -> None:
    """The same losses and weights as the loop reaches on these batches."""
    names = modalities(count)
    config = small_config(encoder="mlp", optimizer={"lr": LR}, **changes)
    trainer = make_trainer(root, small_data(names), config)
    start, ours = weights(trainer), copy.deepcopy(trainer.components.model)
    epochs = recorded(trainer)
    run = train(trainer)
    losses = loop(ours, epochs)
    np.testing.assert_allclose(run.column("steps", "loss"), losses, rtol=1e-3, atol=1e-5)
    found, expected = weights(trainer), ours.state_dict()
    floats = [name for name, value in found.items() if value.is_floating_point()]
    assert all(torch.equal(found[name], expected[name]) for name in found if name not in floats)
    moved, apart = (
        max(float((found[name] - other[name]).abs().max()) for name in floats)
        for other in (start, expected)
    )
    record("method", config.method)
    section = config.section(config.method)
    setting = f"variant={section['variant']}" if section.get("project", True) else "project=false"
    record("setting", setting)
    record("compared", f"final weights, {count} modalities")
    record("difference", apart / moved)
    assert apart < 1e-4 * moved


def optimizer_of(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=LR, momentum=MOMENTUM, weight_decay=DECAY)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    rows = torch.arange(len(labels))
    return -(logits - logits.logsumexp(1, keepdim=True))[rows, labels].mean()


# -- MLA -----------------------------------------------------------------------------


def mla_by_hand(rule: str, damping: float) -> Loop:
    """Turns of one modality each through one head; `rule` is how P follows the features."""

    def loop(model: Any, epochs: list[list[Batch]]) -> list[float]:
        head, optimizer = model.fusion.classifier, optimizer_of(model.parameters())
        p, turns, losses = torch.eye(head.in_features), 0, []
        for batches in epochs:
            for i, batch in enumerate(batches):
                losses.append(0.0)
                for m, encoder in model.encoders.items():
                    optimizer.zero_grad(set_to_none=True)
                    h = encoder(batch.inputs[m])
                    loss = cross_entropy(h @ head.weight.T + head.bias, batch.labels)
                    loss.backward()
                    losses[-1] += float(loss.detach())
                    if rule != "none" and turns > 0:
                        r = h.detach().sum(0).view(-1, 1) / len(h)
                        k = p @ r
                        if rule == "paper":
                            p = p - (k @ k.T) / (damping + float(r.T @ k))
                        else:
                            alpha = damping * 0.1 ** (i / len(batches))
                            p = p - (k @ k.T) / (alpha + k @ r.T)
                            p = p / (p * p).sum().sqrt()
                        head.weight.grad = head.weight.grad @ p.T
                    optimizer.step()
                    turns += 1
        return losses

    return loop


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("rule", ["code", "paper", "none"])
def test_mla_is_its_plain_loop(
    rule: str, count: int, tmp_path: Path, record_property: Record
) -> None:
    section: dict[str, Any] = {"project": False} if rule == "none" else {"variant": rule}
    # with the damping of the default the released rule divides by numbers near 0 of either sign,
    # which makes much of the last bits: no two programs would agree
    section["damping"] = damping = 10.0 if rule == "code" else 0.1
    loop, root = mla_by_hand(rule, damping), tmp_path / "run"
    assert_trained_as(loop, root, count, record_property, method="mla", epochs=2, mla=section)


def test_the_damping_falls_within_each_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def watched(projection: Tensor, mean: Tensor, damping: float) -> Tensor:
        seen.append(damping)
        return divided(projection, mean, damping)

    monkeypatch.setattr(mla, "divided", watched)
    config = small_config(method="mla", epochs=2, mla={"damping": 0.2})
    train(make_trainer(tmp_path / "run", small_data(), config))
    falling = [0.2 * 0.1 ** (batch / 4) for batch in (0, 0, 1, 1, 2, 2, 3, 3)]
    assert seen == pytest.approx([*falling[1:], *falling])  # the first turn of all leaves P


def test_two_updates_of_the_projection() -> None:
    """Against elements computed one by one."""
    mean, other = doubles(1.0, 0.0, 2.0), doubles(0.5, 1.0, 0.0)
    for rule, code in ((divided, True), (least_squares, False)):
        p = torch.eye(3, dtype=torch.float64)
        expected = [[float(i == j) for j in range(3)] for i in range(3)]
        for r in (mean, other):
            p = rule(p, r, 0.1)
            k = [sum(expected[i][j] * float(r[j]) for j in range(3)) for i in range(3)]
            inner = sum(float(r[i]) * k[i] for i in range(3))
            expected = [
                [
                    expected[i][j] - k[i] * k[j] / (0.1 + (k[i] * float(r[j]) if code else inner))
                    for j in range(3)
                ]
                for i in range(3)
            ]
            size = sum(x * x for row in expected for x in row) ** 0.5
            expected = [[x / (size if code else 1) for x in row] for row in expected]
        assert p.tolist() == [pytest.approx(row, abs=1e-12) for row in expected]


def test_the_fused_logits_of_a_shared_head() -> None:
    """Entropies of 1.2 and 0.7 nat give 0.377541 and 0.622459; equal weights in training."""
    fusion = make_fusion("shared", 0, "split", {"audio": 4, "visual": 4}, 3)
    features = {m: torch.randn(5, 4) for m in ("audio", "visual")}
    one, other = fusion.unimodal_logits(features).values()
    torch.testing.assert_close(fusion.fuse(features), (one + other) / 2)
    fusion.eval()
    entropies = [-(z.softmax(1) * z.log_softmax(1)).sum(1, keepdim=True) for z in (one, other)]
    most = torch.maximum(*entropies)
    a, b = ((most - entropy).exp() for entropy in entropies)
    torch.testing.assert_close(fusion.fuse(features), (a * one + b * other) / (a + b))


def test_the_weights_of_certainty() -> None:
    """Softmaxes with entropies of 1.2 and 0.7 nat, found by bisection."""

    def logits_of(entropy: float) -> Tensor:
        low, high = 0.0, 20.0
        for _ in range(60):
            x = torch.tensor([(low + high) / 2, 0, 0, 0], dtype=torch.float64)
            p = x.softmax(0)
            low, high = (
                ((low + high) / 2, high)
                if float(-(p * p.log()).sum()) > entropy
                else (low, (low + high) / 2)
            )
        return x.view(1, 1, 4)

    found = certainty_weights(torch.cat([logits_of(1.2), logits_of(0.7)]))
    assert found.flatten().tolist() == near([0.377541, 0.622459])


def test_a_shared_head_refuses_features_of_different_widths_and_other_unimodal_logits() -> None:
    with pytest.raises(FusionError, match="different widths here: audio 64, visual 128"):
        make_fusion("shared", 0, "split", {"audio": 64, "visual": 128}, 3)
    with pytest.raises(FusionError, match=r"set fusion\.alone=split"):
        make_fusion("shared", 0, "heads", {"audio": 64, "visual": 64}, 3)


# -- ReconBoost ----------------------------------------------------------------------


def reconboost_by_hand(variant: str, stage_epochs: int, rectify_epochs: int) -> Loop:
    """Stage by stage; the ensemble of a stage are the networks that were trained in one before."""

    def loop(model: Any, epochs: list[list[Batch]]) -> list[float]:
        names, heads = list(model.encoders), list(model.fusion.classifiers)
        optimizer, losses = optimizer_of(model.parameters()), []
        for epoch, batches in enumerate(epochs):
            stage, within = divmod(epoch, stage_epochs + rectify_epochs)
            m, before = stage % len(names), (stage - 1) % len(names)
            ensemble = [j for j in range(len(names)) if j < stage]
            for batch in batches:
                z = [head(model.encoders[n](batch.inputs[n])) for n, head in zip(names, heads)]  # noqa: B905
                target = torch.eye(3)[batch.labels]
                if within >= stage_epochs:
                    loss = cross_entropy(
                        sum(z[j] for j in range(len(z)) if j <= stage), batch.labels
                    )
                else:
                    rest = [z[j].detach() for j in ensemble if j != m]
                    known = sum(rest).softmax(1) if rest else torch.ones(1, 1)
                    log_p = z[m].log_softmax(1)
                    terms = -5 * target * log_p + target * known * log_p
                    loss = (terms.mean(1) if variant == "code" else terms.sum(1)).mean()
                    if stage > 0:
                        mine = z[m].detach() if variant == "code" else z[m]
                        square = (mine.softmax(1) - z[before].detach().softmax(1)) ** 2
                        loss = loss + 0.5 * square.mean()
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                losses.append(float(loss.detach()))
        return losses

    return loop


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("variant", ["code", "paper"])
def test_reconboost_is_its_plain_loop(
    variant: str, count: int, tmp_path: Path, record_property: Record
) -> None:
    section = {"variant": variant, "stage_epochs": 1, "rectify_epochs": 1}
    assert_trained_as(
        reconboost_by_hand(variant, 1, 1),
        tmp_path / "run",
        count,
        record_property,
        method="reconboost",
        epochs=2 * count + 1,
        reconboost=section,
    )


def test_reconboost_in_a_later_window_begins_with_its_first_stage(tmp_path: Path) -> None:
    section = {"first_epoch": 1, "stage_epochs": 1, "rectify_epochs": 0}
    config = small_config(method="reconboost", epochs=3, reconboost=section)
    run = train(make_trainer(tmp_path / "run", small_data(), config))
    silent = [run.column("steps", f"grad_norm/{m}") == 0 for m in ("audio", "visual")]
    assert silent[0].tolist() == [False] * 8 + [True] * 4
    assert silent[1].tolist() == [False] * 4 + [True] * 4 + [False] * 4


# -- records, resumes ----------------------------------------------------------------


def test_a_batch_of_two_turns_is_one_row(tmp_path: Path) -> None:
    """Norms of each modality from its own turn; loss of both, task loss of the first forward."""
    trainer = make_trainer(tmp_path / "run", small_data(), small_config(method="mla", epochs=1))
    model = copy.deepcopy(trainer.components.model)
    epochs = recorded(trainer)
    run = train(trainer)
    assert run.rows("steps") == 4
    batch, head = epochs[0][0], model.fusion.classifier
    features = {m: encoder(batch.inputs[m]) for m, encoder in model.encoders.items()}
    fused = (head(features["audio"]) + head(features["visual"])) / 2
    task_loss = cross_entropy(fused, batch.labels)
    cross_entropy(head(features["audio"]), batch.labels).backward()
    squares = [float((p.grad**2).sum()) for p in model.encoders["audio"].parameters()]
    assert run.column("steps", "grad_norm/audio")[0] == pytest.approx(sum(squares) ** 0.5, rel=1e-4)
    assert (run.column("steps", "grad_norm/visual") > 0).all()
    assert run.column("steps", "task_loss")[0] == pytest.approx(float(task_loss.detach()), rel=1e-5)
    assert (run.column("steps", "loss") > run.column("steps", "task_loss")).all()


class OneAtATime(Modulator):
    """A user's method that trains one modality after another on the task's own loss."""

    def turns(self) -> list[Turn]:
        return [Turn((m,)) for m in self.modalities]


def test_a_turn_reaches_no_encoder_but_its_own(tmp_path: Path) -> None:
    """Though the loss of the fused logits depends on the features of all."""
    trainer = make_trainer(tmp_path / "run", small_data(), small_config(epochs=1))
    trainer.balancing.modulator.members["own"] = OneAtATime(AV, {})
    modulate, seen = trainer.balancing.modulate_gradients, []

    def watched(forward: Any, trained: tuple[str, ...]) -> Any:
        result = modulate(forward, trained)
        seen.append({m for m, norm in result.before.items() if norm > 0})
        return result

    trainer.balancing.modulate_gradients = watched  # type: ignore[method-assign]
    trainer.train()
    assert seen == [{"audio"}, {"visual"}] * 4


def test_a_gain_beside_turns_acts_in_the_turn_of_its_modality(tmp_path: Path) -> None:
    config = small_config(method="mla+ogm", epochs=1, ogm={"alpha": 1.0, "first_epoch": 0})
    run = train(make_trainer(tmp_path / "run", small_data(), config))
    for m in ("audio", "visual"):
        gain, before, after = (
            run.column("steps", f"{name}/{m}") for name in ("gain", "grad_norm", "grad_norm_after")
        )
        # biases keep their gradient, so an encoder keeps a little more than the gain
        assert (after[gain < 1] < 0.95 * before[gain < 1]).all()
        np.testing.assert_array_equal(after[gain == 1], before[gain == 1])
    gains = [run.column("steps", f"gain/{m}") for m in ("audio", "visual")]
    assert all((least < 1).any() for least in gains) or (np.minimum(*gains) < 1).all()


CASES: dict[str, dict[str, Any]] = {
    "mla": {"method": "mla"},
    "mla of the paper": {"method": "mla", "mla": {"variant": "paper"}},
    "mla+boost": {"method": "mla+boost"},
    "reconboost": {
        "method": "reconboost",
        "reconboost": {"stage_epochs": 2, "rectify_epochs": 1},
    },
    "bf16": {"method": "mla", "optimizer": {"amp": "bf16"}},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("after", [6, 8])
def test_a_resumed_training_in_turns_is_the_same(case: str, after: int, tmp_path: Path) -> None:
    """Stopped in the middle of an epoch of four steps, and between two."""
    config = small_config(epochs=4, diagnose={"every": 2}, **CASES[case])
    whole = make_trainer(tmp_path / "whole", small_data(), config)
    uninterrupted = train(whole)
    stopped = make_trainer(tmp_path / "stopped", small_data(), config)
    after_steps(stopped, {after: stopped.run.command_handler.stop})
    train(stopped)
    resumed = resume_trainer(tmp_path / "stopped", small_data(), config)
    assert resumed.run.step == after
    again = train(resumed)
    assert_same_bits(weights(resumed), weights(whole))
    assert_same_rows(again, uninterrupted)


@pytest.mark.parametrize("case", ["mla of the paper", "reconboost"])
def test_micro_batches_train_the_same_turns(case: str, tmp_path: Path) -> None:
    found = []
    for count in (1, 3):
        changes = {**CASES[case], "optimizer": {"accumulate": count}, "encoder": "mlp"}
        trainer = make_trainer(tmp_path / f"run{count}", small_data(), small_config(**changes))
        start = weights(trainer)
        train(trainer)
        found.append(weights(trainer))
    for name, before in start.items():
        way = float((found[0][name] - before).norm())
        assert float((found[1][name] - found[0][name]).norm()) <= 1e-2 * way, name


# -- refusals, warnings --------------------------------------------------------------


@pytest.mark.parametrize("method", ["mla", "reconboost"])
@pytest.mark.parametrize("other", ["uniform", "pmr", "opm", "mmpareto", "agm", "mlb", "cggm"])
def test_what_needs_one_backward_pass_of_all_is_refused(method: str, other: str) -> None:
    with pytest.raises(RegistryError, match=f"{method} trains the modalities in turns, and"):
        parse_method(f"{other}+{method}")


@pytest.mark.parametrize("method", ["mla", "reconboost", "aug", "boost+mla"])
def test_the_unimodal_losses_are_refused_by_their_weight_too(method: str, tmp_path: Path) -> None:
    """Before the training, and while it runs."""
    reason = rf"loss\.gamma=0\.5 with method .*{method[-3:]}: .* in turns, .*; set loss\.gamma=0"
    with pytest.raises(ValueError, match=reason):
        small_config(method=method, loss={"gamma": 0.5})
    live = make_live_settings(small_config(method=method))
    with pytest.raises(KnobError, match=r"'loss\.gamma' is no knob of this run"):
        live.set("loss.gamma", 0.5)
    assert live.options("loss")["gamma"] == 0


@pytest.mark.parametrize("method", ["mla", "reconboost", "aug"])
def test_a_strength_between_0_and_1_acts_as_1_and_says_so(method: str, tmp_path: Path) -> None:
    """And a ramp ends before it begins."""
    found = []
    for number, section in enumerate([{}, {"strength": 0.3}, {"ramp_epochs": 5}, {"strength": 0}]):
        config = small_config(method=method, epochs=2, **{method: section})
        trainer = make_trainer(tmp_path / f"run{number}", small_data(), config)
        train(trainer)
        found.append(weights(trainer))
    assert_same_bits(found[1], found[0])
    assert_same_bits(found[2], found[0])
    assert any(not torch.equal(found[3][name], value) for name, value in found[0].items())
    helps = {short_name(knob): knob.help for knob in METHODS[method].settings}
    assert "any value above 0 acts as 1" in helps["strength"]
    assert helps["ramp_epochs"].startswith("without effect")


def test_two_methods_of_turns_are_refused() -> None:
    with pytest.raises(RegistryError, match="both train the modalities in turns"):
        parse_method("mla+reconboost")


@pytest.mark.parametrize(
    ("method", "fusion", "expected"),
    [
        ("mla", {"kind": "concat"}, r"mla is defined for fusion\.kind=shared"),
        ("reconboost", {"kind": "concat"}, r"reconboost is defined for fusion\.kind=sum"),
        ("reconboost", {"kind": "sum", "alone": "ablation"}, r"the run has sum with ablation"),
    ],
)
def test_another_fusion_is_refused(
    method: str, fusion: dict[str, str], expected: str, tmp_path: Path
) -> None:
    with pytest.raises(MethodError, match=expected) as error:
        make_trainer(tmp_path / "run", small_data(), small_config(method=method, fusion=fusion))
    assert "\n" not in str(error.value)


def warnings_of(**changes: Any) -> list[str]:
    bench = Bench(changes.pop("method"), AV, **changes)
    return configuration_warnings(bench.components.config, bench.model, 100)


def test_a_training_without_a_stage_for_each_modality_is_warned_of() -> None:
    [warning] = warnings_of(method="reconboost", epochs=8)
    assert "the last one begins after epoch 7, and the training has 8: set epochs to 9" in warning
    assert not warnings_of(method="reconboost", epochs=9)
    assert warnings_of(method="reconboost", epochs=9, reconboost={"first_epoch": 1})


def test_a_boost_by_gradient_norms_beside_turns_is_warned_of() -> None:
    assert not warnings_of(method="mla+boost")
    [warning] = warnings_of(method="mla+boost", boost={"signal": "grad_norm"})
    assert "set boost.signal=probe" in warning


OWN = """
from asgml import Modulator
class Own(Modulator):
    def turns(self):
        return ()
"""


def test_turns_of_a_users_modulator(tmp_path: Path) -> None:
    """Refused beside a method that has its own, and in a loop, which takes the steps itself."""
    file = tmp_path / "own.py"
    file.write_text(OWN, encoding="utf-8")
    config = small_config(method="mla", modulator=f"{file}:Own")
    with pytest.raises(MethodError, match="mla and own both train the modalities in turns"):
        make_trainer(tmp_path / "run", small_data(), config)
    networks = {m: nn.Linear(4, 4) for m in AV}
    for arguments in ({"method": "mla"}, {"method": "reconboost"}, {"modulator": f"{file}:Own"}):
        with pytest.raises(LoopError, match="has to train the modalities in turns: the loop alone"):
            Balancer(
                networks,
                widths=dict.fromkeys(AV, 4),
                classes=3,
                run=tmp_path / "loop",
                **{"method": "baseline", **arguments},
            )
