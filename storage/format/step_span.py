"""A span of training as it is typed: `500 steps`, `2 epochs`."""

from __future__ import annotations

import re

_SPAN = re.compile(r"\s*(\d{1,12})\s*(steps?|epochs?)?\s*", re.ASCII | re.IGNORECASE)
UNITS = ("step", "steps", "epoch", "epochs")


class SpanError(ValueError):
    """A text that is no span of training. The message is one line."""


def parse_span(text: str, steps_per_epoch: int) -> int:
    """Return the steps of a span; a bare number counts steps. Raise SpanError.

    `steps_per_epoch` is that of the run's manifest, 0 where it is unknown.
    """
    found = _SPAN.fullmatch(text)
    count = int(found[1]) if found else 0
    if not found or not count:
        raise SpanError(f"{text.strip()[:40]!r}: expected a span such as 500 steps, or 2 epochs")
    if not (found[2] or "").lower().startswith("epoch"):
        return count
    if steps_per_epoch <= 0:
        raise SpanError(
            "this run does not know how many steps an epoch has; give the span in steps"
        )
    return count * steps_per_epoch
