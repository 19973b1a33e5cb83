"""Warnings that concern one method: settings beside it that take its effect away."""

from __future__ import annotations

from asgml.core.config.run_settings import RunSettings
from asgml.core.model.fusion.growing import MOST_LAYERS
from asgml.core.model.model import MultimodalModel
from asgml.core.modulators.lfm import FITTED_EPOCHS, fitted_weight
from asgml.core.modulators.mslr import parse_factors

HALF = 0.5
"""Weight of lfm's alignment above which it outweighs the loss of the classes."""


def method_warnings(config: RunSettings, model: MultimodalModel) -> list[str]:
    """Return one line for each setting that takes the effect of one method away."""
    return [
        *_without_conflict(config),
        *without_parts(config, model),
        *_untrained_encoders(config),
        *_unfallen_weight(config),
        *_one_sided_norms(config),
        *_unreached_stages(config, model),
        *_growth(config),
        *_equal_rates(config, model),
    ]


def _without_conflict(config: RunSettings) -> list[str]:
    """Warn of mmpareto on unimodal logits that come out of the fusion's own weights.

    The joint and the unimodal gradient of an encoder then pass through the same weights.
    """
    pairing = config.fusion.alone
    if pairing == "heads":
        return []
    return shared_weights(config, f"fusion.alone={pairing}", "set fusion.alone=heads")


def shared_weights(config: RunSettings, pairing: str, remedy: str) -> list[str]:
    """Return the warning of mmpareto on such unimodal logits, where it is a method of the run."""
    if "mmpareto" not in [method.name for method in config.methods]:
        return []
    gamma = float(config.section("mmpareto")["gamma"])
    return [
        f"mmpareto with {pairing}: the two gradients of an encoder pass through the "
        "same weights and hardly ever conflict, and without a conflict mmpareto is uniform times "
        f"{gamma:g}; it is published with heads of their own: {remedy}"
    ]


def without_parts(config: RunSettings, model: MultimodalModel) -> list[str]:
    """Return one line for each method whose gain acts on the head as well, where it cannot."""
    scoped = [
        method.name
        for method in config.methods
        if config.section(method.name).get("scope") == "encoder+head"
    ]
    return [
        f"{name}.scope=encoder+head: {reason}; set {name}.scope=encoder"
        for name in scoped
        if (reason := _why_not_the_head(config, model, name))
    ]


def _why_not_the_head(config: RunSettings, model: MultimodalModel, name: str) -> str:
    section = config.section(name)
    if section.get("via") == "lr":
        return "with via=lr the head keeps its learning rate, only the encoders' are scaled"
    # AGM as released acts through the backward pass, on every fusion.
    if name == "agm" and section["variant"] == "code":
        return ""
    if not model.fusion.parts():
        return "no weights of this head belong to one modality, only the encoders are scaled"
    return ""


def _untrained_encoders(config: RunSettings) -> list[str]:
    """Warn of dgl without unimodal losses: the joint loss does not reach the encoders."""
    section = config.section("dgl")
    named = "dgl" in [method.name for method in config.methods]
    if not named or section["alpha"] or section["strength"] != 1 or config.loss.gamma:
        return []
    return [
        "dgl.alpha=0: encoders are trained by the unimodal losses alone, and these have weight 0, "
        "so no encoder is trained while dgl acts; set dgl.alpha above 0 (published 4)"
    ]


def _unfallen_weight(config: RunSettings) -> list[str]:
    """Warn of lfm's fitted weight in a training that ends while the alignment still outweighs."""
    section, last = config.section("lfm"), fitted_weight(config.epochs - 1)
    named = "lfm" in [method.name for method in config.methods]
    if not named or section["weight"] != "fitted" or last <= HALF:
        return []
    return [
        f"lfm.weight=fitted falls over {FITTED_EPOCHS} epochs, and the training has "
        f"{config.epochs}: the alignment still has weight {last:.2f} of 1 at its end; "
        "train longer, or set lfm.weight=heuristic"
    ]


def _one_sided_norms(config: RunSettings) -> list[str]:
    """Warn of a boost by gradient norms where a backward pass reaches one modality alone."""
    turning = [method.name for method in config.methods if method.takes_turns]
    if not turning or config.section("boost")["signal"] != "grad_norm":
        return []
    return [
        f"boost.signal=grad_norm with {turning[0]}: in its turn a modality has the whole gradient "
        "and all others none, so their shares say nothing; set boost.signal=probe"
        for method in config.methods
        if method.name == "boost"
    ]


def _unreached_stages(config: RunSettings, model: MultimodalModel) -> list[str]:
    """Warn of reconboost where the training ends before each modality has had its stage."""
    if "reconboost" not in [method.name for method in config.methods]:
        return []
    section = config.section("reconboost")
    stage, rectification = int(section["stage_epochs"]), int(section["rectify_epochs"])
    needed = int(section["first_epoch"]) + (len(model.modalities) - 1) * (stage + rectification) + 1
    if config.epochs >= needed:
        return []
    return [
        f"reconboost trains {', '.join(model.modalities)} in this order, one a stage of {stage} "
        f"epochs and {rectification} of all; the last one begins after epoch {needed - 2}, and "
        f"the training has {config.epochs}: set epochs to {needed} or more, or shorter stages"
    ]


def _growth(config: RunSettings) -> list[str]:
    """Warn of aug where no head can grow, or where heads may grow to their end before the run."""
    if "aug" not in [method.name for method in config.methods]:
        return []
    every, first = (int(config.section("aug")[name]) for name in ("every", "first_epoch"))
    epochs = config.epochs - first
    if epochs == 1:
        return [
            f"aug looks for the head that is to grow after epoch {first}, with which the training "
            f"ends: none ever grows; set epochs to {first + 2} or more"
        ]
    looks = 1 + (epochs - 1) // every - (every == 1)
    if looks < MOST_LAYERS:
        return []
    return [
        f"aug.every={every} looks {looks} times for the head that is to grow, and a head has at "
        f"most {MOST_LAYERS} layers: one that is always the weakest stops growing; set a larger "
        "aug.every"
    ]


def _equal_rates(config: RunSettings, model: MultimodalModel) -> list[str]:
    """Warn of mslr whose factors are all 1 and stay so."""
    section, named = config.section("mslr"), [method.name for method in config.methods]
    if "mslr" not in named or section["variant"] == "dynamic":
        return []
    factors = parse_factors(str(section["factors"]), model.modalities)
    if any(factor != 1 for factor in factors.values()):
        return []
    return [
        f"mslr.variant={section['variant']} with a factor of 1 for every modality: all encoders "
        f"keep the learning rate; set mslr.factors, such as {model.modalities[0]}=0.9, or "
        "mslr.variant=dynamic"
    ]
