"""Events survive the way through bytes, and no line can break the reading."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgml.storage.format.events import KINDS, Event, event_from_line

finite = st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
events = st.builds(
    Event,
    st.sampled_from(KINDS),
    st.integers(0, 2**53),
    finite,
    finite,
    st.integers(0, 1000),
    st.dictionaries(st.text(), plain, max_size=5),
)


@given(events)
def test_an_event_comes_back_from_its_line(event: Event) -> None:
    line = event.to_line()
    assert event_from_line(line) == event
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert all(
        32 <= byte < 127 for byte in line[:-1]
    )  # nothing that a terminal could take for a command


@given(st.binary(max_size=200) | plain.map(lambda value: json.dumps(value).encode()))
def test_no_line_raises(line: bytes) -> None:
    event = event_from_line(line)
    assert event.kind == "unreadable" and event.get("reason")


@pytest.mark.parametrize(
    "line",
    [
        b'{"kind":"note","step":1e999,"wall_time":0,"active_time":0,"segment":0}',
        b'{"kind":"note","step":1,"wall_time":[],"active_time":0,"segment":0}',
        b'{"kind":1,"step":1,"wall_time":0,"active_time":0,"segment":0}',
        b'{"kind":"note","step":1,"wall_time":0,"active_time":0,"segment":0,"fields":[]}',
        b"[" * 100_000,
        b'{"kind":"note","step":' + b"9" * 5000 + b"}",
        b"",
    ],
)
def test_a_hostile_line_is_unreadable(line: bytes) -> None:
    event = event_from_line(line)
    assert event.kind == "unreadable" and len(event.get("line")) <= 200


def test_fields_that_json_cannot_hold_are_told_as_well_as_possible() -> None:
    fields = {
        "loss": math.nan,
        "bytes": np.int64(7),
        "value": np.float32(0.5),
        "list": (1, {2}),
        "path": Path("checkpoints/last.pt"),
        "vector": np.arange(3),
        3: "number as a key",
        "inf": np.float64("inf"),
    }
    read = event_from_line(Event("alert", 1, 2.0, 3.0, 0, fields).to_line())  # type: ignore[arg-type]
    assert read.fields == {
        "loss": None,
        "bytes": 7,
        "value": 0.5,
        "list": [1, [2]],
        "path": "checkpoints/last.pt",
        "vector": "[0 1 2]",
        "3": "number as a key",
        "inf": None,
    }


@pytest.mark.parametrize(
    ("told", "about"),
    [({"at_step": 4}, 4), ({"at": 4}, 4), ({}, 11), ({"at_step": 0}, 0)]
    + [({"at_step": bad}, 11) for bad in (12, -1, "4", 4.0, True, None, [4])],
)
def test_an_alert_speaks_of_the_step_that_it_names(told: dict[str, object], about: int) -> None:
    assert Event("alert", 11, 1.0, 1.0, 0, told).about == about


def test_a_time_that_is_unknown_reads_as_zero() -> None:
    event = event_from_line(Event("failed", 0, math.nan, math.inf, 0, {"error": "why"}).to_line())
    assert (event.wall_time, event.active_time, event.get("error")) == (0.0, 0.0, "why")


def test_a_later_version_may_add_keys() -> None:
    line = (
        b'{"kind":"phase","step":3,"wall_time":1,"active_time":2,"segment":0,'
        b'"fields":{"message":"x"},"new":1}'
    )
    assert event_from_line(line) == Event("phase", 3, 1.0, 2.0, 0, {"message": "x"})
