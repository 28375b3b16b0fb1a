"""One tensor of a checkpoint, read block by block."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.checkpoint import open_checkpoint
from lmctool.checkpoint.reading import is_finite
from lmctool.errors import LmctoolError, UnjudgedError

if TYPE_CHECKING:
    from torch import Tensor

    from .conftest import Save


@pytest.mark.parametrize("size", [1, 5, 12, 100])
def test_blocks_together_are_the_tensor_as_stored(
    save: Save, tensors: dict[str, Tensor], size: int
) -> None:
    checkpoint = open_checkpoint(save("a.safetensors", tensors))
    for name, stored in tensors.items():
        blocks = [block.clone() for block in checkpoint.blocks(name, size=size)]
        assert torch.equal(torch.cat(blocks), stored.flatten())
        assert all(len(block) == size for block in blocks[:-1])


def test_a_part_of_a_tensor_is_read_by_itself(save: Save, tensors: dict[str, Tensor]) -> None:
    checkpoint = open_checkpoint(save("a.safetensors", tensors))
    (part,) = checkpoint.blocks("layers.10.weight", 5, 8)
    assert torch.equal(part, tensors["layers.10.weight"].flatten()[5:8])
    (rest,) = checkpoint.blocks("layers.10.weight", 10)
    assert torch.equal(rest, tensors["layers.10.weight"].flatten()[10:])
    assert list(checkpoint.blocks("layers.10.weight", 12)) == []


def test_a_block_takes_the_place_of_the_one_before(save: Save) -> None:
    checkpoint = open_checkpoint(save("a.safetensors", {"w": torch.arange(9.0)}))
    places = {block.data_ptr() for block in checkpoint.blocks("w", size=4)}
    assert len(places) == 1


def test_an_empty_tensor_has_no_blocks(save: Save) -> None:
    tensors = {"w": torch.empty(0, 3), "v": torch.ones(1)}
    assert list(open_checkpoint(save("a.safetensors", tensors)).blocks("w")) == []


def test_a_file_cut_while_it_is_read_is_told(save: Save) -> None:
    path = save("a.safetensors", {"w": torch.ones(100)})
    checkpoint = open_checkpoint(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 4)
    with pytest.raises(LmctoolError, match=rf"'{path}' was changed while it was being read"):
        list(checkpoint.blocks("w", size=30))
    path.unlink()
    with pytest.raises(LmctoolError, match=rf"'{path}' cannot be read: No such file"):
        list(checkpoint.blocks("w"))


def test_values_that_are_no_numbers_are_counted_over_all_blocks(save: Save) -> None:
    values = torch.ones(300_000)
    values[[7, 299_999]] = torch.tensor([float("nan"), float("inf")])
    path = save("a.safetensors", {"module.w": values})
    told = rf"tensor 'w' of '{path}' holds 2 values that are NaN or infinite, of 300000"
    with pytest.raises(UnjudgedError, match=told):
        open_checkpoint(path).locations["w"].check("w")


def test_floating_tensors_and_parameters_are_told_apart(
    save: Save, tensors: dict[str, Tensor]
) -> None:
    checkpoint = open_checkpoint(save("a.safetensors", tensors))
    parameters = ("layers.2.bias", "layers.2.weight", "layers.10.weight")
    assert checkpoint.parameters == parameters
    assert checkpoint.floating == ("bn.running_mean", *parameters)


@pytest.mark.parametrize("word", ["float16", "bfloat16", "float32", "float64", "float8_e5m2"])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf], ids=str)
def test_one_bad_value_anywhere_is_seen_in_every_dtype(word: str, bad: float) -> None:
    sound = torch.linspace(-9, 9, 1000).to(getattr(torch, word)).reshape(10, 100)
    assert is_finite(sound)
    assert is_finite(sound[:0])
    assert is_finite(torch.tensor(3.0, dtype=sound.dtype))
    for place in (0, 1, 499, 998, 999):
        tensor = sound.clone()
        tensor.view(-1)[place] = bad
        assert not is_finite(tensor)
