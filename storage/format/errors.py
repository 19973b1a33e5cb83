"""The error of a run directory that holds something other than the format lays down."""

from __future__ import annotations


class FormatError(Exception):
    """A store that is no run, or is damaged. The message is one line."""


class NewerFormatError(FormatError):
    """A run of a version that only a newer program reads."""
