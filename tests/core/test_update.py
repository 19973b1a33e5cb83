"""From gradients to a step: clipping, micro-batches, mixed precision, frozen encoders."""

from __future__ import annotations

import math
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
    gradients,
    make_trainer,
    rows_of,
    seeded,
    small_config,
    small_data,
    through_a_file,
    train,
    train_small,
    weights,
)
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from asgml.core.config.run_config import ConfigError
from asgml.core.measures.gradients import clip
from asgml.core.methods.registry import METHODS
from asgml.core.methods.spec import MethodError
from asgml.core.model.encoders.mlp import Mlp
from asgml.core.model.fusion.build import make_fusion
from asgml.core.model.model import ModelError, MultimodalModel
from asgml.core.modulators.base import Modulator
from asgml.core.modulators.composition import Composed
from asgml.core.training.precision import Float16, Precision
from asgml.core.training.refusals import refuse_unfit
from asgml.core.training.trainer import Trainer
from asgml.core.training.update import micro_batches
from asgml.core.types import Batch, Forward
from asgml.storage.format.status import State

NAMES = ("audio", "visual")
SMOOTH = ("visual", "thermal")
"""Modalities whose encoders have no batch norm."""

SOON: dict[str, dict[str, int]] = {
    "relearning": {"start": 0, "every": 1},
    "reconboost": {"stage_epochs": 1, "rectify_epochs": 0},
}
"""Settings with which a method trains or resets each encoder within two epochs."""

OF_TWO = [name for name, method in METHODS.items() if method.modalities in (None, 2)]


def before_each_update(trainer: Trainer, look: Callable[[], object]) -> None:
    """Calls `look` right before every optimizer step."""
    optimizer = trainer.components.optimizer
    step = optimizer.step

    def watched(*given: Any, **named: Any) -> Any:
        look()
        return step(*given, **named)

    optimizer.step = watched  # type: ignore[method-assign]


def slow_norm(tensors: list[Tensor]) -> float:
    return math.sqrt(
        sum(number * number for tensor in tensors for number in tensor.flatten().tolist())
    )


def all_gradients(trainer: Trainer) -> list[Tensor]:
    return list(gradients(trainer.components.model).values())


# -- clipping ------------------------------------------------------------------------


@given(limit=st.floats(0.01, 100), size=st.floats(1e-3, 1e3), seed=st.integers(0, 99))
def test_clipping_is_one_factor_for_all(limit: float, size: float, seed: int) -> None:
    generator = seeded(seed)
    plain = [size * torch.randn(shape, generator=generator) for shape in ((3, 2), (5,), ())]
    clipped = [tensor.clone() for tensor in plain]
    factor = float(clip(clipped, limit))
    assert factor == pytest.approx(min(1.0, limit / (slow_norm(plain) + 1e-6)), rel=1e-5)
    for before, after in zip(plain, clipped, strict=True):
        assert after.flatten().tolist() == pytest.approx(
            [factor * number for number in before.flatten().tolist()], rel=1e-5
        )
    assert slow_norm(clipped) <= limit * (1 + 1e-5)


def test_no_limit_leaves_every_bit() -> None:
    gradient = torch.tensor([1e20, float("inf"), 0.1])
    assert clip([gradient], 0.0) == 1.0
    assert gradient.tolist() == [pytest.approx(1e20), math.inf, pytest.approx(0.1)]
    assert clip([], 1.0) == 1.0


def test_clipping_comes_after_modulation_and_takes_everything(tmp_path: Path) -> None:
    """The head's gradients count and are clipped too; recorded norms are those before it."""
    trainer = make_trainer(
        tmp_path / "run",
        small_data(),
        small_config(
            method="ogm", ogm={"params": "all"}, optimizer={"clip": 0.5}, probe={"enabled": False}
        ),
    )
    norms: list[float] = []
    before_each_update(trainer, lambda: norms.append(slow_norm(all_gradients(trainer))))
    run = train(trainer)
    factors = run.column("steps", "clip_factor")
    assert factors.min() < 0.9
    for factor, norm in zip(factors, norms, strict=True):
        assert norm == pytest.approx(0.5, rel=1e-4) if factor < 1 else norm <= 0.5 * (1 + 1e-4)
    for m in NAMES:
        gain, before, after = (
            run.column("steps", f"{name}/{m}") for name in ("gain", "grad_norm", "grad_norm_after")
        )
        np.testing.assert_allclose(after, gain * before, rtol=1e-5)
    assert np.hypot(*(run.column("steps", f"grad_norm_after/{m}") for m in NAMES)).max() > 0.5


def test_clipping_is_that_of_torch(tmp_path: Path) -> None:
    """The same training with torch's own clipping put before each step."""
    ours, _ = train_small(tmp_path / "ours", optimizer={"clip": 0.4})
    theirs = make_trainer(tmp_path / "theirs", small_data(), small_config())
    before_each_update(
        theirs, lambda: nn.utils.clip_grad_norm_(theirs.components.model.parameters(), 0.4)
    )
    train(theirs)
    plain, _ = train_small(tmp_path / "plain")
    for name, value in weights(ours).items():
        torch.testing.assert_close(value, weights(theirs)[name], rtol=1e-4, atol=1e-5)
    assert any(
        not torch.allclose(value, weights(plain)[name], rtol=1e-2, atol=1e-3)
        for name, value in weights(ours).items()
    )


def test_the_limit_can_be_turned(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path / "run", small_data(), small_config())
    after_steps(
        trainer,
        {
            4: lambda: trainer.run.live_settings.set("optimizer.clip", 0.01),
            8: lambda: trainer.run.live_settings.set("clip", 0),
        },
    )
    factors = train(trainer).column("steps", "clip_factor")
    assert (factors[:4] == 1).all() and (factors[4:8] < 1).all() and (factors[8:] == 1).all()


# -- micro-batches -------------------------------------------------------------------


@given(samples=st.integers(1, 40), count=st.integers(1, 12))
def test_micro_batches_are_the_batch_in_parts(samples: int, count: int) -> None:
    batch = Batch({"audio": torch.arange(samples)}, torch.arange(samples))
    parts = micro_batches(batch, count)
    assert torch.equal(torch.cat([part.labels for part, _ in parts]), batch.labels)
    assert all(torch.equal(part.inputs["audio"], part.labels) for part, _ in parts)
    assert [share * samples for _, share in parts] == pytest.approx(
        [len(part.labels) for part, _ in parts]
    )
    assert len(parts) == max(1, min(count, samples // 2))
    assert samples < 2 or min(len(part.labels) for part, _ in parts) >= 2


def one_step(
    root: Path, method: str, accumulate: int, **sections: Any
) -> tuple[Trainer, dict[str, Any], dict[str, Tensor]]:
    """A trainer after a step of 7 samples, its row, and the gradients that the optimizer saw."""
    config = small_config(
        method=method,
        optimizer={"accumulate": accumulate},
        loss={"gamma": 0.5},
        agm={"variant": "paper"},
        batch_size=16,
        **sections,
    )
    trainer = make_trainer(root, small_data(SMOOTH), config, silent=True)
    rows: list[dict[str, Any]] = []
    trainer.run.recorder.record = lambda table, values: rows.append(dict(values))  # type: ignore[method-assign]
    found: dict[str, Tensor] = {}
    before_each_update(trainer, lambda: found.update(gradients(trainer.components.model)))
    trainer.balancing.modulator.begin_epoch(0)
    split = trainer.components.data.splits["train"]
    trainer.step(Batch({m: tensor[:7] for m, tensor in split.inputs.items()}, split.labels[:7]))
    return trainer, {name: float(value) for name, value in rows[0].items()}, found


UNFIT = {"mmpareto", "opm", "agm"}


@pytest.mark.parametrize("accumulate", [2, 3])
@pytest.mark.parametrize("method", ["baseline", "ogm_ge", "mlb", "arl", "cggm", "agm", "inforeg"])
def test_micro_batches_make_the_step_of_the_whole_batch(
    method: str, accumulate: int, tmp_path: Path
) -> None:
    """Without batch norm, to 1e-6: gradients after modulation, weights, and rows."""
    whole, row, gradient = one_step(tmp_path / "whole", method, 1, diagnose={"every": 1})
    parted, parted_row, parted_gradient = one_step(
        tmp_path / "parted", method, accumulate, diagnose={"every": 1}
    )
    for name in gradient:
        torch.testing.assert_close(parted_gradient[name], gradient[name], rtol=1e-4, atol=1e-6)
    for name, value in weights(whole).items():
        torch.testing.assert_close(weights(parted)[name], value, rtol=0, atol=1e-6)
    del row["step_time"], parted_row["step_time"]
    assert parted_row == pytest.approx(row, rel=1e-4, abs=1e-6, nan_ok=True)
    assert math.isfinite(row["conflict_cosine/visual"])


def test_the_model_is_fed_micro_batches(tmp_path: Path) -> None:
    """And the method is asked once, about all samples."""
    trainer = make_trainer(
        tmp_path,
        small_data(train=16),
        small_config(method="ogm", optimizer={"accumulate": 3}),
        silent=True,
    )
    fed: list[int] = []
    trainer.components.model.encoders["visual"].register_forward_hook(
        lambda module, given, features: fed.append(len(features))
    )
    asked: list[int] = []
    modulate = trainer.balancing.modulator.modulate

    def watched(backward: Any) -> Any:
        asked.append(len(backward.forward.labels))
        assert not backward.forward.logits.requires_grad
        return modulate(backward)

    trainer.balancing.modulator.modulate = watched  # type: ignore[method-assign]
    trainer.begin_epoch()
    for batch in trainer.components.batches.rest_of_epoch():
        trainer.step(batch)
    assert fed == [3, 3, 2, 3, 3, 2]
    assert asked == [8, 8]


@pytest.mark.parametrize("method", OF_TWO)
def test_methods_that_need_the_whole_batch_are_refused(method: str, tmp_path: Path) -> None:
    def make() -> Trainer:
        return make_trainer(
            tmp_path,
            small_data(SMOOTH),
            small_config(method=method, optimizer={"accumulate": 2}),
            silent=True,
        )

    if method in UNFIT:
        with pytest.raises(MethodError, match=rf"{method} .*optimizer\.accumulate=2"):
            make()
    else:
        assert make().components.update.count == 2


def test_a_users_modulator_is_judged_by_the_hooks_it_has() -> None:
    class Looks(Modulator):
        def before_backward(self, forward: Forward, task_loss: Tensor) -> None: ...

    composed = Composed(NAMES, {"looks": Looks(NAMES, {})})
    refuse_unfit(composed, "bf16", 1)
    for amp, accumulate in (("off", 2), ("fp16", 1)):
        with pytest.raises(MethodError, match=r"^looks "):
            refuse_unfit(composed, amp, accumulate)


def test_a_micro_batch_has_two_samples() -> None:
    small_config(batch_size=8, optimizer={"accumulate": 4})
    with pytest.raises(ConfigError, match=r"accumulate=5 with batch_size=8: .* at most 4"):
        small_config(batch_size=8, optimizer={"accumulate": 5})


# -- mixed precision -----------------------------------------------------------------


def test_without_mixed_precision_nothing_is_cast_or_scaled() -> None:
    precision, loss = Precision(torch.device("cpu")), torch.ones(())
    with precision.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
    assert precision.scaled(loss) is loss


@pytest.mark.parametrize("method", OF_TWO)
def test_every_method_works_in_bf16(method: str, tmp_path: Path) -> None:
    """Encoders compute in bfloat16; weights, gradients and what methods see are float32."""
    own = (
        {} if method == "baseline" or not METHODS[method].settings else {method: {"first_epoch": 0}}
    )
    trainer = make_trainer(
        tmp_path,
        small_data(),
        small_config(method=method, epochs=2, optimizer={"amp": "bf16"}, **own),
        silent=True,
    )
    narrow: set[torch.dtype] = set()
    trainer.components.model.encoders["visual"].network[1].register_forward_hook(  # type: ignore[index,union-attr]
        lambda module, given, output: narrow.add(output.dtype) if module.training else None
    )
    seen: set[torch.dtype] = set()
    act = trainer.balancing.modulate_gradients

    def watched(forward: Forward, trained: tuple[str, ...]) -> Any:
        seen.update(
            tensor.dtype
            for tensor in (
                forward.logits,
                *forward.features.values(),
                *forward.unimodal_logits.values(),
            )
        )
        seen.update(gradient.dtype for gradient in all_gradients(trainer))
        return act(forward, trained)

    trainer.balancing.modulate_gradients = watched  # type: ignore[method-assign]
    trainer.train()
    assert torch.bfloat16 in narrow
    assert seen == {torch.float32}
    assert all(
        value.isfinite().all() for value in weights(trainer).values() if value.is_floating_point()
    )


def test_bf16_is_nearly_the_same_training(tmp_path: Path) -> None:
    runs = [
        train_small(tmp_path / amp, optimizer={"amp": amp}, probe={"enabled": False})[1]
        for amp in ("off", "bf16")
    ]
    ours, theirs = (run.column("steps", "loss") for run in runs)
    assert ours[0] == pytest.approx(theirs[0], rel=0.02)
    assert (ours != theirs).any(), "nothing was computed in bfloat16"
    assert runs[0].column("epochs", "val_loss")[-1] == pytest.approx(
        runs[1].column("epochs", "val_loss")[-1], abs=0.05
    )


def half_precision(root: Path, scale: float, **changes: Any) -> tuple[Trainer, list[int]]:
    """A trainer in fp16 with this first loss scale, and the steps that its method was called in."""
    trainer = make_trainer(
        root, small_data(SMOOTH), small_config(optimizer={"amp": "fp16"}, **changes)
    )
    precision = trainer.components.update.precision
    assert isinstance(precision, Float16)
    precision.scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    asked: list[int] = []
    modulate = trainer.balancing.modulator.modulate

    def watched(backward: Any) -> Any:
        asked.append(trainer.run.step + 1)
        return modulate(backward)

    trainer.balancing.modulator.modulate = watched  # type: ignore[method-assign]
    return trainer, asked


def test_a_step_that_overflows_is_left_out(tmp_path: Path) -> None:
    """Weights and momentum stay, the method is not called, the scale is halved, until they fit."""
    trainer, asked = half_precision(
        tmp_path / "run", 2.0**40, method="ogm", probe={"enabled": False}, epochs=12
    )
    start = weights(trainer)
    kept: dict[int, dict[str, Tensor]] = {}
    after_steps(trainer, {n: lambda n=n: kept.update({n: weights(trainer)}) for n in range(1, 48)})
    run = train(trainer)
    skipped = run.column("steps", "skipped_steps")
    left_out = np.diff(skipped, prepend=0) == 1
    first = asked[0]
    assert 3 < first < 40 and left_out[: first - 1].all()
    assert asked == (np.flatnonzero(~left_out) + 1).tolist()
    assert_same_bits(kept[first - 1], start)
    assert any(not torch.equal(kept[first][name], value) for name, value in start.items())
    for m in SMOOTH:
        assert ((run.column("steps", f"grad_norm/{m}") == 0) == left_out).all()
    assert trainer.components.update.precision.state_dict()["scale"] == 2.0 ** (40 - skipped[-1])
    assert not [event for event in run.events if event.kind == "alert"]


def test_gradients_are_unscaled_before_they_are_modulated_and_clipped(tmp_path: Path) -> None:
    """With another scale the same norms are recorded, and the same factor."""
    rows = []
    for exponent in (1, 8):
        trainer, _ = half_precision(
            tmp_path / str(exponent), 2.0**exponent, probe={"enabled": False}, epochs=1
        )
        trainer.run.live_settings.set("optimizer.clip", 0.3)
        rows.append(rows_of(train(trainer), "steps"))
    plain = rows_of(
        train_small(
            tmp_path / "plain",
            small_data(SMOOTH),
            probe={"enabled": False},
            epochs=1,
            optimizer={"clip": 0.3},
        )[1],
        "steps",
    )
    assert rows[0]["clip_factor"][0] < 1
    for name in ("loss", "grad_norm/visual", "grad_norm_after/thermal", "clip_factor"):
        assert rows[0][name][0] == pytest.approx(rows[1][name][0], rel=0.01)
        assert rows[0][name][0] == pytest.approx(plain[name][0], rel=0.01)


def test_the_scale_survives_a_checkpoint(tmp_path: Path) -> None:
    ours, _ = half_precision(tmp_path / "ours", 2.0**40, epochs=1)
    train(ours)
    theirs, _ = half_precision(tmp_path / "theirs", 8.0)
    theirs.load_state_dict(through_a_file(ours.state_dict()))
    assert (
        theirs.components.update.precision.state_dict()
        == ours.components.update.precision.state_dict()
    )
    assert theirs.components.update.skipped == ours.components.update.skipped > 0
    theirs.run.recorder.writer.close(State.STOPPED)


# -- frozen encoders -----------------------------------------------------------------


@pytest.mark.parametrize("method", OF_TWO)
def test_a_frozen_encoder_keeps_every_bit(method: str, tmp_path: Path) -> None:
    """Batch norm's running statistics too, whatever the method; the other encoder learns."""
    own = {method: {"first_epoch": 0}} if METHODS[method].settings else {}
    own = {method: {**own[method], **SOON[method]}} if method in SOON else own
    trainer = make_trainer(
        tmp_path / "run",
        small_data(),
        small_config(method=method, freeze=["audio"], epochs=2, **own),
    )
    frozen, free = (trainer.components.model.encoders[m] for m in NAMES)
    before, other = (
        {name: value.clone() for name, value in encoder.state_dict().items()}
        for encoder in (frozen, free)
    )
    run = train(trainer)
    assert_same_bits(frozen.state_dict(), before)
    assert any(not torch.equal(value, other[name]) for name, value in free.state_dict().items())
    assert (run.column("steps", "grad_norm/audio") == 0).all()
    learns = run.column("steps", "grad_norm/visual") > 0
    assert learns.any() if method == "reconboost" else learns.all()
    assert (run.column("probes", "update_ratio/audio") == 0).all()
    assert not frozen.training and free.training


def test_what_is_frozen_is_told(tmp_path: Path) -> None:
    _, run = train_small(tmp_path / "run", method="ogm+boost", freeze="audio", epochs=1)
    told = [event.get("message") for event in run.events if event.kind == "alert"]
    assert told == [
        "the encoder of audio is frozen: ogm and boost can change nothing of it, "
        "only visual can be balanced"
    ]
    _, run = train_small(tmp_path / "baseline", freeze=["audio"], epochs=1)
    assert not [event for event in run.events if event.kind == "alert"]


@pytest.mark.parametrize("method", ["ogm", "relearning", "mslr", "mmpareto", "uniform+boost"])
def test_a_method_with_nothing_left_to_act_on_is_refused(method: str, tmp_path: Path) -> None:
    with pytest.raises(
        MethodError, match=r"acts on encoders, and all are frozen \(audio, visual\)"
    ):
        make_trainer(
            tmp_path, small_data(), small_config(method=method, freeze="audio,visual"), silent=True
        )


def test_the_head_is_trained_on_frozen_encoders(tmp_path: Path) -> None:
    trainer = make_trainer(
        tmp_path / "run", small_data(), small_config(freeze=list(NAMES), diagnose={"every": 1})
    )
    before = weights(trainer)
    run = train(trainer)
    changed = {
        name for name, value in weights(trainer).items() if not torch.equal(value, before[name])
    }
    assert changed == {"fusion.classifier.weight", "fusion.classifier.bias"}
    assert run.column("steps", "loss")[-1] < run.column("steps", "loss")[0]


def test_an_unknown_modality_cannot_be_frozen(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="freeze names 'smell': the data has audio, visual"):
        make_trainer(tmp_path, small_data(), small_config(freeze=["smell"]), silent=True)


def test_one_shared_layer_is_enough_to_be_refused() -> None:
    left, right = Mlp((5,)), Mlp((5,))
    right.network[1] = left.network[1]
    model = MultimodalModel(
        {"left": left, "right": right},
        make_fusion("concat", 0, "split", {"left": 128, "right": 128}, 3),
    )
    with pytest.raises(ModelError, match="share parameters"):
        model.parameter_groups()


def test_a_gradient_that_is_missing_is_passed_over() -> None:
    bench = Bench("baseline", NAMES)
    bench.look_back()
    for parameter in bench.model.encoders["audio"].parameters():
        parameter.grad = None
    bench.trainer.run.live_settings.set("optimizer.clip", 0.1)
    assert float(bench.trainer.components.update.finish()["clip_factor"]) < 1
