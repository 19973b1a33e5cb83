"""What the audio-visual data sets share: their options, where they look for sound and frames, and how lists become clips."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.data.audio import PRESETS, audio_modality
from core.data.base import SPLITS, DataError, split_name
from core.data.clips import Clip, ClipOptions, ClipSet, Fault, Modality, Source, check_choice, with_val
from core.data.layout import AUDIO, VIDEO, Files, FrameFolders, Place, Problem
from core.data.lists import Entry, Parts
from core.data.options import check_names, check_number, check_whole
from core.data.video import CHOICES, frame_modality
from core.data.walk import first_folder

MODALITIES = ["audio", "visual"]
SOURCES = ("auto", "images", "video")
AUGMENTS = ("clip", "frame", "off")
CROP = 224  # pixels a side that the network sees, as in every paper of the field


@dataclass(frozen=True)
class AudioVisualOptions(ClipOptions):
    """Options of every audio-visual data set. LAYOUTS.md explains them.

    `audio`: preset of the spectrogram, over `seconds`. `frames` images of a clip, chosen by `choice`, stored at `frame_size`
    (height, width) and changed in training as `augment` says. `fps`: images a second that were extracted, or are taken from
    the video. `source` of the images: "images" (folders of frames), "video" (the videos), "auto" (images where there are any).
    The folders are relative to the data's root, each with its usual names where it is not given.
    """

    audio: str = "stft"
    seconds: float = 10
    frames: int = 3
    fps: int = 1
    choice: str = "uniform"
    frame_size: list[int] = field(default_factory=lambda: [256, 340])
    augment: str = "clip"
    source: str = "auto"
    lists: str | None = None
    audio_folder: str | None = None
    frames_folder: str | None = None
    video_folder: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("audio", self.audio, PRESETS)
        check_number("seconds", self.seconds, 0.1, 600)
        check_whole("frames", self.frames, 1, 64)
        check_whole("fps", self.fps, 1, 60)
        check_choice("choice", self.choice, CHOICES)
        check_choice("augment", self.augment, AUGMENTS)
        check_choice("source", self.source, SOURCES)
        for option in ("lists", "audio_folder", "frames_folder", "video_folder"):
            check_path(option, getattr(self, option))
        if not isinstance(self.frame_size, (list, tuple)) or len(self.frame_size) != 2:
            raise DataError(f"option frame_size is {self.frame_size!r}; expected two numbers, height and width, as in [240, 320]")
        for side in self.frame_size:
            check_whole("frame_size", side, 16, 2048)


@dataclass(frozen=True)
class Usual:
    """The folders where the files of a data set usually lie, in the order of looking. {fps:02d} stands for the frames a second."""

    audio: tuple[str, ...]
    frames: tuple[str, ...]
    video: tuple[str, ...]


def check_path(option: str, given: object) -> None:
    if given is not None and (not isinstance(given, str) or not given or "\0" in given):
        raise DataError(f"option {option} is {given!r}; expected the name of a folder or file")


def root_of(spec: str, example: str) -> Path:
    """The folder behind the colon of `spec`. Raises DataError where there is none."""
    name, path = split_name(spec)
    if not path:
        raise DataError(f"data {spec!r} is read from files; give their folder behind a colon, as in {name}:{example}")
    root = Path(path).expanduser()
    if not root.is_dir():
        raise DataError(f"data {spec!r}: {root} is not a folder; expected the one that holds the files, as in {name}:{example}")
    return root


def assemble(found: ClipSet, parts: Parts, options: AudioVisualOptions, usual: Usual, seed: int) -> ClipSet:
    """`found`, which has no clips yet, with the clips of the lists: validation carved where the lists have none, files looked up.

    Validation is carved before any file is looked for, so that a missing file does not move other clips.
    """
    numbers = {label: number for number, label in enumerate(found.classes)}
    bare = {p: tuple(Clip(e.id, numbers[e.label], {}, e.group) for e in parts.get(p, ())) for p in SPLITS}
    listed = {"listed": {part: len(clips) for part, clips in bare.items() if clips}}
    whole = with_val(replace(found, splits=bare, info={**found.info, **listed}), options, seed)
    places = find_places(found, options, usual)
    entries = {entry.id: entry for part in parts.values() for entry in part}
    looked = {part: [look_up(clip, entries[clip.id], places) for clip in clips] for part, clips in whole.splits.items()}
    return replace(
        whole,
        splits={part: tuple(clip for clip in clips if isinstance(clip, Clip)) for part, clips in looked.items()},
        faults=tuple(clip for clips in looked.values() for clip in clips if isinstance(clip, Fault)),
        modalities=build_modalities(options),
        info={**whole.info, **shared_groups(whole.splits)},
    )


def look_up(clip: Clip, entry: Entry, places: Mapping[str, Place]) -> Clip | Fault:
    """The clip with its sources, or the one fault that stands for all that is wrong with its files."""
    looked = {modality: place.source(entry) for modality, place in places.items()}
    problems = [source for source in looked.values() if isinstance(source, Problem)]
    if problems:
        others = "".join(f"; and {problem.path}: {problem.reason}" for problem in problems[1:])
        return Fault(clip.id, problems[0].path, problems[0].kind, problems[0].reason + others)
    return replace(clip, sources={modality: source for modality, source in looked.items() if isinstance(source, Source)})


def shared_groups(splits: Mapping[str, Sequence[Clip]]) -> dict[str, int]:
    """How many persons or videos train shares with test and with val: a result on them is not about strangers."""
    of = {part: {clip.group for clip in clips} - {""} for part, clips in splits.items()}
    if not any(of.values()):
        return {}
    return {"groups_shared": len(of["train"] & of["test"]), "groups_shared_val": len(of["train"] & of["val"])}


def build_modalities(options: AudioVisualOptions) -> dict[str, Modality]:
    """Those that were chosen, in that order."""
    height, width = options.frame_size
    built = {}
    for name in chosen_modalities(options):
        if name == "audio":
            built[name] = audio_modality(options.audio, float(options.seconds))
        else:
            size = (height, width)
            built[name] = frame_modality(options.frames, options.choice, size, CROP, options.augment, float(options.fps))
    return built


def chosen_modalities(options: AudioVisualOptions) -> list[str]:
    if options.modalities is None:
        return MODALITIES
    check_names("modalities", options.modalities, MODALITIES)
    return options.modalities


def find_places(found: ClipSet, options: AudioVisualOptions, usual: Usual) -> dict[str, Place]:
    """Where each modality that was chosen lies: its own folder, or the videos, which hold both."""
    finders = {"audio": find_audio, "visual": find_frames}
    return {modality: finders[modality](found.root, options, usual) for modality in chosen_modalities(options)}


def find_audio(root: Path, options: AudioVisualOptions, usual: Usual) -> Place:
    folder = given_or_usual(root, "audio_folder", options.audio_folder, usual.audio)
    return Files(folder, AUDIO) if folder else find_video(root, options, usual, "sound", usual.audio)


def find_frames(root: Path, options: AudioVisualOptions, usual: Usual) -> Place:
    names = tuple(name.format(fps=options.fps) for name in usual.frames)
    folder = given_or_usual(root, "frames_folder", options.frames_folder, names) if options.source != "video" else None
    if folder:
        check_fps(folder, options.fps)
        return FrameFolders(folder, options.fps)
    if options.source == "images":
        raise DataError(f"{root}: no folder of frames; looked for {', '.join(names)}; name it with the option frames_folder")
    return find_video(root, options, usual, "frames", names if options.source == "auto" else ())


def find_video(root: Path, options: AudioVisualOptions, usual: Usual, what: str, before: Sequence[str]) -> Place:
    folder = given_or_usual(root, "video_folder", options.video_folder, usual.video)
    if folder is None:
        raise DataError(f"{root}: no folder with {what}; looked for {', '.join((*before, *usual.video))}; name it in the options (LAYOUTS.md)")
    return Files(folder, VIDEO)


def given_or_usual(root: Path, option: str, given: str | None, usual: tuple[str, ...]) -> Path | None:
    if given is None:
        return first_folder(root, usual)
    folder = root / Path(given).expanduser()
    if not folder.is_dir():
        raise DataError(f"option {option} is {given!r}, but {folder} is not a folder")
    return folder


def check_fps(folder: Path, fps: int) -> None:
    """The name of a folder that the published extraction made says how many images a second it holds."""
    named = re.search(r"Image-([0-9]{2})-FPS", folder.name)
    if named and int(named[1]) != fps:
        raise DataError(f"{folder} holds {int(named[1])} images a second by its name, but option fps is {fps}; set fps={int(named[1])}")
