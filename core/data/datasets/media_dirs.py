"""Find the folders of sound and frames that the catalogue names; videos stand in for either."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from asgml.core.data.base import DataError
from asgml.core.data.catalogue import DefaultDirs
from asgml.core.data.datasets.audiovisual import AudioVisualOptions, chosen_modalities
from asgml.core.data.datasets.find_dirs import first_dir
from asgml.core.data.datasets.frame_options import FrameOptions
from asgml.core.data.datasets.media_files import (
    AUDIO,
    VIDEO,
    FrameFolders,
    MediaDir,
    MediaFiles,
)
from asgml.storage.format.user_path import expand_user


def find_media_dirs(
    root: Path, options: AudioVisualOptions, defaults: DefaultDirs
) -> dict[str, MediaDir]:
    """Return where each chosen modality lies: in its own folder, or in the videos."""
    finders = {"audio": find_audio, "visual": find_frames}
    return {m: finders[m](root, options, defaults) for m in chosen_modalities(options)}


def find_audio(root: Path, options: AudioVisualOptions, defaults: DefaultDirs) -> MediaDir:
    """Return the folder of sound files, else that of the videos. Raise DataError without either."""
    names = defaults.audio.names
    folder = given_or_default(root, "audio_folder", options.audio_folder, names)
    if folder:
        return MediaFiles(folder, AUDIO)
    return find_video(root, options, defaults, "sound", "audio_folder", names)


def find_frames(root: Path, options: FrameOptions, defaults: DefaultDirs) -> MediaDir:
    """Return the folder of frames, else that of the videos, as option `source` allows.

    Raise DataError without either.
    """
    names = tuple(name.format(fps=options.fps) for name in defaults.frames.names)
    folder = None
    if options.source != "video":
        folder = given_or_default(root, "frames_folder", options.frames_folder, names)
    if folder:
        check_fps(folder, options.fps)
        return FrameFolders(folder, options.fps)
    if options.source == "images":
        raise DataError(
            f"{root}: no folder of frames; looked for {', '.join(names)}; "
            "name it with the option frames_folder"
        )
    tried = names if options.source == "auto" else ()
    return find_video(root, options, defaults, "frames", "frames_folder", tried)


def find_video(
    root: Path,
    options: FrameOptions,
    defaults: DefaultDirs,
    kind: str,
    option: str,
    tried: Sequence[str],
) -> MediaDir:
    """Return the folder of the videos. Raise DataError that names all that was `tried`."""
    names = defaults.video.names
    folder = given_or_default(root, "video_folder", options.video_folder, names)
    if folder is None:
        raise DataError(
            f"{root}: no folder with {kind}; looked for {', '.join((*tried, *names))}; "
            f"name it with the option {option} or video_folder"
        )
    return MediaFiles(folder, VIDEO)


def given_or_default(
    root: Path, option: str, given: str | None, names: tuple[str, ...]
) -> Path | None:
    """Return the folder that the option gives, else the first default one that is there."""
    if given is None:
        return first_dir(root, names)
    folder = root / expand_user(given, DataError)
    if not folder.is_dir():
        raise DataError(f"option {option} is {given!r}, but {folder} is not a folder")
    return folder


def check_fps(folder: Path, fps: int) -> None:
    """Raise DataError where the folder's name, Image-03-FPS, says another number than `fps`."""
    named = re.search(r"Image-([0-9]{2})-FPS", folder.name)
    if named and int(named[1]) != fps:
        raise DataError(
            f"{folder} holds {int(named[1])} images a second by its name, but option fps is {fps}; "
            f"set fps={int(named[1])}"
        )
