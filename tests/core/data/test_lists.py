"""Lists of clips: their rows, the line that an error names, folds of persons, published lists."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loader_kit import fails, put

from asgml.core.data.base import DataError
from asgml.core.data.datasets.folds import split_groups
from asgml.core.data.datasets.lists import check_name, check_number, read_class_names, read_rows
from asgml.core.data.media.frame_choice import natural_order

WORDS = st.text("abcdefghij-_ é&'", min_size=1, max_size=8).map(str.strip).filter(bool)


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@given(rows=st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6))
def test_any_line_end_and_a_mark_make_no_difference(
    tmp_path_factory: pytest.TempPathFactory, bom: bytes, end: str, rows: list[tuple[str, str]]
) -> None:
    path = put(
        tmp_path_factory.mktemp("list") / "a.csv",
        bom + end.join(f"{a},{b}" for a, b in rows).encode(),
    )
    assert [row.fields for row in read_rows(path, 2)] == rows
    assert [row.line for row in read_rows(path, 2)] == list(range(1, len(rows) + 1))


def test_blank_lines_count_but_hold_no_clip(tmp_path: Path) -> None:
    rows = read_rows(put(tmp_path / "a.csv", b"\r\na,b\r\n\r\n  \r\nc,d\r\n"), 2)
    assert [(row.fields, row.line) for row in rows] == [(("a", "b"), 2), (("c", "d"), 5)]


def test_commas_between_quotes_and_commas_in_a_list_with_ampersands(tmp_path: Path) -> None:
    quoted = read_rows(put(tmp_path / "a.csv", b'x,0,"child speech, kid speaking",train\n'), 4)
    assert quoted[0].fields == ("x", "0", "child speech, kid speaking", "train")
    ampersand = read_rows(put(tmp_path / "b.txt", b'Violin, "fiddle"&x&good&0&10\n'), 5, "&")
    assert ampersand[0].fields[0] == 'Violin, "fiddle"'


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a,b\nc\n", r"a\.csv, line 2: 'c'; expected 2 fields"),
        (b"a,b\nc,d,e\n", r"line 2: 'c,d,e'; expected 2 fields"),
        (b"a,b\n\nc,\n", r"line 3: .*none of them empty"),
        (b"", "no line in it"),
        (b"\xef\xbb\xbf\r\n \r\n", "no line in it"),
        ("é,b".encode("latin-1"), "byte 0 is not UTF-8"),
        (b"a,b\nc,\x1b[31md\n", "line 2: .* holds a character that is not text"),
        ("a,b\u202ec\n".encode(), "line 1: .* holds a character that is not text"),
        (b'a,"b\n', r"line 1: unexpected end of data"),
        (b'a,"b"c\n', r"line 1: .*expected"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    path = put(tmp_path / "a.csv", content)
    with fails(says):
        read_rows(path, 2)


def test_a_list_that_cannot_be_read(tmp_path: Path) -> None:
    with fails(r"gone\.csv: cannot be read \(No such file"):
        read_rows(tmp_path / "gone.csv", 2)
    with fails("cannot be read"):
        read_rows(tmp_path, 2)
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(65 * 2**20)
    with fails("65 MB; expected a list"):
        read_rows(large, 2)


def test_classes_from_a_file(tmp_path: Path) -> None:
    assert read_class_names(put(tmp_path / "a", b"\xef\xbb\xbfNEU\r\nHAP\r\n\r\n")) == [
        "NEU",
        "HAP",
    ]
    with fails("'NEU' is there twice"):
        read_class_names(put(tmp_path / "a", b"NEU\nHAP\nNEU\n"))
    with fails("no line in it"):
        read_class_names(put(tmp_path / "a", b"\n"))
    with fails("holds a character that is not text"):
        read_class_names(put(tmp_path / "a", b"NEU\nHA\x1b[2JP\n"))


@pytest.mark.parametrize("name", ["../x", "a/b", "a\\b", "..", ".", "a\x1b[31m", "a\0", "x" * 201])
def test_a_name_cannot_lead_out_of_its_folder(tmp_path: Path, name: str) -> None:
    row = read_rows(put(tmp_path / "a.csv", b"a,b"), 2)[0]
    with fails(r"line 1: .* is not the name of a clip") as caught:
        check_name(name, row)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "1e3", "", "٣", "1_0", " 1"])
def test_a_second_is_a_plain_number(tmp_path: Path, text: str) -> None:
    row = read_rows(put(tmp_path / "a.csv", b"a,b"), 2)[0]
    assert check_number("12.5", row, "the start") == 12.5
    with fails("line 1: the start is"):
        check_number(text, row, "the start")


@given(st.lists(st.integers(0, 10**6), unique=True))
def test_frames_are_in_the_order_of_their_numbers(numbers: list[int]) -> None:
    names = [f"frame_{number}.jpg" for number in numbers]
    assert sorted(names, key=natural_order) == [f"frame_{number}.jpg" for number in sorted(numbers)]
    padded = [f"{number:07d}.jpg" for number in numbers]
    assert sorted(padded, key=natural_order) == sorted(padded)


GROUPS = st.lists(st.integers(3, 12), min_size=6, max_size=12).map(
    lambda sizes: [f"p{i}" for i, size in enumerate(sizes) for _ in range(size)]
)


@given(GROUPS, st.integers(2, 5), st.integers(0, 9))
def test_every_person_is_tested_in_one_fold_and_is_in_one_part(
    groups: list[str], folds: int, seed: int
) -> None:
    splits = [split_groups(groups, folds, fold, 0, seed) for fold in range(folds)]
    for split in splits:
        of = {
            part: {group for group, place in zip(groups, split, strict=True) if place == part}
            for part in ("train", "val", "test")
        }
        assert of["train"] and of["val"] and of["test"]
        assert of["train"] | of["val"] | of["test"] == set(groups)
        assert sum(map(len, of.values())) == len(set(groups))
    tested = Counter(
        group
        for split in splits
        for group in {g for g, place in zip(groups, split, strict=True) if place == "test"}
    )
    assert tested == Counter(set(groups))


@given(GROUPS, st.randoms(), st.integers(0, 9))
def test_folds_follow_from_the_persons_alone(groups: list[str], random: object, seed: int) -> None:
    order = list(range(len(groups)))
    random.shuffle(order)  # type: ignore[attr-defined]
    split = split_groups(groups, 3, 1, 0, seed)
    assert split_groups([groups[i] for i in order], 3, 1, 0, seed) == [split[i] for i in order]


def test_folds_have_about_the_same_number_of_clips() -> None:
    groups = [f"p{i % 91}" for i in range(7442)]
    counts = [Counter(split_groups(groups, 3, fold, 0, 0)) for fold in range(3)]
    assert all(abs(count["test"] - 7442 / 3) <= 82 for count in counts)  # one person has 82 clips
    assert all(744 <= count["val"] <= 744 + 82 for count in counts)
    assert split_groups(groups, 3, 0, 0, 0) != split_groups(groups, 3, 0, 0, 1)
    assert 300 <= Counter(split_groups(groups, 3, 0, 300, 0))["val"] <= 382


def test_a_tenth_never_takes_everybody() -> None:
    split = split_groups([*["much"] * 50, *"abcdefgh"], 4, 0, 0, 0)
    assert set(split) == {"train", "val", "test"}


def test_too_few_persons_for_folds() -> None:
    with fails("2 persons do not make 2 folds"):
        split_groups(["a", "b"] * 5, 2, 0, 0, 0)
    with fails("4 persons do not make 5 folds"):
        split_groups(list("abcd"), 5, 0, 0, 0)
    with fails("fold . of 2 leaves 1 person for train and val"):
        for fold in range(2):  # one of them tests everybody but the one who has most of the clips
            split_groups([*["much"] * 50, *"abcd"], 2, fold, 0, 0)
    with fails("leaves nobody for train"):
        split_groups(list("abc") * 5, 3, 0, 14, 0)


def test_the_published_lists_of_ave(shared_data: Path) -> None:
    counts, classes, empty = {}, set(), []
    for part in ("train", "val", "test"):
        rows = read_rows(shared_data / "lists" / "ave" / f"{part}Set.txt", 5, "&")
        counts[part] = len(rows)
        classes |= {row.fields[0] for row in rows}
        empty += [row.fields[1] for row in rows if int(row.fields[3]) >= int(row.fields[4])]
    assert counts == {"train": 3339, "val": 402, "test": 402}
    assert len(classes) == 28
    assert empty == ["VWi2ENBuTbw"]  # from second 0 to second 0


def test_the_published_lists_of_kinetics_sounds(shared_data: Path) -> None:
    folder = shared_data / "lists" / "kinetics_sound_ogm_ge"
    rows = {part: read_rows(folder / f"my_{part}.txt", 3) for part in ("train", "test")}
    assert {part: len(of) for part, of in rows.items()} == {"train": 14799, "test": 2597}
    by_class = Counter(int(row.fields[2]) for row in rows["train"])
    assert sorted(by_class) == list(range(31))
    assert (by_class[26], by_class[1]) == (197, 690)  # the smallest and the largest
    assert not {row.fields[0] for row in rows["train"]} & {row.fields[0] for row in rows["test"]}


def test_the_kit_asks_for_one_line() -> None:
    with pytest.raises(AssertionError), fails("one"):
        raise DataError("one\ntwo")
