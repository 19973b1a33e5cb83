"""The settings whose effect on an epoch depends on how many epochs a training has in all."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from asgml.core.config.run_settings import RunSettings
from asgml.core.methods.spec import ENDLESS
from asgml.storage.format.knobs import Value

Depends = Callable[[Mapping[str, Value]], bool]
OF_METHODS: dict[str, tuple[str, Depends]] = {
    "boost": ("boost.schedule", lambda own: own["schedule"] in ("linear", "cosine")),
    "mslr": ("mslr.variant", lambda own: own["variant"] == "smooth"),
    "smp": (
        "smp.schedule",
        lambda own: own["schedule"] == "sequential" and own["last_epoch"] == ENDLESS,
    ),
}
"""Method → the setting that spreads over the whole training, and when it does."""


def depends_on_total(config: RunSettings) -> list[str]:
    """Return `key=value` of each setting by which a longer training differs from its start on."""
    found = ["optimizer.schedule=cosine"] if config.optimizer.schedule == "cosine" else []
    for method in config.methods:
        key, depends = OF_METHODS.get(method.name, ("", None))
        own = config.section(method.name)
        if depends is not None and depends(own):
            found.append(f"{key}={own[key.partition('.')[2]]}")
    return found
