"""Small sound and video files, made in the test that reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
from numpy.typing import NDArray


def chirp(rate: int, seconds: float) -> NDArray[np.float32]:
    """Return a tone that rises by 800 Hz a second and one of 3 kHz, after 0.1 s of silence."""
    time = np.arange(round(rate * seconds)) / rate
    wave = 0.3 * np.sin(2 * np.pi * (100 * time + 400 * time * time)) + 0.05 * np.sin(
        2 * np.pi * 3000 * time
    )
    wave[: rate // 10] = 0.0
    return wave.astype(np.float32)


def lag(late: NDArray[np.float32], early: NDArray[np.float32]) -> int:
    """By how many samples one follows the other: where their correlation is greatest."""
    size = min(len(late), len(early))
    spectra = np.fft.rfft(late[:size], 2 * size) * np.conj(np.fft.rfft(early[:size], 2 * size))
    found = int(np.fft.irfft(spectra).argmax())
    return found if found < size else found - 2 * size


def write_sound(
    path: Path, wave: NDArray[np.float32], rate: int, subtype: str | None = "FLOAT"
) -> Path:
    soundfile.write(path, wave, rate, subtype=subtype if path.suffix == ".wav" else None)
    return path


def gray(frame: int) -> int:
    """The brightness of a frame of the videos below: from it a test knows which frame it got."""
    return frame * 7 % 256


def write_video(
    path: Path,
    frames: int,
    *,
    fps: int = 25,
    size: tuple[int, int] = (48, 64),
    codec: str = "mpeg4",
    options: Mapping[str, str] | None = None,
    container_options: Mapping[str, str] | None = None,
    sound: tuple[NDArray[np.float32], int, str] | None = None,
    shade: Callable[[int], int] = gray,
) -> Path:
    """Write frames of one brightness each, and a sound track (waveform, rate, codec) where given.

    `size` is height, width.
    """
    with av.open(str(path), "w", container_options=dict(container_options or {})) as container:
        video = container.add_stream(codec, rate=fps, options=dict(options or {}))
        video.height, video.width = size
        video.pix_fmt = "yuv420p"
        video.bit_rate = 2_000_000
        audio = container.add_stream(sound[2], rate=sound[1], layout="mono") if sound else None
        for number in range(frames):
            picture = np.full((*size, 3), shade(number), np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode())
        if audio is not None and sound is not None:
            frame = av.AudioFrame.from_ndarray(sound[0][None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = sound[1], 0, Fraction(1, sound[1])
            context = audio.codec_context
            cut = av.AudioResampler(
                context.format.name, "mono", sound[1], frame_size=context.frame_size or None
            )
            for part in [*cut.resample(frame), *cut.resample(None)]:
                container.mux(audio.encode(part))
            container.mux(audio.encode(None))
    return path
