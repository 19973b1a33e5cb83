"""A plain PyTorch loop, balanced, recorded and steered by the lines that name `balancer`.

python examples/plain_loop.py runs/mine           trains for some seconds on a CPU
asgml watch runs/mine                             meanwhile: watch, pause, set alpha or lr, stop
asgml show runs/mine · asgml replay runs/mine     afterwards
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from asgml import Balancer, Knob
from asgml.core.data.base import load_data

LR = Knob("lr", "float", 0.05, "learning rate of this loop's optimizer", 0, 1, 0.01)


class Net(nn.Module):
    """Two encoders and a linear head on their joined features."""

    def __init__(self, shapes: dict[str, tuple[int, ...]], classes: int, width: int = 32) -> None:
        super().__init__()
        sizes = {m: int(torch.tensor(shape).prod()) for m, shape in shapes.items()}
        self.encoders = nn.ModuleDict(
            {
                m: nn.Sequential(nn.Flatten(), nn.Linear(size, width), nn.ReLU())
                for m, size in sizes.items()
            }
        )
        self.head = nn.Linear(width * len(shapes), classes)

    def forward(self, inputs: dict[str, Tensor]) -> tuple[dict[str, Tensor], Tensor]:
        features = {m: encoder(inputs[m]) for m, encoder in self.encoders.items()}
        return features, self.head(torch.cat(list(features.values()), dim=1))


def train(
    run: Path | None,
    *,
    method: str = "ogm_ge+boost",
    epochs: int = 5,
    seed: int = 0,
    train: int = 240,
) -> Net:
    """Train on the built-in data, voices and faces, and record into `run`."""
    data = load_data("synthetic", {"train": train, "val": 60, "test": 60})
    split, val = data.splits["train"], data.splits["val"]
    torch.manual_seed(seed)
    net = Net(data.shapes, len(data.classes))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    loader = DataLoader(
        TensorDataset(split.labels, *split.inputs.values()), batch_size=32, shuffle=True
    )

    def save(path: Path) -> None:
        torch.save(
            {
                "net": net.state_dict(),
                "optimizer": optimizer.state_dict(),
                "balancer": balancer.state_dict(),
            },
            path,
        )

    balancer = Balancer(
        dict(net.encoders.items()),
        widths=dict.fromkeys(data.modalities, 32),
        head=net.head,
        classes=data.classes,
        method=method,
        settings={"probe.eval_freq": 4},
        run=run,
        epochs=epochs,
        steps_per_epoch=len(loader),
        knobs=[LR],
        checkpoint=save,
    )
    with balancer:
        for epoch in range(epochs):
            balancer.begin_epoch(epoch)
            for labels, *tensors in loader:
                # `step` does so too; here it lets a new value of lr act in this very step
                balancer.process_pending()
                lr = optimizer.param_groups[0]["lr"] = float(balancer.value("lr"))
                optimizer.zero_grad()
                features, logits = net(dict(zip(data.modalities, tensors, strict=True)))
                loss = functional.cross_entropy(logits, labels)
                loss.backward()
                balancer.step(features=features, logits=logits, labels=labels, loss=loss, lr=lr)
                optimizer.step()
                if balancer.stopping:
                    return net
            with torch.no_grad():
                right = net(val.inputs)[1].argmax(dim=1) == val.labels
            balancer.end_epoch(val_accuracy=float(right.float().mean()))
    return net


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="Train two encoders in balance, in a plain PyTorch loop."
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--method", default="ogm_ge+boost")
    parser.add_argument("--epochs", type=int, default=5)
    given = parser.parse_args()
    train(given.run, method=given.method, epochs=given.epochs)
