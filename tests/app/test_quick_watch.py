"""The quick way of `asgml watch` gives what typer gives, and leaves to it what it does not know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgml.app.cli.quick_watch import QuickWatch, quick_watch

WORDS = st.sampled_from(
    ["mine", "runs/a", "latest", "--readonly", "--inline", "--ascii", "--runs", "--runs=x", ".",
     "--once", "--", "-h", "", "--read", "-x", "two words", "--size", "80x24"]
)  # fmt: skip


def by_typer(arguments: list[str]) -> QuickWatch | None:
    """What typer hands to the command, None where it refuses or does something else."""
    from asgml.app.cli.tree import program_with

    seen: list[QuickWatch] = []

    def watch(run: str, runs: Any, **flags: Any) -> int:
        seen.append(QuickWatch(run, runs, flags["readonly"], flags["inline"], flags["ascii_"]))
        return 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asgml.app.commands.watch.watch", watch)
        try:
            program_with("watch")(args=arguments, standalone_mode=False)
        except Exception:  # noqa: BLE001 - typer's and the command's own refusals
            return None
    return seen[0] if seen else None


@settings(deadline=None, max_examples=60)
@given(st.lists(WORDS, max_size=5))
def test_what_is_parsed_quickly_is_parsed_alike_by_typer(words: list[str]) -> None:
    quick = quick_watch(["watch", *words])
    if quick is not None:
        assert quick == by_typer(["watch", *words])


@pytest.mark.parametrize(
    "words", [[], ["mine"], ["mine", "--readonly"], ["--runs", "there", "mine", "--ascii"]]
)
def test_the_plain_forms_are_parsed_quickly(words: list[str]) -> None:
    assert quick_watch(["watch", *words]) is not None


def test_only_the_command_asked_for_is_built() -> None:
    from asgml.app.cli.tree import app, program_with

    for group in app.registered_groups:
        for command in group.typer_instance.registered_commands if not group.name else ():
            name = command.name or command.callback.__name__
            assert [each.callback for each in program_with(name).registered_commands] == [
                command.callback
            ]
    assert program_with("data") is app and program_with("nothing") is app


def test_preferences_have_the_defaults_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from asgml.app.preferences import Preferences, load_preferences
    from asgml.app.settings import load_settings

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("ASGML_RUNS", "there")
    light = load_preferences()
    monkeypatch.setenv("ASGML_ASCII", "0")  # a variable that has to be validated
    settings = load_settings()
    assert light == load_preferences() != Preferences()
    assert light == Preferences(**{name: getattr(settings, name) for name in vars(light)})
