"""The error of a run directory that holds something other than the format lays down."""

from __future__ import annotations


class FormatError(Exception):
    """A store that is no run, is damaged, or is of a version that is not known. One line."""
