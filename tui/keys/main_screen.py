"""The keys of the main screen: steering, replaying, lists; those of its charts stand apart."""

from __future__ import annotations

from asgml.tui.keys.row import LIVE, REPLAY, Key


def _training(id: str, key: str, help: str, footer: str = "", steers: bool = True) -> Key:
    return Key(id, (key,), help, "training", footer, steers, (LIVE,))


def _replay(id: str, key: str, help: str, footer: str = "") -> Key:
    return Key(id, (key,), help, "replay", footer, screens=(REPLAY,))


_NUDGED = "enter sends it, esc forgets it"

STEERING: tuple[Key, ...] = (
    _training("pause", "space", "pause or resume the training", "pause"),
    _training("edit", "e", "edit a knob", "edit"),
    _training("nudge_down", "left_square_bracket", f"selected knob one step down; {_NUDGED}"),
    _training("nudge_up", "right_square_bracket", f"selected knob one step up; {_NUDGED}", "nudge"),
    _training("next_knob", "right_curly_bracket", "select the next knob", steers=False),
    _training("previous_knob", "left_curly_bracket", "select the knob before", steers=False),
    _training("undo", "u", "undo the last change of a knob; again: the one before"),
    _training("undo_weights", "U", "undo it with the weights: back to the checkpoint before it"),
    _training("checkpoint", "s", "save a checkpoint now", "ckpt"),
    _training("evaluate", "v", "evaluate now", "eval"),
    _training("note", "n", "write a note into the run's events", "note"),
    _training("control", "t", "take over control of the training, or release it"),
    _training("stop", "S", "stop the training: a dialog asks how", "stop"),
    _replay("play", "space", "play or hold the replay", "play"),
    _replay("step_back", "comma", "one step back", "step"),
    _replay("step_on", "full_stop", "one step on"),
    _replay("step_back_10", "less_than_sign", "ten steps back"),
    _replay("step_on_10", "greater_than_sign", "ten steps on"),
    _replay("to_start", "home", "go to the first step"),
    _replay("to_end", "end", "go to the last step"),
    _replay("seek", "colon", "go to a step", "seek"),
    _replay("next_mark", "right_curly_bracket", "go to the next mark or alert", "next mark"),
    _replay("previous_mark", "left_curly_bracket", "go to the mark or alert before"),
    _replay("speed_1", "1", "play at 1×"),
    _replay("speed_2", "2", "play at 4×"),
    _replay("speed_3", "3", "play at 16×"),
    _replay("speed_4", "4", "play at 64×"),
    _replay("speed_5", "5", "play at 256×"),
)

LISTS: tuple[Key, ...] = (
    Key("events", ("L",), "all events; enter jumps to one", "browse", "log"),
    Key("alerts", ("A",), "alerts only; enter jumps to one", "browse"),
    Key("acknowledge", ("a",), "acknowledge the newest alert", "browse", "", True, (LIVE,)),
    Key("interventions", ("E",), "interventions, made and to come; enter jumps", "browse"),
    Key("trainer_log", ("T",), "what the trainer printed: levels, words", "browse"),
    Key("runs", ("g",), "all runs: find, compare, label, open another", "browse", "runs"),
    Key("effect", ("b",), "did it help? this run beside its baseline runs", "browse", "helped"),
    Key("plane", ("P",), "plane of gradient balance and conflict, where it is measured", "browse"),
    Key("copy", ("Y",), "copy a value, or a command line, to the clipboard", "browse"),
    Key("export", ("w",), "write the metrics as CSV", "browse", "csv"),
)
