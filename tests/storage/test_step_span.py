"""Spans of training as they are typed."""

from __future__ import annotations

import pytest

from asgml.storage.format.step_span import SpanError, parse_span


@pytest.mark.parametrize(
    ("text", "steps"),
    [("500", 500), (" 500 steps ", 500), ("1 step", 1), ("2 epochs", 200), ("1Epoch", 100)],
)
def test_a_span_is_a_number_of_steps(text: str, steps: int) -> None:
    assert parse_span(text, 100) == steps


@pytest.mark.parametrize(
    "text", ["", "0", "0 epochs", "-3", "1.5 epochs", "2 weeks", "9" * 13, "²", "steps", "\x1b[31m"]
)
def test_what_is_none_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(SpanError) as caught:
        parse_span(text, 100)
    assert "500 steps" in str(caught.value) and str(caught.value).isprintable()


def test_epochs_need_their_length() -> None:
    with pytest.raises(SpanError, match="give the span in steps"):
        parse_span("2 epochs", 0)
