from __future__ import annotations

import hashlib
import json
import struct

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from aivm import tensors
from aivm.tensors import DTYPES, MAX_HEADER, TensorFileError, decode, encode

QUIET = {"f2": 0x7E00, "f4": 0x7FC00000, "f8": 0x7FF8000000000000}


def file(header: object, body: bytes = b"") -> bytes:
    """A tensor file with any header, written in the canonical way otherwise."""
    text = header if isinstance(header, bytes) else json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def entry(dtype: str, shape: list, begin: int, end: int) -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


arrays = st.sampled_from(list(DTYPES.values())).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)
mappings = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6).filter(lambda name: name != "__metadata__"),
    arrays,
    max_size=5,
)


@given(mappings)
@settings(max_examples=200)
def test_what_is_written_reads_back_to_the_bit_and_writes_the_same_bytes(mapping):
    data = encode(mapping)
    again = decode(data)
    assert encode(again) == data
    assert list(again) == sorted(mapping)
    for name, array in mapping.items():
        assert again[name].dtype == array.dtype
        assert again[name].shape == array.shape
        assert again[name].tobytes() == tensors.canonicalise(array).tobytes()
    assert tensors.encoded_size(mapping) == len(data)


@given(mappings)
def test_another_implementation_reads_the_same_tensors(mapping):
    theirs = safetensors.numpy.load(encode(mapping))
    assert theirs.keys() == mapping.keys()
    for name, array in theirs.items():
        assert array.dtype == mapping[name].dtype
        assert array.shape == mapping[name].shape
        np.testing.assert_array_equal(array, mapping[name])


def test_the_bytes_of_a_file_are_a_golden_value():
    data = encode(
        {
            "b": np.arange(3, dtype=np.int16),
            "a": np.array([[0.0, -0.0, np.nan]], np.float32),
            "": np.array(True),  # noqa: FBT003
        }
    )
    assert data[8:].startswith(b'{"":{"data_offsets":[0,1],"dtype":"BOOL","shape":[]},"a":{"data_offsets":[1,13],')
    assert data.endswith(bytes.fromhex("01 00000000 00000080 0000c07f 0000 0100 0200"))
    assert hashlib.sha256(data).hexdigest() == "5867dd71fca9c2cc8a01585ffcdae9fd201e4be78464eeb085cdeeeac4640b1c"


def test_data_is_in_code_point_order_and_the_header_in_utf16_order():
    # U+FFFF is before U+10000 as a code point, and after it as UTF-16 code units.
    data = encode({"\U00010000": np.uint8([2]), "￿": np.uint8([1])})
    assert data.endswith(b"\x01\x02")
    assert data.index("\U00010000".encode()) < data.index("￿".encode())
    assert list(decode(data)) == ["￿", "\U00010000"]


@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
def test_every_nan_becomes_the_one_quiet_nan_and_signed_zeros_stay(kind):
    unsigned = np.dtype("<u" + kind[1])
    bits = unsigned.itemsize * 8
    nans = np.array([QUIET[kind], QUIET[kind] + 1, QUIET[kind] | 1 << (bits - 1), (1 << (bits - 1)) - 1], unsigned)
    signalling = QUIET[kind] - 1  # the quiet bit is clear, all the others are set: a signalling NaN
    values = np.append(nans, unsigned.type(signalling)).view("<" + kind)
    data = encode({"x": values, "zero": np.array([0.0, -0.0], kind)})
    assert set(decode(data)["x"].view(unsigned).tolist()) == {QUIET[kind]}
    assert decode(data)["zero"].view(unsigned).tolist() == [0, 1 << (bits - 1)]


def test_a_zero_dimensional_nan_is_canonicalised():
    scalar = np.array(np.uint32(0xFFC00001)).view(np.float32)
    assert decode(encode({"x": scalar}))["x"].view(np.uint32) == 0x7FC00000


def test_memory_order_and_byte_order_do_not_show():
    plain = np.arange(6, dtype=np.float32).reshape(2, 3)
    same = [np.asfortranarray(plain), plain.astype(">f4"), plain[::-1][::-1], np.pad(plain, 1)[1:-1, 1:-1]]
    assert {encode({"x": array}) for array in same} == {encode({"x": plain})}


def test_what_is_read_cannot_be_changed_and_is_aligned():
    read = decode(encode({"a": np.uint8([1]), "b": np.float64([2.0])}))
    assert read["b"].flags.aligned
    with pytest.raises(ValueError, match="read-only"):
        read["b"][0] = 1.0


@pytest.mark.parametrize(
    "array",
    [np.array(["a"]), np.array([1j]), np.array([None]), np.zeros(1, "datetime64[s]"), np.zeros(1, "longdouble")],
)
def test_dtypes_outside_the_format_are_refused_by_name(array):
    with pytest.raises(TensorFileError, match="'x' has dtype"):
        encode({"x": array})


@pytest.mark.parametrize("name", ["__metadata__", "\ud800", 7])
def test_names_outside_the_format_are_refused(name):
    with pytest.raises(TensorFileError):
        encode({name: np.uint8([1])})


def test_too_many_tensors_for_one_header_are_refused_when_writing():
    with pytest.raises(TensorFileError, match="the header is"):
        encode({f"{i:08}": np.uint8([1]) for i in range(MAX_HEADER // 50)})


HOSTILE = {
    "empty file": b"",
    "no room for a length": b"\0" * 7,
    "a header longer than the file": struct.pack("<Q", 100) + b"{}",
    "a header of 2**64 - 1 bytes": b"\xff" * 8 + b"{}",
    "not JSON": file(b"{{{{{{{{"),
    "not UTF-8": file(b'{"\xff\xff\xff\xff":1}'),
    "JSON too deep": file(b"[" * 100_000),
    "an object nested too deep": file(b'{"a":' * 2000 + b"1" + b"}" * 2000),
    "a list": file([]),
    "a number of five thousand digits": file(b'{"a":' + b"9" * 5000 + b"}"),
    "metadata": file({"__metadata__": {"a": "b"}}),
    "an entry that is no object": file({"x": 1}),
    "a missing member": file({"x": {"dtype": "U8", "shape": [0]}}),
    "a further member": file({"x": {**entry("U8", [0], 0, 0), "z": 1}}),
    "an unknown dtype": file({"x": entry("BF16", [1], 0, 2)}, b"ab"),
    "a dtype that is no string": file({"x": entry(["U8"], [1], 0, 1)}, b"a"),
    "a shape that is no list": file({"x": entry("U8", 1, 0, 1)}, b"a"),
    "a negative dimension": file({"x": entry("U8", [-1], 0, 1)}, b"a"),
    "two negative dimensions": file({"x": entry("U8", [-1, -1], 0, 1)}, b"a"),
    "a fractional dimension": file({"x": entry("U8", [0.5], 0, 1)}, b"a"),
    "true as a dimension": file({"x": entry("U8", [True], 0, 1)}, b"a"),
    "a dimension over 2**53": file({"x": entry("U8", [1 << 53, 0], 0, 0)}),
    "a product over 2**64": file({"x": entry("U8", [1 << 33, 1 << 33], 0, 1 << 66)}),
    "more dimensions than arrays have": file({"x": entry("U8", [1] * 100, 0, 1)}, b"a"),
    "an empty tensor with an absurd shape": file({"x": entry("F64", [0, 1 << 52, 1 << 52], 0, 0)}),
    "three offsets": file({"x": {**entry("U8", [1], 0, 1), "data_offsets": [0, 1, 1]}}, b"a"),
    "an end beyond the data": file({"x": entry("U8", [8], 0, 8)}, b"a"),
    "a terabyte in a small file": file({"x": entry("F64", [1 << 40], 0, 1 << 43)}, b"a"),
    "a size that is not the shape's": file({"x": entry("U16", [1], 0, 1)}, b"a"),
    "an overlap": file({"a": entry("U8", [2], 0, 2), "b": entry("U8", [2], 1, 3)}, b"abc"),
    "two names for the same bytes": file({"a": entry("U8", [2], 0, 2), "b": entry("U8", [2], 0, 2)}, b"ab"),
    "a gap": file({"a": entry("U8", [1], 0, 1), "b": entry("U8", [1], 2, 3)}, b"abc"),
    "a gap at the start": file({"a": entry("U8", [1], 1, 2)}, b"ab"),
    "data in another order": file({"a": entry("U8", [1], 1, 2), "b": entry("U8", [1], 0, 1)}, b"ab"),
    "bytes after the last tensor": file({"a": entry("U8", [1], 0, 1)}, b"ab"),
    "bytes after no tensor": file({}, b"a"),
    "a name twice": file(
        b'{"a":{"data_offsets":[0,1],"dtype":"U8","shape":[1]},"a":{"data_offsets":[0,1],"dtype":"U8","shape":[1]}}',
        b"a",
    ),
    "members in another order": file(b'{"a":{"dtype":"U8","data_offsets":[0,1],"shape":[1]}}', b"a"),
    "white space inside": file(b'{"a": {"data_offsets":[0,1],"dtype":"U8","shape":[1]}}', b"a"),
    "an escape that is not needed": file(b'{"\\u0061":{"data_offsets":[0,1],"dtype":"U8","shape":[1]}}', b"a"),
    "a lone surrogate": file(b'{"\\ud800":{"data_offsets":[0,1],"dtype":"U8","shape":[1]}}', b"a"),
    "a float that is whole": file(b'{"a":{"data_offsets":[0,1.0],"dtype":"U8","shape":[1]}}', b"a"),
    "padding of eight more": file(b"{}      " + b" " * 8),
    "no padding": struct.pack("<Q", 2) + b"{}",
    "padding with another byte": struct.pack("<Q", 8) + b"{}\n\n\n\n\n\n",
    "a byte order mark": file(b"\xef\xbb\xbf{}"),
    "a boolean of two": file({"a": entry("BOOL", [2], 0, 2)}, b"\x01\x02"),
    "a NaN with a payload": file({"a": entry("F32", [1], 0, 4)}, struct.pack("<I", 0x7FC00001)),
    "a negative NaN": file({"a": entry("F64", [1], 0, 8)}, struct.pack("<Q", 0xFFF8 << 48)),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_file_that_is_not_canonical_is_refused_with_the_packages_own_error(data):
    with pytest.raises(TensorFileError):
        decode(data)


def test_a_file_over_the_limit_is_refused_before_it_is_read():
    data = encode({"x": np.zeros(100, np.uint8)})
    assert decode(data, limit=len(data))
    with pytest.raises(TensorFileError, match="more than the"):
        decode(data, limit=len(data) - 1)


@given(st.binary(max_size=200))
def test_any_bytes_give_tensors_or_the_packages_own_error(data):
    try:
        read = decode(data)
    except TensorFileError:
        return
    assert encode(read) == data


@given(mappings, st.data())
def test_a_changed_byte_is_never_read_as_another_spelling_of_a_file(mapping, data):
    good = bytearray(encode(mapping))
    position = data.draw(st.integers(0, len(good) - 1))
    good[position] ^= data.draw(st.integers(1, 255))
    try:
        read = decode(bytes(good))
    except TensorFileError:
        return
    assert encode(read) == bytes(good)
