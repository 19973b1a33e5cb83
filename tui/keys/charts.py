"""The keys of screens with charts: the main screen and the comparison of runs."""

from __future__ import annotations

from asgml.tui.keys.row import CHARTED, COMPARISON, LIVE, REPLAY, Key

_COMPARED = (COMPARISON,)
_UNPLAYED = (LIVE, COMPARISON)


def _chart(id: str, keys: tuple[str, ...], help: str, footer: str = "") -> Key:
    return Key(id, keys, help, "charts", footer, screens=CHARTED)


CHART_KEYS: tuple[Key, ...] = (
    Key(
        "open", ("enter",), "chart on the whole screen; send a nudged knob", "charts", "zoom chart"
    ),
    Key("open", ("enter",), "chart on the whole screen", "charts", "zoom", screens=_COMPARED),
    _chart("back", ("escape",), "back: close, cancel, leave the cursor"),
    _chart("left", ("left", "h"), "chart to the left; cursor to the left"),
    _chart("right", ("right", "l"), "chart to the right; cursor to the right"),
    _chart("up", ("up", "k"), "chart above"),
    _chart("down", ("down", "j"), "chart below"),
    _chart("next_chart", ("tab",), "next chart", "chart"),
    _chart("previous_chart", ("shift+tab",), "chart before"),
    _chart("next_page", ("pagedown",), "next page of charts", "page"),
    _chart("previous_page", ("pageup",), "page of charts before"),
    Key("x_axis", ("x",), "x axis: step, wall time, active time", "charts", "x axis"),
    Key(
        "x_axis", ("x",), "x axis: step, epoch, active time", "charts", "x axis", screens=_COMPARED
    ),
    _chart("log_y", ("y",), "logarithmic y axis of the selected chart", "log y"),
    _chart("smooth_more", ("plus", "equals_sign"), "smooth more", "smooth"),
    _chart("smooth_less", ("minus",), "smooth less"),
    _chart("smooth_none", ("0",), "no smoothing"),
    _chart("zoom_in", ("z",), "zoom in", "zoom"),
    _chart("zoom_out", ("Z",), "zoom out"),
    # twice: a replay needs comma and full stop for its steps
    Key("pan_back", ("comma", "shift+left"), "move the window back", "charts", screens=_UNPLAYED),
    Key("pan_on", ("full_stop", "shift+right"), "move the window on", "charts", screens=_UNPLAYED),
    Key("pan_back", ("shift+left",), "move the window back", "charts", screens=(REPLAY,)),
    Key("pan_on", ("shift+right",), "move the window on", "charts", screens=(REPLAY,)),
    _chart("follow", ("f",), "follow the newest data"),
    _chart("reset", ("r",), "reset zoom, window, scale and filter"),
    _chart("cursor", ("c",), "cursor on all charts; the mouse moves it until a click", "cursor"),
    _chart("filter", ("slash",), "show only charts and metrics with these words", "filter"),
    Key(
        "overlay", ("o",), "lay another run under the charts, or take it away", "charts", "overlay"
    ),
    Key("freeze", ("F",), "freeze the view (the training goes on)", "charts"),
)
