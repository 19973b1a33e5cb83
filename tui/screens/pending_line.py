"""The line under the status that shows what was asked of the trainer, or is about to be."""

from __future__ import annotations

from rich.text import Text

from asgml.storage.format.knobs import Value
from asgml.storage.format.safe_text import safe
from asgml.storage.format.value_text import setting
from asgml.tui.scene.scene import PendingRequest, Scene
from asgml.tui.terminal.theme import Styles


def pending_line(scene: Scene, draft: tuple[str, Value] | None, styles: Styles) -> Text:
    """Return the nudged knob that is not sent yet, else the requests without an answer."""
    if draft is not None:
        return _draft_line(scene, *draft, styles)
    if not scene.pending_requests:
        return Text("")
    asked = ", ".join(map(_name, scene.pending_requests))
    return Text(f" {styles.glyph('…', '~')} asked: {safe(asked)}", styles.pending)


def _draft_line(scene: Scene, name: str, value: Value, styles: Styles) -> Text:
    acknowledged = (state.value for state in scene.knobs if state.knob.name == name)
    change = f"{setting(next(acknowledged, value))} {styles.glyph('→', '>')} {setting(value)}"
    return Text(f" {safe(name)} {change}?  enter sends  esc forgets", styles.warn)


def _name(request: PendingRequest) -> str:
    return f"{request.kind} {request.knob or ''}".strip()
