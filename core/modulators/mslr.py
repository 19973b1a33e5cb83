"""MSLR: a modality-specific learning rate for every encoder.

Yao and Mihalcea: Modality-specific Learning Rates for Effective Multimodal Additive Late-fusion,
Findings of ACL 2022. Formula: MSLR in core/methods/rates.py. Any number of modalities.

The paper fine-tunes unimodal models and combines their outputs by adding; a linear fusion adds them
too. It has f_m from the best unimodal learning rates; AGM's repository uses 0.9 (audio) and 1.1
(visual) on CREMA-D. The linear path of `smooth` is this program's reading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from asgml.core.methods.spec import MethodError
from asgml.core.modulators.base import Modulator, State
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import Modulation
from asgml.core.types import Backward, Evaluation
from asgml.storage.format.knobs import Value


class Mslr(Modulator):
    """Learning rates and no gains, so it acts under Adam too."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.accuracies: dict[str, list[float]] = {m: [] for m in self.modalities}
        self.epoch = 0
        self.epochs = 1
        self.factors = parse_factors(self.text("factors", ""), self.modalities)

    def attach(self, context: MethodContext) -> None:
        self.epochs = context.config.epochs

    def begin_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def end_epoch(self, epoch: int, val: Evaluation) -> None:
        """Keep the newest `memory` validation accuracies."""
        for m, accuracies in self.accuracies.items():
            accuracies.append(val.unimodal_accuracy[m])
            del accuracies[: -int(self.number("memory"))]

    def modulate(self, backward: Backward) -> Modulation:
        return Modulation(rates={m: self.rate(m) for m in self.modalities})

    def rate(self, modality: str) -> float:
        """Return f_m * c_m of the variant."""
        factor = self.factors[modality]
        match self.options["variant"]:
            case "dynamic":
                return factor * progress(self.accuracies[modality])
            case "smooth":
                return factor + (1 - factor) * min(1.0, self.epoch / max(1, self.epochs - 1))
        return factor

    def state_dict(self) -> State:
        accuracies = {m: list(values) for m, values in self.accuracies.items()}
        return {"accuracies": accuracies, "epoch": self.epoch}

    def load_state_dict(self, state: State) -> None:
        self.accuracies = {m: list(values) for m, values in state["accuracies"].items()}
        self.epoch = state["epoch"]


def progress(accuracies: Sequence[float]) -> float:
    """Return the newest accuracy over the mean of all; 1 where there is none or all are 0."""
    total = sum(accuracies)
    return accuracies[-1] * len(accuracies) / total if total > 0 else 1.0


def parse_factors(text: str, modalities: Sequence[str]) -> dict[str, float]:
    """Return {"audio": 0.9, "visual": 1.1} from `audio=0.9, visual=1.1`. Raise MethodError."""
    factors = dict.fromkeys(modalities, 1.0)
    for item in text.split(",") if text.strip() else ():
        name, _, number = (field.strip() for field in item.rpartition("="))
        if name not in factors:
            raise MethodError(
                f"mslr.factors {item.strip()!r}: expected MODALITY=FACTOR with one of "
                f"{', '.join(modalities)}"
            )
        factors[name] = _positive(number, item)
    return factors


def _positive(number: str, item: str) -> float:
    try:
        factor = float(number)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise MethodError(
            f"mslr.factors {item.strip()!r}: "
            "a factor of the learning rate is a number above 0, such as 1.1"
        )
    return factor
