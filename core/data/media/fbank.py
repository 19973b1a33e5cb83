"""Kaldi's filter-bank features, normalised as in OGM-GE's script for Kinetics-Sounds."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from asgml.core.data.media.mel import kaldi_filters
from asgml.core.data.media.waveform import Waveform

FRAMES, BANDS = 1024, 128
# Of AudioSet, from the audio spectrogram transformer; the script divides by twice the deviation.
MEAN, STD = -4.503877, 5.141276
WINDOW, SHIFT = 0.025, 0.01  # seconds; a waveform shorter than a window has no frame
PREEMPHASIS = 0.97
FLOOR = torch.finfo(torch.float32).eps  # of an energy: its logarithm is −15.9


def fbank(waveform: Waveform, rate: int) -> Tensor:
    """Return (1024, 128) normalised log-mel energies, 10 ms apart, of a mono waveform: 10.24 s.

    Zeros pad before the normalisation, so that a padded frame is +0.438 throughout, as in the
    published features. The script first subtracts the waveform's mean, which changes nothing:
    every window subtracts its own.
    """
    energies = log_energies(waveform, rate, FRAMES)
    padded = functional.pad(energies, (0, 0, 0, FRAMES - len(energies)))
    return (padded - MEAN) / (2 * STD)


def log_energies(waveform: Waveform, rate: int, max_frames: int) -> Tensor:
    """Return Kaldi's log-mel energies, (frames, 128) with at most `max_frames`.

    The numbers of torchaudio.compliance.kaldi.fbank(htk_compat=True, use_energy=False,
    window_type="hanning", num_mel_bins=128, dither=0): 25 ms Hann windows, only whole ones. Kaldi
    reads samples of 16 bits and these are ±1, so a logarithm is 20.8 less than its own. At 16 kHz
    and below some of the low filters lie between two points of the transform and stay at the floor;
    Kaldi itself refuses that.
    """
    window, shift = int(rate * WINDOW), int(rate * SHIFT)
    if len(waveform) < window:
        return torch.empty(0, BANDS)
    frames = torch.from_numpy(waveform).unfold(0, window, shift)[:max_frames]
    frames = frames - frames.mean(dim=1, keepdim=True)
    frames = frames - PREEMPHASIS * torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
    size = 1 << (window - 1).bit_length()  # Kaldi pads to a power of two
    hann = torch.hann_window(window, periodic=False)
    power = torch.fft.rfft(frames * hann, n=size).abs().square()
    energies: Tensor = power @ kaldi_filters(rate, size, BANDS).T
    return energies.clamp(min=FLOOR).log()
