"""ASGML v1: update the fast modality less often, or by gradients of the past.

The design document of ASGML v2, section 1.3 and appendix A, which replaces it, and the released
code of its predecessor, VuVoCodes/AsynchronousFunction, which the published numbers come from. They
differ in two things, so `variant` chooses:

    code    tau starts at 1 (src/losses/asgml.py:341): nothing is skipped before the first renewal.
            The buffer has the present gradient at its end when it is read from its end
            (scripts/train.py:1464, asgml.py:107): staleness s takes the gradient of s - 1 steps ago
            and is compensated as s. While the buffer holds fewer than s, the gradient is left as it
            is (asgml.py:102).
    paper   tau starts at tau_base. Staleness s takes the gradient of s steps ago, at first the
            oldest there is, compensated by its age.

tau_m comes from core/modulators/learning_speed.py, is renewed every eval_freq steps of the training
(the code counts them from each epoch's start, train.py:1550) and recorded with every step. Norms
are those that backward leaves, before anything is masked (train.py:1440).

The document writes the staleness compensation as a product, g * (1 + lambda * s). It is a quotient
here, as in the code (asgml.py:486) and in the theory of asynchronous SGD: an old gradient says less
about the present weights, so a step along it must be shorter; the product would lengthen it.

Why it does so little: S has mean 1, so with two modalities that learn alike both have tau =
tau_base and skip the very same steps: half the updates, and no differentiation. Two options are in
neither source: `phase` shifts the modalities against each other, and relative = false sets tau
from the raw ratio to the slowest, tau_m = clamp(n_m / min_j n_j, tau_min, tau_max) (of u with
signal = probe, the mean of both ratios with both), so the slowest is updated in every step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from asgml.core.measures.task import loss_of
from asgml.core.methods.spec import MethodError
from asgml.core.modulators.base import Modulator, State
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.learning_speed import Numbers, SpeedTracker
from asgml.core.modulators.modulation import Modulation
from asgml.core.types import Backward, Forward, ProbeReading, Scalar
from asgml.storage.format.knobs import Value


class AsgmlV1(Modulator):
    """For any number of modalities; the fusion is updated in every step."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.tracker = SpeedTracker(len(self.modalities))
        self.taus = [self.first_tau] * len(self.modalities)
        self.queues: dict[str, list[list[Tensor]]] = {}

    @property
    def as_released(self) -> bool:
        return self.text("variant", "code") == "code"

    @property
    def first_tau(self) -> float:
        """tau before its first renewal."""
        return 1.0 if self.as_released else self.number("tau_base")

    def attach(self, context: MethodContext) -> None:
        signal = str(self.options["signal"])
        if signal != "dual" and not context.config.probe.enabled:
            raise MethodError(
                f"asgml_v1.signal={signal} needs the probes, which are off; "
                "set probe.enabled=true or signal=dual"
            )

    def updated(self) -> list[bool]:
        """Return which modalities this step updates; with mode = staleness all of them."""
        if self.options["mode"] == "staleness":
            return [True] * len(self.modalities)
        intervals = periods(self.taus, self.number("kappa"))
        return updates(self.tracker.step, intervals, int(self.number("phase")))

    def loss(self, forward: Forward) -> Scalar:
        """Return gamma times the unimodal losses of the modalities that are updated."""
        pairs = zip(self.modalities, self.updated(), strict=True)
        losses = [loss_of(forward, forward.unimodal_logits[m]) for m, updated in pairs if updated]
        return self.number("gamma") * torch.stack(losses).sum() if losses else 0.0

    def modulate(self, backward: Backward) -> Modulation:
        stale = self.options["mode"] == "staleness"
        scales, directions = self.stale(backward) if stale else (self.masks(), {})
        self.track(backward)
        return Modulation(
            gains={(m, "all"): scale for m, scale in zip(self.modalities, scales, strict=True)},
            directions=directions,
            readings={f"tau/{m}": tau for m, tau in zip(self.modalities, self.taus, strict=True)},
        )

    def masks(self) -> list[float]:
        """Return the factors of mode = frequency."""
        return [1.0 if updated else self.number("soft_mask_scale") for updated in self.updated()]

    def stale(self, backward: Backward) -> tuple[list[float], dict[str, list[Tensor]]]:
        """Return the factors, and the past gradients of the modalities that get such."""
        factors, directions = [], {}
        planned = stalenesses(self.taus, self.number("kappa"))
        for m, staleness in zip(self.modalities, planned, strict=True):
            present = [gradient.clone() for gradient in backward.groups[m].gradients("all")]
            queue = [*self.queues.get(m, []), present][-round(self.number("tau_max")) :]
            self.queues[m] = queue
            age, counted = self.age(staleness, len(queue))
            if age > 0:
                # .to: after a resume the queue lies on the host
                pairs = zip(queue[-1 - age], present, strict=True)
                directions[m] = [old.to(new.device) for old, new in pairs]
            factors.append(staleness_factor(counted, self.number("staleness_decay")))
        return factors, directions

    def age(self, staleness: int, kept: int) -> tuple[int, int]:
        """Return how many steps back the gradient is taken from, and the staleness it counts as.

        `kept` gradients are in the queue, the present one included.
        """
        if not self.as_released:
            oldest = min(staleness, kept - 1)
            return oldest, oldest
        return (staleness - 1, staleness) if 0 < staleness <= kept else (0, 0)

    @torch.no_grad()
    def track(self, backward: Backward) -> None:
        """Record this step, and renew tau for the next one when it is due."""
        norms = [backward.norms[m] for m in self.modalities]
        forward = backward.forward
        losses = [loss_of(forward, forward.unimodal_logits[m].float()) for m in self.modalities]
        self.tracker.track(torch.stack(norms), torch.stack(losses))
        if self.tracker.step % int(self.number("eval_freq")) == 0:
            self.taus = self.tracker.taus(self.options)

    def observe(self, reading: ProbeReading) -> None:
        self.tracker.utilization = [float(reading.utilization[m]) for m in self.modalities]

    def state_dict(self) -> State:
        return {
            "tracker": self.tracker.state_dict(),
            "taus": list(self.taus),
            "queues": dict(self.queues),
        }

    def load_state_dict(self, state: State) -> None:
        self.tracker.load_state_dict(state["tracker"])
        self.taus, self.queues = list(state["taus"]), dict(state["queues"])


def periods(taus: Numbers, kappa: float) -> list[int]:
    """Return T_m: whole steps between updates, none more than kappa times the shortest."""
    return [max(period, 1) for period in limited([max(round(tau), 1) for tau in taus], kappa)]


def stalenesses(taus: Numbers, kappa: float) -> list[int]:
    """Return s_m = round(tau_m) - 1, none more than kappa times the shortest (or than kappa)."""
    return limited([round(tau) - 1 for tau in taus], kappa)


def limited(steps: Sequence[int], kappa: float) -> list[int]:
    """Return numbers of steps, none more than kappa times the smallest, taken as 1 or more."""
    most = math.floor(kappa * max(min(steps), 1))
    return [min(each, most) for each in steps]


def updates(step: int, intervals: Sequence[int], phase: int) -> list[bool]:
    """Return which modalities are updated in this step, counted from 0.

    The i-th modality is `i * phase` steps ahead of the first.
    """
    return [(step + i * phase) % every == 0 for i, every in enumerate(intervals)]


def staleness_factor(staleness: float, decay: float) -> float:
    """Return 1 / (1 + decay * staleness)."""
    return 1 / (1 + decay * staleness)
