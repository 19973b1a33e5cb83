"""Foreign pickles: data comes out as it went in, and nothing of a hostile one is ever run."""

from __future__ import annotations

import os
import pickle
import struct
import tempfile
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgml.core.data.base import DataError
from asgml.core.data.datasets.unpickle import read_pickle

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

DATA = {
    "train": OrderedDict(
        text=np.arange(24, dtype="float32").reshape(2, 3, 4),
        turned=np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        big_endian=np.arange(3, dtype=">i4"),
        flags=np.array([True, False]),
        half=np.array([1.5, -2], "float16"),
        empty=np.zeros((0, 5), "float32"),
        nothing=np.float32(3),
        names=np.array(["a$_$1", "ü"]),
        old=np.array([b"x", b"yz"]),
        id=np.array([["a", 1.5, b"c"], [None, True, np.float64(2)]], dtype=object),
        lengths=[3, 4, 2**70],
        words={"b", "c"},
        frozen=frozenset(["d"]),
        raw=(b"", b"\xff\x00", "text", -1.5, None),
    )
}


def write(folder: Path, content: bytes) -> Path:
    path = folder / "given.pkl"
    path.write_bytes(content)
    return path


def read(folder: Path, content: bytes) -> Any:
    return read_pickle(write(folder, content))


def refused(folder: Path, content: bytes) -> str:
    with pytest.raises(DataError) as raised:
        read(folder, content)
    message = str(raised.value)
    assert "\n" not in message and len(message) < 400
    return message


def assert_same(found: Any, given: Any) -> None:
    if isinstance(given, dict):
        assert found.keys() == given.keys()
        for key, value in given.items():
            assert_same(found[key], value)
    elif isinstance(given, (np.ndarray, np.generic)):
        assert np.shape(found) == np.shape(given)
        assert np.asarray(found).dtype.newbyteorder("=") == np.asarray(given).dtype.newbyteorder(
            "="
        )
        assert np.asarray(found).tolist() == np.asarray(given).tolist()
        assert type(np.asarray(found)) is np.ndarray
    else:
        assert found == given and type(found) is type(given)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_data_comes_out_as_it_went_in(protocol: int, tmp_path: Path) -> None:
    assert_same(read(tmp_path, pickle.dumps(DATA, protocol)), DATA)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_names_of_the_newer_numpy_are_known_too(protocol: int, tmp_path: Path) -> None:
    """Numpy 2 calls numpy.core numpy._core.

    In text protocols the name is a line, in binary ones it has its length before it.
    """
    there = pickle.dumps({"x": np.arange(5.0), "y": np.float64(2)}, protocol)
    old, new = b"numpy.core.", b"numpy._core."
    if protocol >= 4:
        there = _renamed(there, old, new) if old in there else _renamed(there, new, old)
    else:
        there = there.replace(old, new) if old in there else there.replace(new, old)
    assert read(tmp_path, there)["x"].tolist() == [0, 1, 2, 3, 4]


def _renamed(content: bytes, old: bytes, new: bytes) -> bytes:
    """In SHORT_BINUNICODE strings, and without frames, whose length would be another."""
    start = content.index(old) - 1
    length = content[start]
    whole = content[start + 1 : start + 1 + length]
    renamed = whole.replace(old, new)
    changed = content.replace(bytes([length]) + whole, bytes([len(renamed)]) + renamed)
    return changed[:2] + changed[11:] if changed[2:3] == b"\x95" else changed


def python2(array: np.ndarray[Any, Any]) -> bytes:
    """Return the pickle, of protocol 2, that Python 2 makes of {'x': array}.

    Text and bytes are one kind of string there (BINSTRING).
    """
    raw, code = array.tobytes(), array.dtype.str[1:].encode()
    shape = b"(" + b"".join(b"K" + bytes([n]) for n in array.shape) + b"t"

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    return (
        b"\x80\x02}q\x01U\x01xq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85U\x01bq\x05\x87Rq\x06"
        + (b"(K\x01" + shape + b"cnumpy\ndtype\nq\x07" + text(code) + b"K\x00K\x01\x87R")
        + (
            b"(K\x03"
            + text(array.dtype.str[:1].encode())
            + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        )
        + (b"\x89T" + struct.pack("<i", len(raw)) + raw + b"tbs.")
    )


@pytest.mark.parametrize("dtype", ["<f8", "<f4", ">f4", "|u1"])
def test_a_pickle_of_python_2(dtype: str, tmp_path: Path) -> None:
    array = np.linspace(-250, 250, 12).astype(dtype).reshape(3, 4)
    found = np.asarray(read(tmp_path, python2(array))["x"])
    assert found.dtype == array.dtype.newbyteorder("=") and found.tolist() == array.tolist()


def test_a_text_pickle_of_python_2_with_bytes_beyond_ascii(tmp_path: Path) -> None:
    """pickletools does not read these."""
    assert read(tmp_path, b"S'\\xe4\\x00b'\n.") == "ä\0b"


# -- hostile -------------------------------------------------------------------------


class Reduced:
    """Pickles as the call of a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def ran(folder: Path) -> str:
    return str(folder / "ran")


CALLS: dict[str, Callable[[Path], Reduced]] = {
    "system": lambda folder: Reduced(os.system, f"touch {ran(folder)}"),
    "eval": lambda folder: Reduced(eval, f"open({ran(folder)!r}, 'w')"),
    "getattr": lambda folder: Reduced(getattr, os, "system"),
    "open": lambda folder: Reduced(open, ran(folder), "w"),
    "numpy.fromfile": lambda folder: Reduced(np.fromfile, "/etc/passwd", "u1"),
    "numpy.load": lambda folder: Reduced(np.load, "/etc/passwd"),
    "numpy.memmap": lambda folder: Reduced(np.memmap, ran(folder), "u1", "w+", 0, (4,)),
    "numpy.ndarray": lambda folder: Reduced(np.ndarray, (4,)),
    "defaultdict": lambda folder: Reduced(defaultdict, list),
    "codec": lambda folder: Reduced(__import__("_codecs").encode, "text", "rot13"),
    "bytearray": lambda folder: Reduced(bytearray, 2**40),
}
NAMED = {
    "system": "system",
    "eval": "eval",
    "getattr": "getattr",
    "open": "open",
    "numpy.fromfile": "fromfile",
    "numpy.load": "load",
    "numpy.memmap": "memmap",
    "numpy.ndarray": "numpy.ndarray",
    "defaultdict": "defaultdict",
    "codec": "rot13",
    "bytearray": "bytearray",
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", [kind for kind in CALLS if kind != "getattr"])
def test_a_call_is_refused_by_its_name_and_not_made(
    kind: str, protocol: int, tmp_path: Path
) -> None:
    hostile = pickle.dumps({"train": [np.zeros(2), CALLS[kind](tmp_path)]}, protocol)
    assert NAMED[kind] in refused(tmp_path, hostile)
    assert not Path(ran(tmp_path)).exists()


def test_the_refused_calls_would_have_been_made(tmp_path: Path) -> None:
    """The test above shows nothing unless Python's own reader runs them."""
    for kind in ("system", "eval", "open", "numpy.memmap"):
        pickle.loads(pickle.dumps(CALLS[kind](tmp_path)))  # noqa: S301 - made right here
        Path(ran(tmp_path)).unlink()


HANDMADE: dict[str, tuple[bytes, str]] = {
    "names with dots": (
        b"\x80\x04\x8c\x05numpy\x8c\x15ndarray.__class__.mro\x93.",
        "ndarray.__class__.mro",
    ),
    "an instance of protocol 0": (b"(S'touch /tmp/x'\nios\nsystem\n.", "os.system"),
    "a class of protocol 1": (b"(cos\nsystem\nU\x04trueo.", "os.system"),
    "a new object": (b"\x80\x02csubprocess\nPopen\nU\x04true\x85\x81.", "subprocess.Popen"),
    "a new object of a name that is known": (
        b"\x80\x02cnumpy\nndarray\nK\x04\x85\x85\x81.",
        "not a pickle that can be read",
    ),
    "a name with a line break": (b"\x80\x04\x8c\x02os\x8c\x08sys\ntem\x0a\x93.", "sys"),
    "a persistent id": (b"Pmine\n.", "persistent"),
    "a persistent id of protocol 1": (b"U\x04mineQ.", "persistent"),
    "an extension": (b"\x80\x02\x82\x01.", "EXT1"),
    "a buffer outside": (b"\x80\x05\x97.", "not a pickle that can be read"),
    "state for the reader": (
        b"\x80\x02cnumpy\nndarray\n}U\x01ab.",
        "not a pickle that can be read",
    ),
    "state for its names": (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nN}U\x07_answerNs\x86b.",
        "change its reader",
    ),
    "dictionary of its names": (
        b"\x80\x02ccollections\nOrderedDict\n}U\x05itemsNsb.",
        "change its reader",
    ),
    "a memo that is too large": (b"\x80\x02Nr\xff\xff\xff\x7f.", "memo"),
    "a memo of protocol 0": (b"Np2147483647\n.", "memo"),
    "nested tuples as a key": (b"}K\x01" + b"\x85" * 200_000 + b"Ns.", "deep"),
    "nested tuples by the memo": (b"}K\x01" + b"\x85q\x00h\x00" * 200_000 + b"Ns.", "deep"),
    "an array that is not filled": (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01J\xff\xff\xff\x7f\x85cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R\x89U\x04abcdtb.",
        "do not fill",
    ),
    "bytes as pointers": (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x01\x85cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R\x89U\x08AAAAAAAAtb.",
        "do not fill",
    ),
    "a structured type that hides objects": (
        b"\x80\x02cnumpy\ndtype\nU\x02V8K\x00K\x01\x87R.",
        "'V8'",
    ),
    "fields told afterwards": (
        b"\x80\x02cnumpy\ndtype\nU\x02u8K\x00K\x01\x87R(K\x03U\x01|NU\x01a\x85}U\x01aNsK\x08K\x01K\x00tb.",
        "structured",
    ),
    "no opcode": (b"\x93NUMPY", "not a pickle"),
    "an empty stack": (b"\x80\x02s.", "empty stack"),
    "a string longer than the file": (
        b"\x80\x04\x8e" + struct.pack("<Q", 2**50) + b"abc.",
        "promises",
    ),
    "a frame longer than the file": (
        b"\x80\x04\x95" + struct.pack("<Q", 2**50) + b"N.",
        "promises",
    ),
    "text": (b"id,label\n1,2\n", "not a pickle"),
    "nothing": (b"", "cut"),
}


@pytest.mark.parametrize("kind", HANDMADE)
def test_what_no_data_needs_is_refused(kind: str, tmp_path: Path) -> None:
    content, word = HANDMADE[kind]
    assert word in refused(tmp_path, content)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_cut_is_noticed(protocol: int, tmp_path: Path) -> None:
    whole = pickle.dumps(DATA, protocol)
    for end in range(0, len(whole) - 1, 7):
        refused(tmp_path, whole[:end])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_array_of_objects_holds_plain_values_only(protocol: int, tmp_path: Path) -> None:
    within: Any = np.array([None, None], dtype=object)
    within[0] = [1, 2]
    assert "holds a list" in refused(tmp_path, pickle.dumps(within, protocol))


@pytest.mark.parametrize(
    "other",
    [
        np.ma.masked_array([1.0, 2]),
        np.array([(1, 2.0)], "i4,f8"),
        np.array(["2020-01-01"], "datetime64[D]"),
    ],
)
def test_other_kinds_of_arrays_are_refused(other: Any, tmp_path: Path) -> None:
    refused(tmp_path, pickle.dumps(other))


def test_repeated_bytes_do_not_fill_the_memory(tmp_path: Path) -> None:
    """A string of 1 MB that 1000 arrays are made of: 1 GB out of a file of 1 MB."""
    one = np.zeros(2**20, "u1")
    state = list(one.__reduce__()[2])  # type: ignore[index]

    class Shared:
        def __reduce__(self) -> Any:
            return (*one.__reduce__()[:2], tuple(state))

    content = pickle.dumps([Shared() for _ in range(1000)], 4)
    assert len(content) < 2**21
    assert "fill the memory" in refused(tmp_path, content)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 2000))
def test_whatever_is_in_the_file_the_answer_is_data_or_one_line(noise: bytes, place: int) -> None:
    whole = bytearray(pickle.dumps(DATA, 2))
    whole[place : place + len(noise)] = noise
    with tempfile.TemporaryDirectory() as folder:
        try:
            read(Path(folder), bytes(whole))
        except DataError as error:
            assert "\n" not in str(error)
