"""Compare a file with the sizes of CMU-MOSI and CMU-MOSEI, to notice one that is another set."""

from __future__ import annotations

from collections.abc import Mapping

from asgml.core.data.base import SPLITS
from asgml.core.data.catalogue import DATA_SETS
from asgml.core.data.datasets.affect_files import FeatureSplit

# Widths of the features. Text: GloVe 300 or BERT 768. Audio: COVAREP, 5 of its features for MOSI in
# both. Vision: Facet.
FEATURES = {
    "mosi": {"text": (300, 768), "audio": (5,), "vision": (20,)},
    "mosei": {"text": (300, 768), "audio": (74,), "vision": (35,)},
}
# CH-SIMS: its pickles have the same layout, and results on it were published as MOSEI's.
SIMS_SAMPLES = (1368, 456, 457)
SIMS_FEATURES = {"audio": 33, "vision": 709}


def compare_sizes(name: str, splits: Mapping[str, FeatureSplit]) -> list[str]:
    """Return a sentence for each size that does not fit the data set that these are said to be."""
    samples = tuple(len(splits[split].scores) for split in SPLITS)
    features = {m: values.shape[-1] for m, values in splits["train"].inputs.items()}
    title = DATA_SETS[name].title
    if is_sims(samples, features):
        found = f"{joined(samples)} samples with {joined(tuple(features.values()))} features"
        return [
            f"this is not {title}: {found} is CH-SIMS, "
            "whose aligned_39 and unaligned_39 pickles have this layout too"
        ]
    warnings = []
    published = tuple(DATA_SETS[name].published[split] for split in SPLITS)
    if samples != published:
        warnings.append(
            f"{title} has {joined(published)} samples in train/val/test, "
            f"this file {joined(samples)}: is it {title}?"
        )
    for m, width in features.items():
        if width not in FEATURES[name][m]:
            expected = " or ".join(str(size) for size in FEATURES[name][m])
            warnings.append(
                f"{title} has {expected} features of {m}, this file {width}: "
                "results do not compare with published ones"
            )
    return warnings


def is_sims(samples: tuple[int, ...], features: Mapping[str, int]) -> bool:
    """Return True for the sizes of CH-SIMS, or features of its width."""
    widths = any(features.get(m) == width for m, width in SIMS_FEATURES.items())
    return samples == SIMS_SAMPLES or widths


def joined(sizes: tuple[int, ...]) -> str:
    return "/".join(str(size) for size in sizes)
