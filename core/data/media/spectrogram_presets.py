"""The spectrograms that published pipelines use, by the names under which options choose them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from asgml.core.data.media.spectrogram import log_mel, log_stft, stft_frames
from asgml.core.data.media.waveform import Waveform


@dataclass(frozen=True)
class Preset:
    """A spectrogram of a waveform that was resampled to `rate` and tiled to its length."""

    rate: int
    hop: int
    bins: int
    compute: Callable[[Waveform], Tensor]  # waveform at `rate` -> (bins, frames)
    settings: dict[str, Any]
    crop: float = 1.0  # fraction of the time that the network sees, at a random place in training
    uncentred: int = 0  # samples of a window, where none reaches beyond the ends of the waveform

    def frames(self, samples: int) -> int:
        return stft_frames(samples, self.hop, self.uncentred)


TILED_PRESETS = {
    # OGM-GE's code for CREMA-D: (257, 188) for 3 s.
    "stft": Preset(
        rate=22050,
        hop=353,
        bins=257,
        compute=lambda w: log_stft(w, 512, 353),
        settings={"n_fft": 512, "hop": 353},
    ),
    # The text of its paper, windows of 512 that overlap by 353: (257, 299) for 3 s, and (257, 1004)
    # for the 10 s of Kinetics-Sounds and AVE.
    "stft16k": Preset(
        rate=16000,
        hop=159,
        bins=257,
        compute=lambda w: log_stft(w, 512, 159, center=False),
        settings={"n_fft": 512, "hop": 159},
        uncentred=512,
    ),
    # 25 ms windows every 10 ms, as in speech recognition. 512 points are 31 Hz apart: fewer would
    # leave the lowest filters, which are 47 Hz wide, without a point.
    "logmel": Preset(
        rate=16000,
        hop=160,
        bins=128,
        compute=lambda w: log_mel(w, 16000, 512, 400, 160, 128),
        settings={"n_fft": 512, "window": 400, "hop": 160},
    ),
    # OGM-GE's loader of VGGSound, which sees 5 of 10 s.
    "vggsound": Preset(
        rate=16000,
        hop=128,
        bins=129,
        compute=lambda w: log_stft(w, 256, 128),
        settings={"n_fft": 256, "hop": 128},
        crop=0.5,
    ),
}
PRESETS = ("stft", "stft16k", "logmel", "fbank", "vggsound")
