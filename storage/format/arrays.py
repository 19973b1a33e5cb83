"""The arrays of a store: types, chunks, codecs and names, as FORMAT.md lays them down."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zarr
from zarr.codecs import BloscCodec, Crc32cCodec
from zarr.storage import LocalStore

from asgml.storage.format.manifest import FormatError, Manifest
from asgml.storage.format.metrics import TABLES
from asgml.storage.format.status import HEAD_SLOTS, TEXTS

ROWS_PER_CHUNK = 1024
BYTES_PER_CHUNK = 64 * 1024
# By default zarr deletes a chunk that equals the fill value: NaN rows would read as lost ones.
_KEEP_EMPTY: Any = {"write_empty_chunks": True}


def create_store(path: Path, manifest: Manifest) -> zarr.Group:
    """Create a store with empty arrays. Raise FormatError for a manifest that JSON cannot hold."""
    group = zarr.create_group(
        LocalStore(path), attributes=_attributes(manifest), overwrite=True, zarr_format=3
    )
    units = {
        column: metric.unit
        for metric in manifest.metrics
        for column in metric.columns(manifest.modalities)
    }
    for table in TABLES:
        _create_table(group, table, manifest.columns(table), units)
    for text in TEXTS:
        _create_text(group, text)
    _create_head(group)  # last: a store without a head is not a run yet
    return group


def _attributes(manifest: Manifest) -> dict[str, Any]:
    attributes = manifest.to_json()
    # zarr would write a NaN all the same, as JSON that only Python reads
    try:
        json.dumps(attributes, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise FormatError(
            f"the manifest of {manifest.name} cannot be written as JSON: {error}"
        ) from error
    return attributes


def open_array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    """Return an array in the shape it has on the disk now; one that stays open keeps its shape.

    Raise FormatError where the name belongs to a group.
    """
    array = group[name]
    if not isinstance(array, zarr.Array):
        raise FormatError(f"{name} is a group, expected an array")
    configured: zarr.Array[Any] = array.with_config(_KEEP_EMPTY)
    return configured


def _create_table(
    group: zarr.Group, table: str, columns: Sequence[str], units: dict[str, str]
) -> None:
    axis_units = {"wall_time": "s", "active_time": "s"}
    group.create_array(
        table,
        shape=(0, len(columns)),
        chunks=(ROWS_PER_CHUNK, len(columns)),
        dtype="float64",
        fill_value=float("nan"),
        compressors=_compressed(BloscCodec(typesize=8, cname="zstd", clevel=1, shuffle="shuffle")),
        attributes={
            "columns": list(columns),
            "units": [{**axis_units, **units}.get(column, "") for column in columns],
        },
        dimension_names=(f"{table}_row", f"{table}_column"),
        config=_KEEP_EMPTY,
    )


def _create_text(group: zarr.Group, text: str) -> None:
    group.create_array(
        text,
        shape=(0,),
        chunks=(BYTES_PER_CHUNK,),
        dtype="uint8",
        fill_value=0,
        compressors=_compressed(
            BloscCodec(typesize=1, cname="zstd", clevel=1, shuffle="noshuffle")
        ),
        dimension_names=(f"{text}_byte",),
        config=_KEEP_EMPTY,
    )


def _compressed(codec: BloscCodec) -> tuple[BloscCodec, Crc32cCodec]:
    """Return the codecs of a chunk: compressed, then 4 bytes that tell of any changed bit."""
    return codec, Crc32cCodec()


def _create_head(group: zarr.Group) -> None:
    """Create the head uncompressed and in one chunk: a reader that polls reads 256 bytes."""
    group.create_array(
        "head",
        shape=(HEAD_SLOTS,),
        chunks=(HEAD_SLOTS,),
        dtype="int64",
        fill_value=-1,
        filters=None,
        compressors=None,
        dimension_names=("head_slot",),
        config=_KEEP_EMPTY,
    )
