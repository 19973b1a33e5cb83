"""The configuration of a run, read from its run.toml; methods recorded long ago keep their rule."""

from __future__ import annotations

import tomllib
from typing import Any

from asgml.core.config.run_config import ConfigError, make_config
from asgml.core.config.run_settings import RunSettings
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.user_path import why

OLD_RULES = {
    "pmr": {"variant": "paper"},
    "relearning": {"variant": "paper"},
    "asgml_v1": {"variant": "paper"},
    "inforeg": {"variant": "paper"},
    "agm": {"variant": "paper", "scope": "encoder"},
    "mlb": {"scope": "encoder"},
}
"""What methods did before these settings existed, where it is not their default."""


def read_config(paths: RunPaths) -> RunSettings:
    """Return the run's configuration from run.toml. Raise ConfigError."""
    try:
        tree = tomllib.loads(paths.config.read_text(encoding="utf-8"))
        return make_config(with_old_variants(tree))
    except FileNotFoundError:
        raise ConfigError(
            f"no configuration in {paths.root}: expected {paths.config.name}; "
            "start runs with `asgml train`"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{paths.config} is not valid TOML: {why(error)}") from None


def with_old_variants(tree: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration in which methods recorded before a setting existed keep their rule.

    A run.toml holds every setting; one that lacks these is of version 0.1.0 or 0.2.0.
    """
    kept = {
        name: {**rule, **tree[name]}
        for name, rule in OLD_RULES.items()
        if isinstance(tree.get(name), dict)
    }
    return {**tree, **kept}
