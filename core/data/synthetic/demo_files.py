"""A small generated data set of wav and jpg files, in the folders and under the names of CREMA-D.

The voice shows the emotion by its pitch, melody and tempo, the drawn face only in every second
clip: so the audio dominates, as it does in the real recordings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image

from asgml.core.data.base import DataError
from asgml.core.data.error_text import error_reason
from asgml.core.data.synthetic.face import draw_faces
from asgml.core.data.synthetic.signals import MELODIES

Floats = NDArray[np.float64]

EMOTIONS = ("NEU", "HAP", "SAD", "FEA", "DIS", "ANG")  # the order of MELODIES and of the faces
SENTENCES = ("IEO", "TIE", "IOM", "IWW", "TAI", "MTI", "IWL", "ITH", "DFA", "ITS", "TSI", "WSI")
LEVELS = ("LO", "MD", "HI")  # only IEO was spoken at three levels
FIRST_ACTOR, ACTORS = 1001, 91
# Clips: enough for five of each emotion; as many as actors and sentences make.
MIN_CLIPS, MAX_CLIPS = 30, 6000
RATE = 16000
# Frames: the video has 29.97 a second, and the published extraction rounds down.
SECOND_OF_VIDEO = 29
WIDTH, HEIGHT = 480, 360
# Fraction of the clips whose face shows the emotion; the others show a random one.
TRUE_FACES = 0.5
README = (
    "Generated files: drawn voices and faces in the layout of CREMA-D, made by "
    "`asgml data make-demo`. No person is heard or seen.\n"
)


@dataclass(frozen=True)
class Person:
    """The features that the clips of one actor share."""

    pitch: float  # times the pitch of the emotion
    formants: Floats  # Hz, (3,)
    skin: Floats  # red, green and blue, (3,)


def make_demo(folder: Path, *, clips: int = 120, seed: int = 0) -> int:
    """Write `clips` clips and their lists into `folder`, and return their number.

    The same seed makes the same files. Raise DataError for a folder that is not empty or cannot be
    written to.
    """
    if isinstance(clips, bool) or not isinstance(clips, int) or not MIN_CLIPS <= clips <= MAX_CLIPS:
        raise DataError(f"{clips!r} clips; expected a whole number from {MIN_CLIPS} to {MAX_CLIPS}")
    try:
        prepare_folder(folder)
        write_clips(folder, clips, np.random.default_rng(seed))
    except OSError as error:
        reason = f"cannot be written ({error_reason(error)})"
        raise DataError(f"{folder}: {reason}; choose another folder") from error
    return clips


def prepare_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise DataError(f"{folder} is not empty; choose a new folder")
    (folder / "AudioWAV").mkdir()
    (folder / "Image-01-FPS").mkdir()


def write_clips(folder: Path, clips: int, rng: np.random.Generator) -> None:
    names = draw_names(clips, rng)
    # A person is drawn for every clip, and the last of an actor counts.
    people = {actor: draw_person(rng) for actor in sorted(name[:4] for name in names)}
    emotions = np.array([EMOTIONS.index(name.split("_")[2]) for name in names])
    is_true = rng.random(clips) < TRUE_FACES
    shown = np.where(is_true, emotions, rng.integers(0, len(EMOTIONS), clips))
    faces = draw_faces(shown, 0.03, rng)[:, 0]
    for name, emotion, face in zip(names, emotions, faces, strict=True):
        person, seconds = people[name[:4]], rng.uniform(2.0, 3.0)
        voice = draw_voice(int(emotion), person, seconds, rng)
        soundfile.write(folder / "AudioWAV" / f"{name}.wav", voice, RATE, subtype="PCM_16")
        write_frames(folder / "Image-01-FPS" / name, face, person, seconds, rng)
    write_lists(folder, names)


def draw_names(clips: int, rng: np.random.Generator) -> list[str]:
    """Return names such as 1001_IEO_ANG_HI, emotions in turn, each clip once."""
    actors = min(ACTORS, max(6, clips // 10))
    pairs = [(FIRST_ACTOR + actor, sentence) for actor in range(actors) for sentence in SENTENCES]
    orders = [rng.permutation(len(pairs)) for _ in EMOTIONS]
    names = []
    for i in range(clips):
        emotion = i % len(EMOTIONS)
        actor, sentence = pairs[orders[emotion][i // len(EMOTIONS)]]
        has_level = sentence == "IEO" and emotion  # neutral has no level
        level = LEVELS[rng.integers(3)] if has_level else "XX"
        names.append(f"{actor}_{sentence}_{EMOTIONS[emotion]}_{level}")
    return names


def draw_person(rng: np.random.Generator) -> Person:
    light = rng.uniform(0.75, 1.0)
    return Person(
        pitch=rng.uniform(0.8, 1.25),
        formants=np.array([550, 1500, 2500]) * rng.uniform(0.85, 1.15, 3),
        skin=light * np.array([1.0, 0.85, 0.72]),
    )


def draw_voice(emotion: int, person: Person, seconds: float, rng: np.random.Generator) -> Floats:
    """Return a sentence without words, (samples,) between -1 and 1.

    It is made of the harmonics of a gliding pitch, in syllables.
    """
    spacing, melody, tempo = (float(value) for value in MELODIES[emotion])
    time = np.arange(round(seconds * RATE)) / RATE
    octaves = melody / 60 * rng.uniform(0.7, 1.3) * (time / seconds - 0.5)
    pitch = 40 * spacing * person.pitch * 2**octaves  # 140 to 280 Hz before the person's own pitch
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = np.zeros_like(time)
    slow = slice(None, None, 160)  # the throat changes slowly: every 10 ms is enough
    for harmonic in range(1, 16):
        distances = (harmonic * pitch[slow, None] - person.formants) / 300
        loudness = np.exp(-(distances**2)).sum(axis=1)
        amplitude = (0.1 + np.interp(time, time[slow], loudness)) / harmonic
        voice += amplitude * np.sin(harmonic * phase)
    syllables = np.clip(0.4 + np.cos(2 * np.pi * (tempo * time / 1.5 + rng.uniform())), 0, None)
    voice = voice * syllables + 0.05 * rng.standard_normal(len(time))
    scaled: Floats = rng.uniform(0.3, 0.8) * voice / np.abs(voice).max()
    return scaled


def write_frames(
    folder: Path,
    face: NDArray[np.floating],
    person: Person,
    seconds: float,
    rng: np.random.Generator,
) -> None:
    """Write one picture a second, named by its number in the video as in the published extraction.

    The face moves a little from one to the next.
    """
    folder.mkdir()
    pixels = (255 * np.clip(face, 0, 1)).astype(np.uint8)
    grey = Image.fromarray(pixels).resize((HEIGHT, HEIGHT), Image.Resampling.BICUBIC)
    for second in range(math.ceil(seconds * 29.97 / SECOND_OF_VIDEO)):
        canvas = np.full((HEIGHT, WIDTH), 90.0)
        left = (WIDTH - HEIGHT) // 2 + int(rng.integers(-20, 21))
        canvas[:, left : left + HEIGHT] = np.asarray(grey)
        picture = Image.fromarray((canvas[:, :, None] * person.skin).astype(np.uint8))
        picture.save(folder / f"{second * SECOND_OF_VIDEO:05d}.jpg", quality=85)


def write_lists(folder: Path, names: list[str]) -> None:
    """Write the lists of train and test (a fifth) and of the classes, in the published form.

    That is: no header, Windows line ends, and a byte order mark in the list of classes.
    """
    test = {name for i, name in enumerate(names) if i // len(EMOTIONS) % 5 == 0}
    lists = {
        "train": [name for name in names if name not in test],
        "test": [name for name in names if name in test],
    }
    for split, listed in lists.items():
        lines = "".join(f"{name},{name.split('_')[2]}\r\n" for name in listed)
        (folder / f"{split}.csv").write_text(lines, encoding="utf-8", newline="")
    classes = "".join(f"{emotion}\r\n" for emotion in EMOTIONS)
    (folder / "stat.csv").write_text(classes, encoding="utf-8-sig", newline="")
    (folder / "README.txt").write_text(README, encoding="utf-8")
