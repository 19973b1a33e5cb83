"""A view as plain data: what a user has chosen for a run, to be found again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asgml.storage.format.safe_text import one_line
from asgml.storage.format.typed import is_count, is_names, is_number, is_text
from asgml.tui.scene.view_state import MOST_ZOOM, View

MOST_TEXT = 200
"""Most characters of a filter or a title, and most titles."""
_NUMBERS = ("axis", "smoothing", "zoom", "start")
OF_FOLDER = ("axis", "smoothing", "flipped")
"""What other runs of the folder begin with, too."""


def view_record(view: View) -> dict[str, Any]:
    """Return the view as a record for JSON."""
    return {
        "axis": view.axis,
        "smoothing": view.smoothing,
        "zoom": view.zoom,
        "start": view.start,
        "selected": view.selected,
        "filter": view.filter_text,
        "flipped": sorted(view.flipped),
    }


def restore_view(view: View, record: Mapping[str, Any]) -> None:
    """Give a view what a record holds; what is not of its type, or out of range, stays as it is."""
    axis, smoothing, zoom, start = (_of(record, key) for key in _NUMBERS)
    if axis in view.axes:
        view.axis = axis
    if is_number(smoothing) and 0 <= smoothing < 1:
        view.smoothing = float(smoothing)
    if is_count(zoom) and zoom <= MOST_ZOOM:
        view.zoom = zoom
    if is_number(start) and start >= 0:
        view.start = float(start)
    _restore_charts(view, record)


def _restore_charts(view: View, record: Mapping[str, Any]) -> None:
    """Restore which charts are shown, and how."""
    selected, text, titles = (_of(record, key) for key in ("selected", "filter", "flipped"))
    if is_count(selected) and selected < MOST_TEXT:
        view.selected = selected
    if is_text(text) and len(text) <= MOST_TEXT:
        view.filter_text = one_line(text)
    if is_names(titles) and len(titles) <= MOST_TEXT:
        view.flipped = {title for title in titles if len(title) <= MOST_TEXT}


def _of(record: Mapping[str, Any], key: str) -> Any:
    return record.get(key)
