"""Frames from images and videos: their choice, their pixels, broken files by their message."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from media_kit import chirp, gray, lag, write_video
from PIL import Image
from torch import Tensor

from asgml.core.data.base import DataError
from asgml.core.data.clips.clips import Source
from asgml.core.data.media.container import seek_before
from asgml.core.data.media.frame_choice import CHOICES, choose_frames, extracted_frames
from asgml.core.data.media.frame_decoder import (
    FrameDecoder,
    frame_facts,
    frame_fault,
    frame_modality,
)
from asgml.core.data.media.images import read_image, scale
from asgml.core.data.media.media_file import MediaError
from asgml.core.data.media.waveform import read_waveform

SIZE = (48, 64)


def write_image(
    path: Path, shade: int | None = None, size: tuple[int, int] = SIZE, **options: object
) -> Path:
    """An image of one brightness, or of noise."""
    rng = np.random.default_rng(5)
    pixels = (
        rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        if shade is None
        else np.full((*size, 3), shade, np.uint8)
    )
    Image.fromarray(pixels).save(path, **options)
    return path


def shades(frames: Tensor) -> list[int]:
    return frames.float().mean(dim=(1, 2, 3)).round().int().tolist()


# Which frames


@given(
    there=st.integers(1, 400),
    wanted=st.integers(1, 40),
    choice=st.sampled_from(CHOICES),
    clip=st.text(),
)
def test_as_many_as_wanted_are_chosen_in_order(
    there: int, wanted: int, choice: str, clip: str
) -> None:
    chosen = choose_frames(there, wanted, choice, clip)
    assert len(chosen) == wanted and chosen == sorted(chosen)
    assert chosen[0] >= 0 and chosen[-1] < there
    assert chosen == choose_frames(there, wanted, choice, clip)
    if there >= wanted:
        assert len(set(chosen)) == wanted


@given(there=st.integers(1, 400), wanted=st.integers(1, 40))
def test_uniform_takes_the_middle_of_equal_parts(there: int, wanted: int) -> None:
    """Frame i holds the middle of interval i; mirrored in time the choice is the same."""
    chosen = choose_frames(there, wanted, "uniform", "clip")
    for part, number in enumerate(chosen):
        middle = (part + 0.5) * there / wanted
        assert number <= middle <= number + 1
    gaps = np.diff(chosen)
    assert gaps.size == 0 or gaps.max() - gaps.min() <= 1


@given(there=st.integers(1, 30), wanted=st.integers(1, 40))
def test_uniform_repeats_the_nearest_where_there_are_too_few(there: int, wanted: int) -> None:
    if wanted >= there:
        assert set(choose_frames(there, wanted, "uniform", "clip")) == set(range(there))


def test_choices_by_example() -> None:
    assert choose_frames(10, 3, "uniform", "a") == [1, 5, 8]
    assert choose_frames(2, 3, "uniform", "a") == [0, 1, 1]
    assert choose_frames(3, 1, "uniform", "a") == [1]
    assert choose_frames(10, 3, "first", "a") == [0, 1, 2]
    assert choose_frames(2, 3, "first", "a") == [0, 1, 1]


def test_random_depends_on_the_name_alone_and_favours_no_frame() -> None:
    chosen = [choose_frames(9, 3, "random", f"clip {i}") for i in range(3000)]
    counts = np.bincount(np.ravel(chosen), minlength=9)
    assert abs(counts - 1000).max() < 5 * np.sqrt(1000)
    assert chosen[0] == choose_frames(9, 3, "random", "clip 0")
    assert len({tuple(numbers) for numbers in chosen}) == 84  # all 9 over 3 of them


def published(frames: int, video_fps: float, kept: int) -> list[int]:
    """The loop of OGM-GE's extraction: a counter that begins anew every second."""
    fps = int(video_fps)
    interval, saved, within = int(fps / kept), [], 0
    for count in range(frames):
        if count % fps == 0:
            within = 0
        if within < interval * kept and within % interval == 0:
            saved.append(count)
        within += 1
    return saved


@given(
    frames=st.integers(1, 200),
    video_fps=st.sampled_from([12.0, 15.0, 23.976, 25.0, 29.97, 30.0, 59.94]),
    kept=st.integers(1, 12),
)
def test_frames_are_taken_from_a_video_as_the_published_extraction_takes_them(
    frames: int, video_fps: float, kept: int
) -> None:
    assert extracted_frames(frames, video_fps, kept) == published(frames, video_fps, kept)


def test_more_frames_a_second_than_there_are_takes_all_and_less_than_one_skips_seconds() -> None:
    assert extracted_frames(7, 5.0, 60) == list(range(7))
    assert extracted_frames(100, 25.0, 0.5) == [0, 50]
    assert extracted_frames(100, 25.0, 1) == [0, 25, 50, 75]
    assert extracted_frames(3, 0.5, 1) == [0, 1, 2]


# Images


@pytest.mark.parametrize(
    ("choice", "wanted"), [("uniform", [20, 100, 160]), ("first", [0, 20, 40])]
)
def test_images_are_decoded_in_the_order_of_time(
    tmp_path: Path, choice: str, wanted: list[int]
) -> None:
    paths = tuple(write_image(tmp_path / f"{i:05d}.png", 20 * i) for i in range(10))
    frames = FrameDecoder(3, choice, SIZE).decode(Source(paths), "clip")
    assert frames.shape == (3, 3, *SIZE) and frames.dtype == torch.uint8 and frames.is_contiguous()
    assert shades(frames) == wanted


def test_random_images_are_those_of_the_clips_name(tmp_path: Path) -> None:
    paths = tuple(write_image(tmp_path / f"{i:05d}.png", 20 * i) for i in range(10))
    frames = FrameDecoder(3, "random", SIZE).decode(Source(paths), "1001_DFA_ANG_XX")
    assert shades(frames) == [20 * i for i in choose_frames(10, 3, "random", "1001_DFA_ANG_XX")]


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.bmp"])
def test_images_are_decoded_as_torchvision_does(tmp_path: Path, name: str) -> None:
    from torchvision.io import ImageReadMode, decode_image

    path = write_image(tmp_path / name)
    if name == "a.bmp":  # which torchvision does not read
        assert torch.equal(read_image(path), read_image(write_image(tmp_path / "a.png")))
    else:
        assert torch.equal(read_image(path), decode_image(str(path), mode=ImageReadMode.RGB))


@pytest.mark.parametrize("there", [(96, 96), (240, 320), (300, 400), (1, 1), (48, 64)])
def test_images_are_scaled_as_torchvision_does(there: tuple[int, int]) -> None:
    from torchvision.transforms.v2 import functional

    image = torch.randint(
        0, 256, (3, *there), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    assert torch.equal(
        scale(image, (200, 240)), functional.resize(image, [200, 240], antialias=True)
    )
    assert scale(image, (48, 64)).shape == (3, 48, 64)


def test_gray_and_transparent_and_deep_images_become_rgb(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 48 * 64).reshape(48, 64)
    Image.fromarray(ramp.astype(np.uint16)).save(tmp_path / "deep.png")
    Image.fromarray((ramp / 257).astype(np.uint8)).save(tmp_path / "gray.jpg", quality=100)
    Image.fromarray(
        np.dstack([(ramp / 257).astype(np.uint8)] * 3 + [np.full((48, 64), 9, np.uint8)])
    ).save(tmp_path / "clear.png")
    for name in ("deep.png", "gray.jpg", "clear.png"):
        image = read_image(tmp_path / name)
        assert image.shape == (3, 48, 64) and image.dtype == torch.uint8
        np.testing.assert_allclose(image.float().numpy(), np.stack([ramp / 257] * 3), atol=3)


def test_images_of_different_sizes_make_one_clip(tmp_path: Path) -> None:
    paths = (
        write_image(tmp_path / "a.jpg", 50),
        write_image(tmp_path / "b.jpg", 150, (20, 30)),
        write_image(tmp_path / "c.png", 250, (99, 9)),
    )
    assert shades(FrameDecoder(3, "first", (32, 40)).decode(Source(paths), "clip")) == [
        50,
        150,
        250,
    ]
    assert frame_facts(Source(paths)) == {"frames": 3, "height": 48, "width": 64}


def test_real_frames(shared_data: Path) -> None:
    folder = sorted((shared_data / "grid_files" / "Image-01-FPS").iterdir())[3]
    source = Source(tuple(sorted(folder.iterdir())))
    assert frame_fault(source) is None
    assert frame_facts(source) == {"frames": len(source.paths), "height": 96, "width": 96}
    frames = FrameDecoder(3, "uniform", (96, 96)).decode(source, folder.name)
    with Image.open(source.paths[0]) as first:
        np.testing.assert_array_equal(
            frames[0].permute(1, 2, 0).numpy(), np.array(first.convert("RGB"))
        )


# Videos


VIDEOS = {
    "a.mp4": "mpeg4",
    "a.avi": "mpeg4",
    "a.mkv": "libx264",
    "a.webm": "libvpx",
    "a.flv": "flv",
}


@pytest.mark.parametrize("name", VIDEOS)
def test_frames_of_a_video_are_those_the_extraction_would_write(tmp_path: Path, name: str) -> None:
    path = write_video(tmp_path / name, 60, codec=VIDEOS[name])
    frames = FrameDecoder(9, "first", SIZE, fps=3).decode(Source((path,)), "clip")
    wanted = [gray(n) for n in published(60, 25, 3)]
    assert len(wanted) == 8
    np.testing.assert_allclose(shades(frames), [*wanted, wanted[-1]], atol=3)
    facts = frame_facts(Source((path,)))
    assert facts == {
        "frames": 60,
        "height": 48,
        "width": 64,
        "fps": pytest.approx(25, abs=0.1),
        "seconds": pytest.approx(2.4, abs=0.01),
    }
    assert frame_fault(Source((path,))) is None


@pytest.mark.parametrize("choice", CHOICES)
def test_the_choice_is_made_among_the_frames_of_the_extraction(tmp_path: Path, choice: str) -> None:
    path = write_video(tmp_path / "a.mp4", 100)
    there = published(100, 25, 2)
    frames = FrameDecoder(3, choice, SIZE, fps=2).decode(Source((path,)), "1001")
    np.testing.assert_allclose(
        shades(frames), [gray(there[i]) for i in choose_frames(8, 3, choice, "1001")], atol=3
    )


@pytest.mark.parametrize("name", VIDEOS)
@pytest.mark.parametrize(("start", "first"), [(2.0, 50), (9.0, 225), (9.03, 226)])
def test_a_part_of_a_video_begins_at_its_first_frame(
    tmp_path: Path, name: str, start: float, first: int
) -> None:
    """After a seek the frames before the interval are not counted, however far key frames are."""
    path = write_video(tmp_path / name, 300, codec=VIDEOS[name], options={"g": "40"})
    frames = FrameDecoder(3, "first", SIZE, fps=25).decode(Source((path,), start, 1.0), "clip")
    np.testing.assert_allclose(
        shades(frames), [gray(first), gray(first + 1), gray(first + 2)], atol=3
    )
    assert frame_facts(Source((path,), start, 1.0))["frames"] == 25
    assert frame_facts(Source((path,), 11.0, 5.0))["frames"] == 25


@pytest.mark.parametrize("name", ["a.mkv", "a.flv", "a.avi"])
def test_a_file_without_an_index_is_read_from_its_beginning(tmp_path: Path, name: str) -> None:
    """Files of a killed program, or of a live stream, have no index at their end."""
    wave = chirp(22050, 12.0)
    front = {"live": "1"} if name == "a.mkv" else {}
    path = write_video(
        tmp_path / name,
        300,
        codec=VIDEOS[name],
        sound=(wave, 22050, "pcm_s16le"),
        container_options=front,
    )
    if name == "a.avi":
        content = path.read_bytes()
        path.write_bytes(content[: content.rindex(b"idx1")])
    frames = FrameDecoder(3, "first", SIZE, fps=25).decode(Source((path,), 9.0, 1.0), "clip")
    np.testing.assert_allclose(shades(frames), [gray(225), gray(226), gray(227)], atol=3)
    heard, _ = read_waveform(path, 9.0, 1.0)
    assert (
        len(heard) == 22050 and abs(lag(heard, wave[9 * 22050 : 10 * 22050])) <= 22
    )  # a millisecond, the clock of flv and mkv


def test_a_file_that_refuses_to_jump_stays_where_it_is() -> None:
    import av

    class Stuck:
        start_time = None

        def seek(self, *given: object, **named: object) -> None:
            raise av.PermissionError(1, "Operation not permitted")

    seek_before(cast(Any, Stuck()), 5.0, cast(Any, SimpleNamespace(time_base=None)))


def test_frames_that_are_shown_in_another_order_than_stored_come_in_the_order_of_time(
    tmp_path: Path,
) -> None:
    path = write_video(
        tmp_path / "a.mp4", 100, codec="libx264", options={"bf": "3", "b-adapt": "0", "g": "30"}
    )
    frames = FrameDecoder(30, "first", SIZE, fps=25).decode(Source((path,)), "clip")
    np.testing.assert_allclose(shades(frames), [gray(n) for n in range(30)], atol=3)


def test_colours_of_a_video_are_rgb(tmp_path: Path) -> None:
    """Red, not blue: OpenCV, which the published extraction uses, has them the other way round."""
    import av

    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=5)
        video.height, video.width, video.pix_fmt = *SIZE, "yuv420p"
        picture = np.zeros((*SIZE, 3), np.uint8)
        picture[..., 0] = 200
        for _ in range(5):
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode())
    frames = FrameDecoder(1, "first", SIZE).decode(Source((path,)), "clip")
    np.testing.assert_allclose(frames[0].float().mean(dim=(1, 2)), [200, 0, 0], atol=6)


def test_only_what_is_needed_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    from asgml.core.data.media import video_file

    decoded, real = [], video_file.decode_frames

    def counting(*given: object) -> object:
        for frame in real(*given):
            decoded.append(frame)
            yield frame

    monkeypatch.setattr(video_file, "decode_frames", counting)
    path = write_video(tmp_path / "a.mp4", 300)
    FrameDecoder(2, "first", SIZE, fps=5).decode(Source((path,)), "clip")
    assert len(decoded) == 6


def test_files_are_closed(tmp_path: Path) -> None:
    """A program may hold about a thousand open files; an epoch reads more."""
    import os

    video = write_video(tmp_path / "a.mp4", 30)
    image = write_image(tmp_path / "a.jpg")
    (tmp_path / "b.mp4").write_bytes(b"no video at all")
    before = (
        len(os.listdir("/proc/self/fd"))
        if Path("/proc/self/fd").is_dir()
        else pytest.skip("needs /proc")
    )
    for _ in range(20):
        FrameDecoder(2, "first", SIZE).decode(Source((video,)), "clip")
        FrameDecoder(2, "first", SIZE).decode(Source((image,)), "clip")
        frame_fault(Source((tmp_path / "b.mp4",)))
    assert len(os.listdir("/proc/self/fd")) <= before + 1


# What is refused


def broken(folder: Path) -> dict[str, tuple[tuple[Path, ...], str, str]]:
    """Name -> files, kind of fault, a part of the message."""
    good = write_image(folder / "good.jpg")
    video = write_video(
        folder / "good.mp4", 100, container_options={"movflags": "faststart"}
    ).read_bytes()
    made = {
        "zero bytes": ("zero.jpg", b"", "empty", "0 bytes"),
        "corrupt": ("bad.jpg", good.read_bytes()[:300], "unreadable", "cannot be read as an image"),
        "cut off": (
            "cut.jpg",
            good.read_bytes()[:-900],
            "unreadable",
            "cannot be read as an image",
        ),
        "text": ("text.png", b"<html>404</html>" * 9, "unreadable", "cannot be read as an image"),
        "lfs": (
            "lfs.flv",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "missing",
            "git lfs pull",
        ),
        "no video": (
            "text.mp4",
            b"<html>404</html>" * 9,
            "unreadable",
            "cannot be read as sound or video",
        ),
        "zero video": ("zero.avi", b"", "empty", "0 bytes"),
        "cut-off video": (
            "cut.mp4",
            video[: len(video) // 3],
            "short",
            "where its head promises 100; copy or download it again",
        ),
        "a line break": ("a\nb.jpg", b"no", "unreadable", "cannot be read as an image"),
    }
    for name, content, _, _ in made.values():
        (folder / name).write_bytes(content)
    found = {what: ((folder / name,), kind, says) for what, (name, _, kind, says) in made.items()}
    found["missing"] = ((folder / "nowhere.jpg",), "missing", "no such file")
    found["a folder"] = ((folder,), "unreadable", "is not a file")
    found["no images"] = ((), "empty", "has no images; expected one or more in its folder")
    sound = write_video(folder / "sound.mp4", 1, sound=(chirp(16000, 1.0), 16000, "aac"))
    found["no picture"] = (
        (without_picture(sound, folder / "only.mp4"),),
        "empty",
        "has no video track",
    )
    return found


BROKEN = [
    "zero bytes",
    "corrupt",
    "cut off",
    "text",
    "lfs",
    "no video",
    "zero video",
    "cut-off video",
    "a line break",
    "missing",
    "a folder",
    "no images",
    "no picture",
]


def without_picture(path: Path, target: Path) -> Path:
    import av

    with av.open(str(path)) as source, av.open(str(target), "w") as container:
        audio = container.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.size:
                packet.stream = audio
                container.mux(packet)
    return target


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_is_an_error_of_one_line(tmp_path: Path, what: str) -> None:
    paths, kind, says = broken(tmp_path)[what]
    with pytest.raises(DataError) as caught:
        FrameDecoder(3, "uniform", SIZE).decode(Source(paths), "1001_DFA")
    assert says in str(caught.value) and "\n" not in str(caught.value)
    assert (paths[0].name.replace("\n", "\\n") if paths else "1001_DFA") in str(caught.value)
    fault = frame_fault(Source(paths))
    assert fault and fault[0] == kind and says in fault[1]


def test_every_broken_file_is_tested(tmp_path: Path) -> None:
    assert sorted(broken(tmp_path)) == sorted(BROKEN)


def test_a_fault_among_many_images_names_the_one(tmp_path: Path) -> None:
    paths = tuple(write_image(tmp_path / f"{i:05d}.jpg", 9) for i in range(4))
    paths[2].write_bytes(b"")
    assert frame_fault(Source(paths)) == (
        "empty",
        "00002.jpg: the file is empty (0 bytes); copy or download it again",
    )


def test_a_part_beyond_the_end_is_an_error(tmp_path: Path) -> None:
    source = Source((write_video(tmp_path / "a.mp4", 50),), 8.0, 2.0)
    with pytest.raises(DataError, match="has no frame from second 8 on; expected one or more"):
        FrameDecoder(1, "first", SIZE).decode(source, "clip")
    assert frame_fault(source) == ("short", "has no frame from second 8 on; expected one or more")


@pytest.mark.parametrize(("damaged", "bad"), [(range(45, 49), False), (range(100), True)])
def test_damaged_frames_are_left_out_as_ffmpeg_does(
    tmp_path: Path, damaged: range, bad: bool
) -> None:
    """A clip survives a few damaged frames of a hundred; a video of nothing else is refused."""
    import av

    path = write_video(tmp_path / "a.mp4", 100)
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    for number in damaged:
        start, size = places[number]
        content[start : start + size] = b"\xff" * size
    path.write_bytes(content)
    if bad:
        fault = frame_fault(Source((path,)))
        assert fault and fault[0] == "unreadable" and "Invalid data" in fault[1]
        return
    assert shades(FrameDecoder(2, "first", SIZE, fps=1).decode(Source((path,)), "clip"))[
        0
    ] == pytest.approx(gray(0), abs=3)
    assert frame_fault(Source((path,))) is None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"frames": 0}, "expected a whole number from 1"),
        ({"choice": "last"}, "one of uniform, first, random"),
        ({"size": (0, 9)}, "frame_size is 0"),
        ({"fps": 0.0}, "fps is 0.0"),
        ({"augment": "both"}, "one of clip, frame, off"),
    ],
)
def test_unknown_settings_are_refused(given: dict[str, object], says: str) -> None:
    with pytest.raises(DataError, match=says):
        frame_modality(**{"frames": 3, "choice": "uniform", "size": SIZE, **given})


# What other processes and the cache rely on


def test_a_decoder_is_the_same_in_another_process() -> None:
    decoder = FrameDecoder(3, "uniform", SIZE, 2.0)
    assert pickle.loads(pickle.dumps(decoder)) == decoder  # noqa: S301 - our own bytes


def test_settings_tell_apart_what_decodes_differently() -> None:
    decoders = [
        FrameDecoder(frames, choice, size, fps)
        for frames in (1, 3)
        for choice in CHOICES
        for size in (SIZE, (9, 9))
        for fps in (1.0, 3.0)
    ]
    assert len({repr(decoder.settings) for decoder in decoders}) == len(decoders)
    assert repr(FrameDecoder(3, "first", SIZE, 1).settings) == repr(
        FrameDecoder(3, "first", SIZE, 1.0).settings
    )  # one cache for both


def test_a_modality_shows_the_network_crops() -> None:
    modality = frame_modality(2, "uniform", SIZE, 32, "frame", 1.0)
    stored = torch.zeros(4, *modality.decoder.shape, dtype=modality.decoder.dtype)
    assert modality.shape == (2, 3, 32, 32)
    assert (
        modality.view(stored, torch.Generator()).shape
        == modality.view(stored, None).shape
        == (4, *modality.shape)
    )


def test_an_error_says_which_file(tmp_path: Path) -> None:
    with pytest.raises(MediaError) as caught:
        read_image(tmp_path / "a.jpg")
    assert str(caught.value) == f"{tmp_path / 'a.jpg'}: no such file"
