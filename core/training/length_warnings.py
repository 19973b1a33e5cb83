"""Warnings of methods that a training ends before, or that act until its end."""

from __future__ import annotations

from asgml.core.config.run_settings import RunSettings
from asgml.core.methods.spec import ENDLESS, Method
from asgml.core.modulators.user_modulator import load_user_class, owner_of
from asgml.core.training.refusals import defines


def too_short(config: RunSettings, epochs: int, total_steps: int) -> list[str]:
    """Return one line for each method that this training ends before. A length of 0 is unknown."""
    return [
        *_closed_windows(config, epochs),
        *_endless_patience(config, epochs),
        *_unread_probes(config, total_steps),
        *_unrenewed_taus(config, total_steps),
        *_never_released(config, epochs),
        *_never_reset(config, epochs),
        *_never_scaled(config, epochs),
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
    if config.modulator and defines(load_user_class(config.modulator), "observe"):
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


def _never_reset(config: RunSettings, epochs: int) -> list[str]:
    """Warn of relearning whose first reset would come after the last epoch."""
    section = config.section("relearning")
    named = "relearning" in [method.name for method in config.methods]
    released = section["variant"] == "code"
    # after epoch `start` is at the beginning of the next one
    first = int(section["start"]) + released
    if not named or not 0 < epochs <= first:
        return []
    highest = epochs - 1 - released
    nearer = f"set relearning.start to {highest} or less, or " if highest >= 0 else ""
    return [
        f"relearning first resets the encoders at the beginning of epoch {first} (counted from 0), "
        f"and the training ends with epoch {epochs - 1}: it resets nothing; {nearer}train longer"
    ]


def _never_scaled(config: RunSettings, epochs: int) -> list[str]:
    """Warn of arl whose gains are 1 to the end of the training."""
    start = int(config.section("arl")["start_epoch"])
    named = "arl" in [method.name for method in config.methods]
    if not named or not 0 < epochs <= start + 1:
        return []
    return [
        f"arl.start_epoch={start}: gains are 1 up to this epoch (counted from 0), and the training "
        f"ends with epoch {epochs - 1}: no gradient is scaled, and of arl only its unimodal losses "
        f"act, with weight 1; set arl.start_epoch below {epochs - 1}, or train longer"
    ]


def _reads_probes(config: RunSettings, method: Method) -> bool:
    signal = config.section(method.name).get("signal", "probe")
    return "probes" in method.needs and signal in ("probe", "probe_val", "both")
