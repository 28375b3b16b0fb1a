"""The header reader against sound, damaged and hostile files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lmctool.checkpoint.header import read_header
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from .conftest import Forge, Save


def described(dtype: Any = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict[str, Any]:
    """Describe one tensor as a header does."""
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def sentence(path: Path) -> str:
    """Return what the reader has to say against a file, without its path."""
    with pytest.raises(LmctoolError) as caught:
        read_header(path)
    return str(caught.value).replace(f"'{path}'", "FILE")


def test_shapes_dtypes_and_metadata_are_read(save: Save, tensors: dict[str, Tensor]) -> None:
    header = read_header(save("a.safetensors", tensors, {"format": "pt"}))
    assert header.metadata == {"format": "pt"}
    assert {name: entry.shape for name, entry in header.entries.items()} == {
        name: tuple(tensor.shape) for name, tensor in tensors.items()
    }
    assert header.entries["layers.2.weight"].dtype == "BF16"
    assert header.entries["mask"].dtype == "BOOL"


def test_a_scalar_and_an_empty_tensor_are_sound(forge: Forge) -> None:
    header = {"s": described(shape=[], offsets=[0, 4]), "e": described(shape=[0], offsets=[4, 4])}
    entries = read_header(forge(header, bytes(4))).entries
    assert (entries["s"].shape, entries["e"].shape) == ((), (0,))


def test_a_truncated_file_is_told_with_both_sizes(save: Save, tensors: dict[str, Tensor]) -> None:
    path = save("a.safetensors", tensors)
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    assert sentence(path) == (
        f"FILE is truncated: its header names {len(whole)} bytes and the file has"
        f" {len(whole) - 10}; copy it again"
    )
    path.write_bytes(whole[:40])
    assert sentence(path).endswith("bytes and the file has 40; copy it again")


def test_bytes_after_the_last_tensor_are_refused(forge: Forge) -> None:
    path = forge({"w": described()}, bytes(9))
    assert sentence(path) == "FILE is malformed: 1 bytes follow its last tensor; copy it again"


def test_a_header_of_terabytes_is_refused_unread(forge: Forge) -> None:
    assert sentence(forge({}, length=1 << 42)) == (
        "FILE is malformed: it claims a header of 4398046511104 bytes, more than 100000000"
    )


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"{", "its header is not valid JSON"),
        (b'{"a\xff": 1}', "its header is not valid JSON"),
        (b'{"\\ud800": 1}', "its header is not valid JSON"),
        (b'{"a":' + b"[" * 100_000, "its header is not valid JSON"),
        (b'{"a":' + b"9" * 5000 + b"}", "its header is not valid JSON"),
        (b'{"w": 1, "w": 2}', "its header has 'w' twice"),
        ({"__metadata__": {"a": 1}}, "its metadata is not a mapping of text to text"),
        ({"__metadata__": []}, "its metadata is not a mapping of text to text"),
        ({"w": 1}, "its header does not describe tensor 'w'"),
        ({"w": {"dtype": "F32"}}, "its header does not describe tensor 'w'"),
        ({"w": described(shape=[-2])}, "its header does not describe tensor 'w'"),
        ({"w": described(shape=[2.0])}, "its header does not describe tensor 'w'"),
        ({"w": described(shape=[True, 2])}, "its header does not describe tensor 'w'"),
        ({"w": described(shape=[1 << 70])}, "its header does not describe tensor 'w'"),
        ({"w": described(shape=[1] * 65)}, "its header does not describe tensor 'w'"),
        ({"w": described(offsets=[0])}, "its header does not describe tensor 'w'"),
        (
            {"w": described(shape=[3])},
            "tensor 'w' of dtype F32 and shape (3,) takes 12 bytes, not the 8 of its offsets",
        ),
        (
            {"w": described(offsets=[8, 0])},
            "tensor 'w' of dtype F32 and shape (2,) takes 8 bytes, not the -8 of its offsets",
        ),
        ({"w": described(offsets=[4, 12])}, "tensor 'w' leaves a gap before it"),
        (
            {"v": described(), "w": described(offsets=[4, 12])},
            "tensor 'w' overlaps another",
        ),
    ],
)
def test_a_malformed_header_is_told_in_one_sentence(
    forge: Forge, header: Any, message: str
) -> None:
    assert sentence(forge(header, bytes(16))) == f"FILE is malformed: {message}"


def test_offsets_beyond_the_file_are_refused(forge: Forge) -> None:
    path = forge({"w": described(shape=[1 << 40], offsets=[0, 1 << 42])}, bytes(16))
    assert "is truncated: its header names 43980" in sentence(path)


def test_an_unknown_dtype_is_named(forge: Forge) -> None:
    path = forge({"w": described(dtype="F31")}, bytes(8))
    assert sentence(path) == "tensor 'w' of FILE has the unknown dtype 'F31'"
