"""The sound of a file as one mono waveform, resampled and tiled for a spectrogram."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
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

# Seconds decoded before the wanted start: AAC and MP3 build a frame from the one before it.
PREROLL = 0.2
BLOCK = 1 << 20  # samples read at once: the length that a damaged header claims is never allocated
MIN_RATE, MAX_RATE = 1000, 1_000_000  # samples a second
# Bytes that a wav written into a pipe claims at least: its writer could not know the length.
UNKNOWN_LENGTH = 0x7FFF0000
ADVICE = "copy or download it again"


@dataclass(frozen=True)
class SoundHeader:
    """Length and format of a file's sound by its header."""

    seconds: float
    rate: int  # samples a second
    channels: int


def read_waveform(
    path: Path, start: float = 0.0, seconds: float | None = None
) -> tuple[Waveform, int]:
    """Return the sound from `start` on, at most `seconds` of it, and its own rate.

    The waveform is float32 mono (samples,) with full scale ±1: channels are averaged, as
    librosa.load does. Videos and .m4a are read by ffmpeg, all else (wav, flac, ogg, mp3) by
    libsndfile. Raise MediaError where the file is missing, empty or damaged, or ends too early.
    """
    read = _read_container if is_container(path) else _read_sound_file
    waveform, rate = read(path, start, seconds)
    if not waveform.size:
        reason = f"holds no sound from second {start:g} on" if start else "holds no sound"
        raise MediaError(path, "short" if start else "empty", f"{reason}; expected some samples")
    if not MIN_RATE <= rate <= MAX_RATE:
        reason = f"claims {rate} samples a second; expected {MIN_RATE} to {MAX_RATE}"
        raise MediaError(path, "unreadable", reason)
    if not np.isfinite(waveform).all():
        reason = "holds samples that are no finite numbers; write the file again"
        raise MediaError(path, "unreadable", reason)
    return waveform, rate


def read_header(path: Path) -> SoundHeader:
    """Return length, rate and channels without decoding. Raise MediaError."""
    if is_container(path):
        with open_container(path) as container:
            stream = _audio_stream(container, path)
            return SoundHeader(duration_of(container, stream), stream.rate, stream.channels)
    with _open_sound_file(path) as file:
        return SoundHeader(file.frames / file.samplerate, file.samplerate, file.channels)


def resample(waveform: Waveform, rate: int, wanted: int) -> Waveform:
    """Return the waveform at another rate by soxr's HQ recipe, as librosa.load does from 0.10."""
    if rate == wanted:
        return waveform
    resampled = soxr.resample(waveform, rate, wanted, quality="HQ")
    # librosa's length; soxr's own may be one sample off
    length = math.ceil(waveform.size * float(wanted) / rate)
    return np.pad(resampled[:length], (0, max(length - resampled.size, 0)))


def tile(waveform: Waveform, length: int) -> Waveform:
    """Repeat the waveform to `length` samples, clipped to ±1, which resampling may overshoot."""
    return np.clip(np.resize(waveform, length), -1.0, 1.0)


def _read_sound_file(path: Path, start: float, seconds: float | None) -> tuple[Waveform, int]:
    with _open_sound_file(path) as file:
        rate = int(file.samplerate)
        first = int(start * rate)
        length = file.frames if seconds is None else int(seconds * rate)
        try:
            file.seek(min(first, file.frames))  # past the end libsndfile raises
            blocks = [np.empty(0, np.float32), *_read_blocks(file, length)]
        except (OSError, soundfile.LibsndfileError) as error:
            raise unreadable(path, "sound", error) from error
    return np.concatenate(blocks), rate


def _read_blocks(file: Any, length: int) -> Iterator[Waveform]:
    """Yield at most `length` samples from the file's position on, their channels averaged."""
    while length > 0:
        block = file.read(min(length, BLOCK), dtype="float32", always_2d=True)
        if not block.size:
            return
        yield block.mean(axis=1)
        length -= len(block)


def _open_sound_file(path: Path) -> Any:
    size = check_file(path)
    try:
        with path.open("rb") as file:
            _check_wav_length(path, file, size)
        return soundfile.SoundFile(path)
    except (OSError, soundfile.LibsndfileError) as error:
        raise unreadable(path, "sound", error) from error


def _check_wav_length(path: Path, file: BinaryIO, size: int) -> None:
    """Raise MediaError where a wav holds fewer bytes of sound than its header declares.

    libsndfile would return what is there as if it were all.
    """
    riff = file.read(12)
    if riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
        return
    while len(chunk := file.read(8)) == 8:
        declared = int.from_bytes(chunk[4:], "little")
        if chunk[:4] != b"data":
            file.seek(declared + declared % 2, 1)  # chunks begin at even bytes
            continue
        present = size - file.tell()
        if present < declared < UNKNOWN_LENGTH:
            reason = f"cut off: {present} bytes of sound where its head promises {declared}"
            raise MediaError(path, "short", f"{reason}; {ADVICE}")
        return


def _read_container(path: Path, start: float, seconds: float | None) -> tuple[Waveform, int]:
    """Return an interval of a video's sound track, found by the time stamps of its frames."""
    with open_container(path) as container:
        stream = _audio_stream(container, path)
        if start > PREROLL:
            seek_before(container, start - PREROLL, stream)
        end = math.inf if seconds is None else start + seconds
        frames = decode_frames(container, stream)
        began, waveforms = _average_channels(frames, start_offset(container), end)
        rate = int(stream.rate)
        promised = duration_of(container, stream)
    whole = np.concatenate(waveforms) if waveforms else np.empty(0, np.float32)
    # Headers of containers only estimate the duration, so only less than half counts as cut off.
    if not start and seconds is None and whole.size < promised * rate / 2:
        present = f"{whole.size / rate:.1f} s of sound"
        reason = f"cut off: {present} where its head promises {promised:.1f}; {ADVICE}"
        raise MediaError(path, "short", reason)
    first = max(round((start - began) * rate), 0) if start else 0
    return whole[first : None if seconds is None else first + int(seconds * rate)], rate


def _average_channels(
    frames: Iterable[Frame], origin: float, end: float
) -> tuple[float, list[Waveform]]:
    """Return the second at which the first frame begins, and the frames before `end` as mono."""
    planar = av.AudioResampler(format="fltp")  # changes the sample format, not the rate
    began: float | None = None
    waveforms: list[Waveform] = []
    for frame in frames:
        second = None if frame.time is None else frame.time - origin
        if second is not None and second >= end:
            break
        began = second if began is None else began
        converted = planar.resample(cast(AudioFrame, frame))
        waveforms.extend(piece.to_ndarray().mean(axis=0) for piece in converted)
    return began or 0.0, waveforms


def _audio_stream(container: InputContainer, path: Path) -> AudioStream:
    if not container.streams.audio:
        raise MediaError(path, "empty", "has no sound track; expected one")
    prepare_stream(container.streams.audio[0], path)
    return container.streams.audio[0]
