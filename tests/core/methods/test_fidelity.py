"""Every method against an independent transcription, over whole small trainings.

`docs/fidelity.md` is made from what these tests measure (tests/docs/fidelity.py).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fidelity_kit import Record, Transcription, differences
from sklearn.cluster import KMeans
from sklearn.preprocessing import MinMaxScaler
from torch import Tensor
from torch.nn.functional import cross_entropy

from asgml.core.modulators.noise import add_noise
from asgml.core.seeds import seed_for
from asgml.core.types import Batch
from asgml.storage.read.reader import Run

CLOSE = 2e-5
"""Largest difference, in units of the largest change of a weight: rounding in float32, summed."""


class Uniform(Transcription):
    def loss(self, h: dict[str, Tensor], z: Tensor, y: Tensor) -> Tensor:
        own = [cross_entropy(each, y) for each in self.split(h).values()]
        return cross_entropy(z, y) + self.options["gamma"] * sum(own)


class Ogm(Transcription):
    """k = 1 - tanh(alpha rho) for rho > 1 (CVPR); max(0, 1 - alpha tanh(rho - 1)) (journal)."""

    def modulate(self, h: dict[str, Tensor], y: Tensor) -> None:
        s = self.scores(self.split(h), y)
        for m in self.names:
            rho, alpha, k = self.ratio(s, m), self.options["alpha"], 1.0
            if rho > 1 and self.options["variant"] == "cvpr":
                k = 1 - math.tanh(alpha * rho)
            elif rho > 1:
                k = max(0.0, 1 - alpha * math.tanh(rho - 1))
            self.throttle(m, k)

    def throttle(self, m: str, k: float) -> None:
        self.scale(self.kernels(m), k)


class OgmGe(Ogm):
    """Adds N(0, std(g)) with the spread before k; the draws are the program's own."""

    generator: torch.Generator | None = None

    def throttle(self, m: str, k: float) -> None:
        if self.generator is None:
            self.generator = torch.Generator().manual_seed(seed_for("noise", 0))
        kernels = self.kernels(m)
        spreads = [p.grad.std() + 1e-8 for p in kernels if p.grad is not None]
        self.scale(kernels, k)
        add_noise([p.grad for p in kernels if p.grad is not None], spreads, self.generator)


class Accelerate(Transcription):
    """1 + tanh(alpha r) for the modality that the others are ahead of; the released OGM*: 4."""

    def modulate(self, h: dict[str, Tensor], y: Tensor) -> None:
        s = self.scores(self.split(h), y)
        inverse = {m: 1 / value for m, value in s.items()}
        for m in self.names:
            r = self.ratio(inverse, m)
            if self.options["first_epoch"] <= self.epoch <= self.options["last_epoch"] and r > 1:
                constant = self.options.get("coefficient") == "constant"
                c = 4.0 if constant else 1 + math.tanh(self.options["alpha"] * r)
                self.scale(self.kernels(m), c)


class Arl(Transcription):
    """Gains 1 + a after `start_epoch`; logits by zero-ablation through the shared head."""

    def ablated(self, h: dict[str, Tensor]) -> dict[str, Tensor]:
        return {m: z + self.head.bias / 2 for m, z in self.split(h).items()}

    def loss(self, h: dict[str, Tensor], z: Tensor, y: Tensor) -> Tensor:
        gamma = self.options["gamma"] if self.epoch > self.options["start_epoch"] else 1
        return cross_entropy(z, y) + gamma * sum(
            cross_entropy(each, y) for each in self.ablated(h).values()
        )

    def modulate(self, h: dict[str, Tensor], y: Tensor) -> None:
        if self.epoch <= self.options["start_epoch"]:
            return
        for m, share in zip(self.names, self.shares(h), strict=True):
            self.scale(list(self.encoders[m].parameters()), 1 + share)

    def shares(self, h: dict[str, Tensor]) -> list[float]:
        if self.options["variant"] == "code":
            return [0.5, 0.5]
        q, d = [], []
        for logits in self.ablated(h).values():
            p = logits.softmax(1)
            q.append(1 / float(-(p * p.log()).sum(1).mean()))
            d.append(float(logits.abs().mean()))
        temperature = self.options["temperature"]
        terms = [temperature * q[0] / q[1], temperature * d[0] / d[1]]
        return torch.tensor(terms, dtype=torch.float64).softmax(0).tolist()


class Mslr(Transcription):
    """Learning rates f_m, times the newest validation accuracy over the mean of the last few."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.accuracies: dict[str, list[float]] = {m: [] for m in self.names}

    def end_epoch(self) -> None:
        val = self.data.splits["val"]
        self.model.eval()
        with torch.no_grad():
            h = {m: self.encoders[m](val.inputs[m]) for m in self.names}
            for m, z in self.split(h).items():
                self.accuracies[m].append(float((z.argmax(1) == val.labels).float().mean()))
        self.model.train()

    def rate(self, m: str) -> float:
        factor = {"audio": 0.9, "visual": 1.1}[m]
        if self.options["variant"] == "smooth":
            return self.lr * (factor + (1 - factor) * self.epoch / 2)
        last = self.accuracies[m][-self.options["memory"] :]
        if self.options["variant"] == "keep" or not last:
            return self.lr * factor
        return self.lr * factor * last[-1] / (sum(last) / len(last))


class Pmr(Transcription):
    """Cross-entropy of the distances to class means, for the slower modality."""

    means: dict[str, Tensor] | None = None

    def begin_epoch(self) -> None:
        train = self.data.splits["train"]
        self.model.eval()
        with torch.no_grad():
            h = {m: self.encoders[m](train.inputs[m]) for m in self.names}
        self.model.train()
        classes = range(len(self.data.classes))
        new = {m: torch.stack([h[m][train.labels == k].mean(0) for k in classes]) for m in h}
        plain = self.means is None or (self.options["variant"] == "code" and self.epoch <= 1)
        old = 0.0 if plain else self.options["momentum"]
        self.means = {m: (1 - old) * new[m] + old * (self.means or new)[m] for m in new}

    def loss(self, h: dict[str, Tensor], z: Tensor, y: Tensor) -> Tensor:
        assert self.means is not None
        near = {m: -((h[m][:, None] - self.means[m][None]) ** 2).sum(2).sqrt() for m in self.names}
        s = self.scores(near, y)
        total = cross_entropy(z, y)
        for m, logits in near.items():
            other = next(j for j in self.names if j != m)
            slow = min(max(s[other] / s[m] - 1, 0.0), 1.0)
            if self.options["variant"] == "code":
                slow = float(slow > 0)
            total = total + self.options["alpha"] * slow * cross_entropy(logits, y)
        return total


class AsgmlV1(Transcription):
    """Frequency masking by tau; norms and losses tracked before masking."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        start = 1.0 if self.options["variant"] == "code" else self.options["tau_base"]
        self.tau = dict.fromkeys(self.names, start)
        self.norm = dict.fromkeys(self.names, 0.0)
        self.losses: list[dict[str, float]] = []

    def due(self, m: str) -> bool:
        periods = {j: max(round(self.tau[j]), 1) for j in self.names}
        most = math.floor(self.options["kappa"] * min(periods.values()))
        return self.steps % max(min(periods[m], most), 1) == 0

    def loss(self, h: dict[str, Tensor], z: Tensor, y: Tensor) -> Tensor:
        own = {m: cross_entropy(each, y) for m, each in self.split(h).items()}
        self.losses = [*self.losses, {m: each.item() for m, each in own.items()}][-10:]
        return cross_entropy(z, y) + self.options["gamma"] * sum(
            each for m, each in own.items() if self.due(m)
        )

    def modulate(self, h: dict[str, Tensor], y: Tensor) -> None:
        masked = [m for m in self.names if not self.due(m)]
        for m in self.names:
            squares = [p.grad.square().sum() for p in self.encoders[m].parameters()]
            norm = float(torch.stack(squares).sum().sqrt())
            self.norm[m] = 0.1 * norm + 0.9 * self.norm[m]
        for m in masked:
            self.scale(list(self.encoders[m].parameters()), self.options["soft_mask_scale"])
        if (self.steps + 1) % self.options["eval_freq"] == 0:
            self.renew()

    def renew(self) -> None:
        moved = {m: abs(self.losses[0][m] - self.losses[-1][m]) for m in self.names}
        for m in self.names:
            g = self.norm[m] / (sum(self.norm.values()) / len(self.names))
            d = moved[m] / (sum(moved.values()) / len(self.names))
            speed = self.options["beta"] * g + (1 - self.options["beta"]) * d
            bounded = max(self.options["tau_base"] * speed, self.options["tau_min"])
            self.tau[m] = min(bounded, self.options["tau_max"])


class Boost(Transcription):
    """Scales from the recorded accuracies of the probes, each acting from the next step on."""

    def train(self, *given: Any) -> None:
        run = Run.open(self.trainer.run.paths)
        steps = run.column("probes", "step").astype(int)
        columns = {m: run.column("probes", f"probe_accuracy/{m}") for m in self.names}
        self.readings = {t: {m: columns[m][i] for m in self.names} for i, t in enumerate(steps)}
        self.u, self.scales = dict.fromkeys(self.names, 0.0), dict.fromkeys(self.names, 1.0)
        super().train(*given)

    def modulate(self, h: dict[str, Tensor], y: Tensor) -> None:
        for m in self.names:
            self.scale(list(self.encoders[m].parameters()), self.scales[m])
        if (reading := self.readings.get(self.steps + 1)) is None:
            return
        self.u = {m: 0.1 * reading[m] + 0.9 * u for m, u in self.u.items()}
        low, gap = min(self.u.values()), max(self.u.values()) - min(self.u.values())
        for m, u in self.u.items():
            weakness = 1 - (u - low) / gap if gap >= 1e-8 else 0.0
            target = min(1 + self.options["alpha"] * weakness, self.options["scale_max"])
            ema = self.options["ema_alpha"]
            self.scales[m] = ema * target + (1 - ema) * self.scales[m]


class Cggm(Transcription):
    """B_m from what each classifier improved; the direction term reaches the output layer."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        inner: Any = self.trainer.components.balancing.modulator.members["cggm"]
        self.nets = copy.deepcopy(inner.inner.classifiers)
        weights = [p for m in self.names for p in self.nets[m].parameters()]
        self.adam = torch.optim.Adam(weights, lr=self.options["classifier_lr"])
        self.accuracy = dict.fromkeys(self.names, 0.0)
        self.b: dict[str, float] | None = None

    def loss(self, h: dict[str, Tensor], z: Tensor, y: Tensor) -> Tensor:
        total = cross_entropy(z, y)
        if self.b is None:
            return total
        for m in self.names:
            own = self.nets[m][-1].weight.detach().flatten()
            joint = self.head.weight.flatten()
            cosine = own @ joint / (own.norm() * joint.norm())
            b = self.b[m] / self.options["rho"]
            total = total + self.options["lambda"] * (abs(b) - b * cosine) / len(self.names)
        return total

    def modulate(self, h: dict[str, Tensor], y: Tensor) -> None:
        improved = {}
        with torch.enable_grad():
            logits = {m: self.nets[m](h[m].detach()) for m in self.names}
            self.adam.zero_grad()
            sum(cross_entropy(each, y) for each in logits.values()).backward()  # type: ignore
        self.adam.step()
        for m in self.names:
            accuracy = float((logits[m].argmax(1) == y).float().mean())
            improved[m], self.accuracy[m] = accuracy - self.accuracy[m], accuracy
        total = sum(improved.values()) + 1e-8
        self.b = {}
        for m in self.names:
            factor = self.options["rho"] * (total - improved[m]) / total
            self.b[m] = min(max(factor, 0.0), self.options["clamp"])
            self.scale(list(self.encoders[m].parameters()), self.b[m])


class MMPareto(Transcription):
    """The direction that serves the joint and the unimodal loss, for each encoder as a whole."""

    def loss(self, h: dict[str, Tensor], z: Tensor, y: Tensor) -> Tensor:
        joint, own = cross_entropy(z, y), self.apart(h)
        self.directions = {}
        for m in self.names:
            weights = list(self.encoders[m].parameters())
            g0 = torch.autograd.grad(joint, weights, retain_graph=True)
            g1 = torch.autograd.grad(cross_entropy(own[m], y), weights, retain_graph=True)
            self.directions[m] = self.direction(g0, g1)
        return joint + sum(cross_entropy(each, y) for each in own.values())

    def direction(self, g0: Sequence[Tensor], g1: Sequence[Tensor]) -> list[Tensor]:
        one, other = (torch.cat([g.flatten().double() for g in gs]) for gs in (g0, g1))
        k = 0.5
        if one @ other <= 0:  # the point of the segment that is nearest to 0
            k = float(((other - one) @ other / ((other - one) @ (other - one))).clamp(0, 1))
        found = []
        for a, b in zip(g0, g1, strict=True):
            d = 2 * k * a + 2 * (1 - k) * b
            restored = max(1.0, float((a + b).norm() / d.norm())) if d.norm() > 0 else 1.0
            found.append(self.options["gamma"] * restored * d)
        return found

    def modulate(self, h: dict[str, Tensor], y: Tensor) -> None:
        for m in self.names:
            pairs = zip(self.encoders[m].parameters(), self.directions[m], strict=True)
            for parameter, direction in pairs:
                parameter.grad = direction


class Relearning(Transcription):
    """Encoders move towards their initial weights by how much purer their training features are."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.initial = {m: copy.deepcopy(e.state_dict()) for m, e in self.encoders.items()}

    def begin_epoch(self) -> None:
        released = self.options["variant"] == "code"
        due = self.epoch - self.options["start"] - released
        if due < 0 or due % self.options["every"] or due >= 3 * self.options["every"]:
            return
        for m in self.names:
            train, val = (self.purity(m, split, released) for split in ("train", "val"))
            w = math.tanh(self.options["scale"] * abs(train - val))
            for name, parameter in self.encoders[m].named_parameters():
                with torch.no_grad():
                    parameter.copy_(w * self.initial[m][name] + (1 - w) * parameter)

    def purity(self, m: str, split: str, scaled: bool) -> float:
        """Return the share of samples of the largest class of their cluster."""
        source = self.data.splits[split]
        self.model.eval()
        with torch.no_grad():
            h = self.encoders[m](source.inputs[m]).numpy()
        self.model.train()
        points = MinMaxScaler((-1, 1)).fit_transform(h) if scaled else h
        classes, seed = len(self.data.classes), seed_for(f"relearning/{self.epoch}", 0) % 2**32
        found = KMeans(classes, n_init=10, random_state=seed).fit_predict(points)
        labels = source.labels.numpy()
        most = [max(np.bincount(labels[found == c])) for c in range(classes)]
        return sum(most) / len(labels)


class Opm(Transcription):
    """Features of the dominant modality are dropped; the draws are the program's own."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.generator = torch.Generator().manual_seed(seed_for("method", 0))

    def fed(self, h: dict[str, Tensor], y: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        if self.epoch < self.options["first_epoch"]:
            return h, y
        drawn = torch.rand(1 + len(y) * len(h), generator=self.generator)
        if drawn[0] >= self.options["p_exe"]:
            return h, y
        s, q = self.scores(self.split(h), y), dict.fromkeys(self.names, 0.0)
        for m in self.names:
            if (rho := self.ratio(s, m)) > 1:
                slope = self.options["lambda"] * math.tanh(rho - 1)
                q[m] = min(self.options["q_base"] * (1 + slope), 1.0)
        widths = {m: feature.shape[1] for m, feature in h.items()}
        theta = sum(widths[m] * q[m] for m in q) / sum(widths.values())
        keep = [[float(u) >= q[m] for m, u in zip(self.names, row, strict=True)]
                for row in drawn[1:].view(len(y), -1)]  # fmt: skip
        rows = [i for i, kept in enumerate(keep) if any(kept)]
        if not rows:
            return h, y
        fed = {}
        for j, m in enumerate(self.names):
            mask = torch.tensor([[float(keep[i][j])] for i in rows])
            fed[m] = h[m][rows] * mask / (1 - theta)
        return fed, y[rows]


class Mlb(Transcription):
    """k on the encoder, on its columns of the fusion without the bias, and on its own head."""

    def loss(self, h: dict[str, Tensor], z: Tensor, y: Tensor) -> Tensor:
        own = sum(cross_entropy(each, y) for each in self.apart(h).values())
        return cross_entropy(z, y) + self.options["gamma"] * own

    def modulate(self, h: dict[str, Tensor], y: Tensor) -> None:
        s, start = self.scores(self.apart(h), y), 0
        assert self.heads is not None and self.head.weight.grad is not None
        for m, own in zip(self.names, self.heads, strict=True):
            r = self.ratio({j: 1 / value for j, value in s.items()}, m)
            beta = self.options["beta_max"] if r > 1 else 2
            k = 1 + (beta - 1) * math.tanh(self.options["alpha"] * (r - 1))
            end = start + h[m].shape[1]
            self.scale([*self.encoders[m].parameters(), *own.parameters()], k)
            self.head.weight.grad[:, start:end] *= k
            start = end


class Scaled(torch.autograd.Function):
    """An identity whose backward pass multiplies by kappa."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, kappa: float) -> Tensor:
        ctx.kappa = kappa
        return logits.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.kappa * gradient, None


class Agm(Transcription):
    """Two modalities: kappa on what flows back through each m_m (code), or on the encoders."""

    expected: Sequence[float] = (0.0, 0.0)

    def step(self, batch: Batch) -> None:
        self.inputs = batch.inputs
        super().step(batch)

    def loss(self, h: dict[str, Tensor], z: Tensor, y: Tensor) -> Tensor:
        self.model.eval()
        shown = {m: self.encoders[m](x) for m, x in self.inputs.items()}
        blank = {m: self.encoders[m](torch.zeros_like(x)) for m, x in self.inputs.items()}
        self.model.train()
        first, second = self.names
        only_first = self.head(torch.cat([shown[first], blank[second]], dim=1))
        only_second = self.head(torch.cat([blank[first], shown[second]], dim=1))
        parts = [0.5 * (z - only_second + only_first), 0.5 * (z - only_first + only_second)]
        s = []
        for part in parts:
            true = part.detach().double().softmax(1)[range(len(y)), y].clamp_min(1e-8)
            s.append(float(-true.log().mean()))
        # with two modalities M / (M - 1) (mean - s) is the difference of the two
        r = [math.exp(s[1] - s[0]), math.exp(s[0] - s[1])]
        u = self.expected
        tau = [math.exp(u[1] - u[0]), math.exp(u[0] - u[1])]
        alpha, cap = self.options["alpha"], self.options["cap"]
        self.kappa = [math.exp(alpha * min(tau[i] - r[i], cap)) for i in (0, 1)]
        self.expected = [u[i] + (s[i] - u[i]) / (self.steps + 1) for i in (0, 1)]
        if self.options["variant"] == "paper":
            return cross_entropy(z, y)
        scaled = [Scaled.apply(part, k) for part, k in zip(parts, self.kappa, strict=True)]
        return cross_entropy(scaled[0] + scaled[1], y)

    def modulate(self, h: dict[str, Tensor], y: Tensor) -> None:
        if self.options["variant"] == "paper":
            for m, k in zip(self.names, self.kappa, strict=True):
                self.scale(list(self.encoders[m].parameters()), k)
        elif float(self.head.weight.grad.abs().max()) > 1:  # type: ignore[union-attr]
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.options["clip"])


class InfoReg(Transcription):
    """A pull of the modality ahead towards its weights at the epoch's start, in a window."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.traces: list[dict[str, float]] = []
        self.released = self.options["variant"] == "code"

    def begin_epoch(self) -> None:
        self.start = {m: [p.detach().clone() for p in e.parameters()]
                      for m, e in self.encoders.items()}  # fmt: skip
        self.open = {m: self.is_open(self.names[0] if self.released else m) for m in self.names}
        self.traces.append(dict.fromkeys(self.names, 0.0))

    def is_open(self, m: str) -> bool:
        if self.released or len(self.traces) < 2:  # as released it is open for eleven epochs
            return True
        now, before = self.traces[-1][m], self.traces[-2][m]
        return (now - before) / now > self.options["threshold"]

    def modulate(self, h: dict[str, Tensor], y: Tensor) -> None:
        s = self.scores(self.split(h), y)
        for m in self.names:
            for p in self.encoders[m].parameters():
                self.traces[-1][m] += float(p.grad.square().sum())
        ahead, behind = sorted(self.names, key=lambda m: -s[m])
        pull = self.options["scale"] * math.exp(
            self.options["beta"] * math.tanh(s[ahead] - s[behind])
        )
        if self.released:
            pull *= 0.95 if ahead == self.names[0] else 0.1
        if self.open[ahead]:
            for p, start in zip(self.encoders[ahead].parameters(), self.start[ahead], strict=True):
                p.grad = p.grad + pull * (p - start)


class Smp(Transcription):
    """Kernels of the modality whose frozen teacher scores highest on the batch times 0."""

    last = "last_epoch"

    def step(self, batch: Batch) -> None:
        self.answers = {m: self.teacher(m, batch.inputs[m]) for m in self.names}
        super().step(batch)

    @torch.no_grad()
    def teacher(self, m: str, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and logits of the network that the run of this modality has kept."""
        folder = Path(self.trainer.run.manifest.data["references"][m]["path"]) / "checkpoints"
        kept = torch.load(max(folder.glob("best-*.pt")), weights_only=True)["model"]
        encoder, own = copy.deepcopy(self.encoders[m]), "_encoders.0."
        encoder.load_state_dict(
            {name.removeprefix(own): value for name, value in kept.items() if own in name}
        )
        h = encoder.eval()(x)
        return h, h @ kept["fusion.classifier.weight"].T + kept["fusion.classifier.bias"]

    def modulate(self, h: dict[str, Tensor], y: Tensor) -> None:
        s = self.scores({m: logits for m, (_, logits) in self.answers.items()}, y)
        if self.epoch <= self.options[self.last]:
            self.scale(self.kernels(max(s, key=lambda m: s[m])), 0.0)


class G2d(Smp):
    """CE + sum_m KL(teacher || student) + MSE of features, at temperature 1."""

    last = "smp_last_epoch"

    def loss(self, h: dict[str, Tensor], z: Tensor, y: Tensor) -> Tensor:
        total = cross_entropy(z, y)
        for m, (feature, logits) in self.answers.items():
            p = logits.softmax(1)
            total = total + (p * (p.log() - z.log_softmax(1))).sum() / len(y)
            total = total + ((h[m] - feature) ** 2).mean()
        return total


class Dgl(Transcription):
    """Two passes: unimodal losses through the head, whose gradient is cleared, then the joint."""

    def step(self, batch: Batch) -> None:
        h = {m: self.encoders[m](batch.inputs[m]) for m in self.names}
        for parameter in self.model.parameters():
            parameter.grad = None
        own = sum(cross_entropy(z, batch.labels) for z in self.split(h).values())
        torch.autograd.backward(self.options["alpha"] * own)
        for parameter in self.head.parameters():
            parameter.grad = None
        detached = torch.cat([h[m].detach() for m in self.names], dim=1)
        cross_entropy(self.head(detached), batch.labels).backward()
        with torch.no_grad():
            self.descend()


class Lfm(Transcription):
    """2 [(1 - a) CE(mean of z_m) + a JS], by probabilities; the weight of an epoch as released."""

    def loss(self, h: dict[str, Tensor], z: Tensor, y: Tensor) -> Tensor:
        own = self.split(h)
        a = self.weight()
        cls = cross_entropy(torch.stack(list(own.values())).mean(0), y)
        return 2 * ((1 - a) * cls + a * self.align(list(own.values())))

    def weight(self) -> float:
        if self.options["weight"] == "heuristic":
            return 1 - math.exp(-1 / (self.epoch + 1))
        ratio = [7.95376296e-01, -3.35472727e-03, -1.22989557e-04]
        rest = [2.92947416e-06, -2.23835486e-08, 5.39717505e-11]
        return float(np.polynomial.polynomial.polyval(self.epoch, ratio + rest))

    def align(self, logits: list[Tensor]) -> Tensor:
        found = []
        for i, one in enumerate(logits):
            for other in logits[i + 1 :]:
                p, q = one.softmax(1), other.softmax(1)
                m = (p + q) / 2
                found.append(((m * (m / p).log() + m * (m / q).log()) / 2).sum(1).mean())
        return torch.stack(found).mean()


class MMCosine(Transcription):
    def loss(self, h: dict[str, Tensor], z: Tensor, y: Tensor) -> Tensor:
        total: Any = 0.0
        start = 0
        for m in self.names:
            block = self.head.weight[:, start : start + h[m].shape[1]]
            lengths = h[m].norm(dim=1, keepdim=True) * block.norm(dim=1)
            total = total + self.options["scaling"] * (h[m] @ block.T) / lengths
            start += h[m].shape[1]
        return cross_entropy(total, y)


class Mses(Transcription):
    """Zero gradients of a modality whose loss, 0.6 before + 0.4 now, has not fallen."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.before: dict[str, float] = {}
        self.least: dict[str, float] = {}
        self.best: dict[str, int] = {}
        self.states: list[dict[str, Tensor]] = []
        self.over: set[str] = set()

    def end_epoch(self) -> None:
        val = self.data.splits["val"]
        self.model.eval()
        with torch.no_grad():
            own = self.split({m: self.encoders[m](val.inputs[m]) for m in self.names})
        self.model.train()
        self.states.append(copy.deepcopy(self.model.state_dict()))
        back = -1
        for m in self.names:
            now = float(cross_entropy(own[m], val.labels))
            smooth = 0.6 * self.before[m] + 0.4 * now if m in self.before else now
            self.before[m] = now
            if m not in self.least or self.least[m] > smooth:
                self.least[m], self.best[m] = smooth, self.epoch
            if self.epoch - self.best[m] > self.options["patience"] and m not in self.over:
                self.over.add(m)
                back = self.best[m]
        # at the beginning of the next epoch, of which the last one has none
        if back >= 0 and self.epoch + 1 < self.trainer.config.epochs:
            self.model.load_state_dict(self.states[back])

    def modulate(self, h: dict[str, Tensor], y: Tensor) -> None:
        for m in self.over:
            self.scale(list(self.encoders[m].parameters()), 0.0)


class Valuation(Transcription):
    """Counts (v(m) + v(all) - v(other)) / 2 of each sample; what is shown again is masked."""

    def begin_epoch(self) -> None:
        train = self.data.splits["train"]
        self.model.eval()
        with torch.no_grad():
            h = {m: self.encoders[m](train.inputs[m]) for m in self.names}
        self.model.train()
        right = {}
        for kept in (("audio",), ("visual",), ("audio", "visual")):
            shown = [h[m] if m in kept else 0 * h[m] for m in self.names]
            found = self.head(torch.cat(shown, dim=1)).argmax(1) == train.labels
            right[kept] = found.float() * len(kept)
        both = right["audio", "visual"]
        self.due = 0
        for m, other in (("audio", "visual"), ("visual", "audio")):
            for phi in ((right[m,] + both - right[other,]) / 2).tolist():
                self.due += {0.5: 1, 0.0: 2, -0.5: 3}.get(phi, 0)
        self.seen = 0

    def step(self, batch: Batch) -> None:
        assert batch.present is not None
        self.masks = batch.present
        self.seen += sum(int((~mask).sum()) for mask in self.masks.values())
        super().step(batch)

    def fed(self, h: dict[str, Tensor], y: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        return {m: each * self.masks[m].unsqueeze(1) for m, each in h.items()}, y

    def end_epoch(self) -> None:
        # a last batch of a single sample is left out
        assert self.due - 1 <= self.seen <= self.due


@dataclass(frozen=True)
class Case:
    """One training of a method that is compared, named after its variant or setting."""

    method: str
    transcription: type[Transcription]
    setting: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    sections: dict[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ("audio", "visual")

    def __str__(self) -> str:
        return f"{self.method} {self.setting} {len(self.names)}".strip()


AVT = ("audio", "visual", "text")
CASES = [
    Case("baseline", Transcription),
    Case("uniform", Uniform, options={"gamma": 1.0}),
    Case("ogm", Ogm, "variant=cvpr"),
    Case("ogm", Ogm, "variant=cvpr", names=AVT),
    Case("ogm", Ogm, "variant=journal", {"variant": "journal"}),
    Case("ogm_ge", OgmGe, "variant=cvpr"),
    Case("ogm_ge", OgmGe, "variant=journal", {"variant": "journal"}),
    Case("ogm_star", Accelerate, "coefficient=tanh", {"first_epoch": 1}),
    Case("ogm_star", Accelerate, "coefficient=constant",
         {"first_epoch": 1, "coefficient": "constant"}),
    Case("pmr_acc", Accelerate),
    Case("pmr_acc", Accelerate, names=AVT),
    Case("arl", Arl, "variant=code", {"start_epoch": 0}),
    Case("arl", Arl, "variant=paper", {"start_epoch": 0, "variant": "paper"}),
    Case("mslr", Mslr, "variant=keep", {"variant": "keep", "factors": "audio=0.9,visual=1.1"}),
    Case("mslr", Mslr, "variant=smooth", {"variant": "smooth", "factors": "audio=0.9,visual=1.1"}),
    Case("mslr", Mslr, "variant=dynamic", {"factors": "audio=0.9,visual=1.1"}),
    Case("pmr", Pmr, "variant=code", {"share": 1.0}),
    Case("pmr", Pmr, "variant=paper", {"share": 1.0, "variant": "paper"}),
    Case("mlb", Mlb, "scope=encoder+head"),
    Case("mlb", Mlb, "scope=encoder+head", names=AVT),
    Case("agm", Agm, "variant=code"),
    Case("agm", Agm, "variant=paper", {"variant": "paper", "scope": "encoder"}),
    Case("inforeg", InfoReg, "variant=code"),
    Case("inforeg", InfoReg, "variant=paper", {"variant": "paper"}),
    Case("boost", Boost),
    Case("boost", Boost, names=AVT),
    Case("cggm", Cggm),
    Case("mmpareto", MMPareto, sections={"fusion": {"hidden": 0, "alone": "heads"}}),
    Case("mmpareto", MMPareto, sections={"fusion": {"hidden": 0, "alone": "heads"}}, names=AVT),
    Case("opm", Opm, options={"first_epoch": 1}),
    Case("opm", Opm, options={"first_epoch": 1}, names=AVT),
    Case("relearning", Relearning, "variant=code", {"start": 0, "every": 1}),
    Case("relearning", Relearning, "variant=paper", {"start": 1, "every": 1, "variant": "paper"}),
    Case("dgl", Dgl),
    Case("dgl", Dgl, names=AVT),
    Case("lfm", Lfm, "weight=fitted"),
    Case("lfm", Lfm, "weight=heuristic", {"weight": "heuristic"}, names=AVT),
    Case("mmcosine", MMCosine),
    Case("mmcosine", MMCosine, names=AVT),
    Case("mses", Mses, "restore=model", {"patience": 0}, {"optimizer": {"lr": 0.5}}),
    Case("valuation", Valuation, "level=sample", {"first_epoch": 0}),
    Case("asgml_v1", AsgmlV1, "variant=code", {"eval_freq": 2, "soft_mask_scale": 0.1}),
    Case("asgml_v1", AsgmlV1, "variant=paper", {"eval_freq": 3, "variant": "paper"}),
    Case("smp", Smp, options={"last_epoch": 1}),
    Case("smp", Smp, options={"last_epoch": 1}, names=AVT),
    Case("g2d", G2d, options={"smp_last_epoch": 1}),
    Case("g2d", G2d, options={"smp_last_epoch": 1}, names=AVT),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_training_is_that_of_the_transcription(
    case: Case, tmp_path: Path, record_property: Record
) -> None:
    found, from_plain = differences(
        case.transcription,
        tmp_path,
        method=case.method,
        names=case.names,
        options=case.options,
        **case.sections,
    )
    record_property("method", case.method)
    record_property("setting", case.setting)
    record_property("compared", f"final weights, {len(case.names)} modalities")
    record_property("difference", found)
    assert found < CLOSE
    assert from_plain > 1e-3 or case.method == "baseline"
