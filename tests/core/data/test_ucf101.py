"""UCF-101: lists, flow in every layout, equal moments of frames and flow, mirror, faults."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from loader_kit import fails, put
from media_kit import gray, write_video
from PIL import Image
from torch import Generator, Tensor

from asgml.core.data.base import SPLITS, DataError, Dataset, load_data
from asgml.core.data.cache.prepare import prepare
from asgml.core.data.catalogue import DATA_SETS
from asgml.core.data.clips.clips import Clip, ClipSet, Source
from asgml.core.data.datasets import clip_loader
from asgml.core.data.datasets.detect import detect
from asgml.core.data.datasets.ucf101_lists import spellings
from asgml.core.data.media.flow_decoder import FlowDecoder, candidate_frames
from asgml.core.data.media.flow_files import first_unpaired
from asgml.core.data.media.frame_choice import extracted_frames
from asgml.core.data.media.media_file import MediaError
from asgml.core.data.media.random_crop import draw_boxes
from asgml.core.data.media.views import FlowView, FramesView
from asgml.core.data.report.report_builder import build_report
from asgml.core.model.encoders.build import make_encoder

CLASSES = ("Archery", "HandstandPushups", "YoYo")
SIZE = (24, 32)
SMALL: dict[str, Any] = {"workers": 0, "frame_size": [24, 32], "crop": 16, "val": 3}
CLIPS = {
    "train": [f"{name}/v_{name}_g{group:02d}_c01" for name in CLASSES for group in (8, 9, 10)],
    "test": [f"{name}/v_{name}_g{group:02d}_c01" for name in CLASSES for group in (1, 2)],
}
FRAMES = 40
XY = {"u": "x", "v": "y"}


def stem(row: str) -> str:
    """The name of a clip; the videos of one class spell it otherwise than their folder."""
    return row.partition("/")[2].replace("Handstand", "HandStand")


def put_lists(root: Path, folder: str = "ucfTrainTestlist", end: str = "\r\n") -> None:
    put(
        root / folder / "classInd.txt",
        "".join(f"{i} {name}{end}" for i, name in enumerate(CLASSES, 1)).encode(),
    )
    for part, rows in CLIPS.items():
        lines = [f"{row.partition('/')[0]}/{stem(row)}.avi" for row in rows]
        numbered = (
            [f"{line} {CLASSES.index(line.partition('/')[0]) + 1}" for line in lines]
            if part == "train"
            else lines
        )
        put(
            root / folder / f"{part}list01.txt",
            "".join(f"{line}{end}" for line in numbered).encode(),
        )


def rows() -> list[str]:
    return [row for part in CLIPS.values() for row in part]


def image(path: Path, shade: int, size: tuple[int, int] = SIZE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(size, shade, np.uint8)).save(path, quality=95)


def shade_u(frame: int) -> int:
    """Return the brightness of u, which tells the frame; that of v is what is left to 255."""
    return gray(frame)


def put_flow(root: Path, names: Callable[[str, str, int], str], frames: int = FRAMES - 1) -> None:
    """Write flow after each frame but the last; `names`(clip, direction, frame) is its file."""
    for row in rows():
        for frame in range(frames):
            image(root / names(row, "u", frame), shade_u(frame))
            image(root / names(row, "v", frame), 255 - shade_u(frame))


def tvl1(row: str, direction: str, frame: int) -> str:
    """As in the archives of Feichtenhofer, which spell HandstandPushups in their own way."""
    return f"tvl1_flow/{direction}/{row.partition('/')[2]}/frame{frame + 1:06d}.jpg"


def side_by_side(row: str, direction: str, frame: int) -> str:
    return f"flow/{row.partition('/')[0]}/{stem(row)}/flow_{XY[direction]}_{frame + 1:05d}.jpg"


def put_images(root: Path, folder: str = "jpegs_256", step: int = 1) -> None:
    for row in rows():
        for number, frame in enumerate(range(0, FRAMES, step)):
            image(root / folder / row.partition("/")[2] / f"frame{number + 1:06d}.jpg", gray(frame))


def put_videos(root: Path, fps: int = 25) -> None:
    """Every frame has one brightness, so a test knows which one it sees."""
    first = root / "UCF-101" / "first.avi"
    first.parent.mkdir(parents=True)
    write_video(first, FRAMES, fps=fps)
    for row in rows():
        put(root / "UCF-101" / row.partition("/")[0] / f"{stem(row)}.avi", first.read_bytes())
    first.unlink()


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames and flow as images, of every frame. Read it only."""
    root = tmp_path_factory.mktemp("ucf") / "images"
    put_lists(root)
    put_images(root)
    put_flow(root, tvl1)
    return root


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos, and flow side by side in a folder a clip. Read it only."""
    root = tmp_path_factory.mktemp("ucf") / "videos"
    put_lists(root)
    put_videos(root)
    put_flow(root, side_by_side)
    return root


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Lists and flow alone, to change."""
    put_lists(tmp_path)
    put_flow(tmp_path, tvl1, 4)
    return tmp_path


def find(root: Path, options: dict[str, Any], seed: int = 0) -> ClipSet:
    return clip_loader.find(f"ucf101:{root}", options, seed)


def every(found: ClipSet) -> dict[str, Clip]:
    return {clip.id: clip for part in SPLITS for clip in found.splits[part]}


def read(data: Dataset, part: str = "test") -> dict[str, Tensor]:
    split = data.splits[part]
    assert split.rows is not None
    return split.rows.read(range(len(split)))


def generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


# --- lists --------------------------------------------------------------------------------------


def test_the_lists_say_class_split_and_group(images: Path) -> None:
    found = find(images, {"val": 3}, 0)
    clips = every(found)
    assert found.classes == CLASSES and not found.faults
    assert {part: len(found.splits[part]) for part in SPLITS} == {"train": 6, "val": 3, "test": 6}
    for row in rows():
        clip = clips[stem(row)]
        assert (
            found.classes[clip.label] == row.partition("/")[0]
            and clip.group == stem(row)[: -len("_c01")]
        )
    assert (
        found.info["groups_shared"] == 0 and "3 classes; UCF-101 has 101" in found.info["warnings"]
    )
    assert found.published == {"train": 9537, "test": 3783}


def test_the_three_published_splits_are_of_the_same_13320_videos(images: Path) -> None:
    assert [sum(parts.values()) for parts in DATA_SETS["ucf101"].published_splits.values()] == [
        13320
    ] * 3
    lists = images / "ucfTrainTestlist"
    put(lists / "trainlist02.txt", (lists / "testlist01.txt").read_bytes())
    put(
        lists / "testlist02.txt", (lists / "trainlist01.txt").read_bytes()
    )  # with numbers, which a list of test may have
    one, two = find(images, {"val": 1}, 0), find(images, {"val": 1, "split_number": 2}, 0)
    assert {clip.id for clip in one.splits["test"]} == {
        clip.id for part in ("train", "val") for clip in two.splits[part]
    }
    assert two.published == {"train": 9586, "test": 3734} and every(one).keys() == every(two).keys()
    with fails(r"no list 'trainlist03\.txt': looked in .*ucfTrainTestlist"):
        find(images, {"split_number": 3}, 0)
    for wrong in (0, 4, "1", True):
        with fails("option split_number"):
            find(images, {"split_number": wrong}, 0)


@pytest.mark.parametrize(
    ("file", "line", "says"),
    [
        (
            "trainlist01.txt",
            "Archery/v_Archery_g01_c09.avi 2",
            r"trainlist01\.txt, line 10: class number '2' for 'Archery'; expected 1",
        ),
        (
            "trainlist01.txt",
            "Archery/v_Archery_g01_c09.avi 1 x",
            r"line 10: .*expected 1 or 2 words",
        ),
        (
            "trainlist01.txt",
            "v_Archery_g01_c09.avi 1",
            r"line 10: .*expected the folder of the class",
        ),
        (
            "trainlist01.txt",
            "Skiing/v_Skiing_g01_c09.avi 1",
            r"line 10: class 'Skiing' of clip 'v_Skiing_g01_c09' is not one of Archery",
        ),
        ("trainlist01.txt", "Archery/../v.avi 1", r"line 10: '\.\./v' is not the name of a clip"),
        (
            "testlist01.txt",
            "Archery/v_Archery_g08_c01.avi",
            r"testlist01\.txt, line 7: clip 'v_Archery_g08_c01' is there already",
        ),
        ("classInd.txt", "5 Skiing", r"classInd\.txt, line 4: class number '5'; expected 4"),
        ("classInd.txt", "4 YoYo", r"classInd\.txt, line 4: class 'YoYo' is there twice"),
        ("classInd.txt", "4", r"classInd\.txt, line 4: '4'; expected 2 words"),
    ],
)
def test_a_wrong_line_is_named(own: Path, file: str, line: str, says: str) -> None:
    path = own / "ucfTrainTestlist" / file
    put(path, path.read_bytes() + line.encode())
    with fails(says):
        find(own, {"modalities": ["flow"]}, 0)


def test_the_archives_spell_a_class_otherwise() -> None:
    assert spellings("v_HandStandPushups_g01_c01") == (
        "v_HandStandPushups_g01_c01",
        "v_HandstandPushups_g01_c01",
    )
    assert spellings("v_HandstandWalking_g01_c01") == ("v_HandstandWalking_g01_c01",)


@pytest.mark.parametrize("folder", ["", "ucfTrainTestlist", "annotations"])
def test_a_folder_is_known_by_its_lists(tmp_path: Path, folder: str) -> None:
    put_lists(tmp_path, folder)
    assert detect(tmp_path) == "ucf101"


# --- layouts ------------------------------------------------------------------------------------


def apart_by_class(row: str, direction: str, frame: int) -> str:
    return f"{direction}/{row.partition('/')[0]}/{stem(row)}/frame{frame + 1:06d}.jpg"


def apart_and_named(row: str, direction: str, frame: int) -> str:
    return f"mine/{XY[direction]}/{stem(row)}/flow_{XY[direction]}_{frame}.jpg"


def beside_the_frames(row: str, direction: str, frame: int) -> str:
    return f"rawframes/{stem(row)}/flow_{XY[direction]}_{frame + 1:05d}.jpg"


@pytest.mark.parametrize(
    ("names", "options"),
    [
        (tvl1, {}),
        (side_by_side, {}),
        (apart_by_class, {}),
        (apart_and_named, {"flow_folder": "mine"}),
        (beside_the_frames, {"flow_folder": "rawframes"}),
    ],
)
def test_flow_is_found_in_every_layout(
    tmp_path: Path, names: Callable[[str, str, int], str], options: dict[str, Any]
) -> None:
    put_lists(tmp_path)
    put_flow(tmp_path, names, 12)
    data = load_data(
        f"ucf101:{tmp_path}", {**SMALL, **options, "modalities": ["flow"], "choice": "first"}
    )
    flow = read(data)["flow"].float().mean(dim=(-2, -1))
    wanted = torch.tensor([[shade_u(frame), 255 - shade_u(frame)] for frame in range(3)])
    assert flow.shape == (6, 3, 2) and torch.allclose(
        flow, wanted.expand(6, 3, 2).float(), atol=2.0
    )


def test_frames_beside_their_flow_are_told_from_it(tmp_path: Path) -> None:
    put_lists(tmp_path)
    put_flow(tmp_path, beside_the_frames, 9)
    for row in rows():
        for frame in range(10):
            image(tmp_path / "rawframes" / stem(row) / f"img_{frame + 1:05d}.jpg", gray(frame))
    data = read(load_data(f"ucf101:{tmp_path}", {**SMALL, "flow_folder": "rawframes"}))
    assert_same_moments(data["rgb"], data["flow"], last=8)


def test_without_flow_the_way_out_is_told(tmp_path: Path) -> None:
    put_lists(tmp_path)
    put_images(tmp_path, step=20)
    with fails(
        r"no folder of optical flow; looked for tvl1_flow, .*extracted beforehand.*"
        r"modalities=\[\"rgb\"\]"
    ):
        find(tmp_path, {}, 0)
    with fails(r"option flow_folder is 'no', but .*not a folder"):
        find(tmp_path, {"flow_folder": "no"}, 0)
    assert load_data(f"ucf101:{tmp_path}", {**SMALL, "modalities": ["rgb"]}).modalities == ("rgb",)


# --- the same moments ---------------------------------------------------------------------------


def assert_same_moments(rgb: Tensor, flow: Tensor, last: int) -> None:
    """Every frame, by its brightness, is that of the flow; there is none after the last frame."""
    seen = rgb.float().mean(dim=(2, 3, 4)) / 7
    wanted = seen.round().clamp(max=last)
    assert (seen - seen.round()).abs().max() < 0.45  # brightness tells the frame
    assert torch.equal((flow[:, :, 0].float().mean(dim=(2, 3)) / 7).round(), wanted)
    assert torch.equal(((255 - flow[:, :, 1].float().mean(dim=(2, 3))) / 7).round(), wanted)


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos of 34 frames, whose brightness never repeats, with flow."""
    root = tmp_path_factory.mktemp("ucf") / "short"
    put_lists(root)
    (root / "UCF-101").mkdir()
    for row in rows():
        write_video(root / "UCF-101" / f"{stem(row)}.avi", 34)
    put_flow(root, tvl1, 33)
    return root


@pytest.mark.parametrize("choice", ["uniform", "first", "random"])
@pytest.mark.parametrize(("frames", "fps"), [(1, 30), (3, 30), (7, 5), (3, 1)])
def test_flow_is_of_the_frames_of_the_video(
    short: Path, choice: str, frames: int, fps: int
) -> None:
    data = read(
        load_data(f"ucf101:{short}", {**SMALL, "choice": choice, "frames": frames, "fps": fps})
    )
    assert_same_moments(data["rgb"], data["flow"], last=32)


@pytest.mark.parametrize("choice", ["uniform", "first", "random"])
@pytest.mark.parametrize(("step", "fps"), [(1, 30), (5, 5), (25, 1)])
def test_flow_is_of_the_images(tmp_path: Path, choice: str, step: int, fps: int) -> None:
    """Images of each frame, or of every fifth or 25th, as extracted from 25 a second."""
    put_lists(tmp_path)
    put_flow(tmp_path, tvl1, 33)
    for row in rows():
        for number, frame in enumerate(range(0, 34, step)):
            image(tmp_path / "frames" / stem(row) / f"{number}.jpg", gray(frame))
    data = read(load_data(f"ucf101:{tmp_path}", {**SMALL, "choice": choice, "fps": fps}))
    assert_same_moments(data["rgb"], data["flow"], last=32)


def test_flow_alone_shows_the_moments_that_it_shows_beside_the_frames(short: Path) -> None:
    options = {**SMALL, "choice": "random", "frames": 5}
    both, alone = (
        read(load_data(f"ucf101:{short}", {**options, "modalities": names}))
        for names in (["flow", "rgb"], ["flow"])
    )
    assert list(both) == ["flow", "rgb"] and torch.equal(both["flow"], alone["flow"])


@given(
    frames=st.integers(1, 400),
    rate=st.sampled_from([25, 29]),
    fps=st.sampled_from([1, 2, 5, 30]),
    lost=st.integers(0, 1),
)
def test_the_frames_of_images_are_those_of_the_published_extraction(
    frames: int, rate: int, fps: int, lost: int
) -> None:
    """As many numbers as images, ascending from 0; of the usual rate where its count fits."""
    folder = Path("/clock")
    names = [f"{number}.jpg" for number in range(len(extracted_frames(frames, rate, fps)))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "listdir", lambda _: names)
        flows = max(frames - lost, 1)
        kept = candidate_frames(folder / "0.jpg", Path("/flow"), flows, fps)
    assert len(kept) == len(names) and kept == sorted(set(kept)) and kept[0] == 0
    if len(extracted_frames(flows + 1, 25, fps)) == len(names):
        assert kept == extracted_frames(1000, 25, fps)[: len(names)]


def test_flow_that_is_not_of_every_frame_is_named(short: Path, own: Path) -> None:
    source = find(short, SMALL, 0).splits["test"][0].sources["flow"]
    for path in sorted(source.paths[0].parent.iterdir())[:10]:
        for folder in ("u", "v"):
            put(own / "few" / folder / path.name, path.read_bytes())
    few = Source((own / "few/u/frame000001.jpg", own / "few/v/frame000001.jpg", source.paths[2]))
    with fails(r"few/u: 10 images of flow, but 34 frames in v_Archery_g01_c01\.avi"):
        FlowDecoder(3, "uniform", SIZE, 30).decode(few, "clip")
    with fails(r"few/u: 10 images of flow, but 33 frames in .*set fps"):
        FlowDecoder(3, "uniform", SIZE, 30).decode(
            Source((*few.paths[:2], source.paths[0])), "clip"
        )


# --- broken files -------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["u", "v"])
def test_a_missing_image_is_named_before_training(own: Path, direction: str) -> None:
    gone = own / "tvl1_flow" / direction / "v_YoYo_g01_c01" / "frame000003.jpg"
    gone.unlink()
    (fault,) = find(own, {"modalities": ["flow"]}, 0).faults
    assert (fault.clip, fault.path, fault.kind) == ("v_YoYo_g01_c01", gone, "missing")
    with fails(
        r"1 clips of ucf101 cannot be used: v_YoYo_g01_c01: "
        rf".*{direction}/v_YoYo_g01_c01/frame000003\.jpg"
    ):
        load_data(f"ucf101:{own}", {**SMALL, "modalities": ["flow"]})
    assert (
        len(
            load_data(
                f"ucf101:{own}", {**SMALL, "modalities": ["flow"], "allow_missing": True}
            ).splits["test"]
        )
        == 5
    )


@pytest.mark.parametrize("direction", ["u", "v"])
@pytest.mark.parametrize(("content", "kind"), [(b"", "empty"), (b"\xff\xd8noise", "unreadable")])
def test_a_broken_image_is_named(own: Path, direction: str, content: bytes, kind: str) -> None:
    for number in range(1, 5):
        put(own / "tvl1_flow" / direction / "v_YoYo_g01_c01" / f"frame{number:06d}.jpg", content)
    with fails(rf"{direction}/v_YoYo_g01_c01/frame00000\d\.jpg"):
        read(load_data(f"ucf101:{own}", {**SMALL, "modalities": ["flow"]}))
    report = build_report(f"ucf101:{own}", {**SMALL, "modalities": ["flow"]}, 0, workers=1)
    (fault,) = report.faults
    path = own / "tvl1_flow" / direction / "v_YoYo_g01_c01" / "frame000001.jpg"
    assert (fault.clip, fault.path, fault.kind) == ("v_YoYo_g01_c01", path, kind)


def test_an_image_that_no_moment_shows_is_checked_too(own: Path) -> None:
    put(own / "tvl1_flow" / "v" / "v_YoYo_g01_c01" / "frame000004.jpg", b"noise")
    options = {**SMALL, "modalities": ["flow"], "choice": "first"}
    read(load_data(f"ucf101:{own}", options))
    (fault,) = build_report(f"ucf101:{own}", options, 0, workers=1).faults
    assert fault.clip == "v_YoYo_g01_c01" and fault.path.name == "frame000004.jpg"


def test_a_missing_or_empty_folder_is_named(own: Path) -> None:
    for path in (own / "tvl1_flow/v/v_YoYo_g01_c01").iterdir():
        path.unlink()
    (own / "tvl1_flow/v/v_YoYo_g02_c01").rename(own / "gone")
    for folder in ("u", "v"):
        for path in (own / f"tvl1_flow/{folder}/v_YoYo_g08_c01").iterdir():
            path.unlink()
    faults = {fault.clip: fault for fault in find(own, {"modalities": ["flow"]}, 0).faults}
    assert {
        name: (fault.kind, str(fault.path.relative_to(own))) for name, fault in faults.items()
    } == {
        "v_YoYo_g01_c01": ("missing", "tvl1_flow/v/v_YoYo_g01_c01/frame000001.jpg"),
        "v_YoYo_g02_c01": ("missing", "tvl1_flow/v/v_YoYo_g02_c01"),
        "v_YoYo_g08_c01": ("empty", "tvl1_flow/u/v_YoYo_g08_c01"),
    }


def test_a_partner_is_missed_by_the_name_it_would_have() -> None:
    assert first_unpaired(["frame1.jpg", "frame2.jpg"], ["frame1.jpg"]) == (1, "frame2.jpg")
    assert first_unpaired(["flow_x_1.jpg"], ["flow_y_1.jpg", "flow_y_10.jpg", "flow_y_9.jpg"]) == (
        0,
        "flow_x_9.jpg",
    )
    assert first_unpaired(["flow_x_1.jpg"], []) == (1, "flow_y_1.jpg")
    assert first_unpaired(["flow_x_1.jpg"], ["flow_y_1.jpg"]) is None


def test_a_source_without_both_directions_is_refused(own: Path) -> None:
    for paths in ((), (own / "tvl1_flow/u/v_YoYo_g01_c01/frame000001.jpg",)):
        with pytest.raises(MediaError, match="has no flow"):
            FlowDecoder(3, "uniform", SIZE).decode(Source(paths), "clip")


# --- the view -----------------------------------------------------------------------------------


def pictures(count: int = 12, frames: int = 2) -> Tensor:
    return torch.randint(
        0, 256, (count, frames, 2, 40, 56), dtype=torch.uint8, generator=generator(1)
    )


@pytest.mark.parametrize("augment", ["clip", "frame"])
def test_a_mirror_turns_u_round_and_leaves_v(augment: str) -> None:
    """v is mirrored as frames are, u is mirrored and negated, and nothing else is."""
    stored = pictures()
    flow = FlowView(32, augment)(stored, generator())
    frames = FramesView(32, augment, mean=(0.5, 0.5), std=(0.226, 0.226))(stored, generator())
    count = len(stored) * (stored.shape[1] if augment == "frame" else 1)
    flips = (
        draw_boxes(count, 40, 56, generator())[1]
        .view(len(stored), -1)
        .expand(len(stored), stored.shape[1])
    )
    assert flips.any() and not flips.all()
    torch.testing.assert_close(flow[:, :, 1], frames[:, :, 1])
    torch.testing.assert_close(
        flow[:, :, 0],
        torch.where(flips[..., None, None], -frames[:, :, 0], frames[:, :, 0]),
        atol=1e-5,
        rtol=1e-4,
    )


def test_the_mirror_image_of_a_motion_to_the_right_is_a_motion_to_the_left() -> None:
    """Of two clips with opposite motions, one mirrored equals the other."""
    right, left = (
        torch.full((64, 1, 2, 20, 20), 200, dtype=torch.uint8),
        torch.full((64, 1, 2, 20, 20), 55, dtype=torch.uint8),
    )
    right[:, :, 1], left[:, :, 1] = 128, 128
    seen = FlowView(16)(right, generator())
    mirrored = seen[:, 0, 0, 0, 0] < 0
    assert 0 < mirrored.sum() < 64
    torch.testing.assert_close(seen[mirrored][0], FlowView(16)(left, None)[0])
    torch.testing.assert_close(seen[~mirrored][0], FlowView(16)(right, None)[0])


def test_evaluation_normalises_and_draws_nothing() -> None:
    stored = pictures()
    for view in (FlowView(40, "off"), FlowView(40)):
        seen = view(stored, None)
        assert seen.dtype == torch.float32 and seen.shape == (12, 2, 2, 40, 40)
    square = stored[..., :40]
    torch.testing.assert_close(FlowView(40)(square, None), (square / 255 - 0.5) / 0.226)
    assert torch.equal(FlowView(40, "off")(stored, generator()), FlowView(40)(stored, None))
    assert (
        float(FlowView(40)(torch.full_like(stored, 128), None).abs().max()) < 0.01
    )  # what stands still is close to 0


# --- as a data set ------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["images", "videos"])
def test_the_cache_holds_what_the_files_give(
    which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    root = request.getfixturevalue(which)
    options = {**SMALL, "choice": "random"}
    cache = prepare(
        find(root, options, 0),
        tmp_path / "cache",
        workers=0,
        allow_missing=False,
        progress=lambda done, total: None,
    )
    truth = load_data(f"ucf101:{root}", {**options, "cache": "off"})
    for names in (["rgb", "flow"], ["flow"], ["rgb"]):
        data = load_data(f"ucf101:{root}", {**options, "cache": str(cache), "modalities": names})
        for part in SPLITS:
            read_, wanted = read(data, part), read(truth, part)
            assert list(read_) == names and all(
                torch.equal(read_[m], wanted[m]) and read_[m].dtype == torch.uint8 for m in names
            )
    assert data.shapes == {"rgb": (3, 3, 16, 16)} and truth.shapes["flow"] == (3, 2, 16, 16)


def test_flow_made_anew_makes_the_cache_stale(own: Path) -> None:
    options = {**SMALL, "modalities": ["flow"]}
    prepare(
        find(own, options, 0),
        None,
        workers=0,
        allow_missing=False,
        progress=lambda done, total: None,
    )
    load_data(f"ucf101:{own}", {**options, "cache": "require"})
    image(own / "tvl1_flow/u/v_YoYo_g01_c01/frame000001.jpg", 3, (30, 40))
    with fails(r"1 clips \('v_YoYo_g01_c01'\).*changed"):
        load_data(f"ucf101:{own}", {**options, "cache": "require"})


def test_a_check_measures_both(videos: Path) -> None:
    report = build_report(f"ucf101:{videos}", SMALL, 0, workers=1)
    assert report.fit and report.inputs["flow"]["frames"] == {
        "min": FRAMES - 1,
        "median": FRAMES - 1,
        "max": FRAMES - 1,
    }
    assert (
        report.inputs["flow"]["sizes"] == {"24×32": 15} and report.inputs["rgb"]["fps"]["max"] == 25
    )
    assert any("train has 9 samples, published 9537" in remark for remark in report.remarks)


@pytest.mark.parametrize("kind", ["resnet18", "conv"])
def test_an_encoder_takes_flow(kind: str) -> None:
    flow = FlowView(64)(pictures(2, 3), None)
    features = make_encoder(kind, tuple(flow.shape[1:])).eval()(flow)
    assert features.shape[0] == 2 and bool(features.isfinite().all())
    torch.testing.assert_close(make_encoder("auto", (3, 2, 224, 224)).features, 512)


def test_settings_that_cannot_be_are_refused(own: Path) -> None:
    for options in (
        {"frames": 0},
        {"choice": "last"},
        {"audio": "stft"},
        {"modalities": ["visual"]},
        {"crop": 1},
        {"frame_size": [1]},
        {"fps": 0},
    ):
        with fails("option"):
            find(own, options, 0)
    with pytest.raises(DataError, match="option frames"):
        FlowDecoder(0, "uniform", SIZE)
