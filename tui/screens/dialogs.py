"""Small dialogs: one line of input, a knob's new value, how to stop. Escape cancels each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from asgml.storage.commands.request_fields import MOST_NOTE
from asgml.storage.format.knobs import Knob, KnobError, Value
from asgml.storage.format.safe_text import safe
from asgml.storage.format.step_span import SpanError, parse_span
from asgml.storage.format.value_text import setting
from asgml.tui.scene.scene import KnobState
from asgml.tui.screens.dialog_sizes import HEIGHTS
from asgml.tui.terminal.format import shorten

_LEAVE = Binding("escape", "dismiss(None)", show=False)


class Prompt(ModalScreen[str | None]):
    """A dialog for one line. `check` returns the fault of a text, or ""."""

    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [_LEAVE]

    def __init__(
        self,
        title: str,
        hint: str = "",
        initial: str = "",
        check: Callable[[str], str] = lambda text: "",
    ) -> None:
        super().__init__()
        self._title, self._hint, self._initial, self._check = title, hint, initial, check

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text(self._title, "bold"))
            yield Static(Text(self._hint), classes="hint")
            yield Input(self._initial, select_on_focus=True)
            yield Static("", id="error", markup=False)
            yield Static(Text("enter takes it · esc leaves"), classes="hint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if problem := self._check(event.value):
            self.query_one("#error", Static).update(Text(problem))
        else:
            self.dismiss(event.value)


@dataclass(frozen=True)
class KnobEdit:
    """A knob's new value; for so many steps, None for good; and why, where that was typed."""

    knob: Knob
    value: Value
    for_steps: int | None = None
    reason: str | None = None


class KnobDialog(ModalScreen[KnobEdit | None]):
    """A knob's new value, checked against its declared range while it is typed.

    Two more fields may stay empty: for how long, and why. Short terminals have no room for them.
    """

    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        _LEAVE,
        # priority: the text field would take the arrows
        Binding("up", "choose(-1)", show=False, priority=True),
        Binding("down", "choose(1)", show=False, priority=True),
    ]

    def __init__(
        self, knobs: tuple[KnobState, ...], selected: str, steps_per_epoch: int = 0
    ) -> None:
        super().__init__()
        self._knobs, self._steps_per_epoch = knobs, steps_per_epoch
        self._place = next(
            (index for index, state in enumerate(knobs) if state.knob.name == selected), 0
        )

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(id="knob", markup=False)
            yield Input(id="value")
            yield Input(id="span", classes="more", placeholder="for good; or 500 steps, 2 epochs")
            yield Input(id="reason", classes="more", placeholder="why", max_length=MOST_NOTE)
            yield Static("", id="error", markup=False)
            yield Static(
                Text("enter sends it · tab how long, why · ↑ ↓ another knob · esc leaves"),
                classes="hint",
            )

    def on_mount(self) -> None:
        self._show()

    def action_choose(self, step: int) -> None:
        self._place = (self._place + step) % len(self._knobs)
        self._show()

    def _show(self) -> None:
        state = self._knobs[self._place]
        knob = state.knob
        text = Text.assemble(
            (safe(knob.name), "bold"),
            f"  {self._place + 1} of {len(self._knobs)}\n{safe(knob.help)}\n",
        )
        now, span = setting(state.value), safe(knob.range_text())
        text.append(f"now {now}   range {span}   acts at the next {knob.applies}")
        self.query_one("#knob", Static).update(text)
        field = self.query_one("#value", Input)
        field.value = setting(state.value)
        field.select_all()

    def _parsed(self, text: str) -> Value | None:
        """Return the typed value, None where the knob refuses it; show the reason."""
        error = self.query_one("#error", Static)
        try:
            value = self._knobs[self._place].knob.parse(text)
        except KnobError as problem:
            error.update(Text(safe(problem)))
            return None
        error.update("")
        return value

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "value" and event.value.strip():
            self._parsed(event.value)

    def on_input_submitted(self) -> None:
        value = self._parsed(self.query_one("#value", Input).value)
        if value is None:
            return
        try:
            span = self.query_one("#span", Input).value.strip()
            steps = parse_span(span, self._steps_per_epoch) if span else None
        except SpanError as problem:
            self.query_one("#error", Static).update(Text(safe(problem)))
            return
        reason = self.query_one("#reason", Input).value.strip() or None
        self.dismiss(KnobEdit(self._knobs[self._place].knob, value, steps, reason))


class StopDialog(ModalScreen[str | None]):
    """The choice how to stop: the answer is `after_step`, `now` or `kill`."""

    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [_LEAVE]

    def __init__(self, name: str, pid: int, same_host: bool) -> None:
        super().__init__()
        self._of, self._pid, self._same_host = name, pid, same_host

    def compose(self) -> ComposeResult:
        kill = f"kill pid {self._pid}: nothing is saved"
        with Vertical(classes="dialog"):
            yield Static(Text(f"Stop {shorten(self._of, 60)}?", "bold"))
            yield OptionList(
                Option(
                    Text("after this step, with a checkpoint to resume from"),
                    id="after_step",
                ),
                Option(Text("now, without a checkpoint"), id="now"),
                # a pid means nothing on another host
                Option(
                    Text(kill if self._same_host else "kill: only on the trainer's own host"),
                    id="kill",
                    disabled=not self._same_host,
                ),
                markup=False,
            )
            yield Static(Text("enter chooses · esc goes on training"), classes="hint")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)
