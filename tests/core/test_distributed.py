"""Two ranks that train one model do the same to their gradients, and obey the same commands."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel
from warm_kit import start_program

from asgml.core.balancer import Balancer, LoopError
from asgml.core.seeds import seed_for
from asgml.storage.commands.inbox import make_request, send
from asgml.storage.read.reader import Run

STEPS = 8


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(seed_for("weights", 0))
        self.encoders = nn.ModuleDict({"audio": nn.Linear(5, 8), "visual": nn.Linear(7, 8)})
        self.head = nn.Linear(16, 3)

    def forward(
        self, audio: torch.Tensor, visual: torch.Tensor
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        features = {
            "audio": self.encoders["audio"](audio),
            "visual": self.encoders["visual"](visual),
        }
        return features, self.head(torch.cat(list(features.values()), dim=1))


def work(rank: int, folder: Path, method: str) -> None:
    """One rank's training, on samples of its own."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=2
    )
    net = Net()
    joined = DistributedDataParallel(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    own = torch.Generator().manual_seed(rank)
    options: dict[str, Any] = {
        "widths": {"audio": 8, "visual": 8},
        "head": net.head,
        "classes": 3,
        "run": folder / "run",
    }
    try:
        balancer = Balancer(
            dict(net.encoders.items()), method=method, settings={"probe.eval_freq": 2}, **options
        )
    except LoopError as error:
        (folder / f"refused-{rank}").write_text(str(error), encoding="utf-8")
        distributed.destroy_process_group()
        return
    if rank == 0:
        send(
            folder / "run" / "commands",
            make_request("set", knob="boost.alpha", value=1.5, at_step=3),
        )
        send(folder / "run" / "commands", make_request("stop", at_step=STEPS - 1))
    with balancer:
        balancer.begin_epoch(0)
        while not balancer.stopping:
            labels = torch.randint(3, (6,), generator=own)
            features, logits = joined(
                torch.randn(6, 5, generator=own),
                torch.randn(6, 7, generator=own) + labels.unsqueeze(1),
            )
            loss = functional.cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            balancer.step(features=features, logits=logits, labels=labels, loss=loss)
            optimizer.step()
    torch.save(
        {"net": net.state_dict(), "alpha": balancer.value("boost.alpha"), "steps": balancer.steps},
        folder / f"rank-{rank}.pt",
    )
    distributed.destroy_process_group()


RANK = """
import sys
from pathlib import Path
from test_distributed import work
work(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
"""


def train(folder: Path, method: str) -> None:
    """Run both ranks, each in a process of its own."""
    here = Path(__file__).resolve().parent
    environment = {**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{here.parent}"}
    logs = [folder / f"rank-{rank}.log" for rank in (0, 1)]
    processes = [
        start_program(
            ["-c", RANK, str(rank), str(folder), method],
            cwd=folder,
            log=log,
            environment=environment,
        )
        for rank, log in enumerate(logs)
    ]
    codes = [process.wait(200) for process in processes]
    assert codes == [0, 0], "\n".join(log.read_text(encoding="utf-8") for log in logs)


pytestmark = pytest.mark.skipif(
    sys.platform != "linux"
    or not distributed.is_available()
    or not distributed.is_gloo_available(),
    reason="needs gloo on Linux",
)


def test_two_ranks_stay_the_same_and_obey_one_command(tmp_path: Path) -> None:
    """Their batches differ; weights, noise, probes and knobs do not. The first one records."""
    train(tmp_path, "ogm_ge+boost")
    one, other = (torch.load(tmp_path / f"rank-{rank}.pt", weights_only=True) for rank in (0, 1))
    assert one["steps"] == other["steps"] == STEPS
    assert one["alpha"] == other["alpha"] == 1.5
    assert all(torch.equal(one["net"][name], value) for name, value in other["net"].items())
    run = Run.open(tmp_path / "run")
    assert run.state() == "stopped" and run.rows("steps") == STEPS
    assert run.column("steps", "gain/audio").std() > 0


def test_a_method_that_looks_at_the_gradients_of_one_rank_is_refused(tmp_path: Path) -> None:
    train(tmp_path, "mmpareto")
    for rank in (0, 1):
        assert (
            (tmp_path / f"refused-{rank}")
            .read_text()
            .startswith("mmpareto takes gradients before they are averaged over the ranks")
        )
