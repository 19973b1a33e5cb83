"""Balancing in a training loop of one's own: `from core.loop import Balancer`."""

from core.loop.balancer import Balancer
from core.loop.setup import LoopError

__all__ = ["Balancer", "LoopError"]
