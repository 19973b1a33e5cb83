"""Decodes clips for a cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from asgml.core.data.base import DataError
from asgml.core.data.cache.identity import fingerprints
from asgml.core.data.clips import Clip, ClipSet, Decoder


@dataclass(frozen=True)
class DecodedClips:
    """Some clips, decoded: the values (n, …) of the n without a fault, the fingerprints of all."""

    values: Mapping[str, Tensor]
    sources: Sequence[Sequence[int]]
    faults: Mapping[str, str]


@dataclass(frozen=True)
class ClipDecoding:
    """Decodes in any process."""

    found: ClipSet
    clips: Sequence[Clip]

    def decode(self, numbers: Sequence[int]) -> DecodedClips:
        chosen, faults = [self.clips[number] for number in numbers], {}
        # before they are read: a file that changes meanwhile is then found to be changed
        sources = [
            fingerprints(clip, list(self.found.modalities), self.found.root) for clip in chosen
        ]
        good = []
        for clip in chosen:
            try:
                good.append(
                    {
                        m: decode_sample(modality.decoder, clip, m)
                        for m, modality in self.found.modalities.items()
                    }
                )
            except DataError as error:
                faults[clip.id] = str(error)
        values = {
            m: torch.stack([sample[m] for sample in good]) for m in self.found.modalities if good
        }
        return DecodedClips(values, sources, faults)


def decode_sample(decoder: Decoder, clip: Clip, modality: str) -> Tensor:
    """One sample. A decoder that breaks its promise must not fill the cache by broadcasting."""
    tensor = decoder.decode(clip.sources[modality], clip.id)
    if tuple(tensor.shape) != tuple(decoder.shape) or tensor.dtype != decoder.dtype:
        raise DataError(
            f"{clip.id}: {modality} is {tuple(tensor.shape)} {tensor.dtype}; expected {tuple(decoder.shape)} {decoder.dtype}"
        )
    return tensor
