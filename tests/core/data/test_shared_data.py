"""Real data in the arrays format, where a copy lies beside the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from asgml.core.data import load_data

FOLDER = Path(__file__).parents[3].parent / "shared" / "data"
SHAPES = {
    "grid_digit": {"audio": (50, 64), "visual": (6, 1, 32, 32)},
    "grid_preposition": {"audio": (50, 64), "visual": (6, 1, 32, 32)},
    "ravdess": {"audio": (200, 64), "visual": (35,)},
    "avmnist": {"audio": (64, 64), "image": (1, 28, 28)},
    "mosi": {"text": (100,), "audio": (73,), "video": (100,)},
    "mfeat": {"fac": (216,), "fou": (76,), "kar": (64,), "mor": (6,), "pix": (240,), "zer": (47,)},
    "scene15": {"view0": (20,), "view1": (59,), "view2": (40,)},
}


@pytest.mark.parametrize("name", SHAPES)
def test_real_data_loads(name: str) -> None:
    path = FOLDER / f"{name}.npz"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    data = load_data(str(path))
    assert data.shapes == SHAPES[name] and data.info["val"] == "from the file"
    for split in data.splits.values():
        for modality in data.modalities:
            assert split.inputs[modality].isfinite().all()
            assert tuple(split.inputs[modality].shape) == (len(split), *data.shapes[modality])
