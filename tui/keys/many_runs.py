"""The keys of the run list and of the plan screen."""

from __future__ import annotations

from asgml.tui.keys.row import PLAN, RUN_LIST, Key

_BOTH = (RUN_LIST, PLAN)


def _list(id: str, key: str, help: str, footer: str = "", steers: bool = False) -> Key:
    return Key(id, (key,), help, "runs", footer, steers, (RUN_LIST,))


def _plan(id: str, keys: tuple[str, ...], help: str, footer: str = "") -> Key:
    return Key(id, keys, help, "plan", footer, screens=(PLAN,))


RUN_LIST_KEYS: tuple[Key, ...] = (
    _list("open", "enter", "open the run; unfold or fold a group", "open"),
    _list("filter", "slash", "filter: words, a pattern, or `method=boost and val>0.7`", "filter"),
    _list("sort", "s", "sort by a column; the same one again turns the order round", "sort"),
    _list("group", "g", "runs that differ in their seed alone as one line, or each run", "group"),
    _list("mark", "space", "mark or unmark the run", "mark"),
    _list("compare", "c", "compare the marked runs: curves, statistics", "compare"),
    _list("differences", "d", "settings in which the marked runs differ", "diff"),
    _list("plan", "p", "the plan that the run belongs to", "plan"),
    _list("best", "b", "go to the best run, by the sorted metric, else by val", "best"),
    _list("tag", "t", "tag the run, or take a tag away", "tag", True),
    _list("run_note", "n", "write a note on the run", "note", True),
    _list("rename", "R", "give the run another title", "", True),
    _list("archive", "A", "archive the run, or take it back", "archive", True),
    _list("delete", "D", "delete the run: a dialog asks", "delete", True),
    _list("archived", "a", "show archived runs too, or hide them"),
    _list("trials", "T", "show tuning trials of plans too, or hide them"),
    _list("back", "escape", "back: drop the filter, the marks; then to the run on screen"),
)
PLAN_KEYS: tuple[Key, ...] = (
    _plan("open", ("enter",), "open the cell's run", "open"),
    _plan("left", ("left", "h"), "the seed to the left"),
    _plan("right", ("right", "l"), "the seed to the right"),
    _plan("back", ("escape",), "back to the list of runs"),
)
MOVING_KEYS: tuple[Key, ...] = (
    Key("up", ("up", "k"), "one line up", "moving", screens=_BOTH),
    Key("down", ("down", "j"), "one line down", "moving", screens=_BOTH),
    Key("page_up", ("pageup",), "a screenful up", "moving", screens=_BOTH),
    Key("page_down", ("pagedown",), "a screenful down", "moving", screens=_BOTH),
    Key("first", ("home",), "to the first line", "moving", screens=_BOTH),
    Key("last", ("end",), "to the last line", "moving", screens=_BOTH),
    Key("runs", ("g",), "the list of runs", "moving", "runs", screens=(PLAN,)),
)
