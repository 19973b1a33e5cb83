"""Settings: flattened configurations, and which of them make the same cell or the same group."""

from __future__ import annotations

import pytest

from asgml.storage.runs.settings import cell_digest, differing, flatten, group_digest

BASE = {
    "method": "boost",
    "seed": 0,
    "device": "auto",
    "data.name": "/a/b/mosi.npz",
    "boost.alpha": 0.5,
    "checkpoint.every": 1,
}


def test_flatten_names_leaves_by_their_dotted_key() -> None:
    tree = {"method": "boost", "boost": {"alpha": 0.5}, "modalities": ["a"], "references": {}}
    assert flatten(tree) == {"method": "boost", "boost.alpha": 0.5, "modalities": ["a"]}


@pytest.mark.parametrize(
    "change",
    [{"device": "cpu"}, {"threads": 4}, {"checkpoint.every": 9}, {"data.name": "mosi.npz"}],
)
def test_what_changes_no_number_makes_the_same_cell(change: dict[str, object]) -> None:
    assert cell_digest(BASE | change) == cell_digest(BASE)


@pytest.mark.parametrize("change", [{"seed": 1}, {"boost.alpha": 0.75}, {"data.name": "x.npz"}])
def test_what_changes_numbers_makes_another_cell(change: dict[str, object]) -> None:
    assert cell_digest(BASE | change) != cell_digest(BASE)


def test_a_group_is_the_same_for_every_seed_and_its_references() -> None:
    other = BASE | {"seed": 3, "references.audio": "/runs/audio-s3"}
    assert group_digest(other) == group_digest(BASE)
    assert group_digest(BASE | {"boost.alpha": 0.75}) != group_digest(BASE)


def test_the_digest_does_not_depend_on_the_order_of_the_keys() -> None:
    assert cell_digest(dict(reversed(BASE.items()))) == cell_digest(BASE)


def test_differing_names_changed_and_absent_keys_only() -> None:
    assert differing([BASE, BASE | {"seed": 1, "lr": 0.1}]) == ["seed", "lr"]


def test_a_run_from_before_on_nan_is_the_run_that_has_its_default() -> None:
    """A training that stays finite is the same; one that was asked to skip is another."""
    stops, skips = BASE | {"on_nan": "stop"}, BASE | {"on_nan": "skip"}
    for digest in (cell_digest, group_digest):
        assert digest(stops) == digest(BASE) and digest(skips) != digest(BASE)
    assert differing([BASE, stops]) == [] == differing([stops, BASE, stops])
    assert differing([BASE, skips]) == ["on_nan"] == differing([BASE, stops, skips])
