"""The order in which an external training loop has to call the Balancer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asgml.core.balancer.errors import LoopError
from asgml.core.training.balancing import Balancing
from asgml.core.training.refusals import overriding


class CallOrder:
    """begin_epoch, then in each step loss (for some methods), backward, step. Raise LoopError."""

    def __init__(self, balancing: Balancing, ranks: int) -> None:
        self.balancing = balancing
        self.in_epoch = False
        self._loss_calls = 0  # since the last step
        self._adding = overriding(balancing.modulator, "loss")
        if balancing.config.loss.gamma == 0:
            self._adding.remove("loss")  # the run's own unimodal losses, which then add 0
        self._reading_graph = overriding(balancing.modulator, "before_backward")
        if self._reading_graph and ranks > 1:
            raise LoopError(
                f"{self._reading_graph[0]} takes gradients before they are averaged over the "
                "ranks: it needs a single process"
            )

    def check_open(self) -> None:
        if self.balancing.run.closed:
            raise LoopError(
                "the balancer is closed; make a new one, with resume=True to go on with its run"
            )

    def check_load(self, state: Mapping[str, Any]) -> None:
        method = self.balancing.config.method
        if self.balancing.run.begun:
            raise LoopError(
                "load_state_dict comes too late: call it before begin_epoch, "
                "or the run is told a wrong step"
            )
        if state["method"] != method:
            raise LoopError(
                f"this state is of method {state['method']}, the balancer is of {method}"
            )

    def check_loss(self) -> None:
        self._loss_calls += 1
        if self._reading_graph and self._loss_calls > 1:
            raise LoopError(
                f"{self._reading_graph[0]} looks at the graph of one batch a step: "
                "gradients cannot be accumulated with it"
            )

    def check_step(self) -> None:
        if not self.in_epoch:
            raise LoopError(
                "step without an epoch: call begin_epoch(epoch) before the first step of each"
            )
        if self._adding and not self._loss_calls:
            raise LoopError(
                f"{self._adding[0]} adds terms to the loss: back-propagate loss + "
                "balancer.loss(...)"
            )
        if not any(group.gradients("all") for group in self.balancing.groups.values()):
            raise LoopError(
                "no encoder has a gradient: call step between loss.backward() and optimizer.step()"
            )
        self._loss_calls = 0
