"""Random seeds: a stream for each purpose, so that drawing from one leaves the others alone."""

from __future__ import annotations

import hashlib
from typing import Any

import torch


def seed_for(purpose: str, seed: int) -> int:
    """Return the seed of one purpose's generator, from the run's seed."""
    digest = hashlib.sha256(f"{purpose}/{seed}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


def global_state(device: torch.device) -> dict[str, Any]:
    """Return the state of torch's global generators, which encoders with dropout draw from."""
    state: dict[str, Any] = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_global_state(state: dict[str, Any], device: torch.device) -> None:
    torch.set_rng_state(state["cpu"].cpu())
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)
