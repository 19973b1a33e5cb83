"""The banner for a run that needs its user: what is wrong, and what to do about it."""

from __future__ import annotations

from rich.text import Text

from asgml.storage.format.start_phase import phase_of, without_phases
from asgml.storage.format.status import ENDED_BADLY
from asgml.storage.read.event_text import DIVERGED_TAG
from asgml.storage.read.remedies import GONE
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
        bad = scene.state in ENDED_BADLY | {GONE}
        rows.append(Text(f" {headline}", styles.bad if bad else styles.warn))
    unclear = scene.state in ENDED_BADLY - {"diverged"}
    if unclear or (scene.state == "starting" and scene.manifest is None):
        lines = without_phases(scene.trainer.output)
        rows += [Text(f"   {line}", styles.muted) for line in lines]
    return rows + [Text(f" {problem}", styles.warn) for problem in scene.problems]


def _headline(scene: Scene) -> str:
    """Return what is wrong with the run and what to do, "" while all is well."""
    trainer = scene.trainer
    if scene.state == "crashed":
        return f"crashed: pid {trainer.pid} is gone; {scene.remedy}"
    if scene.state == "stale":
        silent = f"no sign of the trainer on {trainer.host} for {coarse(trainer.silent)}"
        return f"{silent}; {scene.remedy}"
    if scene.state == "failed":
        if scene.manifest is None:
            return f"failed: the training never began; {scene.remedy}"
        failed = "failed: the trainer ended with an error; its last words are in trainer.log"
        return f"{failed}; {scene.remedy}"
    if scene.state == GONE:
        return f"gone: {scene.remedy}"
    if scene.state == "unreadable":
        return "unreadable: nothing of this run could be read so far"
    if scene.state == "diverged":
        return f"{_last_words(scene)}; {scene.remedy}"
    return _waiting(scene)


def _waiting(scene: Scene) -> str:
    """Return what the run is about to do before its first step, "" once it has begun."""
    if scene.state == "starting" and scene.manifest is None:
        return f"starting: {phase_of(scene.trainer.output)}; the charts come with the first step"
    begun = scene.data.table("steps").rows > 0
    if scene.state == "starting" and begun:
        return "starting again"
    if scene.state in ("starting", "running") and not begun and scene.transport is None:
        return "starting: waiting for the first step"
    return ""


def _last_words(scene: Scene) -> str:
    """Return what the run says of how it diverged."""
    told = [line.text for line in scene.history.lines if line.tag == DIVERGED_TAG]
    return told[-1] if told else "diverged"
