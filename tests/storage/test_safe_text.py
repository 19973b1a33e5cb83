"""The sanitiser of untrusted text, over every code point there is."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from asgml.storage.format.safe_text import error_line, one_line, safe

EVERY = [chr(code) for code in range(0x110000)]
HIDDEN = {0x061C, 0xFEFF, *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070)}
HIDDEN |= {*range(0xFFF9, 0xFFFC)}
"""Code points without a width of their own, and those that turn the direction of writing."""


def test_every_code_point_is_kept_or_replaced_by_one_visible_symbol() -> None:
    for letter in EVERY:
        shown = safe(letter)
        control = unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"}
        if not control and ord(letter) not in HIDDEN:
            assert shown == letter, hex(ord(letter))
        else:
            assert shown != letter and len(shown) == 1 and shown.isprintable(), hex(ord(letter))


def test_no_character_that_turns_the_writing_direction_is_left() -> None:
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    assert not turning & {unicodedata.bidirectional(safe(letter)) for letter in EVERY}


def test_controls_have_their_pictures() -> None:
    assert safe("a\x1b[31mb\n\x7f\x85") == "a␛[31mb␊␡�"


@given(st.text())
def test_safe_text_is_safe_encodable_and_as_long(text: str) -> None:
    shown = safe(text)
    shown.encode("utf-8")
    assert safe(shown) == shown and len(shown) == len(text)


def test_a_line_feed_becomes_a_space_on_one_line() -> None:
    assert one_line("two\nlines\r") == "two lines␍"


def test_an_error_is_one_line() -> None:
    assert error_line(ValueError("a\n  b")) == "ValueError: a b"
    assert error_line(ValueError()) == "ValueError"
