"""The tensors that an external training loop gives of a step, checked, as a Forward."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from asgml.core.balancer.errors import LoopError
from asgml.core.model.model import MultimodalModel
from asgml.core.types import Batch, Forward

NARROW = (torch.float16, torch.bfloat16)


def make_forward(
    model: MultimodalModel,
    classes: int,
    features: Mapping[str, Tensor],
    logits: Tensor,
    labels: Tensor,
    unimodal_logits: Mapping[str, Tensor] | None,
) -> Forward:
    """Return the step's Forward, in float32 where autocast made it narrower.

    Unimodal logits that are not given are the head's. Raise LoopError for a wrong shape.
    """
    samples = len(labels)
    _check("labels", labels, (samples,))
    _check("logits", logits, (samples, classes))
    for m, encoder in model.encoders.items():
        _check(f"features[{m!r}]", features.get(m), (samples, encoder.features))
        if unimodal_logits is not None:
            _check(f"unimodal_logits[{m!r}]", unimodal_logits.get(m), (samples, classes))
    # the loop may call from inside its autocast; unimodal logits are made in float32 all the same
    with torch.autocast(logits.device.type, enabled=False):
        wide = {m: _widened(features[m]) for m in model.modalities}
        unimodal = (
            model.fusion.unimodal_logits(wide)
            if unimodal_logits is None
            else {m: _widened(unimodal_logits[m]) for m in model.modalities}
        )
    # no inputs: the loop alone has them, so no method may run the encoders
    return Forward(Batch({}, labels), wide, _widened(logits), unimodal, labels)


def detached(forward: Forward) -> Forward:
    """Return the same numbers without their graph."""
    features = {m: feature.detach() for m, feature in forward.features.items()}
    unimodal = {m: logits.detach() for m, logits in forward.unimodal_logits.items()}
    return Forward(forward.batch, features, forward.logits.detach(), unimodal, forward.labels)


def _check(name: str, given: Tensor | None, shape: tuple[int, ...]) -> None:
    if given is None:
        raise LoopError(f"{name} is missing: give it for every encoder")
    if tuple(given.shape) != shape:
        raise LoopError(f"{name} has shape {tuple(given.shape)}, expected {shape}")


def _widened(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in NARROW else tensor
