"""The row that declares a data set, and what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sign:
    """Patterns of names that together reveal a data set's layout.

    Signs of all data sets are tried by ascending rank. 0 suits files that no other data set has;
    folders such as AudioWAV, which several have, need a rank above those.
    """

    patterns: tuple[str, ...]
    rank: int = 0


@dataclass(frozen=True)
class Dirs:
    """Folders tried in this order for one kind of file; `{fps:02d}` is the frames per second.

    `example` is a file in such a folder; `advice` ends the error message where none is there.
    """

    names: tuple[str, ...] = ()
    example: str = ""
    advice: str = ""


@dataclass(frozen=True)
class DefaultDirs:
    """The folders, relative to a data set's root, where its files usually lie.

    Lists are looked for in the root first. `files` are names of files rather than of folders.
    """

    lists: Dirs = Dirs()
    audio: Dirs = Dirs()
    frames: Dirs = Dirs()
    video: Dirs = Dirs()
    flow: Dirs = Dirs()
    files: Dirs = Dirs()


@dataclass(frozen=True)
class DataSet:
    """A row of the catalogue.

    `loader` is "module:function": with `clips`, find_clips(root, options, seed) -> ClipSet, given
    the options as an instance of `options_class`; otherwise load(spec, options, seed) -> Dataset.
    `options` has the meaning of every field of `options_class` ("module:class"), which holds the
    defaults. `clips` are decoded from files one by one, so single ones can be missing; `generated`
    data needs no files.

    `published` is the number of samples in each split of the lists that `source` gives; a list
    without val has none here. `published_splits` has the sizes of every published split by number,
    where there are several. `example` is a folder of this data, for messages.
    """

    title: str
    summary: str
    modalities: tuple[str, ...]
    classes: int
    give: str
    loader: str
    options_class: str
    options: Mapping[str, str]
    signs: tuple[Sign, ...] = ()
    dirs: DefaultDirs = DefaultDirs()
    clips: bool = False
    generated: bool = False
    published: Mapping[str, int] = field(default_factory=dict)
    published_splits: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    source: str = ""
    example: str = ""
