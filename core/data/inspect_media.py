"""Looks at the files of clips, many at the same time: what each says of itself, and whether it decodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from asgml.core.data.base import DataError
from asgml.core.data.clips import Clip, Decoder, Fault, Modality, Source
from asgml.core.data.media.audio_decoder import AudioDecoder, audio_facts, audio_fault
from asgml.core.data.media.flow_decoder import FlowDecoder, check_flow, flow_facts
from asgml.core.data.media.frame_decoder import FrameDecoder, frame_facts, frame_fault
from asgml.core.data.media.media_file import MediaError

TOLERATED_KINDS = ("silent",)
"""Kinds of faults that no training ends at: such a clip is trained on as it is. The others are missing, empty, unreadable, short."""
CLIPS_AT_ONCE = 256  # clips handed to the threads together, so that an interrupt waits for few


@dataclass(frozen=True)
class Inspection:
    """What was seen of one clip: by modality the facts of its files, and its faults."""

    facts: Mapping[str, Mapping[str, Any]]
    faults: tuple[Fault, ...]


def inspect_clips(
    clips: Sequence[Clip],
    modalities: Mapping[str, Modality],
    *,
    quick: bool,
    workers: int,
    progress: Callable[[int, int], None],
) -> list[Inspection]:
    """Every clip in turn. Threads are enough: reading and decoding leave Python's lock to the others."""
    looked: list[Inspection] = []
    look = partial(inspect_clip, modalities=modalities, quick=quick)
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(clips), CLIPS_AT_ONCE):
            for one in pool.map(look, clips[start : start + CLIPS_AT_ONCE]):
                looked.append(one)
                progress(len(looked), len(clips))
    return looked


def inspect_clip(clip: Clip, modalities: Mapping[str, Modality], quick: bool) -> Inspection:
    looked = {
        name: inspect_source(clip.sources[name], modality.decoder, clip.id, quick)
        for name, modality in modalities.items()
    }
    facts = {name: facts for name, (facts, _) in looked.items() if facts}
    faults = (fault for _, fault in looked.values() if fault is not None)
    return Inspection(
        facts, tuple(dict.fromkeys(faults))
    )  # a video that holds sound and frames is one file with one fault


def inspect_source(
    source: Source, decoder: Decoder, clip: str, quick: bool
) -> tuple[dict[str, Any], Fault | None]:
    """What its headers say, and what is wrong with it. Decodes it as training would, unless `quick`."""
    path = source.paths[0] if source.paths else Path()
    facts: dict[str, Any] = {}
    try:
        found = None if quick else find_fault(decoder, source)
        if found is not None and found[0] not in TOLERATED_KINDS:
            return facts, Fault(clip, path, *found)
        facts = header_facts(decoder, source)
        if not quick:
            decoder.decode(source, clip)
    except MediaError as error:
        return facts, Fault(clip, error.path, error.kind, error.reason)
    except DataError as error:
        return facts, Fault(clip, path, "unreadable", str(error))
    return facts, Fault(clip, path, *found) if found is not None else None


def find_fault(decoder: Decoder, source: Source) -> tuple[str, str] | None:
    """The kind and the reason of what is wrong with a source, as far as it can be told without decoding it as training does.

    Raises MediaError, which names the file, where a source has many.
    """
    if isinstance(decoder, AudioDecoder):
        return audio_fault(source)
    if isinstance(decoder, FlowDecoder):
        check_flow(source)
        return None
    return frame_fault(source) if isinstance(decoder, FrameDecoder) else None


def header_facts(decoder: Decoder, source: Source) -> dict[str, Any]:
    """What the headers of a source say. A size is height × width."""
    if isinstance(decoder, AudioDecoder):
        return audio_facts(source)
    if not isinstance(decoder, (FrameDecoder, FlowDecoder)):
        return {}
    facts = flow_facts(source) if isinstance(decoder, FlowDecoder) else frame_facts(source)
    return {**facts, "size": f"{facts['height']}×{facts['width']}"}


def summarise_facts(modality: str, looked: list[Inspection]) -> dict[str, Any]:
    """Smallest, median and largest of what is a quantity; how many files have each rate, count of channels, or image size."""
    facts = [one.facts[modality] for one in looked if modality in one.facts]
    measured: dict[str, Any] = {"read": len(facts)}
    for key in ("seconds", "frames", "fps"):
        values = [float(fact[key]) for fact in facts if fact.get(key) is not None]
        measured |= (
            {key: {"min": min(values), "median": float(np.median(values)), "max": max(values)}}
            if values
            else {}
        )
    for key, name in (("rate", "rates"), ("channels", "channels"), ("size", "sizes")):
        counts = Counter(str(fact[key]) for fact in facts if fact.get(key) is not None)
        measured |= {name: dict(sorted(counts.items()))} if counts else {}
    return measured
