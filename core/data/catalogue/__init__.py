"""The catalogue of data sets: one row each, from its loader to its published sizes. Loads nothing.

A data set is added with a row here and the file that the row names as its loader; DATA.md says how.
"""

from __future__ import annotations

from asgml.core.data.catalogue.audiovisual import AVE, CREMAD, KINETICS_SOUNDS, VGGSOUND
from asgml.core.data.catalogue.in_memory import AVMNIST, MOSEI, MOSI, SYNTHETIC
from asgml.core.data.catalogue.rgb_flow import UCF101
from asgml.core.data.catalogue.row import DataSet, DefaultDirs, Dirs, Sign

__all__ = ["DATA_SETS", "DataSet", "DefaultDirs", "Dirs", "Sign", "signs_by_rank"]

# In the order of `asgml data list`.
DATA_SETS: dict[str, DataSet] = {
    "synthetic": SYNTHETIC,
    "cremad": CREMAD,
    "ave": AVE,
    "ks": KINETICS_SOUNDS,
    "vggsound": VGGSOUND,
    "ucf101": UCF101,
    "mosi": MOSI,
    "mosei": MOSEI,
    "avmnist": AVMNIST,
}


def signs_by_rank() -> list[tuple[str, Sign]]:
    """Return every sign with the name of its data set, in the order in which they are tried."""
    signs = [(name, sign) for name, row in DATA_SETS.items() for sign in row.signs]
    return sorted(signs, key=lambda named: named[1].rank)
