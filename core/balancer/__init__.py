"""Balancing in a training loop of one's own: `from asgml.core.balancer import Balancer`."""

from asgml.core.balancer.balancer import Balancer
from asgml.core.balancer.setup import LoopError

__all__ = ["Balancer", "LoopError"]
