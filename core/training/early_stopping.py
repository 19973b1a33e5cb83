"""Early stopping: end a training whose validation score has not become better for a while.

A score is better where it is above the best one by more than `min_delta`; smaller steps do not add
up, because each is compared with the last better one. The score is that of the model selection.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asgml.core.config.training_sections import EarlyStoppingConfig


@dataclass
class EarlyStopping:
    """The best score, and the number of evaluations since it. With patience 0 nothing ends."""

    settings: EarlyStoppingConfig
    best: float = -math.inf
    since: int = 0

    def observe(self, score: float) -> None:
        """Take the score of one evaluation of the validation split; larger is better."""
        if score > self.best + self.settings.min_delta:
            self.best, self.since = score, 0
        else:
            self.since += 1

    @property
    def exhausted(self) -> bool:
        """True where the training is to end."""
        return 0 < self.settings.patience <= self.since

    @property
    def reason(self) -> str:
        """Why it ended, for the event."""
        return (
            f"early stopping: {self.since} evaluations without a better validation score than "
            f"{self.best:.4g} (min_delta {self.settings.min_delta:g})"
        )

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "since": self.since} if self.settings.patience else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best, self.since = state.get("best", self.best), state.get("since", self.since)
