"""Writing weights like another checkpoint."""

from __future__ import annotations

import stat
from math import prod
from typing import TYPE_CHECKING

import pytest
import safetensors.torch
import torch

from lmctool.checkpoint import open_checkpoint, tensor_writing, write_checkpoint
from lmctool.checkpoint.header import ITEM_SIZE
from lmctool.checkpoint.reading import torch_dtypes
from lmctool.errors import LmctoolError, UnjudgedError
from lmctool.weights.arithmetic import LazyWeights

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from .conftest import Save


@pytest.fixture
def wrapped(save: Save, tensors: dict[str, Tensor]) -> Path:
    """Write the tensors as an averaged model saves them."""
    stored = {f"module.{name}": value for name, value in tensors.items()}
    return save("like.safetensors", {**stored, "n_averaged": torch.tensor(3)}, {"k": "v"})


def test_what_was_read_is_written_back_bit_for_bit(wrapped: Path, tmp_path: Path) -> None:
    like, path = open_checkpoint(wrapped), tmp_path / "out.safetensors"
    write_checkpoint(path, like.weights(), like=like, metadata={"more": "text"})
    written = open_checkpoint(path)
    assert written.digest == like.digest
    assert written.dtypes == like.dtypes
    assert written.metadata == {"k": "v", "more": "text", "format": "pt"}
    stored = safetensors.torch.load_file(path)
    assert stored["n_averaged"].item() == 3
    assert "module.layers.2.weight" in stored


def test_a_published_file_has_the_permissions_of_any_new_file(
    wrapped: Path, tmp_path: Path
) -> None:
    like = open_checkpoint(wrapped)
    write_checkpoint(tmp_path / "out.safetensors", like.weights(), like=like)
    (tmp_path / "plain").touch()
    modes = [
        stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("out.safetensors", "plain")
    ]
    assert modes[0] == modes[1]


def test_tied_and_strided_tensors_are_written_in_full(save: Save, tmp_path: Path) -> None:
    shared = torch.arange(6.0).reshape(2, 3)
    names = {"a": torch.ones(2, 3), "b": torch.ones(3, 2), "c": torch.ones(2, 3)}
    like, path = open_checkpoint(save("like.safetensors", names)), tmp_path / "out.safetensors"
    write_checkpoint(path, {"a": shared, "b": shared.T, "c": shared}, like=like)
    assert torch.equal(open_checkpoint(path).tensor("b"), shared.T)
    assert torch.equal(open_checkpoint(path).tensor("c"), shared)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"@tap.scale": torch.ones(1)}, "entry '@tap.scale' belongs to no tensor of"),
        ({"v": torch.ones(1)}, "tensor 'v' to be written is not in"),
        ({"mask": None}, "tensor 'mask' of .* is missing from what is written"),
        ({"mask": torch.ones(3)}, r"tensor 'mask' .* has shape \(3,\) where \(2,\) is due"),
        ({"mask": torch.ones(2)}, "'mask' to be written is torch.float32 where torch.bool is due"),
        ({"layers.2.bias": torch.full((4,), 1e5)}, "'layers.2.bias' holds 1e[+]05, too large for"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    wrapped: Path, tmp_path: Path, change: dict[str, Tensor | None], told: str
) -> None:
    like = open_checkpoint(wrapped)
    changed = {**like.weights(), **change}
    weights = {name: value for name, value in changed.items() if value is not None}
    with pytest.raises(LmctoolError, match=told):
        write_checkpoint(tmp_path / "out.safetensors", weights, like=like)
    assert [path.name for path in tmp_path.iterdir()] == ["like.safetensors"]


def test_nan_is_not_written(wrapped: Path, tmp_path: Path) -> None:
    like = open_checkpoint(wrapped)
    weights = {**like.weights(), "layers.2.bias": torch.full((4,), float("nan"))}
    with pytest.raises(UnjudgedError, match=r"'layers.2.bias' of what is to be written holds 4"):
        write_checkpoint(tmp_path / "out.safetensors", weights, like=like)


def test_a_single_file_gives_a_single_file(wrapped: Path, tmp_path: Path) -> None:
    like = open_checkpoint(wrapped)
    with pytest.raises(LmctoolError, match=r"must be a file whose name ends in .safetensors"):
        write_checkpoint(tmp_path / "folder", like.weights(), like=like)


@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError, MemoryError])
def test_a_failure_while_writing_leaves_nothing(
    wrapped: Path, tmp_path: Path, failure: type[BaseException]
) -> None:
    like = open_checkpoint(wrapped)
    last, whole = like.names[-1], like.weights()

    def half(name: str) -> Tensor:
        if name == last:
            raise failure
        return whole[name]

    with pytest.raises(failure):
        write_checkpoint(tmp_path / "out.safetensors", LazyWeights(whole, half), like=like)
    assert [path.name for path in tmp_path.iterdir()] == ["like.safetensors"]


def test_a_file_that_reads_otherwise_is_not_published(
    wrapped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(forms: object, metadata: Mapping[str, str]) -> bytes:
        return storing_header({"other": ("F32", (1,))}, metadata)

    storing_header = tensor_writing.packed_header
    monkeypatch.setattr(tensor_writing, "packed_header", other)
    monkeypatch.setattr(
        tensor_writing, "_bytes", lambda tensor: b"\0\0\0\0" if tensor.ndim > 1 else b""
    )
    like = open_checkpoint(wrapped)
    with pytest.raises(LmctoolError, match=r"was not written as meant"):
        write_checkpoint(tmp_path / "out.safetensors", like.weights(), like=like)
    assert [path.name for path in tmp_path.iterdir()] == ["like.safetensors"]


def test_the_input_may_be_replaced_by_force(wrapped: Path) -> None:
    like = open_checkpoint(wrapped)
    digest, weights = like.digest, like.weights()
    with pytest.raises(LmctoolError, match=r"exists; choose another with -o, or pass --force"):
        write_checkpoint(wrapped, weights, like=like)
    write_checkpoint(wrapped, weights, like=like, force=True)
    assert open_checkpoint(wrapped).digest == digest


def test_each_tensor_is_asked_for_once(wrapped: Path, tmp_path: Path) -> None:
    like = open_checkpoint(wrapped)
    whole, asked = like.weights(), list[str]()

    def make(name: str) -> Tensor:
        asked.append(name)
        return whole[name]

    write_checkpoint(tmp_path / "out.safetensors", LazyWeights(whole, make), like=like)
    assert open_checkpoint(tmp_path / "out.safetensors").digest == like.digest
    assert sorted(asked) == sorted(like.names)


@pytest.mark.parametrize("dtype", sorted(ITEM_SIZE))
def test_every_dtype_and_shape_is_stored_as_it_is(tmp_path: Path, dtype: str) -> None:
    own = torch_dtypes()[dtype]
    shapes = {"matrix": (2, 3), "none": (0, 2), "scalar": ()}
    numbers = torch.arange(6 * own.itemsize, dtype=torch.uint8) % 2
    drawn = numbers.view(own)
    tensors = {name: drawn[: prod(shape)].reshape(shape) for name, shape in shapes.items()}
    path = tmp_path / "out.safetensors"
    forms = {name: (dtype, shape) for name, shape in shapes.items()}
    tensor_writing.stream_tensors(path, forms, tensors.__getitem__, {}, force=False)
    read = safetensors.torch.load_file(path)
    for name, tensor in tensors.items():
        assert read[name].dtype == own
        assert read[name].shape == tensor.shape
        raw = [t.contiguous().flatten().view(torch.uint8) for t in (read[name], tensor)]
        assert torch.equal(*raw)
