"""Options of every data set that shows frames: which, how large, how changed, and where."""

from __future__ import annotations

from dataclasses import dataclass, field

from asgml.core.data.base import DataError
from asgml.core.data.clips.clip_options import ClipOptions
from asgml.core.data.media.frame_choice import CHOICES
from asgml.core.data.media.views import AUGMENTS
from asgml.core.data.options import check_choice, check_whole

SOURCES = ("auto", "images", "video")
FrameSettings = tuple[int, str, tuple[int, int], int, str, float]


@dataclass(frozen=True)
class FrameOptions(ClipOptions):
    """Options of frames; the catalogue (shared_options.py) explains them."""

    frames: int = 3
    fps: int = 1
    choice: str = "uniform"
    frame_size: list[int] = field(default_factory=lambda: [256, 340])  # height, width
    crop: int = 224  # in every paper of the field
    augment: str = "clip"
    source: str = "auto"
    lists: str | None = None
    frames_folder: str | None = None
    video_folder: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("frames", self.frames, 1, 64)
        check_whole("fps", self.fps, 1, 60)
        check_choice("choice", self.choice, CHOICES)
        check_whole("crop", self.crop, 16, 1024)
        check_choice("augment", self.augment, AUGMENTS)
        check_choice("source", self.source, SOURCES)
        for option in ("lists", "frames_folder", "video_folder"):
            check_path(option, getattr(self, option))
        check_size(self.frame_size)

    @property
    def settings(self) -> FrameSettings:
        """Return the arguments that a modality of frames is made from."""
        height, width = self.frame_size
        return self.frames, self.choice, (height, width), self.crop, self.augment, float(self.fps)


def check_size(given: object) -> None:
    """Raise DataError for anything but a height and a width, at which frames are stored."""
    if not isinstance(given, (list, tuple)) or len(given) != 2:
        raise DataError(
            f"option frame_size is {given!r}; "
            "expected two numbers, height and width, as in [240, 320]"
        )
    for side in given:
        check_whole("frame_size", side, 16, 2048)


def check_path(option: str, given: object) -> None:
    """Raise DataError for anything but a path, which may be left out."""
    if given is not None and (not isinstance(given, str) or not given or "\0" in given):
        raise DataError(f"option {option} is {given!r}; expected the name of a folder or file")


def check_list(option: str, given: object) -> None:
    """Raise DataError for anything but a path, which may not be left out."""
    if given is None:
        raise DataError(f"option {option} is None; expected the name of a file")
    check_path(option, given)
