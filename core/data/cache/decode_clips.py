"""The decoding of clips for a cache, in any process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from asgml.core.data.base import DataError
from asgml.core.data.cache.identity import fingerprints
from asgml.core.data.clips.clips import Clip, ClipSet, Decoder


@dataclass(frozen=True)
class DecodedClips:
    """The values (n, …) of the n clips without a fault, the fingerprints of all, the faults."""

    values: Mapping[str, Tensor]
    fingerprints: Sequence[Sequence[int]]
    faults: Mapping[str, str]


@dataclass(frozen=True)
class ClipDecoding:
    """The clips to decode, by their numbers."""

    clip_set: ClipSet
    clips: Sequence[Clip]

    def decode(self, numbers: Sequence[int]) -> DecodedClips:
        modalities, root = self.clip_set.modalities, self.clip_set.root
        clips = [self.clips[number] for number in numbers]
        # Taken before the files are read, so that a file that changes meanwhile counts as changed.
        prints = [fingerprints(clip, list(modalities), root) for clip in clips]
        samples, faults = [], {}
        for clip in clips:
            try:
                samples.append(self._decode_clip(clip))
            except DataError as error:
                faults[clip.id] = str(error)
        values = {m: torch.stack([sample[m] for sample in samples]) for m in modalities if samples}
        return DecodedClips(values, prints, faults)

    def _decode_clip(self, clip: Clip) -> dict[str, Tensor]:
        return {
            m: decode_sample(modality.decoder, clip, m)
            for m, modality in self.clip_set.modalities.items()
        }


def decode_sample(decoder: Decoder, clip: Clip, modality: str) -> Tensor:
    """Decode one sample. Raise DataError where its shape or type is not what the decoder promises.

    Writing it to the cache would otherwise fill the row by broadcasting.
    """
    tensor = decoder.decode(clip.sources[modality], clip.id)
    if tuple(tensor.shape) != tuple(decoder.shape) or tensor.dtype != decoder.dtype:
        decoded = f"{clip.id}: {modality} is {tuple(tensor.shape)} {tensor.dtype}"
        raise DataError(f"{decoded}; expected {tuple(decoder.shape)} {decoder.dtype}")
    return tensor
