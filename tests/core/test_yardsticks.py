"""The yardstick of an encoder: a regression on its frozen features, beside an independent one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from asgml.core.config.run_config import make_config
from asgml.core.data.base import Dataset, load_data
from asgml.core.measures.frozen_features import features_of, yardsticks
from asgml.core.model.model import MultimodalModel
from asgml.core.run.trained_model import configured_model

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def small() -> tuple[MultimodalModel, Dataset]:
    data = load_data("synthetic", {}, 0)
    torch.manual_seed(0)
    return configured_model(make_config({"data": {"name": "synthetic"}}), data).eval(), data


def test_the_yardstick_is_a_regression_on_standardised_features(
    small: tuple[MultimodalModel, Dataset],
) -> None:
    model, data = small
    found = yardsticks(model, data, CPU)
    assert set(found) == set(data.modalities)
    for m in data.modalities:
        with torch.no_grad():
            train, val = (
                model.encoders[m](data.splits[name].inputs[m].float()).double().numpy()
                for name in ("train", "val")
            )
        mean, std = train.mean(axis=0), train.std(axis=0)
        scale = np.where(std > 0, std, 1.0)
        regression = LogisticRegression(C=1.0, max_iter=1000)
        regression.fit((train - mean) / scale, data.splits["train"].labels.numpy())
        guess = regression.predict((val - mean) / scale)
        expected = (guess == data.splits["val"].labels.numpy()).mean()
        assert found[m] == pytest.approx(expected, abs=0.02)


def test_features_come_in_the_order_of_the_split_and_change_no_weight(
    small: tuple[MultimodalModel, Dataset],
) -> None:
    model, data = small
    before = {name: value.clone() for name, value in model.state_dict().items()}
    features, labels = features_of(model, data, "val", 7, CPU)
    whole, _ = features_of(model, data, "val", 10_000, CPU)
    assert (labels == data.splits["val"].labels.numpy()).all()
    for m in data.modalities:
        np.testing.assert_allclose(features[m], whole[m], atol=1e-5)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_an_encoder_whose_features_are_not_finite_has_no_yardstick(
    small: tuple[MultimodalModel, Dataset],
) -> None:
    model, data = small
    state = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        for parameter in model.encoders[data.modalities[0]].parameters():
            parameter.fill_(math.nan)
    found = yardsticks(model, data, CPU)
    model.load_state_dict(state)
    assert math.isnan(found[data.modalities[0]]) and not math.isnan(found[data.modalities[1]])
