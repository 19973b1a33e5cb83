"""Options of the audio-visual data sets, and the two modalities that follow from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from core.data.base import DataError, split_name
from core.data.clips import ClipOptions, Modality, check_choice
from core.data.media.audio import PRESETS, audio_modality
from core.data.media.video import CHOICES, frame_modality
from core.data.media.views import AUGMENTS
from core.data.options import check_names, check_number, check_whole

MODALITIES = ["audio", "visual"]
SOURCES = ("auto", "images", "video")


@dataclass(frozen=True)
class AudioVisualOptions(ClipOptions):
    """Options of every audio-visual data set. LAYOUTS.md explains them.

    `audio`: preset of the spectrogram, over `seconds`. `frames` images of a clip, chosen by `choice`, stored at `frame_size`
    (height, width), seen as squares of `crop` pixels (224 in every paper of the field), and changed in training as `augment`
    says. `fps`: images a second that were extracted, or are taken from the video. `source` of the images: "images" (folders of
    frames), "video" (the videos), "auto" (images where there are any).
    The folders are relative to the data's root, each with its usual names where it is not given.
    """

    audio: str = "stft"
    seconds: float = 10
    frames: int = 3
    fps: int = 1
    choice: str = "uniform"
    frame_size: list[int] = field(default_factory=lambda: [256, 340])
    crop: int = 224
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
        check_whole("crop", self.crop, 16, 1024)
        check_choice("augment", self.augment, AUGMENTS)
        check_choice("source", self.source, SOURCES)
        for option in ("lists", "audio_folder", "frames_folder", "video_folder"):
            check_path(option, getattr(self, option))
        check_size(self.frame_size)


def check_size(given: object) -> None:
    """Height and width at which frames are stored."""
    if not isinstance(given, (list, tuple)) or len(given) != 2:
        raise DataError(f"option frame_size is {given!r}; expected two numbers, height and width, as in [240, 320]")
    for side in given:
        check_whole("frame_size", side, 16, 2048)


def check_path(option: str, given: object) -> None:
    """A path, which may be left out."""
    if given is not None and (not isinstance(given, str) or not given or "\0" in given):
        raise DataError(f"option {option} is {given!r}; expected the name of a folder or file")


def check_list(option: str, given: object) -> None:
    """A path that may not be left out."""
    if given is None:
        raise DataError(f"option {option} is None; expected the name of a file")
    check_path(option, given)


def root_of(spec: str, example: str) -> Path:
    """The folder behind the colon of `spec`. Raises DataError where none is given."""
    name, path = split_name(spec)
    if not path:
        raise DataError(f"data {spec!r} is read from files; give their folder behind a colon, as in {name}:{example}")
    return Path(path)


def check_root(root: Path, name: str) -> Path:
    """The folder of a data set, absolute. Raises DataError where it is none."""
    folder = root.expanduser().absolute()
    if not folder.is_dir():
        raise DataError(f"{name}: {folder} {'is a file' if folder.exists() else 'is not there'}; expected the folder that holds the data")
    return folder


def build_modalities(options: AudioVisualOptions) -> dict[str, Modality]:
    """Those that were chosen, in that order."""
    height, width = options.frame_size
    built = {}
    for name in chosen_modalities(options):
        if name == "audio":
            built[name] = audio_modality(options.audio, float(options.seconds))
        else:
            size = (height, width)
            built[name] = frame_modality(options.frames, options.choice, size, options.crop, options.augment, float(options.fps))
    return built


def chosen_modalities(options: AudioVisualOptions) -> list[str]:
    if options.modalities is None:
        return MODALITIES
    check_names("modalities", options.modalities, MODALITIES)
    return options.modalities
