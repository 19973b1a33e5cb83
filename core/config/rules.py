"""The rules that settings of a run obey together: each raises ValueError with one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgml.core.methods.registry import Method

if TYPE_CHECKING:
    from asgml.core.config.run_settings import RunSettings


def check_together(config: RunSettings) -> None:
    """Raise ValueError for the first rule that the settings break."""
    _micro_batches_of_two(config)
    _warmup_within_the_training(config)
    _heads_are_trained(config)
    _no_unimodal_losses_in_turns(config)
    _two_to_balance(config)
    _probes_where_needed(config)
    _one_rule_of_kernels(config)


def _micro_batches_of_two(config: RunSettings) -> None:
    # Two samples a micro-batch: batch norm has no variance of one.
    accumulate = config.optimizer.accumulate
    if 2 * accumulate > config.batch_size:
        raise ValueError(
            f"optimizer.accumulate={accumulate} with batch_size={config.batch_size}: "
            "a micro-batch has two samples or more; "
            f"give at most {config.batch_size // 2}"
        )


def _warmup_within_the_training(config: RunSettings) -> None:
    warmup = config.optimizer.warmup_epochs
    if warmup and warmup >= config.epochs:
        raise ValueError(
            f"optimizer.warmup_epochs={warmup} with epochs={config.epochs}: the schedule begins "
            f"after the warm-up; give at most {config.epochs - 1}"
        )


def _heads_are_trained(config: RunSettings) -> None:
    trained = config.loss.gamma > 0 or any(method.unimodal_loss for method in config.methods)
    if config.fusion.alone == "heads" and not trained:
        raise ValueError(
            "fusion.alone=heads with loss.gamma=0: auxiliary heads would never be trained; "
            "set loss.gamma=1 or fusion.alone=split"
        )


def _no_unimodal_losses_in_turns(config: RunSettings) -> None:
    turning = [method.name for method in config.methods if method.takes_turns]
    if turning and config.loss.gamma > 0:
        raise ValueError(
            f"loss.gamma={config.loss.gamma:g} with method {config.method}: {turning[0]} trains "
            "the modalities in turns, and the unimodal losses need all of them in one backward "
            "pass; set loss.gamma=0"
        )


def _two_to_balance(config: RunSettings) -> None:
    if len(config.modalities) == 1 and (names := config.methods_for_several):
        raise ValueError(one_modality(names[0], config.modalities[0]))


def _probes_where_needed(config: RunSettings) -> None:
    needing = [method.name for method in config.methods if _is_guided_by_probes(config, method)]
    if needing and not config.probe.enabled:
        raise ValueError(
            f"probe.enabled=false with method {config.method}: "
            f"{needing[0]} is guided by the probes; leave them on"
        )


def _one_rule_of_kernels(config: RunSettings) -> None:
    rules = {
        f"{method.name}.params": config.section(method.name).get("params")
        for method in config.methods
    }
    given = {name: rule for name, rule in rules.items() if rule is not None}
    if len(set(given.values())) > 1:
        listed = ", ".join(f"{name}={rule}" for name, rule in given.items())
        raise ValueError(f"{listed}: a run has one rule; give them the same")


def _is_guided_by_probes(config: RunSettings, method: Method) -> bool:
    signal = str(config.section(method.name).get("signal", "probe"))
    return method.needs == "probes" and signal.startswith("probe")


def one_modality(method: str, modality: str) -> str:
    """Return the reason why a method cannot train one modality alone, as one line."""
    return (
        f"{method} balances modalities, and {modality} is trained alone: "
        "use method=baseline or uniform"
    )
