"""`asgml config`: every value of a configuration with its origin, and the schema."""

from __future__ import annotations

import json

from rich.table import Table
from rich.text import Text

from asgml.app.arguments import TrainArguments
from asgml.app.configure import build
from asgml.app.output import console, print_json
from asgml.core.config.run_config import RunConfig
from asgml.storage.format.safe_text import safe


def show(arguments: TrainArguments, json_: bool) -> int:
    """Print key, value and origin of everything that a training with these arguments uses."""
    rows = build(arguments).rows()
    if json_:
        print_json({key: {"value": value, "origin": origin} for key, value, origin in rows})
        return 0
    table = Table("key", "value", "origin", box=None, pad_edge=False)
    for key, value, origin in rows:
        style = "dim" if origin == "default" else ""
        table.add_row(
            *(
                Text(safe(text), style)
                for text in (key, json.dumps(value, ensure_ascii=False), origin)
            )
        )
    console().print(table)
    return 0


def schema() -> int:
    """Print the JSON schema of run.toml."""
    print_json(RunConfig.model_json_schema())
    return 0
