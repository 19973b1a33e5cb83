"""A check finds the damage done to the files, and data that it calls fit can be trained on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from clip_kit import NoisyView, clip_set, make_files, silent
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from asgml.core.config.run_config import RunConfig
from asgml.core.data.base import SPLITS, DataError, load_data
from asgml.core.data.cache.prepare import prepare
from asgml.core.data.clips.clip_options import ClipOptions
from asgml.core.data.datasets.clip_dataset import load_clips
from asgml.core.data.report.dataset_report import Report
from asgml.core.data.report.report_builder import build_report, find_clips
from asgml.core.run.protocol import protocol_of

RATE = 8000
LABELS = ("calm", "glad")
CLIPS = 12
TEST = 4
NAMES = [f"clip {number}" for number in range(CLIPS)]
OPTIONS: dict[str, Any] = {"frame_size": [32, 32], "seconds": 0.5, "workers": 0}


def write_clips(root: Path) -> str:
    """Write twelve clips in CREMA-D's folders: half a second of noise and two small images each.

    Their names are no actors'.
    """
    rng = np.random.default_rng(0)
    for number, name in enumerate(NAMES):
        (root / "Image-01-FPS" / name).mkdir(parents=True)
        (root / "AudioWAV").mkdir(exist_ok=True)
        soundfile.write(
            root / "AudioWAV" / f"{name}.wav", rng.normal(0, 0.1, RATE // 2 + 100 * number), RATE
        )
        for frame in range(2):
            pixels = rng.integers(0, 256, (24, 20 + number, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / "Image-01-FPS" / name / f"{frame:05d}.jpg")
    lines = [f"{name},{LABELS[number % 2]}\n" for number, name in enumerate(NAMES)]
    (root / "train.csv").write_text("".join(lines[TEST:]), encoding="utf-8")
    (root / "test.csv").write_text("".join(lines[:TEST]), encoding="utf-8")
    return f"cremad:{root}"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("whole")
    write_clips(root)
    return root


def wav(root: Path, name: str) -> Path:
    return root / "AudioWAV" / f"{name}.wav"


def images(root: Path, name: str) -> Path:
    return root / "Image-01-FPS" / name


def write_sound(samples: np.ndarray) -> Callable[[Path, str], None]:
    return lambda root, name: soundfile.write(wav(root, name), samples, RATE)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty_folder(root: Path, name: str) -> None:
    for path in images(root, name).iterdir():
        path.unlink()


DAMAGE: dict[str, tuple[str, Callable[[Path, str], object]]] = {
    "no sound": ("missing", lambda root, name: wav(root, name).unlink()),
    "no bytes": ("empty", lambda root, name: wav(root, name).write_bytes(b"")),
    "no wav": ("unreadable", lambda root, name: wav(root, name).write_bytes(b"not a wav " * 50)),
    "cut short": ("short", write_sound(np.full(20, 0.3))),
    "quiet": ("silent", write_sound(np.zeros(RATE // 2))),
    "no folder": ("missing", lambda root, name: shutil.rmtree(images(root, name))),
    "no image": ("empty", empty_folder),
    "half an image": ("unreadable", lambda root, name: cut(images(root, name) / "00000.jpg")),
    "an empty image": (
        "empty",
        lambda root, name: (images(root, name) / "00001.jpg").write_bytes(b""),
    ),
}
"""What can happen to the files of a clip, and the kind of fault that it has to be told as."""


def can_be_trained_on(spec: str) -> bool:
    """The independent answer: load it and read every row as a training does."""
    try:
        data = load_data(spec, OPTIONS, 0)
        for part in SPLITS:
            rows = data.splits[part].rows
            assert rows is not None
            for number in range(len(rows)):
                rows.read([number])
    except DataError:
        return False
    return True


def kinds(report: Report) -> dict[str, str]:
    return {fault.clip: fault.kind for fault in (*report.faults, *report.tolerated)}


@settings(max_examples=12, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(sorted(DAMAGE)), max_size=3))
def test_the_faults_are_what_was_done(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, damaged: dict[str, str]
) -> None:
    root = tmp_path_factory.mktemp("damaged") / "data"
    shutil.copytree(whole, root)
    for name, damage in damaged.items():
        DAMAGE[damage][1](root, name)
    report = build_report(f"cremad:{root}", OPTIONS, 0, workers=2)
    assert kinds(report) == {name: DAMAGE[damage][0] for name, damage in damaged.items()}
    assert (
        report.fit
        == can_be_trained_on(f"cremad:{root}")
        == (set(kinds(report).values()) <= {"silent"})
    )


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_fault_names_its_file_in_one_line(whole: Path, tmp_path: Path, damage: str) -> None:
    root = tmp_path / "data"
    shutil.copytree(whole, root)
    DAMAGE[damage][1](root, NAMES[5])
    report = build_report(f"cremad:{root}", OPTIONS, 0, workers=1)
    (fault,) = (*report.faults, *report.tolerated)
    assert fault.path.is_relative_to(root) and NAMES[5] in str(fault.path)
    assert "\n" not in str(fault)


def test_a_broken_video_is_one_fault_though_it_should_hold_sound_and_frames(tmp_path: Path) -> None:
    (tmp_path / "video").mkdir()
    for name in NAMES:
        (tmp_path / "video" / f"{name}.mp4").write_bytes(b"no video")
    for part, names in (("train", NAMES[TEST:]), ("test", NAMES[:TEST])):
        lines = [f"{name},{LABELS[number % 2]}\n" for number, name in enumerate(names)]
        (tmp_path / f"{part}.csv").write_text("".join(lines), encoding="utf-8")
    report = build_report(f"cremad:{tmp_path}", OPTIONS, 0, workers=1)
    assert kinds(report) == dict.fromkeys(NAMES, "unreadable") and len(report.faults) == CLIPS


def test_counts_add_up_whatever_is_missing(whole: Path, tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(whole, root)
    for name in (NAMES[0], NAMES[7], NAMES[8]):
        wav(root, name).unlink()
    parts = build_report(f"cremad:{root}", OPTIONS, 0, workers=1).splits
    assert sum(part.samples for part in parts.values()) == CLIPS - 3
    assert all(sum(part.classes) == part.samples for part in parts.values())
    assert (parts["train"].listed, parts["val"].listed, parts["test"].listed) == (
        CLIPS - TEST,
        0,
        TEST,
    )


def test_measures_are_those_of_the_files(whole: Path) -> None:
    inputs = build_report(f"cremad:{whole}", OPTIONS, 0, workers=2).inputs
    seconds = [soundfile.info(path).duration for path in (whole / "AudioWAV").iterdir()]
    assert inputs["audio"]["seconds"] == pytest.approx(
        {"min": min(seconds), "median": np.median(seconds), "max": max(seconds)}
    )
    assert inputs["audio"]["rates"] == {str(RATE): CLIPS} and inputs["audio"]["channels"] == {
        "1": CLIPS
    }
    assert inputs["visual"]["frames"] == {"min": 2, "median": 2, "max": 2}
    assert inputs["visual"]["sizes"] == {f"24×{20 + number}": 1 for number in range(CLIPS)}


def test_a_quick_check_finds_what_is_missing_and_decodes_no_sound(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "data"
    shutil.copytree(whole, root)
    wav(root, NAMES[1]).unlink()
    monkeypatch.setattr("asgml.core.data.media.audio_decoder.read_waveform", None)
    report = build_report(f"cremad:{root}", OPTIONS, 0, quick=True, workers=1)
    assert kinds(report) == {NAMES[1]: "missing"} and report.quick
    assert report.inputs["audio"]["read"] == CLIPS - 1


def test_any_number_of_threads_finds_the_same_in_the_same_order(
    whole: Path, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    shutil.copytree(whole, root)
    for name in NAMES[::3]:
        wav(root, name).write_bytes(b"")
    reports = [build_report(f"cremad:{root}", OPTIONS, 0, workers=workers) for workers in (1, 4)]
    assert reports[0] == reports[1] and len(reports[0].faults) == 4


def test_progress_tells_every_clip(whole: Path) -> None:
    told: list[tuple[int, int]] = []
    build_report(
        f"cremad:{whole}",
        OPTIONS,
        0,
        quick=True,
        workers=3,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(done, CLIPS) for done in range(1, CLIPS + 1)]


def test_only_the_modalities_asked_for_are_looked_at(whole: Path, tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(whole, root)
    shutil.rmtree(root / "Image-01-FPS")
    report = build_report(f"cremad:{root}", {**OPTIONS, "modalities": ["audio"]}, 0, workers=1)
    assert report.fit and list(report.inputs) == ["audio"]


def test_a_clip_in_train_and_test_and_the_same_persons_are_told(whole: Path) -> None:
    from asgml.core.data.report.report_builder import report_clips

    found = find_clips(f"cremad:{whole}", OPTIONS, 0)
    assert found is not None
    train = tuple(replace(clip, group="the same") for clip in found.splits["train"])
    shared = replace(
        found, splits={**found.splits, "train": train, "test": (train[0], *found.splits["test"])}
    )
    report = report_clips(shared, OPTIONS, quick=True, workers=1, progress=lambda done, total: None)
    assert any(repr(train[0].id) in remark and "test" in remark for remark in report.remarks)
    assert any("strangers" in remark for remark in report.remarks)


def test_other_sizes_than_the_published_are_told() -> None:
    from asgml.core.data.report.dataset_report import SplitReport
    from asgml.core.data.report.report_remarks import size_remarks

    parts = {
        "train": SplitReport(5954, 6698, 6698, ()),
        "val": SplitReport(744, 0, None, ()),
        "test": SplitReport(743, 743, 744, ()),
    }
    (line,) = size_remarks(parts)
    assert "test" in line and "743" in line and "744" in line


def test_a_report_is_json(whole: Path) -> None:
    record = json.loads(
        json.dumps(
            build_report(f"cremad:{whole}", OPTIONS, 0, quick=True, workers=1).as_json(),
            allow_nan=False,
        )
    )
    assert record["fit"] and record["splits"]["test"]["classes"] == {"calm": 2, "glad": 2}


def test_arrays_are_counted_and_their_constant_samples_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(20, 3, 4)).astype("float32")
    values[[2, 9, 11]] = 0
    split = np.where(np.arange(20) < 15, "train", "test")
    np.savez(
        tmp_path / "mine.npz",
        label=np.arange(20) % 2,
        split=split,
        sound=values,
        group=np.arange(20) % 4,
    )
    report = build_report(str(tmp_path / "mine.npz"), {}, 0)
    assert (
        report.fit
        and report.inputs["sound"]["shape"] == [3, 4]
        and report.inputs["sound"]["constant"] == 3
    )
    assert sum(part.samples for part in report.splits.values()) == 20
    assert any("4 groups" in remark for remark in report.remarks)


def test_what_cannot_even_be_listed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train\.csv"):
        build_report(f"cremad:{tmp_path}", {}, 0)
    with pytest.raises(DataError, match="frmes"):
        build_report(f"cremad:{tmp_path}", {"frmes": 3}, 0)


def test_a_protocol_has_the_augmentation_and_not_where_samples_are_read_from(
    tmp_path: Path,
) -> None:
    found = clip_set(make_files(tmp_path / "data"))
    decoded = load_clips(found, ClipOptions(cache="off"))
    prepare(found, None, workers=0, allow_missing=False, progress=silent)
    read = load_clips(found, ClipOptions(cache="require"))
    assert decoded.info != read.info
    assert protocol_of(RunConfig(), decoded) == protocol_of(RunConfig(), read)
    views = {**decoded.splits["train"].views, "audio": NoisyView(0.5)}
    noisier = replace(
        decoded, splits={**decoded.splits, "train": replace(decoded.splits["train"], views=views)}
    )
    before, after = (protocol_of(RunConfig(), found).inputs for found in (decoded, noisier))
    assert (before["audio"]["view"], after["audio"]["view"]) == (
        {"strength": 1.0},
        {"strength": 0.5},
    )
