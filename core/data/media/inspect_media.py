"""The inspection of clips' files, many at once: the facts of their headers, and their faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from asgml.core.data.base import SPLITS, DataError
from asgml.core.data.clips.clips import Clip, ClipSet, Decoder, Fault, Modality, Source
from asgml.core.data.media.audio_decoder import AudioDecoder, audio_facts, audio_fault
from asgml.core.data.media.flow_decoder import FlowDecoder, check_flow, flow_facts
from asgml.core.data.media.frame_decoder import FrameDecoder, frame_facts, frame_fault
from asgml.core.data.media.media_file import MediaError

Progress = Callable[[int, int], None]

# Such a clip is trained on as it is; the other kinds (missing, empty, unreadable, short) end a run.
TOLERATED_KINDS = ("silent",)
CLIPS_AT_ONCE = 256  # clips handed to the threads together, so that an interrupt waits for few


@dataclass(frozen=True)
class Inspection:
    """The facts of one clip's files by modality, and its faults."""

    facts: Mapping[str, Mapping[str, Any]]
    faults: tuple[Fault, ...]


def inspect_clips(
    clip_set: ClipSet,
    modalities: Mapping[str, Modality],
    *,
    quick: bool,
    workers: int,
    progress: Progress = lambda done, total: None,
) -> list[Inspection]:
    """Inspect every clip in turn; with `quick` only headers, else all is decoded.

    `workers` threads are enough: reading and decoding release Python's lock.
    """
    clips = [clip for split in SPLITS for clip in clip_set.splits.get(split, ())]
    inspections: list[Inspection] = []
    inspect = partial(inspect_clip, modalities=modalities, quick=quick)
    with ThreadPoolExecutor(max(workers, 1)) as pool:
        for start in range(0, len(clips), CLIPS_AT_ONCE):
            for inspection in pool.map(inspect, clips[start : start + CLIPS_AT_ONCE]):
                inspections.append(inspection)
                progress(len(inspections), len(clips))
    return inspections


def inspect_clip(clip: Clip, modalities: Mapping[str, Modality], quick: bool) -> Inspection:
    results = {
        m: inspect_source(clip.sources[m], modality.decoder, clip.id, quick)
        for m, modality in modalities.items()
    }
    facts = {m: facts for m, (facts, _) in results.items() if facts}
    faults = (fault for _, fault in results.values() if fault is not None)
    # A video that holds both sound and frames is one file with one fault.
    return Inspection(facts, tuple(dict.fromkeys(faults)))


def inspect_source(
    source: Source, decoder: Decoder, clip: str, quick: bool
) -> tuple[dict[str, Any], Fault | None]:
    """Return the facts of a source's headers, and its fault.

    Unless `quick`, the source is decoded as a training decodes it.
    """
    path = source.paths[0] if source.paths else Path()
    facts: dict[str, Any] = {}
    try:
        fault = None if quick else find_fault(decoder, source)
        if fault is not None and fault[0] not in TOLERATED_KINDS:
            return facts, Fault(clip, path, *fault)
        facts = header_facts(decoder, source)
        if not quick:
            decoder.decode(source, clip)
    except MediaError as error:
        return facts, Fault(clip, error.path, error.kind, error.reason)
    except DataError as error:
        return facts, Fault(clip, path, "unreadable", str(error))
    return facts, Fault(clip, path, *fault) if fault is not None else None


def find_fault(decoder: Decoder, source: Source) -> tuple[str, str] | None:
    """Return the kind and the reason of a fault that decoding one sample would not reveal.

    A training reads some frames of a clip, and silence decodes as any sound does. Raise MediaError,
    which names the file, where a source has many.
    """
    if isinstance(decoder, AudioDecoder):
        return audio_fault(source)
    if isinstance(decoder, FlowDecoder):
        check_flow(source)
        return None
    return frame_fault(source) if isinstance(decoder, FrameDecoder) else None


def header_facts(decoder: Decoder, source: Source) -> dict[str, Any]:
    """Return the facts in the headers of a source. A size is height × width."""
    if isinstance(decoder, AudioDecoder):
        return audio_facts(source)
    if not isinstance(decoder, (FrameDecoder, FlowDecoder)):
        return {}
    facts = flow_facts(source) if isinstance(decoder, FlowDecoder) else frame_facts(source)
    return {**facts, "size": f"{facts['height']}×{facts['width']}"}


def summarise_facts(modality: str, inspections: Sequence[Inspection]) -> dict[str, Any]:
    """Return a modality's facts over all clips.

    Quantities have their smallest, median and largest; rates, channels and sizes are counted.
    """
    facts = [one.facts[modality] for one in inspections if modality in one.facts]
    summary: dict[str, Any] = {"read": len(facts)}
    for key in ("seconds", "frames", "fps"):
        if values := [float(fact[key]) for fact in facts if fact.get(key) is not None]:
            median = float(np.median(values))
            summary[key] = {"min": min(values), "median": median, "max": max(values)}
    for key, name in (("rate", "rates"), ("channels", "channels"), ("size", "sizes")):
        if counts := Counter(str(fact[key]) for fact in facts if fact.get(key) is not None):
            summary[name] = dict(sorted(counts.items()))
    return summary
