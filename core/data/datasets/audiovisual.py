"""Options of the audio-visual data sets, and the two modalities that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from asgml.core.data.base import DataError, split_name
from asgml.core.data.clips import Modality
from asgml.core.data.datasets.frame_options import FrameOptions, check_path
from asgml.core.data.media.audio_decoder import audio_modality
from asgml.core.data.media.frame_decoder import frame_modality
from asgml.core.data.media.spectrogram_presets import PRESETS
from asgml.core.data.options import check_choice, check_names, check_number

MODALITIES = ["audio", "visual"]


@dataclass(frozen=True)
class AudioVisualOptions(FrameOptions):
    """Options of every audio-visual data set. `audio`: preset of the spectrogram, over `seconds`."""

    audio: str = "stft"
    seconds: float = 10
    audio_folder: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("audio", self.audio, PRESETS)
        check_number("seconds", self.seconds, 0.1, 600)
        check_path("audio_folder", self.audio_folder)


def root_of(spec: str, example: str) -> Path:
    """The folder behind the colon of `spec`. Raises DataError where none is given."""
    name, path = split_name(spec)
    if not path:
        raise DataError(
            f"data {spec!r} is read from files; give their folder behind a colon, as in {name}:{example}"
        )
    return Path(path)


def check_root(root: Path, name: str) -> Path:
    """The folder of a data set, absolute. Raises DataError where it is none."""
    folder = root.expanduser().absolute()
    if not folder.is_dir():
        raise DataError(
            f"{name}: {folder} {'is a file' if folder.exists() else 'is not there'}; expected the folder that holds the data"
        )
    return folder


def build_modalities(options: AudioVisualOptions) -> dict[str, Modality]:
    """Those that were chosen, in that order."""
    made = {
        "audio": lambda: audio_modality(options.audio, float(options.seconds)),
        "visual": lambda: frame_modality(*options.settings),
    }
    return {name: made[name]() for name in chosen_modalities(options)}


def chosen_modalities(options: AudioVisualOptions) -> list[str]:
    if options.modalities is None:
        return MODALITIES
    check_names("modalities", options.modalities, MODALITIES)
    return options.modalities
