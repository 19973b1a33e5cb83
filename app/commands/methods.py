"""`asgml methods`: the balancing methods, or one of them in full."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from asgml.app.errors import NotFoundError
from asgml.app.output import console, print_json
from asgml.core.methods.registry import METHODS, Method, nearest
from asgml.storage.format.knobs import Knob, knob_to_json


def methods(name: str | None, json_: bool) -> int:
    """Lists the methods; with a name, its formula, source and settings."""
    if name is not None and name not in METHODS:
        raise NotFoundError(f"no method {name!r}: {nearest(name, list(METHODS))}")
    chosen = list(METHODS.values()) if name is None else [METHODS[name]]
    if json_:
        records = [_record(method) for method in chosen]
        print_json(records if name is None else records[0])
    elif name is None:
        _print_list(chosen)
    else:
        _print_one(chosen[0])
    return 0


def _print_list(chosen: list[Method]) -> None:
    table = Table("method", "what it does", "needs", box=None, pad_edge=False)
    for method in chosen:
        table.add_row(Text(method.name), Text(method.summary), Text(method.needs))
    console().print(table)
    console().print(
        Text(
            "\nMethods compose with +, as in `asgml train --method ogm_ge+boost`; `asgml methods NAME` tells more.",
            "dim",
        )
    )


def _print_one(method: Method) -> None:
    out = console()
    for label, text in _lines(method):
        out.print(Text.assemble((f"{label:<9}", "bold"), text), soft_wrap=True)
    if not method.settings:
        return
    table = Table("setting", "default", "range", "live", "meaning", box=None, pad_edge=False)
    for knob in method.settings:
        live = "yes" if knob in method.knobs else "no"
        table.add_row(
            *(Text(text) for text in (knob.name, f"{knob.initial}", _range(knob), live, knob.help))
        )
    out.print()
    out.print(table)


def _lines(method: Method) -> list[tuple[str, str]]:
    return [
        ("method", f"{method.name}: {method.summary}"),
        ("formula", method.formula),
        ("source", method.source),
        ("needs", method.needs),
        ("acts", method.acts),
    ]


def _range(knob: Knob) -> str:
    return knob.range_text()


def _record(method: Method) -> dict[str, Any]:
    return {
        **dict(_lines(method)),
        "method": method.name,
        "summary": method.summary,
        "knobs": [knob_to_json(knob) for knob in method.knobs],
        "options": [knob_to_json(knob) for knob in method.options],
    }
