"""The quick way of runs, show and tail calls them as typer does, and leaves the rest to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgml.app.cli.quick_look import LOOKS, look, quick_look

WORDS = st.sampled_from(
    ["mine", "runs/a", "latest", "--json", "--runs", "--runs=x", ".", "--no-charts", "--charts",
     "--follow", "-f", "-n", "3", "--group", "--archived", "--trials", "--sort", "--", "-h", "",
     "--js", "-x", "two words", "-fn", "--limit"]
)  # fmt: skip
Call = Callable[[list[str]], object]


def called_by(way: Call, arguments: list[str]) -> tuple[Any, ...] | None:
    """What is handed to the command, None where it is refused or something else is done."""
    seen: list[tuple[Any, ...]] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in LOOKS:

            def called(*given: Any, name: str = name) -> int:
                seen.append((name, *given))
                return 0

            patch.setattr(f"asgml.app.commands.{name}.{name}", called)
        try:
            way(arguments)
        except Exception:  # noqa: BLE001 - typer's refusals
            return None
    return seen[0] if seen else None


def by_typer(arguments: list[str]) -> object:
    from asgml.app.cli.tree import program_with

    return program_with(arguments[0])(args=arguments, standalone_mode=False)


def quickly(arguments: list[str]) -> object:
    plain = quick_look(arguments)
    return None if plain is None else look(plain)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(sorted(LOOKS)), st.lists(WORDS, max_size=4))
def test_what_is_parsed_quickly_is_parsed_alike_by_typer(name: str, words: list[str]) -> None:
    quick = called_by(quickly, [name, *words])
    if quick is not None:
        assert quick == called_by(by_typer, [name, *words])


@pytest.mark.parametrize(
    "line",
    ["runs", "runs --json", "runs --json --runs there", "runs --group --archived --trials",
     "show", "show mine --json", "show --json --runs there mine", "show mine --no-charts",
     "tail", "tail mine", "tail --json mine", "tail mine --follow", "tail -f"],
)  # fmt: skip
def test_the_plain_forms_are_parsed_quickly(line: str) -> None:
    quick = called_by(quickly, line.split())
    assert quick is not None and quick == called_by(by_typer, line.split())


@pytest.mark.parametrize(
    "line", ["", "shows", "check mine", "show --help", "tail -n 3", "show a b"]
)
def test_the_rest_is_left_to_typer(line: str) -> None:
    assert quick_look(line.split()) is None


def test_completion_is_left_to_typer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_ASGML_COMPLETE", "complete_bash")
    assert quick_look(["show"]) is None
