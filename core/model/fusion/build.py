"""The fusion that a configuration names."""

from __future__ import annotations

from collections.abc import Mapping

from asgml.core.model.fusion.base import Fusion, FusionError
from asgml.core.model.fusion.conditional import Film, Gated
from asgml.core.model.fusion.growing import Growing
from asgml.core.model.fusion.late import LateMean, LateWeighted
from asgml.core.model.fusion.linear import Concat, Sum
from asgml.core.model.fusion.shared import Shared
from asgml.core.model.fusion.unimodal import AuxiliaryHeads, ZeroAblation

LINEAR = ("concat", "sum")
"""Fusions whose logits are a sum of linear terms, one for each modality."""
NOT_LINEAR = ("film", "gated")
UNIMODAL = ("shared", "growing")
"""Fusions that are made of the unimodal logits."""


def make_fusion(
    kind: str, hidden: int, unimodal: str, widths: Mapping[str, int], classes: int
) -> Fusion:
    """Return a new fusion of features of `widths`, {m: D}.

    `kind`, `hidden` and `unimodal` are fusion.kind, fusion.hidden and fusion.alone of the
    configuration. Raise FusionError where the fusion is not defined.
    """
    if kind in UNIMODAL and unimodal != "split":
        raise FusionError(
            f"fusion.kind={kind} with fusion.alone={unimodal}: its fused logits are a mean of the "
            "unimodal logits; set fusion.alone=split"
        )
    fusion = _joint_fusion(kind, hidden, widths, classes)
    if unimodal == "heads":
        return AuxiliaryHeads(fusion, widths, classes)
    if unimodal == "ablation":
        return ZeroAblation(fusion)
    if kind in NOT_LINEAR:
        raise FusionError(
            f"fusion.kind={kind} with fusion.alone=split: it is not linear, "
            "so no exact split exists; set fusion.alone=ablation or heads"
        )
    return fusion


def _joint_fusion(kind: str, hidden: int, widths: Mapping[str, int], classes: int) -> Fusion:
    match kind:
        case "sum":
            return Sum(widths, classes)
        case "late_mean":
            return LateMean(widths, classes)
        case "late_weighted":
            return LateWeighted(widths, classes)
        case "shared":
            return Shared(widths, classes)
        case "growing":
            return Growing(widths, classes)
        case "film":
            return Film(widths, classes)
        case "gated":
            return Gated(widths, classes)
    return Concat(widths, classes, hidden)
