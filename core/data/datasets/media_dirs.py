"""Finds the folders of a data set that hold its sound and its frames; videos stand in for either."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asgml.core.data.base import DataError
from asgml.core.data.datasets.audiovisual import AudioVisualOptions, chosen_modalities
from asgml.core.data.datasets.find_dirs import first_folder
from asgml.core.data.datasets.frame_options import FrameOptions
from asgml.core.data.datasets.layout import AUDIO, VIDEO, Files, FrameFolders, Place


@dataclass(frozen=True)
class DefaultDirs:
    """The folders where the files of a data set usually lie, in the order of looking. {fps:02d} stands for the frames a second."""

    audio: tuple[str, ...]
    frames: tuple[str, ...]
    video: tuple[str, ...]


def find_places(root: Path, options: AudioVisualOptions, usual: DefaultDirs) -> dict[str, Place]:
    """Where each modality that was chosen lies: its own folder, or the videos, which hold both."""
    finders = {"audio": find_audio, "visual": find_frames}
    return {
        modality: finders[modality](root, options, usual) for modality in chosen_modalities(options)
    }


def find_audio(root: Path, options: AudioVisualOptions, usual: DefaultDirs) -> Place:
    folder = given_or_usual(root, "audio_folder", options.audio_folder, usual.audio)
    return (
        Files(folder, AUDIO)
        if folder
        else find_video(root, options, usual, "sound", "audio_folder", usual.audio)
    )


def find_frames(root: Path, options: FrameOptions, usual: DefaultDirs) -> Place:
    names = tuple(name.format(fps=options.fps) for name in usual.frames)
    folder = (
        given_or_usual(root, "frames_folder", options.frames_folder, names)
        if options.source != "video"
        else None
    )
    if folder:
        check_fps(folder, options.fps)
        return FrameFolders(folder, options.fps)
    if options.source == "images":
        raise DataError(
            f"{root}: no folder of frames; looked for {', '.join(names)}; name it with the option frames_folder"
        )
    return find_video(
        root, options, usual, "frames", "frames_folder", names if options.source == "auto" else ()
    )


def find_video(
    root: Path,
    options: FrameOptions,
    usual: DefaultDirs,
    what: str,
    option: str,
    before: Sequence[str],
) -> Place:
    folder = given_or_usual(root, "video_folder", options.video_folder, usual.video)
    if folder is None:
        looked = ", ".join((*before, *usual.video))
        raise DataError(
            f"{root}: no folder with {what}; looked for {looked}; name it with the option {option} or video_folder"
        )
    return Files(folder, VIDEO)


def given_or_usual(
    root: Path, option: str, given: str | None, usual: tuple[str, ...]
) -> Path | None:
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
        raise DataError(
            f"{folder} holds {int(named[1])} images a second by its name, but option fps is {fps}; set fps={int(named[1])}"
        )
