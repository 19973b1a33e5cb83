"""Spectrograms of waveforms: log-magnitudes of a short-time Fourier transform, log-mel energies."""

from __future__ import annotations

import torch
from torch import Tensor

from asgml.core.data.media.mel import slaney_filters
from asgml.core.data.media.waveform import Waveform

FLOOR = 1e-7  # added to a magnitude before its logarithm, as published: silence is −16.1
# Added to a mel energy: −100 dB of full scale, where librosa.power_to_db cuts; silence is −23.0.
MEL_FLOOR = 1e-10


def stft_frames(samples: int, hop: int, uncentred: int = 0) -> int:
    """Return the number of columns of a centred transform.

    With `uncentred`, of one whose windows of that many samples stay inside the waveform.
    """
    return 1 + (samples - uncentred) // hop


def magnitude(
    waveform: Waveform, n_fft: int, hop: int, window: int | None = None, *, center: bool = True
) -> Tensor:
    """Return |STFT|, (1 + n_fft/2, 1 + samples // hop), with a periodic Hann window.

    The numbers of librosa.stft(…, pad_mode="reflect"), the waveform mirrored at its ends. That was
    librosa's default when OGM-GE was published; since 0.10 it is zeros, which darkens the first and
    last column. Computed in float64 as numpy did then: in float32 the rounding of loud frequencies
    covers quiet ones, and their logarithms differ by up to 2.6 from machine to machine.
    """
    width = window or n_fft
    hann = torch.hann_window(width, periodic=True, dtype=torch.float64)
    samples = torch.from_numpy(waveform).double()
    transform = torch.stft(
        samples, n_fft, hop, width, hann, center=center, pad_mode="reflect", return_complex=True
    )
    return transform.abs().float()


def log_stft(waveform: Waveform, n_fft: int, hop: int, *, center: bool = True) -> Tensor:
    """Return log(|STFT| + 1e-7), (frequency, time): OGM-GE's spectrogram."""
    return torch.log(magnitude(waveform, n_fft, hop, center=center) + FLOOR)


def log_mel(waveform: Waveform, rate: int, n_fft: int, window: int, hop: int, bands: int) -> Tensor:
    """Return log(mel energy + 1e-10), (bands, time), with librosa's filters (Slaney's)."""
    energy = magnitude(waveform, n_fft, hop, window).square()
    return torch.log(slaney_filters(rate, n_fft, bands) @ energy + MEL_FLOOR)
