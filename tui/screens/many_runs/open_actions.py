"""From the run list to other screens: a run, its plan, a comparison, settings that differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rich.text import Text

from asgml.storage.format.safe_text import one_line
from asgml.storage.runs.plan_record import is_plan
from asgml.storage.runs.record import RunRecord
from asgml.storage.runs.settings import NEUTRAL, differing, without
from asgml.tui.scene.run_columns import setting_text
from asgml.tui.scene.run_listing import shown_name
from asgml.tui.screens.actions.base import Handler
from asgml.tui.screens.actions.program import show_help
from asgml.tui.screens.lists import ListScreen
from asgml.tui.screens.many_runs.base import ListActionGroup
from asgml.tui.terminal.app_protocol import app_of
from asgml.tui.terminal.format import fit, shorten
from asgml.tui.terminal.theme import Styles

_MOST = 8
"""Runs that are told apart side by side."""
_KEY, _ROW = 30, 116


class OpenActions(ListActionGroup):
    """Handlers that open another screen, and those of the program."""

    def handlers(self) -> Mapping[str, Handler]:
        app = self._screen
        return {
            "open": self._open,
            "back": self._back,
            "plan": self._open_plan,
            "compare": self._compare,
            "differences": self._differences,
            "help": lambda: show_help(app.app, "run list"),
            "palette": lambda: app.app.action_command_palette(),
            "redraw": lambda: app_of(app.app).redraw(),
            "suspend": lambda: app_of(app.app).suspend_to_shell(),
            "detach": lambda: app_of(app.app).detach(),
        }

    def _open(self) -> None:
        """Open the run of the line; of several runs unfold them, or fold them again."""
        row, options = self._screen.row, self._screen.options
        if row is None:
            return
        if row.single:
            app_of(self._screen.app).navigation.open_run(row.records[0].path)
        else:
            unfolded = options.unfolded ^ {row.records[0].path}
            self._screen.choose(replace(options, unfolded=unfolded))

    def _back(self) -> None:
        """Undo one thing: the filter, else the marks; else go to the run on screen."""
        if self._screen.options.filter_text:
            self._screen.choose(replace(self._screen.options, filter_text=""))
        elif self._screen.marked:
            self._screen.marked.clear()
            self._screen.draw()
        elif not app_of(self._screen.app).navigation.back_to_run():
            self._screen.show_message("no run is open: enter opens one, q leaves")

    def _open_plan(self) -> None:
        row = self._screen.row
        folder = row.records[0].path.parent if row is not None else None
        if folder is not None and is_plan(folder):
            app_of(self._screen.app).navigation.show_plan(folder)
        else:
            self._screen.show_message("this run belongs to no plan", "warning")

    def _compared(self) -> list[RunRecord]:
        """Return the runs to compare; none, with the reason on screen, where there is one only."""
        records = self._screen.targets
        if len(records) < 2:
            told = "mark two runs or more with space, or choose a group of several runs"
            self._screen.show_message(told, "warning")
            return []
        return records

    def _compare(self) -> None:
        if records := self._compared():
            paths = [record.path for record in records]
            app_of(self._screen.app).navigation.compare(paths)

    def _differences(self) -> None:
        if records := self._compared():
            shown = records[:_MOST]
            rows = difference_rows(shown, app_of(self._screen.app).theme_styles)
            more = f" (the first {_MOST} of {len(records)})" if len(records) > _MOST else ""
            title = f"Settings in which {len(shown)} runs differ{more}"
            empty = "these runs differ in no setting"
            self._screen.app.push_screen(ListScreen(title, rows, "esc back", empty))


def difference_rows(records: list[RunRecord], styles: Styles) -> list[Text]:
    """Return a line of names, then a line for each setting that is not the same in all runs."""
    settings = [without(record.settings, NEUTRAL) for record in records]
    keys = differing(settings)
    width = max((_ROW - _KEY) // len(records) - 1, 6)
    if not keys:
        return []
    names = [fit(shorten(shown_name(record), width), width) for record in records]
    rows = [Text(f"{'':<{_KEY}} " + " ".join(names), styles.title)]
    for key in keys:
        values = [fit(setting_text(each.get(key)) or "–", width) for each in settings]
        line = Text(fit(shorten(one_line(key), _KEY), _KEY), styles.key)
        rows.append(line.append(" " + " ".join(values), styles.text))
    return rows
