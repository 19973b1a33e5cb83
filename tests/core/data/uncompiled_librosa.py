"""librosa's functions for tests, imported without the compiler that librosa uses elsewhere.

In a fresh environment numba compiles for 17 s of CPU time while librosa is imported, and not one of
the functions below calls what it compiles.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest


def unchanged(*given: Any, **options: Any) -> Any:
    """Decorate with nothing, with or without arguments."""
    return given[0] if callable(given[0] if given else None) else _itself


def _itself(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


numba = ModuleType("numba")
for _name in ("jit", "stencil", "guvectorize", "vectorize"):
    setattr(numba, _name, unchanged)

with pytest.MonkeyPatch.context() as _patch:
    _patch.setitem(sys.modules, "numba", numba)
    # librosa imports its modules when they are first used: here and now.
    from librosa import load, resample, stft
    from librosa.filters import mel

__all__ = ["load", "mel", "resample", "stft"]
