"""Checkpoints, read lazily."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.checkpoint import open_checkpoint
from lmctool.errors import ExitCode, LmctoolError, UnjudgedError

if TYPE_CHECKING:
    from torch import Tensor

    from .conftest import Forge, Save


def test_shapes_and_dtypes_are_known_by_canonical_name(
    save: Save, tensors: dict[str, Tensor]
) -> None:
    checkpoint = open_checkpoint(save("a.safetensors", tensors, {"k": "v"}))
    assert checkpoint.names[-2:] == ("layers.10.weight", "mask")
    assert checkpoint.shapes["layers.10.weight"] == (3, 4)
    assert checkpoint.dtypes["layers.2.bias"] == "F16"
    assert checkpoint.metadata == {"k": "v"}
    assert checkpoint.parameter_count == 12 + 4 + 4  # running statistics are no parameters


def test_weights_are_float32_and_other_tensors_as_stored(
    save: Save, tensors: dict[str, Tensor]
) -> None:
    weights = open_checkpoint(save("a.safetensors", tensors)).weights()
    for name, tensor in tensors.items():
        expected = tensor.float() if tensor.is_floating_point() else tensor
        assert weights[name].dtype == expected.dtype
        assert torch.equal(weights[name], expected)


def test_weights_come_in_float64_on_request(save: Save, tensors: dict[str, Tensor]) -> None:
    weights = open_checkpoint(save("a.safetensors", tensors)).weights(torch.float64)
    assert torch.equal(weights["bn.running_mean"], tensors["bn.running_mean"])


def test_weights_outlive_a_change_of_their_file(save: Save, tensors: dict[str, Tensor]) -> None:
    path = save("a.safetensors", tensors)
    checkpoint = open_checkpoint(path)
    weights, one = checkpoint.weights(), checkpoint.tensor("mask")
    with path.open("r+b") as file:
        file.truncate(0)
    assert torch.equal(weights["layers.10.weight"], tensors["layers.10.weight"])
    assert torch.equal(one, tensors["mask"])


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_nan_and_infinity_cannot_be_judged(save: Save, bad: float) -> None:
    path = save("a.safetensors", {"w": torch.tensor([1.0, bad, bad])})
    message = rf"tensor 'w' of '{path}' holds 2 values that are NaN or infinite, of 3"
    with pytest.raises(UnjudgedError, match=message) as caught:
        open_checkpoint(path).weights()
    assert caught.value.exit_code == ExitCode.UNJUDGED


def test_a_value_too_large_for_float32_is_told(save: Save) -> None:
    checkpoint = open_checkpoint(
        save("a.safetensors", {"w": torch.tensor([1e300], dtype=torch.float64)})
    )
    with pytest.raises(LmctoolError, match=r"too large for torch.float32; pass --dtype float64"):
        checkpoint.weights()
    assert checkpoint.weights(torch.float64)["w"].item() == 1e300


def test_quantised_weights_are_refused(save: Save) -> None:
    path = save("a.safetensors", {"w": torch.ones(2).to(torch.float8_e4m3fn)})
    with pytest.raises(LmctoolError, match=r"is stored as F8_E4M3, in which"):
        open_checkpoint(path).weights()


def test_an_unknown_tensor_is_named(save: Save) -> None:
    with pytest.raises(LmctoolError, match=r"has no tensor 'v'"):
        open_checkpoint(save("a.safetensors", {"w": torch.ones(1)})).tensor("v")


def test_sha256_is_that_of_the_file(save: Save, tensors: dict[str, Tensor]) -> None:
    path = save("a.safetensors", tensors)
    assert open_checkpoint(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_digest_ignores_metadata_and_wrappers(save: Save, tensors: dict[str, Tensor]) -> None:
    plain = open_checkpoint(save("a.safetensors", tensors))
    wrapped = {f"module._orig_mod.{name}": value for name, value in tensors.items()}
    wrapped["n_averaged"] = torch.tensor(3)
    other = open_checkpoint(save("b.safetensors", wrapped, {"k": "v"}))
    assert other.digest == plain.digest
    assert other.sha256 != plain.sha256


@pytest.mark.parametrize("change", ["value", "dtype", "shape", "name"])
def test_the_digest_sees_every_change_of_a_tensor(save: Save, change: str) -> None:
    original = torch.tensor([0, 1, 2, 3], dtype=torch.int32)
    changed = {
        "value": {"w": original + 1},
        "dtype": {"w": original.view(torch.float32)},
        "shape": {"w": original.reshape(2, 2)},
        "name": {"v": original},
    }[change]
    before = open_checkpoint(save("a.safetensors", {"w": original})).digest
    assert open_checkpoint(save("b.safetensors", changed)).digest != before


def test_a_file_without_tensors_is_refused(forge: Forge) -> None:
    with pytest.raises(LmctoolError, match=r"holds no tensor"):
        open_checkpoint(forge({}))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_header_whose_length_begins_as_a_pickle_does_is_read(forge: Forge, protocol: int) -> None:
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    header = json.dumps({"w": entry}).encode()
    path = forge(header.ljust(0x80 + 256 * protocol), data=b"\0" * 4)
    assert path.read_bytes()[:2] == bytes([0x80, protocol])
    assert open_checkpoint(path).names == ("w",)
