"""MSLR: factors kept, smoothed or dynamic, as learning rates of the encoders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from core_kit import make_trainer, small_config, small_data, through_a_file, weights
from methods_kit import AV, example

from asgml.core.methods.spec import MethodError
from asgml.core.modulators.mslr import Mslr, parse_factors, progress
from asgml.core.types import Evaluation


def mslr(**options: Any) -> Mslr:
    return Mslr(AV, {"variant": "keep", "memory": 3, "factors": "audio=0.9, visual=1.1", **options})


def rates(method: Mslr) -> list[float]:
    return [float(rate) for rate in method.modulate(example()).rates.values()]


def test_mslr_keeps_its_factors() -> None:
    assert rates(mslr()) == [0.9, 1.1]
    assert rates(mslr(factors="")) == [1, 1]


def test_mslr_smooths_to_one_in_the_last_epoch() -> None:
    made = mslr(variant="smooth")
    made.epochs = 5
    seen = []
    for epoch in range(6):
        made.begin_epoch(epoch)
        seen.append(rates(made))
    assert [audio for audio, _ in seen] == pytest.approx([0.9, 0.925, 0.95, 0.975, 1, 1])
    assert [visual for _, visual in seen] == pytest.approx([1.1, 1.075, 1.05, 1.025, 1, 1])


def test_mslr_follows_the_validation_accuracy() -> None:
    made = mslr(variant="dynamic")
    assert rates(made) == [0.9, 1.1]
    for audio in (0.1, 0.2, 0.3, 0.6):
        made.end_epoch(0, Evaluation(1.0, 0.5, {"audio": audio, "visual": 0.0}, {}))
    assert rates(made) == pytest.approx([0.9 * 0.6 / ((0.2 + 0.3 + 0.6) / 3), 1.1])
    assert progress([]) == progress([0.0, 0.0]) == 1
    twin = mslr(variant="dynamic")
    twin.load_state_dict(through_a_file(made.state_dict()))
    assert rates(twin) == rates(made)


@pytest.mark.parametrize(
    "text", ["smell=1", "audio", "audio=-1", "audio=0", "audio=inf", "audio=much", "=1"]
)
def test_mslr_refuses_factors_that_mean_nothing(text: str) -> None:
    with pytest.raises(MethodError, match=r"mslr\.factors"):
        parse_factors(text, AV)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_rate_is_a_learning_rate_of_one_encoder(optimizer: str, tmp_path: Path) -> None:
    """The first step of visual's encoder is half as long; all other parameters step as before."""
    stepped = {}
    for factors in ("", "visual=0.5"):
        settings = {"variant": "keep", "factors": factors}
        config = small_config(
            method="mslr", mslr=settings, optimizer={"name": optimizer, "lr": 0.01}
        )
        trainer = make_trainer(tmp_path / f"run{factors}", small_data(), config, silent=True)
        start = weights(trainer)
        trainer.components.batches.begin_epoch()
        trainer.step(next(iter(trainer.components.batches.rest_of_epoch())))
        stepped[factors] = {
            name: value - start[name]
            for name, value in weights(trainer).items()
            if value.is_floating_point()
        }
    own = {
        f"_encoders.1.{name}"
        for name, _ in trainer.components.model.encoders["visual"].named_parameters()
    }
    for name, plain in stepped[""].items():
        torch.testing.assert_close(
            stepped["visual=0.5"][name], plain * (0.5 if name in own else 1.0), rtol=1e-2, atol=1e-6
        )
    assert max(float(stepped[""][name].abs().max()) for name in own) > 1e-4
