"""Encoders of the user's own: made, tried with real samples, trained, frozen and resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from core_kit import (
    assert_same_bits,
    make_trainer,
    small_config,
    small_data,
    train,
    train_small,
    weights,
)

from asgml.core.config.run_config import ConfigError, make_config
from asgml.core.model.encoders.base import EncoderError
from asgml.core.run.protocol import protocol_of
from asgml.core.run.resume import earlier_run, refuse_other_encoders
from asgml.core.user_file import UserFileError, run_file
from asgml.storage.format.layout import RunPaths

HEAD = """
import torch
from torch import nn


class Mine(nn.Module):
    def __init__(self, shape):
        super().__init__()
"""
GOOD = """
        self.features = 5
        self.hidden = nn.Linear(shape[0], 9)
        self.drop = nn.Dropout(0.5)
        self.norm = nn.BatchNorm1d(9)
        self.out = nn.Linear(9, 5)

    def forward(self, x):
        return self.out(self.norm(self.drop(self.hidden(x))))
"""
Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file whose class Mine has this body; return FILE.py:Mine."""

    def written(body: str) -> str:
        path = tmp_path / "mine.py"
        path.write_text(HEAD + body, encoding="utf-8")
        run_file.cache_clear()
        return f"{path}:Mine"

    return written


def trained(root: Path, target: str, **changes: Any) -> Any:
    return train_small(root, encoder={"visual": target}, epochs=1, **changes)


def test_it_trains_in_the_place_of_a_built_in_one(write: Write, tmp_path: Path) -> None:
    target = write(GOOD)
    config = small_config(encoder={"visual": target}, epochs=1, method="ogm_ge+boost")
    trainer = make_trainer(tmp_path / "run", small_data(), config)
    before = {name: value.clone() for name, value in weights(trainer).items()}
    run = train(trainer)
    changed = [name for name in before if not torch.equal(before[name], weights(trainer)[name])]
    assert any("_encoders.1.network.hidden" in name for name in changed)
    assert run.column("steps", "grad_norm/visual").min() > 0
    assert trainer.components.model.encoders["visual"].features == 5
    kernels = trainer.components.balancing.groups["visual"].kernels
    assert [tuple(kernel.shape) for kernel in kernels] == [(9, 5), (5, 9)], "no convolution: ndim2"


def test_the_trial_with_real_samples_changes_nothing(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = write(GOOD)
    runs = [trained(tmp_path / "tried", target)[0]]
    monkeypatch.setattr("asgml.core.training.components.try_encoders", lambda *ignored: None)
    runs.append(trained(tmp_path / "untried", target)[0])
    assert_same_bits(weights(runs[0]), weights(runs[1]))


def test_a_frozen_one_keeps_its_weights(write: Write, tmp_path: Path) -> None:
    target = write(GOOD)
    config = small_config(encoder={"visual": target}, epochs=1, freeze=["visual"])
    trainer = make_trainer(tmp_path / "run", small_data(), config)
    before = {name: value.clone() for name, value in weights(trainer).items()}
    train(trainer)
    own = [name for name in before if name.startswith("_encoders.1.network.")]
    assert own and all(torch.equal(before[name], weights(trainer)[name]) for name in own)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("        raise ValueError('too small')", ["(5,)", "ValueError: too small", "line 9"]),
        ("        self.out = nn.Linear(5, 5)", ["no `features`", "(B, D)"]),
        ("        self.features = 0", ["features = 0"]),
        ("        self.features = 2.5", ["features = float"]),
        ("        self.features, self.kernel_rule = 5, 'conv'", ["kernel_rule = 'conv'", "ndim2"]),
        ("        self.features = 5\n\n    def forward(self, x):\n        return x[:, :3]",
         ["(2, 3)", "(2, 5)", "'visual'"]),
        ("        self.features = 5\n\n    def forward(self, x):\n        return x @ x",
         ["(2, 5)", "RuntimeError", "line 12"]),
        ("        self.features = 5\n\n    def forward(self, x):\n        return [x]", ["list"]),
        ("        self.features = 5\n\n    def forward(self, x):\n        return x / 0",
         ["not finite"]),
        ("        self.features = 5\n\n    def forward(self, x):\n        return x.long()",
         ["'visual'", "torch.int64", "expected torch.float32"]),
        ("        self.features = 5\n\n    def forward(self, x):\n        return x.half()",
         ["'visual'", "torch.float16", "expected torch.float32"]),
        ("        self.features = 5\n\n    def forward(self, x):\n        return x[:4]",
         ["'visual'", "(4, 5)", "expected (5, 5)"]),
    ],
)  # fmt: skip
def test_one_that_does_not_fit_is_refused_in_one_line(
    body: str, words: list[str], write: Write, tmp_path: Path
) -> None:
    with pytest.raises(EncoderError) as caught:
        trained(tmp_path / "run", write(body))
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Mine = 3", "has no class Mine"),
        ("import nothing_like_this", "nothing_like_this"),
        ("def f(:", "SyntaxError"),
        ("class Mine:\n    def __init__(self, shape): ...", "expected a torch.nn.Module"),
    ],
)
def test_a_file_without_an_encoder_is_refused(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "other.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(EncoderError, match=reason):
        trained(tmp_path / "run", f"{path}:Mine")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises((EncoderError, UserFileError), match=r"no\.py"):
        trained(tmp_path / "run", f"{tmp_path}/no.py:Mine")


def test_two_files_of_one_name_are_two_modules(tmp_path: Path) -> None:
    for number, folder in enumerate(("one", "other")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(f"NUMBER = {number}", encoding="utf-8")
    found = [run_file(tmp_path / folder / "mine.py") for folder in ("one", "other", "one")]
    assert [module.NUMBER for module in found] == [0, 1, 0]
    assert found[0].__name__ != found[1].__name__


def test_an_unknown_kind_is_told_of_both_ways() -> None:
    with pytest.raises(ConfigError, match=r"FILE\.py:CLASS"):
        make_config({"encoder": "something"})


def test_the_protocol_names_the_code_and_not_its_place(write: Write, tmp_path: Path) -> None:
    target = write(GOOD)
    moved = tmp_path / "elsewhere" / "mine.py"
    moved.parent.mkdir()
    moved.write_bytes((tmp_path / "mine.py").read_bytes())
    digests = [
        protocol_of(small_config(encoder={"visual": kind}), small_data()).digest
        for kind in (target, f"{moved}:Mine")
    ]
    assert digests[0] == digests[1]
    moved.write_text(HEAD + GOOD.replace("0.5", "0.1"), encoding="utf-8")
    changed = protocol_of(small_config(encoder={"visual": f"{moved}:Mine"}), small_data())
    assert changed.digest != digests[0]


def test_a_resume_with_other_code_is_refused(write: Write, tmp_path: Path) -> None:
    target = write(GOOD)
    trainer, _ = trained(tmp_path / "run", target)
    paths = RunPaths(tmp_path / "run")
    earlier = earlier_run(paths)
    assert earlier is not None
    refuse_other_encoders(paths, earlier, trainer.config)
    write(GOOD.replace("0.5", "0.1"))
    with pytest.raises(EncoderError, match=r"another content of .*mine\.py.*encoder\.visual"):
        refuse_other_encoders(paths, earlier, trainer.config)
