"""Reads the sound of a file as one waveform, and brings it to the rate and length that a spectrogram is made from."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import av
import numpy as np
import soundfile
import soxr
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.frame import Frame
from numpy.typing import NDArray

from asgml.core.data.media.container import (
    decode_frames,
    duration_of,
    is_container,
    open_container,
    prepare_stream,
    seek_before,
    start_offset,
)
from asgml.core.data.media.media_file import MediaError, check_file, unreadable

Waveform = NDArray[np.float32]

PREROLL = (
    0.2  # seconds decoded before the wanted start: AAC and MP3 build a frame from the one before it
)
BLOCK = 1 << 20  # samples read at once: the length that a damaged header claims is never allocated
SLOWEST, FASTEST = 1000, 1_000_000  # samples a second
UNKNOWN_LENGTH = 0x7FFF0000  # bytes; a wav that was written into a pipe claims about this or more, which says nothing


@dataclass(frozen=True)
class SoundHeader:
    """What the header of a file says about its sound."""

    seconds: float
    rate: int  # samples a second
    channels: int


def read_waveform(
    path: Path, start: float = 0.0, seconds: float | None = None
) -> tuple[Waveform, int]:
    """The sound from `start` on, at most `seconds` of it, and its own rate: float32 mono (samples,), full scale is ±1.

    Channels are averaged, as librosa.load does. Videos and .m4a go through ffmpeg, all else (wav, flac, ogg, mp3) through
    libsndfile. Raises MediaError where the file is missing, empty or damaged, or ends before `start`.
    """
    read = _read_container if is_container(path) else _read_sound
    waveform, rate = read(path, start, seconds)
    if not waveform.size:
        reason = f"holds no sound from second {start:g} on" if start else "holds no sound"
        raise MediaError(path, "short" if start else "empty", f"{reason}; expected some samples")
    if not SLOWEST <= rate <= FASTEST:
        raise MediaError(
            path, "unreadable", f"claims {rate} samples a second; expected {SLOWEST} to {FASTEST}"
        )
    if not np.isfinite(waveform).all():
        raise MediaError(
            path, "unreadable", "holds samples that are no finite numbers; write the file again"
        )
    return waveform, rate


def read_header(path: Path) -> SoundHeader:
    """Length, rate and channels without decoding. Raises MediaError."""
    if is_container(path):
        with open_container(path) as container:
            stream = audio_stream(container, path)
            return SoundHeader(duration_of(container, stream), stream.rate, stream.channels)
    with _open_sound(path) as file:
        return SoundHeader(file.frames / file.samplerate, file.samplerate, file.channels)


def resample(waveform: Waveform, rate: int, wanted: int) -> Waveform:
    """The waveform at another rate, by soxr's HQ recipe: the numbers of librosa.load (its default since 0.10)."""
    if rate == wanted:
        return waveform
    done = soxr.resample(waveform, rate, wanted, quality="HQ")
    length = math.ceil(
        waveform.size * float(wanted) / rate
    )  # librosa's; soxr's own may be one sample off
    return np.pad(done[:length], (0, max(length - done.size, 0)))


def tile(waveform: Waveform, length: int) -> Waveform:
    """The waveform again and again until it has `length` samples, clipped to ±1, which resampling may pass."""
    return np.clip(np.resize(waveform, length), -1.0, 1.0)


def _read_sound(path: Path, start: float, seconds: float | None) -> tuple[Waveform, int]:
    with _open_sound(path) as file:
        rate = int(file.samplerate)
        first = int(start * rate)
        left = file.frames if seconds is None else int(seconds * rate)
        parts = [np.empty(0, np.float32)]
        try:
            file.seek(min(first, file.frames))  # past the end libsndfile raises
            while (
                left > 0
                and (block := file.read(min(left, BLOCK), dtype="float32", always_2d=True)).size
            ):
                parts.append(block.mean(axis=1))
                left -= len(block)
        except (OSError, soundfile.LibsndfileError) as error:
            raise unreadable(path, "sound", error) from error
    return np.concatenate(parts), rate


def _open_sound(path: Path) -> Any:
    size = check_file(path)
    try:
        with path.open("rb") as file:
            _check_declared_length(path, file, size)
        return soundfile.SoundFile(path)
    except (OSError, soundfile.LibsndfileError) as error:
        raise unreadable(path, "sound", error) from error


def _check_declared_length(path: Path, file: BinaryIO, size: int) -> None:
    """Raises MediaError where a wav ends before its head says so: libsndfile would hand out what is there as if it were all."""
    riff = file.read(12)
    if riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
        return
    while len(chunk := file.read(8)) == 8:
        length = int.from_bytes(chunk[4:], "little")
        if chunk[:4] != b"data":
            file.seek(length + length % 2, 1)
            continue
        there = size - file.tell()
        if there < length < UNKNOWN_LENGTH:
            reason = f"cut off: {there} bytes of sound where its head promises {length}; copy or download it again"
            raise MediaError(path, "short", reason)
        return


def _read_container(path: Path, start: float, seconds: float | None) -> tuple[Waveform, int]:
    """The sound track of a video. A part of it is found by the times in the file, after a seek_before to shortly before it."""
    with open_container(path) as container:
        stream = audio_stream(container, path)
        if start > PREROLL:
            seek_before(container, start - PREROLL, stream)
        end = math.inf if seconds is None else start + seconds
        began, parts = _decode(decode_frames(container, stream), start_offset(container), end)
        rate = int(stream.rate)
        promised = duration_of(container, stream)
    whole = np.concatenate(parts) if parts else np.empty(0, np.float32)
    if (
        not start and seconds is None and whole.size < promised * rate / 2
    ):  # heads only guess, so less than half
        reason = f"cut off: {whole.size / rate:.1f} s of sound where its head promises {promised:.1f}; copy or download it again"
        raise MediaError(path, "short", reason)
    first = max(round((start - began) * rate), 0) if start else 0
    return whole[first : None if seconds is None else first + int(seconds * rate)], rate


def _decode(frames: Iterable[Frame], origin: float, end: float) -> tuple[float, list[Waveform]]:
    """The second at which the first frame begins, and the frames up to `end`, their channels averaged."""
    planar = av.AudioResampler(format="fltp")  # the rate stays
    began: float | None = None
    parts: list[Waveform] = []
    for frame in frames:
        at = None if frame.time is None else frame.time - origin
        if at is not None and at >= end:
            break
        began = at if began is None else began
        parts.extend(
            part.to_ndarray().mean(axis=0) for part in planar.resample(cast(AudioFrame, frame))
        )
    return began or 0.0, parts


def audio_stream(container: InputContainer, path: Path) -> AudioStream:
    if not container.streams.audio:
        raise MediaError(path, "empty", "has no sound track; expected one")
    prepare_stream(container.streams.audio[0], path)
    return container.streams.audio[0]
