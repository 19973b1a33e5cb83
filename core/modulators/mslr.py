"""MSLR: a learning rate of its own for every modality's encoder.

Yao and Mihalcea: Modality-specific Learning Rates for Effective Multimodal Additive Late-fusion, Findings of ACL 2022.

    lr_m = f_m * c_m * lr          f_m: the modality's factor (option `factors`, 1 where it is not named)
    keep     c_m = 1
    smooth   lr_m goes from f_m * lr in the first epoch to lr in the last, linearly
    dynamic  c_m = a_m,t / mean of the last `memory` of a_m      a_m: validation accuracy of modality m's own logits

The paper fine-tunes unimodal models and combines their outputs by adding; a linear fusion adds them too. It has f_m from
the best unimodal learning rates; AGM's repository uses 0.9 (audio) and 1.1 (visual) on CREMA-D. The linear path of
`smooth` is this program's reading. Any number of modalities.
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
    """Sets learning rates and leaves gradients alone, so it acts under Adam too."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.accuracies: dict[str, list[float]] = {m: [] for m in self.modalities}
        self.epoch = 0
        self.epochs = 1
        self.factors = parse_factors(str(options.get("factors", "")), self.modalities)

    def attach(self, context: MethodContext) -> None:
        self.epochs = context.config.epochs

    def begin_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def end_epoch(self, epoch: int, val: Evaluation) -> None:
        """Remembers the newest validation accuracies."""
        for m, seen in self.accuracies.items():
            seen.append(val.unimodal_accuracy[m])
            del seen[: -int(self.number("memory"))]

    def modulate(self, backward: Backward) -> Modulation:
        return Modulation(rates={m: self.rate(m) for m in self.modalities})

    def rate(self, modality: str) -> float:
        factor = self.factors[modality]
        match self.options["variant"]:
            case "dynamic":
                return factor * progress(self.accuracies[modality])
            case "smooth":
                return factor + (1 - factor) * min(1.0, self.epoch / max(1, self.epochs - 1))
        return factor

    def state_dict(self) -> State:
        return {
            "accuracies": {m: list(seen) for m, seen in self.accuracies.items()},
            "epoch": self.epoch,
        }

    def load_state_dict(self, state: State) -> None:
        self.accuracies = {m: list(seen) for m, seen in state["accuracies"].items()}
        self.epoch = state["epoch"]


def progress(accuracies: Sequence[float]) -> float:
    """The newest accuracy over the mean of all given; 1 where there is none, or where all are 0."""
    total = sum(accuracies)
    return accuracies[-1] * len(accuracies) / total if total > 0 else 1.0


def parse_factors(text: str, modalities: Sequence[str]) -> dict[str, float]:
    """{"audio": 0.9, "visual": 1.1} from `audio=0.9, visual=1.1`. Raises MethodError."""
    factors = dict.fromkeys(modalities, 1.0)
    for part in text.split(",") if text.strip() else ():
        name, _, number = (word.strip() for word in part.rpartition("="))
        if name not in factors:
            raise MethodError(
                f"mslr.factors {part.strip()!r}: expected MODALITY=FACTOR with one of {', '.join(modalities)}"
            )
        factors[name] = _positive(number, part)
    return factors


def _positive(number: str, part: str) -> float:
    try:
        factor = float(number)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise MethodError(
            f"mslr.factors {part.strip()!r}: a factor of the learning rate is a number above 0, such as 1.1"
        )
    return factor
