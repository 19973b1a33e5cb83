"""Chooses the frames of a clip."""

from __future__ import annotations

import re
import zlib

import numpy as np

CHOICES = ("uniform", "first", "random")


def choose_frames(there: int, wanted: int, choice: str, clip: str) -> list[int]:
    """The numbers, in order, of `wanted` among `there` frames (one or more).

    "uniform": the middle of each of `wanted` equal parts. "first": the first ones, the last repeated where there are too few,
    as the published loaders come to. "random": drawn from the clip's name, so a clip has the same ones in every epoch, run and
    process; where there are too few, as uniform. Where there are too few, uniform repeats the nearest.
    """
    if choice == "first":
        return [min(i, there - 1) for i in range(wanted)]
    if choice == "random" and there >= wanted:
        rng = np.random.default_rng(zlib.crc32(clip.encode(errors="surrogatepass")))
        return sorted(rng.choice(there, wanted, replace=False).tolist())
    return [(2 * i + 1) * there // (2 * wanted) for i in range(wanted)]


def natural_order(name: str) -> tuple[tuple[int, int | str], ...]:
    """The order of time: numbers count by their value, so frame_10 comes after frame_9."""
    return tuple(
        (0, int(word)) if word.isdecimal() else (1, word)
        for word in re.split(r"([0-9]+)", name)
        if word
    )


def extracted_frames(frames: int, video_fps: float, wanted_fps: float) -> list[int]:
    """The numbers of the frames that the published extraction keeps, `wanted_fps` a second.

    In each second of int(video_fps) frames the numbers 0, interval, 2·interval, … with interval = int(video_fps / wanted_fps),
    as OGM-GE's video_preprocessing.py does. Below one a second, every interval-th frame.
    """
    second = max(int(video_fps), 1)
    interval = max(int(second / wanted_fps), 1)
    if wanted_fps < 1:
        return list(range(0, frames, interval))
    return [
        n
        for n in range(frames)
        if n % second % interval == 0 and n % second < interval * wanted_fps
    ]
