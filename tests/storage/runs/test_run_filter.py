"""Names, filters, orders and groups of runs, on records made by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgml.storage.runs.columns import differing_settings, headings, same_settings
from asgml.storage.runs.group_values import value_of_group
from asgml.storage.runs.groups import group_records, seeds_text
from asgml.storage.runs.lookup import value_of
from asgml.storage.runs.order import sort_records
from asgml.storage.runs.pattern import compiled
from asgml.storage.runs.record import Observed, RunLabels, RunRecord
from asgml.storage.runs.settings import differing
from asgml.storage.runs.where import WhereError, parse_where


def record(name: str = "a-01", **fields: Any) -> RunRecord:
    known: dict[str, Any] = {
        "state": "finished",
        "settings": {"method": "ogm_ge+boost", "optimizer.lr": 0.1, "boost.alpha": 0.5, "seed": 1},
        "metrics": {
            "val_accuracy": Observed(0.5, 0.9, 10, "high", "epochs"),
            "test_accuracy_at_best_val": Observed(0.7, 0.7, 30, "high", "epochs"),
            "loss": Observed(math.nan, 0.1, 5, "low", "steps"),
        },
        "chosen": {"val_accuracy": 0.75, "step": 20.0},
        "seed": 1,
        "method": "ogm_ge+boost",
        "started": 1_000_000.0,
        "labels": RunLabels("My run", ("good", "new"), "", False),
    }
    return RunRecord(path=Path("/runs") / name, name=name, **{**known, **fields})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("val", 0.75),
        ("val_accuracy", 0.75),
        ("last.val_accuracy", 0.5),
        ("best.val_accuracy", 0.9),
        ("test", 0.7),
        ("lr", 0.1),
        ("optimizer.lr", 0.1),
        ("tags", "good new"),
        ("note", None),
        ("plan", None),
        ("nothing", None),
        ("best.nothing", None),
    ],
)
def test_a_name_means_one_value(name: str, value: object) -> None:
    assert value_of(record(), name) == value


def test_the_end_of_a_name_counts_only_where_it_is_clear() -> None:
    two = record(settings={"boost.alpha": 1, "ogm.alpha": 2})
    assert value_of(two, "alpha") is None and value_of(two, "ogm.alpha") == 2


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("", True),
        ("val>0.7", True),
        ("val > 0.75", False),
        ("val >= 0.75 and lr = .1", True),
        ("lr=1e-1", True),
        ("lr!=0.1 or seed==1", True),
        ("not seed=1", False),
        ("not (seed=2 or val<0.1)", True),
        ("not seed=2 and val<0.1", False),
        ("seed=2 or seed=1 and val<0.1", False),
        ("method=boost", False),
        ("method~boost", True),
        ("method !~ '^boost'", True),
        ("method = 'ogm_ge+boost'", True),
        ('title = "My run"', True),
        ("title ~ '(?i)MY'", True),
        ("tags ~ good AND archived=false", True),
        ("archived = true", False),
        ("note = none", True),
        ("note != none", False),
        ("title = none", False),
        ("title = 'none'", False),
        ("loss > 0", False),
        ("loss < 0", False),
        ("loss = none", True),
        ("nothing = 3", False),
        ("nothing != 3", True),
        ("nothing ~ '.*'", False),
        ("method > 3", False),
        ("started < 2026-01-01", True),
        ("started > 2026-01-01", False),
        ("name = a-01", True),
        ("seed = 1.0000000000001", True),
        ("seed = 1.1", False),
    ],
)
def test_filters(text: str, passes: bool) -> None:
    assert parse_where(text).matches(record()) is passes


@pytest.mark.parametrize(
    "text",
    [
        *("val", "val >", "> 3", "val > > 3", "val 3", "(val > 3", "val > 3)", "val > x", "and"),
        *("val = 3 seed = 2", "not", "name ~ '('", "started > soon", "name = 'open", "a = (b)"),
        *("x ~ '(a*)*'", "(" * 100 + "a=1" + ")" * 100, "not " * 3000 + "a=1", "a=1 and" * 900),
        "__import__('os').system('true')",
    ],
)
def test_what_is_no_filter_is_one_line(text: str) -> None:
    with pytest.raises(WhereError) as raised:
        parse_where(text)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 700


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_an_error(text: str) -> None:
    try:
        where = parse_where(text)
    except WhereError:
        return
    assert where.matches(record()) in (True, False)


Tree = Any
TREES = st.recursive(
    st.booleans(),
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner), st.tuples(st.sampled_from(["and", "or"]), inner, inner)
    ),
    max_leaves=12,
)


def written(tree: Tree) -> str:
    """The tree as a filter with only the parentheses that precedence asks for."""
    if isinstance(tree, bool):
        return "seed=1" if tree else "seed=2"
    if tree[0] == "not":
        return f"not {_inside(tree[1], ('and', 'or'))}"
    inner = ("or",) if tree[0] == "and" else ()
    return f"{_inside(tree[1], inner)} {tree[0]} {_inside(tree[2], inner)}"


def _inside(tree: Tree, loose: tuple[str, ...]) -> str:
    closed = not isinstance(tree, bool) and tree[0] in loose
    return f"({written(tree)})" if closed else written(tree)


def truth(tree: Tree) -> bool:
    if isinstance(tree, bool):
        return tree
    if tree[0] == "not":
        return not truth(tree[1])
    both = truth(tree[1]), truth(tree[2])
    return all(both) if tree[0] == "and" else any(both)


@given(TREES)
def test_and_or_not_bind_as_in_logic(tree: Tree) -> None:
    assert parse_where(written(tree)).matches(record()) is truth(tree)


@pytest.mark.parametrize(
    "pattern",
    ["(a*)*b", "(a|a)*b", "(a|aa)+$", "(.*a){20}", "a?" * 40 + "a" * 40, ".*" * 5, "(\\d+\\.)+x"],
)
def test_patterns_that_could_take_for_ever_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="ways"):
        compiled(pattern)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("boost|ogm", "x-ogm-01", True),
        (r"^boost.*-s[0-4]$", "boost-x-s3", True),
        (r"^boost.*-s[0-4]$", "boost-x-s5", False),
        (".*a.*b.*", "b a", False),
        (r"(?i)^OGM_(ge|acc)?\d{2,3}", "ogm_ge012", True),
        (r"^(?!old)", "older", False),
        (r"(a)\1", "aa", True),
    ],
)
def test_usual_patterns_are_found(pattern: str, text: str, found: bool) -> None:
    assert compiled(pattern)(text) is found


def test_a_text_of_others_is_cut_before_a_pattern_is_tried() -> None:
    assert not compiled("a*a*b")("a" * 100_000)


def test_orders_put_the_better_end_first_and_missing_last() -> None:
    runs = [
        record("low", chosen={"val_accuracy": 0.1}),
        record("none", chosen={}),
        record("high", chosen={"val_accuracy": 0.9}),
        record("nan", chosen={"val_accuracy": math.nan}),
    ]

    def names(order: str) -> list[str]:
        return [run.name for run in sort_records(runs, order)]

    assert names("val") == ["high", "low", "none", "nan"] == names("-val")
    assert names("+val") == ["low", "high", "none", "nan"]
    assert names("name") == ["high", "low", "nan", "none"]
    losses = [
        record(str(loss), metrics={"loss": Observed(loss, loss, 1, "low", "steps")})
        for loss in (3.0, 1.0, 2.0)
    ]
    assert [run.name for run in sort_records(losses, "loss")] == ["1.0", "2.0", "3.0"]


def of_seed(seed: int, name: str = "", protocol: str = "p", **settings: Any) -> RunRecord:
    known = {"method": "boost", "device": f"cuda:{seed}", "references.audio": f"a-{seed}"}
    return record(
        name or f"row-s{seed}",
        settings={**known, "seed": seed, **settings},
        seed=seed,
        protocol=protocol,
        chosen={"val_accuracy": seed / 8},
        labels=RunLabels(),
    )


def test_runs_that_differ_in_the_seed_alone_are_a_group() -> None:
    runs = [of_seed(0), of_seed(1, lr=1), of_seed(2), of_seed(3, protocol="q"), of_seed(1)]
    groups = group_records(runs)
    assert [[run.seed for run in group.records] for group in groups] == [[0, 2, 1], [1], [3]]
    assert "seed" not in groups[0].settings and groups[0].seeds == [0, 1, 2]
    assert len({group.name for group in groups}) == 3
    assert value_of_group(groups[0], "val") == (3, 0.125, 0.125)


def test_a_run_without_settings_is_alone() -> None:
    broken = [record(f"b-{i}", settings={}, seed=None, state="unreadable") for i in range(2)]
    assert [len(group.records) for group in group_records(broken)] == [1, 1]


def test_groups_of_one_name_are_told_apart_by_what_differs() -> None:
    runs = [of_seed(0, name=f"try-{i}", lr=lr) for i, lr in enumerate((0.1, 0.01))]
    assert [group.name for group in group_records(runs)] == ["try (lr=0.1)", "try (lr=0.01)"]


@pytest.mark.parametrize(
    ("seeds", "text"),
    [([], ""), ([3], "3"), ([4, 0, 1, 2, 3], "0–4"), ([0, 1, 3, 7, 8], "0–1, 3, 7–8")],
)
def test_seeds_are_ranges(seeds: list[int], text: str) -> None:
    assert seeds_text(seeds) == text


def test_a_seed_that_was_trained_twice_is_told() -> None:
    assert seeds_text([0, 1, 1, 2]) == "0, 1×2, 2"


PLAIN = st.one_of(st.none(), st.booleans(), st.integers(0, 2), st.floats(0, 1), st.text("ab"))
SETTINGS = st.lists(st.dictionaries(st.sampled_from("abcd"), PLAIN), min_size=1, max_size=4)


@given(SETTINGS)
def test_what_differs_is_what_is_not_the_same_as_json(several: list[dict[str, Any]]) -> None:
    import json

    def texts(key: str) -> set[str]:
        return {json.dumps(each.get(key)) for each in several}

    keys = dict.fromkeys(key for each in several for key in each)
    assert differing(several) == [key for key in keys if len(texts(key)) > 1]


def test_columns_are_what_differs_and_can_change_a_number() -> None:
    runs = [of_seed(0, **{"optimizer.lr": 1}), of_seed(1, **{"optimizer.lr": 2})]
    assert differing_settings(runs) == ["optimizer.lr"]
    assert same_settings(runs) == {"method": "boost", "protocol": "p"}
    assert headings(["optimizer.lr", "boost.alpha", "ogm.alpha", "seed"]) == {
        "optimizer.lr": "lr",
        "boost.alpha": "boost.alpha",
        "ogm.alpha": "ogm.alpha",
        "seed": "seed",
    }
