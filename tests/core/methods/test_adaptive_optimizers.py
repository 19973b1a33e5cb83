"""Adam cancels a scaled gradient, not a scaled learning rate; the run warns of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from core_kit import after_steps, make_trainer, reading, small_config, small_data, train, weights
from torch import Tensor


def trained(root: Path, optimizer: str, **sections: Any) -> dict[str, Tensor]:
    """Six steps with a boost that is there from the first step on."""
    root.mkdir()
    settings = {"ema_alpha": 1, **sections.pop("boost", {})}
    config = small_config(
        epochs=2,
        optimizer={"name": optimizer, "lr": 0.01, "weight_decay": 0},
        boost=settings,
        **sections,
    )
    trainer = make_trainer(root, small_data(train=25), config, silent=True)
    trainer.balancing.modulator.observe(reading({"audio": 0.7, "visual": 0.4}))
    frozen = trainer.balancing.modulator.members.get("boost")
    if frozen:
        frozen.observe = lambda reading: None  # type: ignore[method-assign]
    trainer.train()
    return weights(trainer)


def distance(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> float:
    return max(
        float((ours[name] - theirs[name]).abs().max())
        for name in ours
        if ours[name].is_floating_point()
    )


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_adam_cancels_a_scaled_gradient_but_not_a_scaled_learning_rate(
    optimizer: str, tmp_path: Path
) -> None:
    plain = trained(tmp_path / "plain", optimizer, method="baseline")
    gradient = trained(tmp_path / "gradient", optimizer, method="boost")
    rate = trained(tmp_path / "lr", optimizer, method="boost", boost={"via": "lr"})
    assert distance(rate, plain) > 2e-3
    if optimizer == "sgd":
        assert distance(gradient, rate) < 1e-5, "without weight decay the two are the same"
    else:
        assert distance(gradient, plain) < 0.2 * distance(rate, plain)


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        ({"method": "ogm_ge+boost", "optimizer": {"name": "adam"}}, ["ogm_ge", "boost"]),
        ({"method": "boost", "boost": {"via": "lr"}, "optimizer": {"name": "adamw"}}, []),
        ({"method": "mslr", "optimizer": {"name": "adam"}}, []),
        ({"method": "boost"}, []),
    ],
)
def test_a_method_that_adam_cancels_raises_an_alert_at_the_start(
    settings: dict[str, Any], warned: list[str], tmp_path: Path
) -> None:
    trainer = make_trainer(tmp_path / "run", small_data(), small_config(epochs=1, **settings))
    after_steps(trainer, {2: trainer.run.command_handler.stop})
    alerts = [event for event in train(trainer).events if event.kind == "alert"]
    assert [str(event.get("message")).split()[0] for event in alerts] == warned
    assert all(event.step == 0 and event.get("level") == "warning" for event in alerts)
