"""Options of the audio-visual data sets, and the two modalities that follow from them."""

from __future__ import annotations

from dataclasses import dataclass

from asgml.core.data.clips.clips import Modality
from asgml.core.data.datasets.frame_options import FrameOptions, check_path
from asgml.core.data.media.audio_decoder import audio_modality
from asgml.core.data.media.frame_decoder import frame_modality
from asgml.core.data.media.spectrogram_presets import PRESETS
from asgml.core.data.options import check_choice, check_names, check_number

MODALITIES = ["audio", "visual"]


@dataclass(frozen=True)
class AudioVisualOptions(FrameOptions):
    """Options of all audio-visual data sets beside those of frames; the catalogue explains them."""

    audio: str = "stft"
    seconds: float = 10
    audio_folder: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("audio", self.audio, PRESETS)
        check_number("seconds", self.seconds, 0.1, 600)
        check_path("audio_folder", self.audio_folder)


def build_modalities(options: AudioVisualOptions) -> dict[str, Modality]:
    """Return the chosen modalities, in that order."""
    builders = {
        "audio": lambda: audio_modality(options.audio, float(options.seconds)),
        "visual": lambda: frame_modality(*options.settings),
    }
    return {name: builders[name]() for name in chosen_modalities(options)}


def chosen_modalities(options: AudioVisualOptions) -> list[str]:
    if options.modalities is None:
        return MODALITIES
    check_names("modalities", options.modalities, MODALITIES)
    return options.modalities
