"""A balanced Lightning training: `Balance` is a callback, the module only keeps its tensors.

    pip install lightning             (it is no dependency of ASGML)
    python examples/lightning_module.py runs/mine

The callback acts in `on_before_optimizer_step`, which Lightning calls after backward, after
unscaling and after the batches of `accumulate_grad_batches`: where gradients are whole. Lightning
clips gradients after it.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from asgml import Balancer
from asgml.core.data.base import Dataset, load_data

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
except ImportError:  # the callback needs no more of Lightning than the names of its hooks
    Callback, LightningModule, Trainer = object, nn.Module, None


class Balance(Callback):  # type: ignore[misc]
    """The balancing of a module with `encoders` (an nn.ModuleDict), a linear `head`, and `seen`.

    `seen` are features, logits, labels and loss of the last training step.
    """

    def __init__(self, widths: Mapping[str, int], classes: int, **options: Any) -> None:
        """`options` are further arguments of Balancer: method, settings, run, seed."""
        self.widths, self.classes, self.options = widths, classes, options
        self.balancer: Balancer | None = None
        self._state: dict[str, Any] | None = None

    def on_train_start(self, trainer: Any, module: Any) -> None:
        encoders = dict(module.encoders.items())
        options = {"epochs": trainer.max_epochs, "resume": self._state is not None, **self.options}
        self.balancer = Balancer(
            encoders, widths=self.widths, head=module.head, classes=self.classes, **options
        )
        if self._state is not None:
            self.balancer.load_state_dict(self._state)

    def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
        self._made().begin_epoch(trainer.current_epoch)

    def on_before_optimizer_step(self, trainer: Any, module: Any, optimizer: Any) -> None:
        balancer = self._made()
        balancer.step(**module.seen, lr=optimizer.param_groups[0]["lr"])
        trainer.should_stop = trainer.should_stop or balancer.stopping

    def on_train_end(self, trainer: Any, module: Any) -> None:
        self._made().close()

    def on_exception(self, trainer: Any, module: Any, exception: BaseException) -> None:
        if self.balancer is not None:
            self.balancer.__exit__(type(exception), exception, None)

    def state_dict(self) -> dict[str, Any]:
        return {} if self.balancer is None else self.balancer.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._state = state_dict or None

    def _made(self) -> Balancer:
        if self.balancer is None:
            raise RuntimeError("the training has not begun: on_train_start comes first")
        return self.balancer


class Module(LightningModule):  # type: ignore[misc]
    """Two encoders and a linear head on their joined features."""

    def __init__(
        self, shapes: Mapping[str, tuple[int, ...]], classes: int, width: int = 32
    ) -> None:
        super().__init__()
        sizes = {m: int(torch.tensor(shape).prod()) for m, shape in shapes.items()}
        self.encoders = nn.ModuleDict(
            {
                m: nn.Sequential(nn.Flatten(), nn.Linear(size, width), nn.ReLU())
                for m, size in sizes.items()
            }
        )
        self.head = nn.Linear(width * len(sizes), classes)
        self.seen: dict[str, Any] = {}

    def training_step(self, batch: tuple[Tensor, ...], index: int) -> Tensor:
        labels, *tensors = batch
        features = {
            m: encoder(tensor)
            for (m, encoder), tensor in zip(self.encoders.items(), tensors, strict=True)
        }
        logits = self.head(torch.cat(list(features.values()), dim=1))
        loss = functional.cross_entropy(logits, labels)
        self.seen = {
            "features": features,
            "logits": logits,
            "labels": labels,
            "loss": loss.detach(),
        }
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.05, momentum=0.9)


def batches(data: Dataset, size: int = 32) -> list[tuple[Tensor, ...]]:
    """Return the training split in batches."""
    split = data.splits["train"]
    return list(
        zip(
            *(torch.split(tensor, size) for tensor in (split.labels, *split.inputs.values())),
            strict=True,
        )
    )


def main(run: Path) -> None:
    data = load_data("synthetic", {"train": 240, "val": 60, "test": 60})
    module = Module(data.shapes, len(data.classes))
    balance = Balance(
        dict.fromkeys(data.modalities, 32),
        len(data.classes),
        run=run,
        settings={"probe.eval_freq": 4},
    )
    options = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "accelerator": "cpu",
    }
    # batch_size=None: the items are whole batches
    loader = DataLoader(batches(data), batch_size=None)
    Trainer(max_epochs=3, callbacks=[balance], **options).fit(module, loader)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train two encoders in balance, with Lightning.")
    parser.add_argument("run", type=Path)
    given = parser.parse_args()
    if Trainer is None:
        raise SystemExit("this example needs lightning: pip install lightning")
    main(given.run)
