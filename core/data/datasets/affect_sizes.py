"""The sizes that CMU-MOSI and CMU-MOSEI have, to notice a file that is called one and is another set."""

from __future__ import annotations

from collections.abc import Mapping

from asgml.core.data.base import SPLITS
from asgml.core.data.datasets.affect_files import Part

SAMPLES = {"mosi": (1284, 229, 686), "mosei": (16326, 1871, 4659)}
"""Train, val and test, as MulT and MMSA have them."""
FEATURES = {
    "mosi": {"text": (300, 768), "audio": (5,), "vision": (20,)},
    "mosei": {"text": (300, 768), "audio": (74,), "vision": (35,)},
}
"""Text: GloVe 300 or BERT 768. Audio: COVAREP, 5 of its features for MOSI in both. Vision: Facet."""
TITLES = {"mosi": "CMU-MOSI", "mosei": "CMU-MOSEI"}
SIMS_SAMPLES = (1368, 456, 457)
SIMS_FEATURES = {"audio": 33, "vision": 709}


def compare_sizes(name: str, parts: Mapping[str, Part]) -> list[str]:
    """What in the sizes does not fit the set that these parts are said to be, one sentence each."""
    samples = tuple(len(parts[split].scores) for split in SPLITS)
    features = {m: values.shape[-1] for m, values in parts["train"].inputs.items()}
    title = TITLES[name]
    if samples == SIMS_SAMPLES or any(
        features.get(m) == width for m, width in SIMS_FEATURES.items()
    ):
        found = f"{_joined(samples)} samples with {_joined(tuple(features.values()))} features"
        return [
            f"this is not {title}: {found} is CH-SIMS, whose aligned_39 and unaligned_39 pickles have this layout too"
        ]
    told = []
    if samples != SAMPLES[name]:
        told.append(
            f"{title} has {_joined(SAMPLES[name])} samples in train/val/test, this file {_joined(samples)}: is it {title}?"
        )
    for m, width in features.items():
        if width not in FEATURES[name][m]:
            expected = " or ".join(str(size) for size in FEATURES[name][m])
            told.append(
                f"{title} has {expected} features of {m}, this file {width}: results do not compare with published ones"
            )
    return told


def _joined(sizes: tuple[int, ...]) -> str:
    return "/".join(str(size) for size in sizes)
