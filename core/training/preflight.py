"""Preflight checks: refuse or warn of settings that cannot have the effect that is asked for."""

from __future__ import annotations

import torch

from asgml.core.config.run_settings import RunSettings, one_modality
from asgml.core.data.base import Dataset, Split, is_class
from asgml.core.data.loading.batches import take
from asgml.core.measures.shapley import MOST_MODALITIES
from asgml.core.measures.task import Task
from asgml.core.methods.spec import ENDLESS, Method, MethodError
from asgml.core.model.encoders.base import EncoderError
from asgml.core.model.encoders.user_encoder import UserEncoder, try_encoder
from asgml.core.model.fusion.growing import MOST_LAYERS
from asgml.core.model.model import MultimodalModel
from asgml.core.modulators.base import Modulator
from asgml.core.modulators.composition import Composed
from asgml.core.modulators.lfm import FITTED_EPOCHS, fitted_weight
from asgml.core.modulators.user_modulator import load_user_class, owner_of
from asgml.core.modulators.window import Windowed

ACT_WITHOUT_ENCODERS = ("nothing", "loss", "features", "data")
"""When methods act that still have the head to act on where every encoder is frozen."""

HALF = 0.5
"""Weight of lfm's alignment above which it outweighs the loss of the classes."""


# -- warnings -------------------------------------------------------------------------


def configuration_warnings(
    config: RunSettings, model: MultimodalModel, total_steps: int
) -> list[str]:
    """Return one line for each setting that is cancelled, doubled or without effect."""
    return [
        *_cancelled(config),
        *_doubled(config),
        *_without_effect(config, model),
        *_without_conflict(config),
        *without_parts(config, model),
        *_untrained_encoders(config),
        *_unfallen_weight(config),
        *_one_sided_norms(config),
        *_unreached_stages(config, model),
        *_growth(config),
        *too_short(config, config.epochs, total_steps),
    ]


def too_short(config: RunSettings, epochs: int, total_steps: int) -> list[str]:
    """Return one line for each method that this training ends before. A length of 0 is unknown."""
    return [
        *_closed_windows(config, epochs),
        *_endless_patience(config, epochs),
        *_unread_probes(config, total_steps),
        *_unrenewed_taus(config, total_steps),
        *_never_released(config, epochs),
    ]


def data_warnings(data: Dataset) -> list[str]:
    """Return one line for each finding of the loader that bears on a result."""
    missing = data.info.get("missing", 0)
    warnings = [str(warning) for warning in data.info.get("warnings", ())]
    if not missing:
        return warnings
    files = "their files are missing or cannot be used"
    return [f"{missing} clips of {data.name} are left out: {files}", *warnings]


def skipped_measurements(config: RunSettings, model: MultimodalModel) -> list[str]:
    """Return one line for each measurement that is asked for and left out."""
    count = len(model.modalities)
    if not config.diagnose.shapley or count <= MOST_MODALITIES:
        return []
    return [
        f"shapley and conditional_utilization are left out: {count} modalities have "
        f"{2**count} subsets; at most {MOST_MODALITIES} do"
    ]


def cancelled_by_adam(config: RunSettings) -> list[str]:
    """Return the methods that only multiply gradients, where the optimizer divides that out."""
    if config.optimizer.name == "sgd":
        return []
    # via=lr acts after the division, so it is not cancelled
    return [
        method.name
        for method in config.methods
        if method.scales and config.section(method.name).get("via", "gradient") == "gradient"
    ]


def _cancelled(config: RunSettings) -> list[str]:
    optimizer = config.optimizer.name
    return [
        f"{name} multiplies gradients; {optimizer} divides constant factors out again: "
        "use sgd, or via=lr where it has that"
        for name in cancelled_by_adam(config)
    ]


def _doubled(config: RunSettings) -> list[str]:
    """Warn of loss.gamma beside a method that adds the unimodal losses by its own rule.

    The head gets the gradients of both, encoders what the method makes of them.
    """
    gamma = config.loss.gamma
    methods = [method.name for method in config.methods if method.unimodal_loss] if gamma else []
    return [
        f"{name} adds the unimodal losses by its own rule, and loss.gamma={gamma:g} adds them "
        "once more: use loss.gamma=0"
        for name in methods
    ]


def _without_effect(config: RunSettings, model: MultimodalModel) -> list[str]:
    names = [method.name for method in config.methods if method.acts != "nothing"]
    names += [config.modulator] if config.modulator else []
    if not names or not model.frozen:
        return []
    trained = [m for m in model.modalities if m not in model.frozen]
    left = f"only {', '.join(trained)} can be balanced" if trained else "only the head is trained"
    return [
        f"the encoder of {', '.join(model.frozen)} is frozen: "
        f"{' and '.join(names)} can change nothing of it, {left}"
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


def _closed_windows(config: RunSettings, epochs: int) -> list[str]:
    firsts = {
        method.name: int(config.section(method.name).get("first_epoch", 0))
        for method in config.methods
    }
    return [
        f"{name} acts from epoch {first} on (counted from 0), and the training ends with epoch "
        f"{epochs - 1}: it never acts; set {name}.first_epoch below {epochs}, or train longer"
        for name, first in firsts.items()
        if 0 < epochs <= first
    ]


def _endless_patience(config: RunSettings, epochs: int) -> list[str]:
    """Warn of mses where even a loss that never falls after the first epoch stops nothing."""
    patience = int(config.section("mses")["patience"])
    named = "mses" in [method.name for method in config.methods]
    # stopped after epoch `patience` + 1 at the earliest, which has to have an epoch after it
    if not named or not 0 < epochs <= patience + 2:
        return []
    return [
        f"mses.patience={patience}: a modality is stopped after epoch {patience + 1} (counted from "
        f"0) at the earliest, and the training ends with epoch {epochs - 1}: it stops nothing; "
        f"set mses.patience below {epochs - 2}, or train longer"
    ]


def _unread_probes(config: RunSettings, total_steps: int) -> list[str]:
    """Warn of methods whose first probe evaluation comes with the last step, or after it.

    An evaluation acts from the next step on.
    """
    every = config.probe.eval_freq
    if not 0 < total_steps <= every:
        return []
    guided = [method.name for method in config.methods if _reads_probes(config, method)]
    if config.modulator and _defines(load_user_class(config.modulator), "observe"):
        guided.append(owner_of(load_user_class(config.modulator)))
    return [
        f"{name} goes by the probes, which are first read at step {every}, and the training has "
        f"{total_steps} steps: it is never guided; set probe.eval_freq below {total_steps}, "
        "or train longer"
        for name in guided
    ]


def _unrenewed_taus(config: RunSettings, total_steps: int) -> list[str]:
    """Warn of asgml_v1 as released, whose tau is 1 until its first renewal: it skips nothing."""
    section = config.section("asgml_v1")
    named = "asgml_v1" in [method.name for method in config.methods]
    every = int(section["eval_freq"])
    if not named or section["variant"] != "code" or not 0 < total_steps <= every:
        return []
    return [
        f"asgml_v1 first renews tau at step {every}, and the training has {total_steps} steps: "
        "tau stays 1, so no update is skipped and no gradient is old; "
        f"set asgml_v1.eval_freq below {total_steps}, or train longer"
    ]


def _never_released(config: RunSettings, epochs: int) -> list[str]:
    """Warn of smp and g2d where the strongest modality is held to the end of the training."""
    lasts = {
        "smp": ("smp.last_epoch", config.section("smp").get("last_epoch")),
        "g2d": ("g2d.smp_last_epoch", config.section("g2d").get("smp_last_epoch")),
    }
    named = [method.name for method in config.methods]
    held = [name for name in lasts if name in named and config.section(name).get("smp", True)]
    return [
        f"{name} holds the strongest modality to the end: {key}={last}, and the training ends with "
        f"epoch {epochs - 1}; it is published with half of the epochs: set {key}={epochs // 2 - 1}"
        for name, (key, last) in ((name, lasts[name]) for name in held)
        if epochs > 1 and (last == ENDLESS or int(str(last)) >= epochs - 1)
    ]


def _reads_probes(config: RunSettings, method: Method) -> bool:
    signal = config.section(method.name).get("signal", "probe")
    return "probes" in method.needs and signal in ("probe", "probe_val", "both")


def try_encoders(config: RunSettings, model: MultimodalModel, train: Split) -> None:
    """Raise EncoderError where an encoder cannot take two real samples of the user's own data.

    Without code of the user's own nothing is tried: what fits what is known then.
    """
    own = [m for m, e in model.encoders.items() if isinstance(e, UserEncoder)]
    if not own and not is_class(config.data.name):
        return
    device = next(model.parameters()).device
    inputs = take(train, torch.arange(min(2, len(train))), device).inputs
    for modality, encoder in model.encoders.items():
        if isinstance(encoder, UserEncoder):
            try_encoder(modality, encoder, inputs[modality])
        elif not inputs[modality].is_floating_point():
            raise EncoderError(
                f"{modality!r} has inputs of {inputs[modality].dtype}, such as the tokens of a "
                "text, and built-in encoders take float32; give floats, or an encoder of your "
                f"own (--set encoder.{modality}=FILE.py:CLASS)"
            )


# -- refusals -------------------------------------------------------------------------


def refuse_frozen(config: RunSettings, model: MultimodalModel) -> None:
    """Raise MethodError where all encoders are frozen and a method would act on nothing else."""
    idle = [method.name for method in config.methods if method.acts not in ACT_WITHOUT_ENCODERS]
    if idle and len(model.frozen) == len(model.modalities):
        raise MethodError(
            f"{idle[0]} acts on encoders, and all are frozen ({', '.join(model.frozen)}); "
            "leave one out of freeze, or use baseline"
        )


def refuse_without_class_scores(config: RunSettings, task: Task) -> None:
    """Raise MethodError for a method whose rule reads class scores, in a regression."""
    if task.gives_class_scores:
        return
    for method in config.methods:
        if method.reads_class_scores(config.section(method.name)):
            setting = f" with {method.class_scores}" if method.class_scores else ""
            raise MethodError(
                f"{method.name}{setting} goes by the scores of classes, and a regression has one "
                "output; use baseline, uniform, boost, mmpareto or mslr, or train on classes "
                "(data.options.task=acc2)"
            )


def refuse_single(config: RunSettings, data: Dataset) -> None:
    """Raise MethodError for a method that balances, where the data has a single modality."""
    if len(data.modalities) == 1 and (names := config.methods_for_several):
        raise MethodError(one_modality(names[0], data.modalities[0]))


def refuse_other_fusion(config: RunSettings) -> None:
    """Raise MethodError for a method that is not defined for the fusion of the run."""
    fusion = config.fusion
    for method in config.methods:
        if method.fusion and (fusion.kind, fusion.alone) != (method.fusion, "split"):
            raise MethodError(
                f"{method.name} is defined for fusion.kind={method.fusion} with "
                f"fusion.alone=split, and the run has {fusion.kind} with {fusion.alone}; "
                f"set fusion.kind={method.fusion} and fusion.alone=split"
            )


def refuse_unfit(modulator: Composed, amp: str, accumulate: int) -> None:
    """Raise MethodError for a method that cannot work with micro-batches or scaled losses.

    Some need the whole batch in one graph, or gradients that no scale has been put on.
    """
    split = f"optimizer.accumulate={accumulate} parts it"
    for name in overriding(modulator, "before_backward"):
        if accumulate > 1:
            raise MethodError(
                f"{name} needs the graph of the whole batch, {split}; use accumulate=1"
            )
        if amp == "fp16":
            raise MethodError(
                f"{name} takes gradients of its own, which amp=fp16 would have to scale; "
                "use amp=bf16 or off"
            )
    if len(turning := overriding(modulator, "turns")) > 1:
        raise MethodError(
            f"{' and '.join(turning)} both train the modalities in turns, which only one can; "
            "leave one of them out"
        )
    for name in overriding(modulator, "before_fusion"):
        if accumulate > 1:
            raise MethodError(
                f"{name} changes what the fusion is fed by the whole batch, {split}; use 1"
            )


def overriding(modulator: Composed, hook: str) -> list[str]:
    """Return the names of the methods that define a hook, rather than inherit the neutral one."""
    inner = {
        name: member.inner if isinstance(member, Windowed) else member
        for name, member in modulator.members.items()
    }
    return [name for name, method in inner.items() if _defines(type(method), hook)]


def _defines(modulator: type[Modulator], hook: str) -> bool:
    return getattr(modulator, hook) is not getattr(Modulator, hook)
