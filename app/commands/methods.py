"""`asgml methods`: list the balancing methods, or print one of them in full."""

from __future__ import annotations

from typing import Any, get_args

from rich.table import Table
from rich.text import Text

from asgml.app.errors import NotFoundError
from asgml.app.output import console, print_json
from asgml.core.methods.registry import METHODS, Method, nearest
from asgml.core.methods.spec import Axis
from asgml.storage.format.knobs import knob_to_json

LABEL_WIDTH = 9
"""Columns of the labels before a method's facts, the longest being "formula"."""


def methods(name: str | None, json_: bool) -> int:
    """List the methods by axis; with a name, print its formula, source and settings."""
    chosen = _chosen(name)
    if json_:
        records = method_records(name)
        print_json(records if name is None else records[0])
    elif name is None:
        _print_list(chosen)
    else:
        _print_one(chosen[0])
    return 0


def method_records(name: str | None) -> list[dict[str, Any]]:
    """Return one method, or all, as records for JSON. Raise NotFoundError for an unknown one."""
    return [_record(method) for method in _chosen(name)]


def _chosen(name: str | None) -> list[Method]:
    if name is not None and name not in METHODS:
        raise NotFoundError(f"no method {name!r}: {nearest(name, list(METHODS))}")
    return list(METHODS.values()) if name is None else [METHODS[name]]


def _print_list(chosen: list[Method]) -> None:
    table = Table("method", "what it does", "needs", box=None, pad_edge=False)
    for axis in get_args(Axis):
        rows = [method for method in chosen if method.axis == axis]
        if rows:
            table.add_row()
            table.add_row(Text(axis, "bold"))
        for method in rows:
            table.add_row(Text(f"  {method.name}"), Text(method.summary), Text(method.needs))
    out = console()
    out.print(table)
    hint = (
        "\nMethods compose with +, as in `asgml train --method ogm_ge+boost`; "
        "`asgml methods NAME` tells more."
    )
    out.print(Text(hint, "dim"))


def _print_one(method: Method) -> None:
    out = console()
    for label, text in _facts(method):
        lines = text.replace("\n", "\n" + " " * LABEL_WIDTH)
        # soft_wrap: the terminal breaks long lines, so that they can be copied whole
        out.print(Text.assemble((f"{label:<{LABEL_WIDTH}}", "bold"), lines), soft_wrap=True)
    if method.settings:
        out.print()
        out.print(_settings_table(method))


def _settings_table(method: Method) -> Table:
    table = Table("setting", "default", "range", "live", "meaning", box=None, pad_edge=False)
    for knob in method.settings:
        live = "yes" if knob in method.knobs else "no"
        cells = (knob.name, f"{knob.initial}", knob.range_text(), live, knob.help)
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _facts(method: Method) -> list[tuple[str, str]]:
    return [
        ("method", f"{method.name}: {method.summary}"),
        ("axis", method.axis),
        ("formula", method.formula),
        ("source", method.source),
        ("needs", method.needs),
        ("acts", method.acts),
    ]


def _record(method: Method) -> dict[str, Any]:
    return {
        **dict(_facts(method)),
        "method": method.name,
        "summary": method.summary,
        "knobs": [knob_to_json(knob) for knob in method.knobs],
        "options": [knob_to_json(knob) for knob in method.options],
    }
