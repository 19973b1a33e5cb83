"""Alert rules as they are written: what is accepted, and the one line where something is not."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from asgml.core.config.run_config import ConfigError, make_config
from asgml.storage.alerts.rules import (
    DEFAULT_RULES,
    KINDS,
    MAX_RULES,
    Rule,
    RuleError,
    effective_rules,
    parse_rules,
)
from asgml.storage.alerts.user_rules import rules_of_run, user_rules

GRAD = {"rule": "threshold", "metric": "grad_norm/audio", "above": 10, "for_steps": 3}


def test_a_rule_says_what_it_is_about() -> None:
    (rule,) = parse_rules([{**GRAD, "notify": ["bell", "hook"]}])
    assert rule == Rule(
        "threshold", "threshold grad_norm/audio", "warning", ("bell", "hook"),
        metric="grad_norm/audio", above=10, for_steps=3,
    )  # fmt: skip


def test_every_option_of_a_kind_is_a_field_of_a_rule() -> None:
    names = {field.name for field in fields(Rule)}
    assert all(set(kind.options) <= names for kind in KINDS.values())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_shortest_form(kind: str) -> None:
    needed: dict[str, Any] = {"threshold": {"metric": "loss", "above": 1}}
    needed["plateau"] = {"metric": "val_accuracy", "for_steps": 10}
    (rule,) = parse_rules([{"rule": kind, **needed.get(kind, {})}])
    assert rule.kind == kind and rule.level == KINDS[kind].level


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("nan", "is no table"),
        ({}, "rule = None, expected one of nan, threshold"),
        ({"rule": ["nan"]}, "expected one of nan"),
        ({"rule": "thresold"}, "rule = 'thresold'"),
        ({"rule": "threshold", "above": 1}, "threshold needs metric"),
        ({"rule": "threshold", "metric": "loss"}, "needs one of above and below"),
        ({**GRAD, "below": 1}, "needs one of above and below"),
        ({**GRAD, "above": float("nan")}, "above = nan, expected a number"),
        ({**GRAD, "above": True}, "above = True"),
        ({**GRAD, "above": "10"}, "above = '10'"),
        ({**GRAD, "for_steps": 0}, "for_steps = 0, expected a whole number from 1"),
        ({**GRAD, "for_steps": 1.5}, "for_steps = 1.5"),
        ({**GRAD, "for_step": 3}, "threshold has no 'for_step'; there are rule, name"),
        ({**GRAD, "notify": "bell"}, "notify = 'bell', expected a list of bell, title"),
        ({**GRAD, "notify": ["bel"]}, "notify = ['bel']"),
        ({**GRAD, "name": ""}, "name = ''"),
        ({**GRAD, "name": "\x1b[31m"}, "name = "),
        ({**GRAD, "name": "a\nb"}, "name = "),
        ({**GRAD, "level": "fatal"}, "level = 'fatal', expected one of info"),
        ({"rule": "plateau", "for_steps": 3}, "plateau needs metric"),
        ({"rule": "throughput", "drop": 1}, "drop = 1, expected a share between 0 and 1"),
        ({"rule": "diverging", "factor": 1}, "factor = 1, expected a number above 1"),
        ({"rule": "no_data", "for_seconds": 0}, "for_seconds = 0"),
        ({"rule": "no_data", "for_seconds": float("inf")}, "for_seconds = inf"),
        ({"rule": "no_data", "metric": "loss"}, "no_data has no 'metric'"),
    ],
)
def test_a_bad_rule_is_told_in_one_line_with_its_place(table: Any, told: str) -> None:
    with pytest.raises(RuleError) as error:
        parse_rules([GRAD, table])
    message = str(error.value)
    assert told in message and message.startswith("alerts[2]") and "\n" not in message
    assert "\x1b" not in message


@pytest.mark.parametrize("tables", ["nan", 3, None, {"rule": "nan"}, [GRAD] * (MAX_RULES + 1)])
def test_what_is_no_list_of_rules_is_refused(tables: Any) -> None:
    with pytest.raises(RuleError, match="alerts"):
        parse_rules(tables)


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(RuleError, match="two rules are named"):
        parse_rules([GRAD, GRAD])


def test_a_rule_takes_the_place_of_the_default_of_its_kind_and_of_its_name() -> None:
    user = parse_rules([{"rule": "ended", "notify": ["hook"]}, {**GRAD, "name": "big"}])
    run = parse_rules([{**GRAD, "name": "big", "above": 5}])
    rules = effective_rules(user, run)
    assert [rule.kind for rule in rules].count("ended") == 1
    assert next(rule for rule in rules if rule.kind == "ended").notify == ("hook",)
    assert [rule.above for rule in rules if rule.name == "big"] == [5]
    assert effective_rules() == DEFAULT_RULES
    assert "bell" not in next(rule for rule in DEFAULT_RULES if rule.kind == "ended").notify


def settings_toml(folder: Path, text: str) -> None:
    (folder / "asgml").mkdir()
    (folder / "asgml" / "settings.toml").write_text(text, encoding="utf-8")


def test_rules_come_from_the_settings_and_before_them_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert user_rules() == ()
    settings_toml(tmp_path, 'ascii = true\n[[alerts]]\nrule = "throughput"\n')
    assert [rule.kind for rule in user_rules()] == ["throughput"]
    monkeypatch.setenv("ASGML_ALERTS", json.dumps([{"rule": "plateau", "metric": "loss",
                                                    "for_steps": 5}]))  # fmt: skip
    assert [rule.kind for rule in user_rules()] == ["plateau"]
    monkeypatch.setenv("ASGML_ALERTS", "[")
    with pytest.raises(RuleError, match="ASGML_ALERTS is no JSON"):
        user_rules()


def test_bad_rules_of_one_place_cost_no_other_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    settings_toml(tmp_path, "[[alerts]\n")
    rules, problems = rules_of_run({"alerts": [GRAD]})
    assert [rule.kind for rule in rules][-1] == "threshold" and len(rules) == 6
    assert len(problems) == 1 and "settings.toml cannot be read as TOML" in problems[0]
    rules, problems = rules_of_run({"alerts": "hostile"})
    assert rules == DEFAULT_RULES and len(problems) == 2


def test_rules_are_a_setting_of_a_run() -> None:
    assert make_config({"alerts": [GRAD]}).alerts == [GRAD]
    with pytest.raises(ConfigError, match=r"alerts\[1\]: rule = 'x'"):
        make_config({"alerts": [{"rule": "x"}]})
