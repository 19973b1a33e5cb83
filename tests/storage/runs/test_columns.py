"""The headings of a table of runs: no two alike, none that is mistaken for something else."""

from __future__ import annotations

import pytest

from asgml.storage.runs.columns import LONGEST_HEADING, headings


@pytest.mark.parametrize(
    "name", ["eval.test", "fusion.alone", "fusion.kind", "data.name", "boost.last_epoch"]
)
def test_a_last_part_that_may_be_of_anything_is_no_heading(name: str) -> None:
    assert headings([name, "seed"])[name] == name


def test_what_everyone_knows_by_its_last_part_is_named_by_it_alone() -> None:
    assert headings(["optimizer.lr", "boost.alpha"]) == {
        "optimizer.lr": "lr",
        "boost.alpha": "alpha",
    }
    both = ["boost.alpha", "ogm.alpha"]
    assert headings(both) == {name: name for name in both}


def test_a_long_name_loses_its_middle_unless_two_would_be_alike() -> None:
    long = "boost.references_corrected"
    assert headings([long]) == {long: "boost.…s_corrected"}
    assert len(headings([long])[long]) == LONGEST_HEADING
    twin = "boost.differences_corrected"
    assert headings([long, twin]) == {long: long, twin: twin}
