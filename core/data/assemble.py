"""Makes clips of what the lists say and of what the folders hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from core.data.audiovisual import AudioVisualOptions, build_modalities
from core.data.base import SPLITS
from core.data.clips import Clip, ClipSet, Fault, Source, with_val
from core.data.layout import Place, Problem
from core.data.lists import Entry, Parts
from core.data.places import Usual, find_places


def assemble(found: ClipSet, parts: Parts, options: AudioVisualOptions, usual: Usual, seed: int) -> ClipSet:
    """`found`, which has no clips yet, with the clips of the lists: validation carved where the lists have none, files looked up.

    Validation is carved before any file is looked for, so that a missing file does not move other clips.
    """
    numbers = {label: number for number, label in enumerate(found.classes)}
    bare = {p: tuple(Clip(e.id, numbers[e.label], {}, e.group) for e in parts.get(p, ())) for p in SPLITS}
    told = {"listed": {part: len(clips) for part, clips in bare.items() if clips}, "val": "from the lists"}
    whole = with_val(replace(found, splits=bare, info={**told, **found.info}), options, seed)
    places = find_places(found.root, options, usual)
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
