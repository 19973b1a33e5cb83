"""Balancing in an external training loop: `from asgml import Balancer`."""

from asgml.core.balancer.balancer import Balancer
from asgml.core.balancer.errors import LoopError

__all__ = ["Balancer", "LoopError"]
