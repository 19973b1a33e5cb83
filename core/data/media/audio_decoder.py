"""Audio as a modality: a file's sound becomes one of five spectrograms, known by the names of the pipelines that use them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from asgml.core.data.clips import Modality, Source
from asgml.core.data.media import fbank
from asgml.core.data.media.media_file import MediaError
from asgml.core.data.media.spectrogram import log_mel, log_stft, stft_frames
from asgml.core.data.media.views import AudioView
from asgml.core.data.media.waveform import Waveform, read_header, read_waveform, resample, tile
from asgml.core.data.options import check_choice, check_number

__all__ = [
    "PRESETS",
    "AudioDecoder",
    "audio_facts",
    "audio_fault",
    "audio_modality",
    "read_waveform",
]

SILENT = 1e-4  # −80 dB: a file whose samples stay this close to their mean holds no sound, at most what coding left


@dataclass(frozen=True)
class Preset:
    """A spectrogram of a waveform that was resampled to `rate` and tiled to its length."""

    rate: int
    hop: int
    bins: int
    compute: Callable[[Waveform], Tensor]  # waveform at `rate` -> (bins, frames)
    settings: dict[str, Any]
    crop: float = 1.0  # the part of the time that the network sees, at a random place in training
    uncentred: int = 0  # samples of a window, where none reaches beyond the ends of the waveform

    def frames(self, samples: int) -> int:
        return stft_frames(samples, self.hop, self.uncentred)


# stft: OGM-GE's code for CREMA-D, (257, 188) for 3 s.
# stft16k: the text of its paper, windows of 512 that overlap by 353: (257, 299) for 3 s, and (257, 1004) for the 10 s of
# Kinetics-Sounds and AVE.
# logmel: 25 ms windows every 10 ms, as in speech recognition; 512 points, 31 Hz apart, because the lowest filters are 47 Hz wide.
# vggsound: the VGGSound loader of OGM-GE, which sees 5 of 10 s.
TILED_PRESETS = {
    "stft": Preset(22050, 353, 257, lambda w: log_stft(w, 512, 353), {"n_fft": 512, "hop": 353}),
    "stft16k": Preset(
        16000,
        159,
        257,
        lambda w: log_stft(w, 512, 159, center=False),
        {"n_fft": 512, "hop": 159},
        uncentred=512,
    ),
    "logmel": Preset(
        16000,
        160,
        128,
        lambda w: log_mel(w, 16000, 512, 400, 160, 128),
        {"n_fft": 512, "window": 400, "hop": 160},
    ),
    "vggsound": Preset(
        16000, 128, 129, lambda w: log_stft(w, 256, 128), {"n_fft": 256, "hop": 128}, crop=0.5
    ),
}
PRESETS = ("stft", "stft16k", "logmel", "fbank", "vggsound")


@dataclass(frozen=True)
class AudioDecoder:
    """Decodes the sound of a file to (1, frequency, time), or for fbank (1, 1024, 128), as float16.

    A waveform shorter than `seconds` is repeated, a longer one cut. fbank has its own length, 10.24 s, and does not repeat.
    float16 rounds a logarithm of 16 by 0.008 at most, a third of a percent of the magnitude.
    """

    preset: str
    seconds: float

    def __post_init__(self) -> None:
        check_choice("audio", self.preset, PRESETS)
        check_number("seconds", self.seconds, 0.1, 600)

    @property
    def shape(self) -> tuple[int, ...]:
        if self.preset == "fbank":
            return (1, fbank.FRAMES, fbank.BANDS)
        preset = TILED_PRESETS[self.preset]
        return (1, preset.bins, preset.frames(self._samples(preset)))

    @property
    def dtype(self) -> torch.dtype:
        return torch.float16

    @property
    def settings(self) -> dict[str, Any]:
        if self.preset == "fbank":
            return {"preset": "fbank", "frames": fbank.FRAMES, "bands": fbank.BANDS}
        preset = TILED_PRESETS[self.preset]
        return {
            "preset": self.preset,
            "seconds": float(self.seconds),
            "rate": preset.rate,
            **preset.settings,
        }

    def decode(self, source: Source, clip: str) -> Tensor:
        """(*shape) float16. Raises DataError that names the file."""
        waveform, rate = read_waveform(sound_path(source), source.start, source.seconds)
        check_length(sound_path(source), waveform, rate)
        return self.spectrogram(waveform, rate).to(torch.float16).unsqueeze(0)

    def spectrogram(self, waveform: Waveform, rate: int) -> Tensor:
        """(frequency, time), or for fbank (time, frequency), float32."""
        if self.preset == "fbank":
            return fbank.fbank(waveform, rate)
        preset = TILED_PRESETS[self.preset]
        return preset.compute(tile(resample(waveform, rate, preset.rate), self._samples(preset)))

    def _samples(self, preset: Preset) -> int:
        return round(self.seconds * preset.rate)


def audio_modality(preset: str, seconds: float) -> Modality:
    """The decoder of a preset with what its network sees: all of it, or for vggsound half of its time."""
    decoder = AudioDecoder(preset, seconds)
    if preset == "fbank" or TILED_PRESETS[preset].crop == 1.0:
        return Modality(decoder, decoder.shape, AudioView())
    chosen = TILED_PRESETS[preset]
    frames = chosen.frames(round(seconds * chosen.crop * chosen.rate))
    return Modality(decoder, (1, chosen.bins, frames), AudioView(frames))


def audio_fault(source: Source) -> tuple[str, str] | None:
    """What is wrong with the sound of a clip: its kind (missing, empty, unreadable, short, silent) and the reason. Decodes it."""
    try:
        path = sound_path(source)
        waveform, rate = read_waveform(path, source.start, source.seconds)
        check_length(path, waveform, rate)
    except MediaError as error:
        return error.kind, error.reason
    if np.ptp(waveform) < 2 * SILENT:
        return (
            "silent",
            f"silent: no sample is further than {SILENT:g} of full scale from the others",
        )
    return None


def audio_facts(source: Source) -> dict[str, Any]:
    """Seconds, rate (samples a second) and channels of the whole file, by its header. Raises DataError."""
    sound = read_header(sound_path(source))
    return {"seconds": sound.seconds, "rate": sound.rate, "channels": sound.channels}


def sound_path(source: Source) -> Path:
    if len(source.paths) != 1:
        where = source.paths[0] if source.paths else Path()
        raise MediaError(
            where,
            "missing",
            f"{len(source.paths)} files given as the sound of one clip; expected one",
        )
    return source.paths[0]


def check_length(path: Path, waveform: Waveform, rate: int) -> None:
    """Raises MediaError where there is less than one window of sound, from which no spectrogram can tell anything."""
    if waveform.size < fbank.WINDOW * rate:
        raise MediaError(
            path,
            "short",
            f"holds {1000 * waveform.size / rate:.0f} ms of sound; expected {1000 * fbank.WINDOW:.0f} or more",
        )
