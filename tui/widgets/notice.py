"""The banner for a run that needs its user: what is wrong, and what to do about it."""

from __future__ import annotations

from rich.text import Text

from asgml.storage.format.status import ENDED_BADLY
from asgml.tui.scene.scene import Scene
from asgml.tui.terminal.format import coarse
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.lines import Lines, wrapped


class Notice(Lines):
    """The banner; hidden while all is well."""

    def show_scene(self, scene: Scene, room: int) -> None:
        """Show the banner in at most `room` rows."""
        width = max(self.size.width or self.app.size.width, 20)
        lines = [line for row in notice(scene, self.theme_styles) for line in wrapped(row, width)]
        shown = lines[: max(room, 1)]
        self.display = bool(shown)
        self.show(shown)


def notice(scene: Scene, styles: Styles) -> list[Text]:
    """Return a headline, the end of the trainer's output where that explains it, and problems."""
    rows = []
    if headline := _headline(scene):
        rows.append(Text(f" {headline}", styles.bad if scene.state in ENDED_BADLY else styles.warn))
    if scene.state in ENDED_BADLY or (scene.state == "starting" and scene.manifest is None):
        rows += [Text(f"   {line}", styles.muted) for line in scene.trainer.output]
    return rows + [Text(f" {problem}", styles.warn) for problem in scene.problems]


def _headline(scene: Scene) -> str:
    """Return what is wrong with the run and what to do, "" while all is well."""
    trainer = scene.trainer
    resume = f"`asgml resume {scene.name}` goes on from the last checkpoint"
    if scene.state == "crashed":
        return f"crashed: pid {trainer.pid} is gone; {resume}"
    if scene.state == "stale":
        silent = f"no sign of the trainer on {trainer.host} for {coarse(trainer.silent)}"
        return f"{silent}; if it is gone, {resume}"
    if scene.state == "failed":
        failed = "failed: the trainer ended with an error; its last words are in trainer.log"
        return failed if scene.manifest is None else f"{failed}; {resume}"
    if scene.state == "starting":
        loading = "starting: the trainer is loading its libraries, this takes a few seconds"
        return loading if scene.manifest is None else "starting again"
    return ""
