"""Audio as a modality: the sound of a file decoded to one of five spectrograms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from asgml.core.data.clips.clips import Modality, Source
from asgml.core.data.media import fbank
from asgml.core.data.media.media_file import MediaError
from asgml.core.data.media.spectrogram_presets import PRESETS, TILED_PRESETS, Preset
from asgml.core.data.media.views import AudioView
from asgml.core.data.media.waveform import Waveform, read_header, read_waveform, resample, tile
from asgml.core.data.options import check_choice, check_number

# −80 dB: samples this close to their mean hold no sound, at most the noise that coding left.
SILENT = 1e-4


@dataclass(frozen=True)
class AudioDecoder:
    """Decoder of a file's sound to (1, frequency, time), or for fbank (1, 1024, 128), as float16.

    A waveform shorter than `seconds` is repeated, a longer one cut. fbank has its own length,
    10.24 s, and does not repeat. float16 rounds a logarithm of 16 by 0.008 at most, a third of a
    percent of the magnitude.
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
        """Return (*shape) float16. Raise DataError that names the file."""
        path = sound_path(source)
        waveform, rate = read_waveform(path, source.start, source.seconds)
        check_length(path, waveform, rate)
        return self.spectrogram(waveform, rate).to(torch.float16).unsqueeze(0)

    def spectrogram(self, waveform: Waveform, rate: int) -> Tensor:
        """Return (frequency, time), or for fbank (time, frequency), float32."""
        if self.preset == "fbank":
            return fbank.fbank(waveform, rate)
        preset = TILED_PRESETS[self.preset]
        return preset.compute(tile(resample(waveform, rate, preset.rate), self._samples(preset)))

    def _samples(self, preset: Preset) -> int:
        return round(self.seconds * preset.rate)


def audio_modality(preset: str, seconds: float) -> Modality:
    """Return the modality of a preset. The network sees all of it, of vggsound half the time."""
    decoder = AudioDecoder(preset, seconds)
    if preset == "fbank" or TILED_PRESETS[preset].crop == 1.0:
        return Modality(decoder, decoder.shape, AudioView())
    cropped = TILED_PRESETS[preset]
    frames = cropped.frames(round(seconds * cropped.crop * cropped.rate))
    return Modality(decoder, (1, cropped.bins, frames), AudioView(frames))


def audio_fault(source: Source) -> tuple[str, str] | None:
    """Return the kind and the reason of a fault in the sound of a clip, None where there is none.

    The kinds are missing, empty, unreadable, short and silent. The sound is decoded for it.
    """
    try:
        path = sound_path(source)
        waveform, rate = read_waveform(path, source.start, source.seconds)
        check_length(path, waveform, rate)
    except MediaError as error:
        return error.kind, error.reason
    if np.ptp(waveform) < 2 * SILENT:
        reason = f"silent: no sample is further than {SILENT:g} of full scale from the others"
        return "silent", reason
    return None


def audio_facts(source: Source) -> dict[str, Any]:
    """Return seconds, rate (samples a second) and channels by the header. Raise DataError."""
    sound = read_header(sound_path(source))
    return {"seconds": sound.seconds, "rate": sound.rate, "channels": sound.channels}


def sound_path(source: Source) -> Path:
    """Return the one file of a clip's sound. Raise MediaError where there are none or several."""
    if len(source.paths) != 1:
        path = source.paths[0] if source.paths else Path()
        reason = f"{len(source.paths)} files given as the sound of one clip; expected one"
        raise MediaError(path, "missing", reason)
    return source.paths[0]


def check_length(path: Path, waveform: Waveform, rate: int) -> None:
    """Raise MediaError where the sound is shorter than one window of a spectrogram, 25 ms."""
    if waveform.size < fbank.WINDOW * rate:
        present = f"holds {1000 * waveform.size / rate:.0f} ms of sound"
        expected = f"expected {1000 * fbank.WINDOW:.0f} or more"
        raise MediaError(path, "short", f"{present}; {expected}")
