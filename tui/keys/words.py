"""The words on the screens: one table feeds the help and the manual; charts have METRICS' words."""

from __future__ import annotations

from dataclasses import dataclass

from asgml.storage.format.metrics import METRICS
from asgml.tui.keys.row import CHARTED, COMPARISON, MAIN, PLAN, RUN_LIST


@dataclass(frozen=True)
class Word:
    """A word as it stands on the screen, its place there, and what it means."""

    word: str
    place: str
    meaning: str
    screens: tuple[str, ...] = MAIN


def _of(name: str) -> str:
    """Return the meaning of a metric, from the table of metrics."""
    return next(metric.help for metric in METRICS if metric.name == name)


def _balance(word: str, meaning: str) -> Word:
    return Word(word, "balance", meaning)


def _table(word: str, meaning: str) -> Word:
    return Word(word, "metrics", meaning)


def _head(word: str, meaning: str, screens: tuple[str, ...] = MAIN) -> Word:
    return Word(word, "top lines", meaning, screens)


def _runs(word: str, meaning: str) -> Word:
    return Word(word, "run list", meaning, (RUN_LIST,))


def _comparison(word: str, meaning: str) -> Word:
    return Word(word, "comparison", meaning, (COMPARISON,))


def _plan(word: str, meaning: str) -> Word:
    return Word(word, "plan", meaning, (PLAN,))


_BALANCE = (
    _balance("gap", f"utilization gap: {_of('utilization_gap')}"),
    _balance("dominates", "the modality with the highest utilization"),
    _balance("no clear gap", "the gap lies within what so few samples can show"),
    _balance("open", "the method acts in this epoch; closed: its window is over or to come"),
    _balance("probe", _of("probe_accuracy")),
    _balance("p", "probe, where it is narrow"),
    _balance("own", _of("own_accuracy")),
    _balance("gradient norm", f"{_of('grad_norm')} → after it"),
    _balance("|g|", "gradient norm, where it is narrow"),
    _balance("gain", _of("gain")),
    _balance("boost", _of("boost_scale")),
    _balance("ratio", _of("discrepancy")),
    _balance("ρ", "ratio, where it is narrow"),
    _balance("alone", "best validation accuracy of the modality trained alone, in a reference run"),
    _balance("inside", "validation accuracy of the modality inside the joint model"),
    _balance("starved", "points of accuracy that the modality lacks inside, of what it has alone"),
    _balance("throttle", "the bar to the left of 1×: the gradient is made smaller, to a quarter"),
    _balance("held back", "the gain is below 1: the modality's encoder learns more slowly"),
    _balance("boosted", "the gain is above 1: the modality's encoder learns faster"),
    _balance("as it is", "the gain is 1: nothing changes the gradient"),
    _balance("noise", "share of added noise in the squared length of the step"),
)
_METRICS = (
    _table("last", "the newest value; – where nothing was measured, ✗ where it is no number"),
    _table("best", "the highest accuracy or lowest loss so far"),
    _table("at", "the step of the best value"),
    _table("change", "mean of the newest tenth of the steps less that of the tenth before"),
)
_HEAD = (
    _head("step", "updates of the weights so far, of all that are planned"),
    _head("epoch", "passes over the training data, counted from 1"),
    _head("eta", "time that the remaining steps take at the present rate"),
    _head("it/s", "steps in a second, over the newest 50"),
    _head("data", "time since the trainer's newest sign of life"),
    _head("α", "boost.alpha, the strength of the boost; or the run's first knob"),
    _head("x", "what the x axis counts", CHARTED),
    _head("smooth", "weight of the past in the bright curve; 0 is none", CHARTED),
    _head("follow", "the window moves with the newest data; held: it stays", CHARTED),
    _head("over", "another run, drawn dim under the curves"),
    _head("FROZEN VIEW", "the screen stands still while the training goes on"),
    _head("alert", "an event that asks for attention, of a rule or of a value that is no number"),
)
_OTHER = (
    Word("knob", "knobs", "a setting that may be changed while the run trains"),
    Word("asked", "knobs", "sent to the trainer, which has not answered yet"),
    Word("store", "system", "bytes that the run has recorded, and training samples in a second"),
    Word("term", "system", "bytes a minute that this program sends, and most frames a second"),
    _runs("val", "validation accuracy of the best epoch"),
    _runs("test", "test accuracy of the model with the best validation accuracy"),
    _runs("gap", _of("utilization_gap")),
    _runs("state", "what the run does now, or how it ended"),
    _runs("epoch", "epochs begun, counted from 1"),
    _runs("when", "time since the newest sign of life"),
    _runs("seeds", "the seeds of the runs that a line stands for"),
    _runs("protocol", "digest of all that makes accuracies comparable: compare within one only"),
    _runs("differ", "settings that are not the same in all lines"),
    _runs("name", "title of the run, else its folder"),
    _comparison("n", "number of runs of the group"),
    _comparison("band", "around the mean of a group: standard deviation, or 95 % interval"),
    _comparison("Holm p", "p of the paired test, corrected for the number of rows"),
    _comparison("against", "the run or group that differences are measured from"),
    _comparison("≠", "another protocol: its accuracies do not compare"),
    _plan("stale", "the cell's run has other settings than the plan asks for"),
    _plan("waiting", "no run was started for this cell yet"),
    _plan("mean ± std", "mean and standard deviation of the row over its seeds"),
    _plan("n", "runs that the mean is taken over"),
)
WORDS: tuple[Word, ...] = (*_BALANCE, *_METRICS, *_HEAD, *_OTHER)
"""By place on the screen."""


def words_for(screen: str) -> list[Word]:
    """Return the words of a screen, and of its charts."""
    found = [word for word in WORDS if screen in word.screens]
    return found + (chart_words() if screen in CHARTED else [])


def chart_words() -> list[Word]:
    """Return the name of each metric that a chart draws, with its meaning."""
    return [Word(each.name, "charts", each.help, CHARTED) for each in METRICS if each.panel]


def words_manual() -> list[str]:
    """Return the lines of the manual: a table for each place on the screens."""
    lines = ["## Words on the screens"]
    every = [*WORDS, *chart_words()]
    for place in dict.fromkeys(word.place for word in every):
        lines += ["", f"### {place[0].upper()}{place[1:]}", "", "| word | what it means |"]
        lines.append("| --- | --- |")
        named = [word for word in every if word.place == place]
        lines += [f"| {_cell(word.word)} | {_cell(word.meaning)} |" for word in named]
    return lines


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
