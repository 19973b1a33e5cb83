"""The built-in inputs beside faces: a voice's spectrogram, words, movements, heat, a pulse.

Every function takes the class that each of n samples shows and returns their inputs. The patterns
of a class (bands, words, postures) are constants; only the samples depend on the seed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Shown = NDArray[np.int64]

CLASSES = 6
VOICE = (48, 32)  # frames, frequency bins
# One row an emotion: bins between harmonics (pitch), bins by which the voice rises in a clip
# (melody), syllables a clip (tempo).
MELODIES = np.array(
    [
        [3.5, 0, 3],  # neutral
        [4, 30, 4],  # happy
        [4, -30, 2],  # sad
        [7, 60, 5],  # fear
        [7, 0, 2],  # disgust
        [7, -60, 5],  # anger
    ],
    dtype=np.float32,
)
WORDS = (12, 16)  # words a sentence, numbers a word
JOINTS = 24
HEAT = 24
BEATS = 64


def draw_voices(shown: Shown, noise: float, rng: np.random.Generator) -> Floats:
    """Return spectrograms (n, frames, bins) of a few syllables.

    Pitch, melody and tempo depend on the class, as in MELODIES.
    """
    n, (frames, bins) = len(shown), VOICE
    time = np.linspace(0, 1, frames, dtype=np.float32)[None, :, None]
    bin_ = np.arange(bins, dtype=np.float32)[None, None, :]
    spacing, glide, tempo = (MELODIES[shown, i].reshape(n, 1, 1) for i in range(3))
    spacing = spacing * _uniform(rng, 0.9, 1.1, n)
    glide = glide * _uniform(rng, 0.7, 1.3, n)
    pitch = glide * time + _uniform(rng, 0, bins, n)
    harmonics = np.exp(2 * (np.cos(2 * np.pi * (bin_ - pitch) / spacing) - 1))
    # The throat is the speaker's, whatever the emotion.
    throat = np.exp(-(((bin_ - _uniform(rng, 8, 24, n)) / 12) ** 2))
    syllables = np.clip(0.5 + np.cos(2 * np.pi * (tempo * time + _uniform(rng, 0, 1, n))), 0, None)
    return _with_noise(_uniform(rng, 1.0, 1.8, n) * syllables * throat * harmonics, noise, rng)


def draw_sentences(shown: Shown, noise: float, rng: np.random.Generator) -> Floats:
    """Return word vectors (n, words, numbers): three of the class, anywhere among words of none."""
    n, (length, width) = len(shown), WORDS
    # eight words a class, near the class's meaning, and eight without one
    vocabulary = 0.7 * (_fixed(1, (CLASSES + 1, 1, width)) + _fixed(3, (CLASSES + 1, 8, width)))
    topic = np.full((n, length), CLASSES)
    places = rng.permuted(np.tile(np.arange(length), (n, 1)), axis=1)[:, :3]
    np.put_along_axis(topic, places, shown[:, None], axis=1)
    return _with_noise(vocabulary[topic, rng.integers(0, 8, (n, length))], noise, rng)


def draw_movements(shown: Shown, noise: float, rng: np.random.Generator) -> Floats:
    """Return joint angles (n, joints): each class has two postures, and each may be mirrored."""
    n = len(shown)
    postures = _fixed(2, (CLASSES, 2, JOINTS))
    mirror = rng.choice(np.array([-1, 1], dtype=np.float32), (n, 1))
    return _with_noise(mirror * postures[shown, rng.integers(0, 2, n)], noise, rng)


def draw_heat(shown: Shown, noise: float, rng: np.random.Generator) -> Floats:
    """Return heat pictures (n, 1, HEAT, HEAT) of a head: the places of two spots show the class."""
    n = len(shown)
    steps = np.linspace(-1, 1, HEAT, dtype=np.float32)
    x = steps[None, None, :] - _uniform(rng, -0.2, 0.2, n)
    y = steps[None, :, None] - _uniform(rng, -0.2, 0.2, n)
    head = 1 / (1 + np.exp(12 * (np.sqrt((x / 0.6) ** 2 + (y / 0.8) ** 2) - 1)))
    across = np.array([0.0, 0.35, 0.2, 0.35, 0.15, 0.3], dtype=np.float32)[shown].reshape(n, 1, 1)
    down = np.array([0.0, 0.25, -0.1, -0.5, 0.45, -0.25], dtype=np.float32)[shown].reshape(n, 1, 1)
    spots = np.exp(-(((np.abs(x) - across) / 0.16) ** 2) - ((y - down) / 0.16) ** 2)
    return _with_noise((head + 0.8 * spots)[:, None], noise, rng)


def draw_pulses(shown: Shown, noise: float, rng: np.random.Generator) -> Floats:
    """Return pulse waves (n, samples): rate and sharpness of the beat show the class."""
    n = len(shown)
    time = np.linspace(0, 1, BEATS, dtype=np.float32)[None, :]
    rate = np.array([3, 4, 2, 7, 5, 6], dtype=np.float32)[shown][:, None]
    rate = rate + _uniform(rng, -0.3, 0.3, n)[:, 0]
    sharp = np.array([1, 1, 2, 4, 4, 2], dtype=np.float32)[shown][:, None]
    wave = (0.5 + 0.5 * np.cos(2 * np.pi * (rate * time + _uniform(rng, 0, 1, n)[:, 0]))) ** sharp
    return _with_noise(wave, noise, rng)


def _uniform(rng: np.random.Generator, low: float, high: float, n: int) -> Floats:
    return rng.uniform(low, high, (n, 1, 1)).astype(np.float32)


def _fixed(which: int, shape: tuple[int, ...]) -> Floats:
    return np.random.default_rng(which).standard_normal(shape, dtype=np.float32)


def _with_noise(values: Floats, noise: float, rng: np.random.Generator) -> Floats:
    return (values + noise * rng.standard_normal(values.shape, dtype=np.float32)).astype(np.float32)
