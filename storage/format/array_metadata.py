"""The metadata of a store's arrays, with every type checked before anything is read by them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgml.storage.format.bounded_file import MAX_CHUNK_BYTES, read_json_object
from asgml.storage.format.chunk_codec import ChunkCodec, codec_from_json
from asgml.storage.format.errors import FormatError
from asgml.storage.format.metrics import TABLES
from asgml.storage.format.status import TEXTS

_KINDS = (
    {str(table): ("float64", 8, 2) for table in TABLES}
    | dict.fromkeys(TEXTS, ("uint8", 1, 1))
    | {"head": ("int64", 8, 1)}
)
"""Array → type, bytes of an entry, number of dimensions."""
_FILLS = {"float64": "NaN", "uint8": 0, "int64": -1}
_KEYS = frozenset(
    (
        "zarr_format", "node_type", "shape", "data_type", "chunk_grid", "chunk_key_encoding",
        "fill_value", "codecs", "attributes", "dimension_names", "storage_transformers",
    )
)  # fmt: skip
_CHUNK_KEYS = (
    {"name": "default", "configuration": {"separator": "/"}},
    {"name": "default"},
)


@dataclass(frozen=True)
class ArrayMetadata:
    """Shape and chunk shape of an array, and the column names in a table's own attributes.

    `codec`: that of its chunk files, None where only zarr knows how to read them.
    """

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    columns: tuple[str, ...] = ()
    codec: ChunkCodec | None = None

    @property
    def chunk_entries(self) -> int:
        return math.prod(self.chunks)


def read_array_metadata(store: Path, name: str) -> ArrayMetadata:
    """Return the metadata of one of a store's arrays.

    Raise FormatError where they are missing or other than the format lays down.
    """
    file = f"{name}/zarr.json"
    try:
        record = read_json_object(store / file)
    except (FileNotFoundError, NotADirectoryError):
        raise FormatError(f"{store.name}/{file} is missing") from None
    try:
        return _metadata_from_json(record, name)
    except ValueError as error:
        raise FormatError(f"{store.name}/{file}: {error}") from None


def _metadata_from_json(record: dict[str, Any], name: str) -> ArrayMetadata:
    dtype, itemsize, dimensions = _KINDS[name]
    if record.get("zarr_format") != 3 or record.get("node_type") != "array":
        raise ValueError("no array of Zarr 3")
    if record.get("data_type") != dtype:
        raise ValueError(f"type {record.get('data_type')!r:.60}, expected {dtype!r}")
    shape = _sizes(record.get("shape"), dimensions, "shape", least=0)
    chunks = _sizes(_chunk_shape(record.get("chunk_grid")), dimensions, "chunk shape", least=1)
    if math.prod(chunks) * itemsize > MAX_CHUNK_BYTES:
        raise ValueError(f"chunks of {list(chunks)}, expected {MAX_CHUNK_BYTES} bytes at most")
    attributes = record.get("attributes", {})
    if not isinstance(attributes, dict):
        raise ValueError(f"attributes {attributes!r:.60}, expected an object")
    codec = codec_from_json(record.get("codecs")) if _is_plain(record, shape, chunks) else None
    return ArrayMetadata(shape, chunks, _names(attributes.get("columns", [])), codec)


def _is_plain(record: dict[str, Any], shape: tuple[int, ...], chunks: tuple[int, ...]) -> bool:
    """Return True where chunks are files of whole rows, in the places that the format names."""
    fill = record.get("fill_value")
    return (
        record.keys() <= _KEYS
        and shape[1:] == chunks[1:]
        and record["chunk_grid"].get("name") == "regular"
        and record.get("chunk_key_encoding") in _CHUNK_KEYS
        and not record.get("storage_transformers")
        and type(fill) is not bool
        and fill == _FILLS[record["data_type"]]
    )


def _chunk_shape(grid: object) -> object:
    configuration = grid.get("configuration") if isinstance(grid, dict) else None
    return configuration.get("chunk_shape") if isinstance(configuration, dict) else None


def _sizes(value: object, dimensions: int, what: str, least: int) -> tuple[int, ...]:
    if (
        not isinstance(value, list)
        or len(value) != dimensions
        or not all(type(size) is int and least <= size < 1 << 62 for size in value)
    ):
        kind = "number" if dimensions == 1 else "numbers"
        raise ValueError(f"{what} {value!r:.60}, expected a list of {dimensions} {kind}")
    return tuple(value)


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"columns {value!r:.60}, expected a list of names")
    return tuple(value)
