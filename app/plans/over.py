"""What a sweep goes over: KEY=LOW..HIGH, with :log or :STEP, or KEY=VALUE,VALUE,…"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from asgml.app.draft import Draft
from asgml.app.errors import UserError
from asgml.app.keys import parse_value, resolve
from asgml.app.plans.plan_schema import TuneKey
from asgml.app.plans.search_space import Space, space_of
from asgml.core.config.error_words import expected

USAGE = (
    "expected KEY=LOW..HIGH, KEY=LOW..HIGH:log, KEY=LOW..HIGH:STEP or KEY=VALUE,VALUE, "
    "such as optimizer.lr=1e-4..1e-1:log"
)


def spaces_of(texts: Sequence[str], draft: Draft) -> list[Space]:
    """Return the spaces that `--over` names. Raise UserError for one that cannot be searched."""
    if not texts:
        raise UserError(f"--over is missing: what shall the sweep go over? {USAGE}")
    spaces = [_space(text, draft) for text in texts]
    keys = [space.key for space in spaces]
    if repeated := [key for key in keys if keys.count(key) > 1]:
        raise UserError(f"--over {repeated[0]}: given twice; give one of them")
    return spaces


def _space(text: str, draft: Draft) -> Space:
    where = f"--over {text}"
    name, sign, given = text.partition("=")
    if not sign or not name.strip() or not given.strip():
        raise UserError(f"--over {text!r}: {USAGE}")
    key = resolve(name.strip(), where, draft.others)
    if key in ("seed", "data.name"):
        raise UserError(f"{where}: {key} is not searched; give {_flag(key)}")
    if key.partition(".")[0] in draft.others:
        raise UserError(f"{where}: {key} has no effect with method {draft.config().method}")
    try:
        return space_of(key, _tune_key(given.strip(), where), where)
    except ValidationError as error:
        message = expected(error.errors()[0])
        raise UserError(f"{where}: {message}") from None


def _tune_key(given: str, where: str) -> TuneKey:
    low, dots, rest = given.partition("..")
    if not dots:
        return TuneKey(choices=_choices(given, where))
    high, _, how = rest.partition(":")
    try:
        step = None if how in ("", "log") else float(how)
        ends = float(low), float(high)
    except ValueError:
        raise UserError(f"{where}: {USAGE}") from None
    return TuneKey(low=ends[0], high=ends[1], log=how == "log", step=step)


def _choices(given: str, where: str) -> tuple[object, ...]:
    choices = tuple(parse_value(part.strip()) for part in given.split(","))
    if len(choices) < 2 or len({repr(choice) for choice in choices}) < len(choices):
        raise UserError(f"{where}: two values or more, each once; {USAGE}")
    return choices


def _flag(key: str) -> str:
    return "--seeds" if key == "seed" else "--data"
