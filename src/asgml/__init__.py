"""ASGML: train multimodal networks in balance, and watch and steer the training live.

    from asgml import Balancer, Modulator, Modulation, Knob, open_run

The public names are imported on first use: `import asgml` alone loads neither torch nor zarr.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asgml.core.balancer import Balancer as Balancer
    from asgml.core.modulators.base import Modulator as Modulator
    from asgml.core.modulators.modulation import Modulation as Modulation
    from asgml.storage.format.knobs import Knob as Knob
    from asgml.storage.read.reader import open_run as open_run

_HOMES = {
    "Balancer": "asgml.core.balancer",
    "Modulator": "asgml.core.modulators.base",
    "Modulation": "asgml.core.modulators.modulation",
    "Knob": "asgml.storage.format.knobs",
    "open_run": "asgml.storage.read.reader",
}
"""The module that each public name is defined in."""

__all__ = ["Balancer", "Knob", "Modulation", "Modulator", "open_run"]


def __getattr__(name: str) -> Any:
    """Return a public name, importing its module on first use (PEP 562)."""
    from importlib import import_module, metadata

    if name == "__version__":
        return metadata.version("asgml")
    if name not in _HOMES:
        raise AttributeError(f"module 'asgml' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return [*__all__, "__version__"]
