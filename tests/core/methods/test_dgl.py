"""DGL: the released script's two backward passes, where gradients reach, strength, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from core_kit import (
    Bench,
    after_steps,
    assert_same_bits,
    gradients,
    make_trainer,
    modalities,
    resume_trainer,
    small_config,
    small_data,
    train,
    train_small,
    weights,
)
from methods_kit import AV, near
from torch import Tensor
from torch.nn import functional

from asgml.core.balancer import Balancer
from asgml.core.balancer.errors import LoopError
from asgml.core.methods.registry import RegistryError, parse_method
from asgml.core.model.fusion.base import FusionError
from asgml.core.training.preflight import configuration_warnings

FUSIONS: list[dict[str, Any]] = [
    {"kind": "concat", "alone": "split"},
    {"kind": "concat", "alone": "ablation", "hidden": 7},
    {"kind": "concat", "alone": "heads"},
    {"kind": "sum", "alone": "split"},
    {"kind": "film", "alone": "ablation"},
    {"kind": "gated", "alone": "heads"},
]


def by_two_passes(bench: Bench, alpha: float) -> dict[str, Tensor]:
    """Return the gradients as the released script makes them: unimodal, clear the fusion, joint."""
    model, labels = bench.model, bench.batch.labels
    model.zero_grad(set_to_none=True)
    features = model.encode(bench.batch.inputs)
    own = model.fusion.unimodal_logits(features)
    unimodal = sum(functional.cross_entropy(logits, labels) for logits in own.values())
    torch.autograd.backward(alpha * unimodal)
    for name, parameter in model.fusion.named_parameters():
        if not name.startswith("heads."):
            parameter.grad = None
    joint = model.fusion.fuse({m: h.detach() for m, h in features.items()})
    functional.cross_entropy(joint, labels).backward()
    return gradients(model)


@pytest.mark.parametrize("fusion", FUSIONS, ids=lambda each: f"{each['kind']}-{each['alone']}")
@pytest.mark.parametrize("count", [2, 3])
def test_the_gradients_are_those_of_the_released_script(fusion: dict[str, Any], count: int) -> None:
    if fusion["kind"] in ("film", "gated") and count > 2:
        count = 2
    bench = Bench("dgl", modalities(count), fusion=fusion, dgl={"alpha": 3.0})
    bench.look_back()
    ours = gradients(bench.model)
    released = by_two_passes(bench, 3.0)
    assert ours.keys() == released.keys()
    for name, gradient in released.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-4, atol=1e-6, msg=name)


def test_golden_gradients_by_hand() -> None:
    """One sample, two classes, features (2) and (1), head ((1, 0), (0, 1)), no bias.

    z = (2, 1), z_a = (2, 0), z_b = (0, 1); softmax less the label gives d = (-0.268941, 0.268941)
    for the joint logits, and 0.119203 and -0.731059 for the first of the unimodal ones.
    """
    bench = Bench("dgl", AV, data=small_data(AV, classes=2), dgl={"alpha": 4.0})
    classifier, widths = bench.model.fusion.classifier, bench.model.fusion.widths
    with torch.no_grad():
        classifier.weight.zero_()
        classifier.weight[0, 0] = classifier.weight[1, -1] = 1.0
        classifier.bias.zero_()
    audio, visual = (torch.zeros(1, widths[m]) for m in AV)
    audio[0, 0], visual[0, -1] = 2.0, 1.0
    features = {"audio": audio.requires_grad_(), "visual": visual.requires_grad_()}
    labels = torch.tensor([0])
    joint = bench.modulator.joint_features(features)
    forward = bench.model.join(bench.batch, features, labels, joint)
    loss = functional.cross_entropy(forward.logits, labels) + bench.modulator.loss(forward)
    bench.model.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    assert float(loss.detach()) == pytest.approx(0.313262 + 4 * (0.126928 + 1.313262), abs=4e-6)
    assert classifier.bias.grad.tolist() == near([-0.268941, 0.268941])
    assert float(audio.grad[0, 0]) == pytest.approx(4 * -0.119203, abs=4e-6)
    assert float(visual.grad[0, -1]) == pytest.approx(4 * 0.731059, abs=4e-6)


def test_the_joint_loss_reaches_no_encoder_and_the_unimodal_losses_no_fusion() -> None:
    """Without unimodal losses encoders stand still; their size changes no bit of the head."""
    still = Bench("dgl", AV, dgl={"alpha": 0.0})
    still.look_back()
    found = gradients(still.model)
    for name, gradient in found.items():
        assert name.startswith("fusion.") or not gradient.any(), name
    loud = Bench("dgl", AV, dgl={"alpha": 9.0})
    loud.look_back()
    for name, gradient in gradients(loud.model).items():
        assert torch.equal(gradient, found[name]) == name.startswith("fusion."), name


@pytest.mark.parametrize("strength", [0.25, 0.5])
def test_a_strength_takes_its_share_of_both(strength: float) -> None:
    """The joint loss reaches encoders by 1 - strength, the unimodal ones by strength."""
    plain, whole = Bench("baseline", AV), Bench("dgl", AV)
    share = Bench("dgl", AV, dgl={"strength": strength})
    logits = [bench.look_back().forward.logits for bench in (plain, whole, share)]
    assert all(torch.equal(each, logits[0]) for each in logits)
    ours, nothing, all_ = (gradients(each.model) for each in (share, plain, whole))
    for name, gradient in ours.items():
        expected = (1 - strength) * nothing[name] + strength * all_[name]
        torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-6, msg=name)


def test_heads_of_their_own_are_trained(tmp_path: Path) -> None:
    before = weights(
        make_trainer(
            tmp_path / "fresh",
            small_data(),
            small_config(method="dgl", fusion={"alone": "heads"}),
            silent=True,
        )
    )
    trainer, _ = train_small(tmp_path / "run", method="dgl", fusion={"alone": "heads"}, epochs=1)
    after = weights(trainer)
    assert all(not torch.equal(before[n], after[n]) for n in before if n.startswith("fusion."))


def test_micro_batches_make_the_same_step(tmp_path: Path) -> None:
    """No encoder with batch norm here: it sees micro-batches."""
    data = small_data(("visual", "text"), train=24)
    found = []
    for count in (1, 2):
        config = small_config(method="dgl", epochs=1, optimizer={"accumulate": count, "lr": 0.05})
        trainer = make_trainer(tmp_path / str(count), data, config, silent=True)
        (tmp_path / str(count)).mkdir()
        trainer.train()
        found.append(weights(trainer))
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value, rtol=1e-4, atol=1e-5, msg=name)


def test_mixed_precision_trains_the_same_parts(tmp_path: Path) -> None:
    config = small_config(method="dgl", epochs=1, optimizer={"amp": "bf16"}, dgl={"alpha": 0.0})
    trainer = make_trainer(tmp_path / "run", small_data(), config, silent=True)
    fresh = {n: p.detach().clone() for n, p in trainer.components.model.named_parameters()}
    trainer.step(next(iter(begun(trainer))))
    for name, parameter in trainer.components.model.named_parameters():
        if name.startswith("fusion."):
            assert not torch.equal(parameter, fresh[name]), name
        else:
            assert parameter.grad is None or not parameter.grad.any(), name


def begun(trainer: Any) -> Any:
    trainer.begin_epoch()
    return trainer.components.batches.rest_of_epoch()


def test_a_resumed_training_is_the_same(tmp_path: Path) -> None:
    config = small_config(method="dgl", dgl={"strength": 0.5, "ramp_epochs": 1})
    whole = make_trainer(tmp_path / "whole", small_data(), config)
    train(whole)
    stopped = make_trainer(tmp_path / "stopped", small_data(), config)
    after_steps(stopped, {6: stopped.run.command_handler.stop})
    train(stopped)
    resumed = resume_trainer(tmp_path / "stopped", small_data(), config)
    train(resumed)
    assert_same_bits(weights(resumed), weights(whole))


@pytest.mark.parametrize(("alpha", "gamma", "warned"), [(0, 0, True), (0, 1, False), (4, 0, False)])
def test_encoders_that_nothing_trains_come_with_a_warning(
    alpha: float, gamma: float, warned: bool
) -> None:
    bench = Bench("dgl", AV, dgl={"alpha": alpha}, loss={"gamma": gamma})
    found = configuration_warnings(bench.components.config, bench.model, 12)
    assert [message.startswith("dgl.alpha=0: ") for message in found if "0: enc" in message] == (
        [True] * warned
    )


def test_loops_and_methods_that_it_cannot_share_with_are_told() -> None:
    with pytest.raises(LoopError, match="dgl has to change what the fusion is fed: by then the"):
        Balancer({"audio": torch.nn.Linear(2, 2)}, widths={"audio": 2}, classes=2, method="dgl")
    for other in ("uniform", "mmpareto", "g_blending", "pmr", "arl", "mlb", "asgml_v1"):
        with pytest.raises(RegistryError, match="which only one can"):
            parse_method(f"dgl+{other}")
    with pytest.raises(FusionError, match=r"set fusion.alone=ablation or heads"):
        Bench("dgl", AV, fusion={"kind": "film", "alone": "split"})
