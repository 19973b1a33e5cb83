"""The option `--ascii` of every command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from asgml.app.cli.plain import OPTION


class PlainGroup(TyperGroup):
    """A group whose every command has `--ascii`, whether it declares it or not."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        for command in _commands(self):
            if not any(OPTION in parameter.opts for parameter in command.params):
                command.params.append(_option())


def _commands(group: Any) -> Iterator[Any]:
    yield group
    for command in group.commands.values():
        if hasattr(command, "commands"):
            yield from _commands(command)
        else:
            yield command


def _option() -> Any:
    """Return the option as typer makes it, which is another thing in each of its versions."""
    program = typer.Typer(add_completion=False)

    @program.command()
    def one(
        ascii_: Annotated[bool, typer.Option(OPTION, help="Print plain ASCII characters.")] = False,
    ) -> None:
        """Do nothing."""

    option: Any = typer.main.get_command(program).params[0]
    option.expose_value = False  # `plain_where_asked` looks for it
    return option
