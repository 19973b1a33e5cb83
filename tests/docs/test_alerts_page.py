"""docs/alerts.md: its rules and ways can be used as they stand, its tables name all there are."""

from __future__ import annotations

import re
import tomllib

from tree import ROOT

from asgml.app.alerts.awaited import parse_awaited
from asgml.app.alerts.message import Message, Source
from asgml.app.commands.wait import seconds_of
from asgml.app.notify_settings import Notify
from asgml.storage.alerts.alert import Alert
from asgml.storage.alerts.rules import KINDS, LEVELS, WAYS, parse_rules

PAGE = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
EXAMPLES = [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]


def test_its_examples_are_settings() -> None:
    rules, notify = EXAMPLES
    assert len(parse_rules(rules["alerts"])) == 2
    assert len(Notify.model_validate(notify["notify"]).webhooks) == 2


def test_its_table_has_each_kind_with_its_options_and_defaults() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| .*? \| (.*?) ?\|$", PAGE, re.MULTILINE))
    assert rows.keys() >= KINDS.keys()
    for kind, spec in KINDS.items():
        assert set(re.findall(r"`(\w+)", rows[kind])) == set(spec.options), kind
        for option, value in re.findall(r"`(\w+) = ([^`]+)`", rows[kind]):
            default = spec.options[option] if option != "metric" else spec.metric
            assert tomllib.loads(f"x = {value}")["x"] == default, (kind, option)


def test_it_names_every_level_every_way_and_every_variable() -> None:
    assert all(f"`{name}`" in PAGE for name in (*LEVELS, *WAYS))
    alert = Alert("e1", "nan", "error", 1, 1, 0.0, "x")
    names = Message(alert, Source("run", "/run", "host")).environment()
    told = {f"ASGML_ALERT{name}" for name in re.findall(r"`(_[A-Z]+)`", PAGE)}
    assert told | {"ASGML_ALERT_RUN"} == set(names)


def test_its_conditions_and_spans_are_understood() -> None:
    shown = re.findall(r"--for '?([^'\s]+)'?", PAGE)
    assert len(shown) >= 4
    parse_awaited(what for what in shown if what != "takes")
    assert [seconds_of(span) for span in re.findall(r"--timeout (\S+)", PAGE)] == [7200]
