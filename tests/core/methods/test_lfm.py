"""LFM: golden losses and weights, a slow twin of the learned weight, no NaN, resuming."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

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
    through_a_file,
    train,
    weights,
)
from methods_kit import ATV, AV, example, inner, near
from torch import Tensor
from torch.nn import functional

from asgml.core.config.run_config import ConfigError
from asgml.core.measures.evaluate import in_eval_mode
from asgml.core.methods.registry import RegistryError, parse_method
from asgml.core.methods.spec import MethodError
from asgml.core.modulators.lfm import (
    alignment,
    class_loss,
    fitted_weight,
    heuristic_weight,
    weight_slope,
    weighted_loss,
)
from asgml.core.training.preflight import configuration_warnings

TEXT = torch.tensor([[0.0, 1, 0], [0, 0, 0.3]])


def test_the_losses_of_lfm() -> None:
    """Numbers of loops over samples and classes, by math.log."""
    forward = example().forward
    assert float(alignment(forward.unimodal_logits)) == near(0.042184)
    assert float(class_loss(forward)) == near(0.596898)
    assert 2 * float(weighted_loss(forward, fitted_weight(0))) == near(0.311383)
    three = {**forward.unimodal_logits, "text": TEXT}
    assert float(alignment(three)) == near(0.067583)


def test_the_weights_of_lfm() -> None:
    assert [fitted_weight(epoch) for epoch in (0, 10, 50, 100, 199)] == near(
        [0.795376, 0.752241, 0.563319, 0.460845, 0.084011]
    )
    assert fitted_weight(1000) == fitted_weight(200), "beyond its epochs the curve has no meaning"
    assert [heuristic_weight(epoch) for epoch in (0, 1, 9)] == near([0.632121, 0.393469, 0.095163])


@pytest.mark.parametrize("kind", ["fitted", "heuristic"])
def test_the_loss_takes_the_place_of_the_joint_one(kind: str) -> None:
    """The step's gradient is that of the whole loss of the formula, with M logits in a mean."""
    bench = Bench("lfm", ATV, lfm={"weight": kind, "scale": 3.0}, fusion={"kind": "sum"})
    bench.modulator.begin_epoch(4)
    bench.look_back()
    ours = gradients(bench.model)
    forward = bench.model(bench.batch)
    a = {"fitted": fitted_weight, "heuristic": heuristic_weight}[kind](4)
    mean = torch.stack(list(forward.unimodal_logits.values())).mean(dim=0)
    loss = 3 * (1 - a) * functional.cross_entropy(mean, forward.labels)
    loss = loss + 3 * a * alignment(forward.unimodal_logits)
    bench.model.zero_grad(set_to_none=True)
    loss.backward()
    for name, gradient in gradients(bench.model).items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-4, atol=1e-6, msg=name)


def slope_by_differences(bench: Bench, weight: float) -> float:
    """Return the mean of (grad L(theta + d g) - grad L(theta - d g)) / 2 d, g = grad CLS."""
    model, step = bench.model.double(), 1e-4
    val = bench.components.data.splits["val"]
    inputs = {m: x[:8].double() for m, x in val.inputs.items()}
    parameters = list(model.parameters())

    def gradient(loss: str) -> list[Tensor]:
        with in_eval_mode(model):
            logits = model.encode(inputs)
            forward = model.join(replace(bench.batch), logits, val.labels[:8])
        value = class_loss(forward) if loss == "cls" else weighted_loss(forward, weight)
        return list(torch.autograd.grad(value, parameters))

    direction = gradient("cls")
    ends = []
    for sign in (1, -1):
        with torch.no_grad():
            for parameter, g in zip(parameters, direction, strict=True):
                parameter.add_(g, alpha=sign * step)
        ends.append(gradient("both")[0])
        with torch.no_grad():
            for parameter, g in zip(parameters, direction, strict=True):
                parameter.sub_(g, alpha=sign * step)
    return float(((ends[0] - ends[1]) / (2 * step)).mean())


def test_the_learned_weight_is_its_slow_twin() -> None:
    names = ("visual", "thermal")
    bench = Bench("lfm", names, begun=False, lfm={"weight": "learned", "lr": 0.5})
    method = inner(bench, "lfm")
    found = weight_slope(method.context, 0.95)
    bench.modulator.begin_epoch(0)
    assert method.weight == pytest.approx(min(max(0.95 - 0.5 * found, 0.05), 0.95))
    assert found == pytest.approx(slope_by_differences(bench, 0.95), rel=1e-3)
    assert abs(found) > 1e-6


def test_the_learned_weight_stays_in_its_bounds_and_slows_down() -> None:
    bench = Bench("lfm", AV, lfm={"weight": "learned", "lr": 1.0})
    method = inner(bench, "lfm")
    for epoch in (19, 20, 21, 40):
        bench.modulator.begin_epoch(epoch)
        assert 0.05 <= method.weight <= 0.95
    assert method.lr == 0.25


def test_learning_the_weight_leaves_training_and_random_numbers_alone() -> None:
    bench = Bench("lfm", modalities(6), lfm={"weight": "learned"})
    before, state = weights(bench.trainer), torch.get_rng_state()
    bench.modulator.begin_epoch(1)
    assert_same_bits(weights(bench.trainer), before)
    assert torch.equal(torch.get_rng_state(), state)
    assert bench.model.training and not gradients(bench.model)


def test_certain_predictions_have_finite_gradients() -> None:
    """Probabilities of 0 in float32: the alignment is large, and its gradient finite."""
    sure = torch.tensor([[1e4, 0.0, -1e4]], requires_grad=True)
    other = torch.tensor([[-1e4, 0.0, 1e4]], requires_grad=True)
    loss = alignment({"audio": sure, "visual": other})
    loss.backward()
    assert loss.isfinite() and sure.grad is not None and bool(sure.grad.isfinite().all())


@pytest.mark.parametrize("kind", ["fitted", "learned"])
def test_a_resumed_training_is_the_same(kind: str, tmp_path: Path) -> None:
    config = small_config(method="lfm", lfm={"weight": kind, "lr": 0.01})
    whole = make_trainer(tmp_path / "whole", small_data(), config)
    train(whole)
    stopped = make_trainer(tmp_path / "stopped", small_data(), config)
    after_steps(stopped, {6: stopped.run.command_handler.stop})
    train(stopped)
    resumed = resume_trainer(tmp_path / "stopped", small_data(), config)
    train(resumed)
    assert_same_bits(weights(resumed), weights(whole))


def test_the_learned_weight_survives_a_checkpoint() -> None:
    ours, theirs = (Bench("lfm", AV, lfm={"weight": "learned", "lr": 1.0}) for _ in range(2))
    ours.modulator.begin_epoch(20)
    theirs.modulator.load_state_dict(through_a_file(ours.modulator.state_dict()))
    assert inner(theirs, "lfm").weight == inner(ours, "lfm").weight != 0.95
    assert inner(theirs, "lfm").lr == 0.5


@pytest.mark.parametrize(
    ("epochs", "kind", "warned"),
    [(20, "fitted", True), (20, "heuristic", False), (120, "fitted", False)],
)
def test_a_training_that_ends_too_early_for_the_curve_is_told(
    epochs: int, kind: str, warned: bool
) -> None:
    bench = Bench("lfm", AV, epochs=epochs, lfm={"weight": kind})
    found = [
        message
        for message in configuration_warnings(bench.components.config, bench.model, 99)
        if message.startswith("lfm.weight=fitted falls over 200 epochs, and the training has 20")
    ]
    assert len(found) == warned


def test_what_it_cannot_do_is_told() -> None:
    with pytest.raises(MethodError, match="lfm balances modalities"):
        Bench("lfm", ("audio",))
    with pytest.raises(ConfigError, match="heads would never be trained"):
        small_config(method="lfm", fusion={"alone": "heads"})
    for other in ("dgl", "g_blending", "mmpareto"):
        with pytest.raises(RegistryError, match="which only one can"):
            parse_method(f"lfm+{other}")
