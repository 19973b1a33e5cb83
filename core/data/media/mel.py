"""Mel filters: triangles over the frequencies of a Fourier transform, as librosa and Kaldi do."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

KNEE = 1000.0  # Hz: Slaney's scale is linear below, logarithmic above
STEP = math.log(6.4) / 27  # of the logarithm, a mel above the knee
LOWEST = 20.0  # Hz, where Kaldi's first filter begins


@lru_cache
def slaney_filters(rate: int, size: int, bands: int) -> Tensor:
    """Return (bands, 1 + size/2) filters from 0 Hz to half the rate, each of area 1.

    The numbers of librosa.filters.mel(sr=rate, n_fft=size, n_mels=bands). They are computed here
    because importing librosa takes seconds in every process that reads.
    """
    top = 15 + math.log(rate / 2 / KNEE) / STEP
    steps = torch.linspace(0, top, bands + 2, dtype=torch.float64)
    edges = torch.where(steps < 15, steps * 200 / 3, KNEE * torch.exp(STEP * (steps - 15)))
    areas = (edges[2:] - edges[:-2])[:, None] / 2
    return (triangles(edges, frequencies(rate, size)) / areas).float()


@lru_cache
def kaldi_filters(rate: int, size: int, bands: int) -> Tensor:
    """Return (bands, 1 + size/2) filters from 20 Hz to half the rate, each of height 1.

    Their sides are straight on the mel scale 1127·ln(1 + f/700).
    """
    low, high = kaldi_mel(torch.tensor([LOWEST, rate / 2], dtype=torch.float64))
    edges = low + (high - low) * torch.linspace(0, 1, bands + 2, dtype=torch.float64)
    return triangles(edges, kaldi_mel(frequencies(rate, size))).float()


def kaldi_mel(frequency: Tensor) -> Tensor:
    return 1127.0 * torch.log1p(frequency / 700.0)


def frequencies(rate: int, size: int) -> Tensor:
    """Return the (1 + size/2,) frequencies of a transform of `size` points, in Hz."""
    return torch.arange(1 + size // 2, dtype=torch.float64) * rate / size


def triangles(edges: Tensor, points: Tensor) -> Tensor:
    """Return (len(edges) − 2, len(points)) filters.

    Filter i rises from edge i to 1 at edge i + 1 and falls to 0 at edge i + 2.
    """
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (points - left) / (centre - left)
    falling = (right - points) / (right - centre)
    return torch.minimum(rising, falling).clamp(min=0.0)
