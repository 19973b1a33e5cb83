"""Numbers, durations and untrusted text on the screen."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from asgml.storage.format.safe_text import safe
from asgml.storage.format.value_text import number
from asgml.storage.runs.groups import seeds_text
from asgml.tui.terminal.format import age, clip_numbers, coarse, count, fit, short_count, signed


@given(st.text())
def test_no_text_can_steer_the_terminal(text: str) -> None:
    shown = safe(text)
    assert not any(
        ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0 or 0x202A <= ord(letter) <= 0x202E
        for letter in shown
    )
    shown.encode("utf-8")


def test_control_characters_are_shown() -> None:
    assert safe("a\x1b[31mb\n") == "a␛[31mb␊"


@given(st.text(max_size=30), st.integers(0, 40))
def test_a_fitted_text_has_its_width(text: str, width: int) -> None:
    assert cell_len(fit(safe(text), width)) == width


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_number_is_short(value: float) -> None:
    assert len(number(value)) <= 8


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.9123, "0.912"),
        (14.23, "14.2"),
        (0.0015, "0.0015"),
        (-0.0049, "-0.0049"),
        (0.0, "0"),
        (1e-5, "1.0e-5"),
        (math.nan, "NaN"),
        (math.inf, "∞"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(1e-9, 1e9))
def test_a_change_never_reads_zero(value: float) -> None:
    for change in (value, -value):
        assert float(signed(change)) * change > 0 and len(signed(change)) <= 6


@given(st.lists(st.integers(0, 500), min_size=1, max_size=40), st.integers(0, 30))
def test_no_seed_is_cut_inside_its_number(seeds: list[int], width: int) -> None:
    text = seeds_text(seeds)
    shown = clip_numbers(text, width)
    assert cell_len(shown) <= width
    kept = re.findall(r"\d+", shown)
    assert kept == re.findall(r"\d+", text)[: len(kept)]
    assert (shown == text) == (cell_len(text) <= width)


def test_seeds_that_do_not_fit() -> None:
    for width, shown in {7: "0–4×500", 6: "0–4 …", 4: "0–…", 1: "…", 0: ""}.items():
        assert clip_numbers("0–4×500", width) == shown


def test_counts_and_times() -> None:
    assert count(12480).split("\u2009") == ["12", "480"]
    assert (short_count(950), short_count(12_400), short_count(1_200_000)) == (
        "950",
        "12.4k",
        "1.2M",
    )
    assert (coarse(5), coarse(47), coarse(240), coarse(7500)) == ("<10s", "40s", "4m", "2h05")
    assert (age(1), age(42), age(125)) == ("now", "40 s ago", "2 min ago")
