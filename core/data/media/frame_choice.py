"""The choice of a clip's frames: by the published extraction, then as many as the network sees."""

from __future__ import annotations

import re
import zlib

import numpy as np

CHOICES = ("uniform", "first", "random")


def choose_frames(available: int, wanted: int, choice: str, clip: str) -> list[int]:
    """Return the numbers, in order, of `wanted` among `available` frames (one or more).

    "uniform": the middle of each of `wanted` equal intervals; a frame is repeated where there are
    too few. "first": the first ones, the last repeated where there are too few, as the published
    loaders do in effect. "random": drawn from the clip's name, so that a clip has the same ones in
    every epoch, run and process; where there are too few, as uniform.
    """
    if choice == "first":
        return [min(i, available - 1) for i in range(wanted)]
    if choice == "random" and available >= wanted:
        # A name from the disk may hold bytes that are no UTF-8, which Python keeps as surrogates.
        rng = np.random.default_rng(zlib.crc32(clip.encode(errors="surrogatepass")))
        return sorted(rng.choice(available, wanted, replace=False).tolist())
    return [(2 * i + 1) * available // (2 * wanted) for i in range(wanted)]


def natural_order(name: str) -> tuple[tuple[int, int | str], ...]:
    """Return a sort key in which numbers count by their value: frame_10 comes after frame_9."""
    return tuple(
        (0, int(token)) if token.isdecimal() else (1, token)
        for token in re.split(r"([0-9]+)", name)
        if token
    )


def extracted_frames(frames: int, video_fps: float, wanted_fps: float) -> list[int]:
    """Return the numbers of the frames that the published extraction keeps, `wanted_fps` a second.

    In each second of int(video_fps) frames the numbers 0, interval, 2·interval, … with
    interval = int(video_fps / wanted_fps), as in OGM-GE's video_preprocessing.py. Below one frame a
    second, every interval-th frame.
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
