"""What keys show beside the charts: lists to jump from, other runs, files, help. Nothing here reaches the training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from asgml.storage.format.safe_text import safe
from asgml.tui.messages import RunLine
from asgml.tui.scene.csv_export import screenshot_path
from asgml.tui.scene.log_lines import LogLine
from asgml.tui.screens.dialogs import Prompt
from asgml.tui.screens.explore import Exploring
from asgml.tui.screens.lists import HelpScreen, ListScreen
from asgml.tui.terminal.screenshot import svg_screenshot
from asgml.tui.widgets.events import as_on_screen, log_row, run_row


class Looking(Exploring):
    """Keys of the group `look`, and the filter and the overlay of the charts."""

    _on_runs: Callable[[tuple[RunLine, ...]], None] | None = None

    def do_filter(self) -> None:
        def take(words: str | None) -> None:
            if words is not None:
                self.view.filter_text = safe(words.strip())
                self.select(0)

        self.app.push_screen(
            Prompt(
                "Show only",
                "words in the name of a chart or a metric; nothing shows all",
                self.view.filter_text,
            ),
            take,
        )

    def do_freeze(self) -> None:
        self.view.frozen = not self.view.frozen
        self.draw()

    def do_events(self) -> None:
        self._list_lines(
            "Events", list(reversed(self.scene.history.lines)), "nothing has happened yet"
        )

    def do_alerts(self) -> None:
        self._list_lines(
            "Alerts",
            list(reversed(self.scene.history.alerts)),
            "no alerts: all values are finite and the trainer has none",
        )

    def _list_lines(self, title: str, lines: list[LogLine], empty: str) -> None:
        def jump(number: int | None) -> None:
            if number is not None:
                self.jump(lines[number].step)

        rows = [log_row(line, self.host.theme_styles, 400) for line in lines]
        self.app.push_screen(
            ListScreen(
                f"{title} ({len(lines)})", rows, "enter: all charts to this step · esc back", empty
            ),
            jump,
        )

    def jump(self, step: int) -> None:
        """All charts to a step: the cursor goes there, on whatever axis is shown."""
        steps = self.scene.data.x("steps", "step")
        row = min(int(steps.searchsorted(step)), len(steps) - 1)
        if row >= 0:
            self.put_cursor(float(self.scene.data.x("steps", self.view.axis)[row]))
            self.draw()

    def do_runs(self) -> None:
        self._choose_run("Runs", "enter: go to this run · esc back", self._open_run)

    def do_overlay(self) -> None:
        if self.scene.overlay is not None:
            self.session.overlay(None)
        else:
            self._choose_run(
                "Lay under the charts",
                "enter: lay this run under the charts · esc back",
                lambda line: self.session.overlay(line.name),
            )

    def _open_run(self, line: RunLine) -> None:
        self.view.reset()
        self.session.switch(line.name)

    def _choose_run(self, title: str, hint: str, take: Callable[[RunLine], object]) -> None:
        """Asks the session for the list; the screen opens when it comes."""

        def show(runs: tuple[RunLine, ...]) -> None:
            def chosen(number: int | None) -> None:
                if number is not None:
                    take(runs[number])

            rows = [
                run_row(
                    as_on_screen(line, self.scene),
                    self.host.theme_styles,
                    80,
                    line.name == self.scene.name,
                )
                for line in runs
            ]
            self.app.push_screen(
                ListScreen(title, rows, hint, f"there are no runs in {safe(self.session.runs)}"),
                chosen,
            )

        self._on_runs = show
        self.session.list_runs()

    def take_runs(self, runs: tuple[RunLine, ...]) -> None:
        """The list of runs has come."""
        show, self._on_runs = self._on_runs, None
        if show is not None:
            show(runs)

    def do_export(self) -> None:
        self.session.export(Path.cwd())

    def picture(self) -> str:
        """The screen as it stands, as SVG."""
        rows = self.app.screen._compositor.render_strips(self.app.size)
        ground, text = (
            ("#0d1117", "#d5dae0") if self.app.current_theme.dark else ("#ffffff", "#1f2328")
        )
        return svg_screenshot(rows, f"asgml, run {self.scene.name}", ground, text)

    def do_screenshot(self) -> None:
        path = screenshot_path(self.scene, Path.cwd())
        try:
            path.write_text(self.picture(), encoding="utf-8")
        except OSError as error:
            self.tell(f"the picture could not be written: {error}", "error")
        else:
            self.tell(f"wrote {safe(path)}")

    def do_redraw(self) -> None:
        self.host.redraw()

    def do_help(self) -> None:
        self.app.push_screen(
            HelpScreen(self.session.clock_kind, self.host.theme_styles, self.host.mapped)
        )

    def do_palette(self) -> None:
        self.app.action_command_palette()

    def do_detach(self) -> None:
        self.host.detach()
