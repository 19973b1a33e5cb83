"""The alert rules of the user's settings, read by whoever evaluates them: trainer and watcher.

ASGML_ALERTS (a list as JSON) stands before `[[alerts]]` in settings.toml, as for every setting.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asgml.storage.alerts.rules import Rule, RuleError, effective_rules, parse_rules
from asgml.storage.format.bounded_file import read_bounded
from asgml.storage.format.errors import FormatError
from asgml.storage.format.user_path import expand_user

MAX_BYTES = 1 << 20


def user_rules() -> tuple[Rule, ...]:
    """Return the rules of the user's settings, none without any. Raise RuleError for bad ones."""
    given = os.environ.get("ASGML_ALERTS")
    if given is not None:
        try:
            return parse_rules(json.loads(given), "ASGML_ALERTS")
        except RuleError:
            raise
        except (ValueError, RecursionError):
            raise RuleError("ASGML_ALERTS is no JSON; expected a list of rules") from None
    return parse_rules(_settings().get("alerts", []))


def rules_of_run(config: Mapping[str, Any]) -> tuple[tuple[Rule, ...], list[str]]:
    """Return the rules that hold for a run of this configuration, and what is wrong with them.

    Those of the run stand before those of the user. A bad list costs its rules, not the others.
    """
    layers, problems = [], []
    for read, place in (
        (user_rules, "the settings"),
        (lambda: parse_rules(config.get("alerts", [])), "the configuration"),
    ):
        try:
            layers.append(read())
        except RuleError as error:
            problems.append(f"the alert rules of {place} are left out: {error}")
    return effective_rules(*layers), problems


def _settings() -> Mapping[str, Any]:
    """Return the user's settings.toml, {} without one. Raise RuleError where it is no TOML."""
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    try:
        file = expand_user(Path(home), RuleError) / "asgml" / "settings.toml"
        return tomllib.loads(read_bounded(file, MAX_BYTES).decode())
    except FileNotFoundError:
        return {}
    except (OSError, FormatError, ValueError, RecursionError) as error:
        if isinstance(error, RuleError):
            raise
        raise RuleError("settings.toml cannot be read as TOML") from None
