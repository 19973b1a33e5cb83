"""The user's marks on runs, and their removal: tags, note, title, archive, delete."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.safe_text import one_line
from asgml.storage.format.status import ALIVE, UNHEARD
from asgml.storage.runs.record import RunLabels, RunRecord
from asgml.tui.screens.actions.base import Handler
from asgml.tui.screens.dialogs import Prompt
from asgml.tui.screens.many_runs.base import ListActionGroup
from asgml.tui.terminal.format import plural, shorten

Change = Callable[[RunLabels], RunLabels]
_NAMED = 3
"""Runs that a dialog names."""


class LabelActions(ListActionGroup):
    """Handlers that change the marked runs, else those of the selected line."""

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "tag": self._ask_tags,
            "run_note": self._ask_note,
            "rename": self._ask_title,
            "archive": self._archive,
            "delete": self._ask_delete,
        }

    def _targets(self) -> list[RunRecord]:
        """Return the runs to change; none, with the reason on screen, where that is refused."""
        if self._screen.readonly:
            told = "read-only: `asgml watch` without --readonly changes runs"
            self._screen.show_message(told, "warning")
            return []
        if not self._screen.targets:
            self._screen.show_message("there is no run to change", "warning")
        return self._screen.targets

    def _ask_tags(self) -> None:
        if not (targets := self._targets()):
            return
        known = dict.fromkeys(tag for record in targets for tag in record.labels.tags)
        has = f"now: {' '.join(map(one_line, known))}. " if known else ""
        hint = f"{has}Words are added, a word with - before it is taken away."
        self._ask("Tags of", targets, hint, "", lambda text: lambda labels: tagged(labels, text))

    def _ask_note(self) -> None:
        if targets := self._targets():
            note = targets[0].labels.note if len(targets) == 1 else ""
            hint = "kept beside the run; nothing removes it"
            self._ask("Note on", targets, hint, note, lambda text: _replaced("note", text))

    def _ask_title(self) -> None:
        targets = self._targets()
        if len(targets) > 1:
            self._screen.show_message("one run at a time gets a title", "warning")
        elif targets:
            hint = "shown in place of the name, which stays as it is; nothing removes it"
            title = targets[0].labels.title
            self._ask("Title of", targets, hint, title, lambda text: _replaced("title", text))

    def _archive(self) -> None:
        if targets := self._targets():
            archived = not all(record.labels.archived for record in targets)
            told = "archived: `a` shows them" if archived else "taken back"
            said = f"{plural(len(targets), 'run')} {told}"
            self._write(targets, lambda labels: replace(labels, archived=archived), said)

    def _ask(
        self,
        title: str,
        targets: Sequence[RunRecord],
        hint: str,
        initial: str,
        change: Callable[[str], Change],
    ) -> None:
        def take(text: str | None) -> None:
            if text is not None:
                self._write(targets, change(text.strip()), "")

        dialog = Prompt(f"{title} {named(targets)}", hint, one_line(initial))
        self._screen.app.push_screen(dialog, take)

    def _write(self, targets: Sequence[RunRecord], change: Change, said: str) -> None:
        paths = [record.path for record in targets]
        self._screen.table.change(lambda: write_changed(paths, change, said))

    def _ask_delete(self) -> None:
        targets = self._targets()
        living = [record for record in targets if record.state in ALIVE | UNHEARD]
        if living:
            told = f"{one_line(living[0].name)} is {living[0].state}: a living run is not deleted"
            self._screen.show_message(told, "warning")
        elif targets:
            paths = [record.path for record in targets]

            def delete(text: str | None) -> None:
                if text is not None:
                    self._screen.marked -= set(paths)
                    self._screen.table.change(lambda: delete_all(paths))

            hint = "Its files are removed and nothing brings them back. Type delete to do it."
            dialog = Prompt(f"Delete {named(targets)}?", hint, check=_check_delete)
            self._screen.app.push_screen(dialog, delete)


def tagged(labels: RunLabels, text: str) -> RunLabels:
    """Return the labels with the tags of a text, without those that have a - before them."""
    words = text.replace(",", " ").replace("#", " ").split()
    gone = {word[1:] for word in words if word.startswith("-")}
    tags = dict.fromkeys([*labels.tags, *(word for word in words if not word.startswith("-"))])
    return replace(labels, tags=tuple(tag for tag in tags if tag not in gone))


def named(records: Sequence[RunRecord]) -> str:
    """Return the names of some runs, and the number of those that are not named."""
    names = [shorten(one_line(record.name), 30) for record in records[:_NAMED]]
    more = len(records) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def write_changed(paths: Sequence[Path], change: Change, said: str) -> str:
    """Write the changed labels of some runs, and return `said`."""
    from asgml.storage.runs.labels import (
        LabelsRefusedError,
        read_labels,
        refuse_labelling,
        write_labels,
    )

    runs = [RunPaths(path) for path in paths]
    try:
        for run in runs:
            refuse_labelling(run)
        for run in runs:
            write_labels(run, change(read_labels(run)))
    except LabelsRefusedError as error:
        raise ValueError(str(error)) from None
    except OSError as error:
        raise ValueError(f"{run.labels} cannot be written: {error.strerror}") from None
    return said


def delete_all(paths: Sequence[Path]) -> str:
    """Delete some runs. Raise ValueError for one that lives; those after it are kept."""
    # imports numpy: not needed to draw the list
    from asgml.storage.runs.removal import RemovalRefusedError, delete_run

    for path in paths:
        try:
            delete_run(RunPaths(path))
        except RemovalRefusedError as error:
            raise ValueError(str(error)) from None
    return f"deleted {plural(len(paths), 'run')}"


def _replaced(name: str, text: str) -> Change:
    return lambda labels: replace(labels, **{name: text})  # type: ignore[arg-type]


def _check_delete(text: str) -> str:
    return "" if text.strip() == "delete" else "type the word delete, or leave with esc"
