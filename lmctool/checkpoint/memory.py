"""State dicts in memory: copies of them, and the tensors that are meant in what was copied."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from lmctool.checkpoint.header import Entry
from lmctool.checkpoint.memory_location import MemoryLocation
from lmctool.checkpoint.reading import safetensors_dtype
from lmctool.checkpoint.state_dict import DEEPEST, choose
from lmctool.checkpoint.state_pickle import StoredTensor, refuse_unreadable
from lmctool.checkpoint.tensor_location import TensorFile

if TYPE_CHECKING:
    from pathlib import Path

    Known = dict[tuple[Any, ...], tuple[StoredTensor, Tensor]]


def held(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a state dict, or of dictionaries with one in them, as its values are now.

    Each tensor is a ``StoredTensor`` whose storage is its values, flat and contiguous on the CPU;
    one that shares all of another's memory shares it in the copy too.  What is neither a tensor
    nor a dictionary is passed on: nothing looks at it.
    """
    return _held(content, {}, 1)


def _held(content: Mapping[str, Any], known: Known, depth: int) -> dict[str, Any]:
    copy: dict[str, Any] = {}
    for name, value in content.items():
        if not isinstance(name, str):
            continue
        if isinstance(value, Tensor):
            copy[name] = _stored(value, known)
        elif isinstance(value, Mapping) and depth < DEEPEST:
            copy[name] = _held(value, known, depth + 1)
        else:
            copy[name] = value
    return copy


def _stored(tensor: Tensor, known: Known) -> StoredTensor:
    dtype = str(tensor.dtype).removeprefix("torch.")
    if what := _unreadable(tensor):
        return StoredTensor(None, dtype, 0, (), (), what)
    place = (
        *(tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride()),
        *(tensor.is_conj(), tensor.is_neg()),
    )
    if place not in known:
        plain = tensor.detach().as_subclass(Tensor).resolve_conj().resolve_neg()
        values = plain.to("cpu", copy=True, memory_format=torch.contiguous_format).flatten()
        # with the tensor itself, or another could be made in its place
        known[place] = StoredTensor(values, dtype, 0, tuple(tensor.shape), ()), tensor
    return known[place][0]


def _unreadable(tensor: Tensor) -> str:
    """Return what a tensor is that is no plain array of numbers; empty for one that is."""
    if is_lazy(tensor):
        return "of a lazy layer that has seen no example"
    if tensor.is_meta:
        return "without values, on the device meta"
    if type(tensor).__torch_dispatch__ is not Tensor.__torch_dispatch__:
        return "of a class that keeps its values elsewhere"
    if tensor.is_nested:
        return "nested"
    if tensor.is_quantized:
        return "quantized"
    if tensor.layout != torch.strided:
        return "sparse" if "sparse" in str(tensor.layout) else f"of the layout {tensor.layout}"
    freed = tensor.numel() and not tensor.untyped_storage().size()
    return "without values, which its owner has freed" if freed else ""


def tensors_in_memory(content: Mapping[str, Any], key: str | None, path: Path) -> TensorFile:
    """Find the tensors of what ``held`` returned, as in a file of PyTorch of this content.

    Args:
        content: the copy.
        key: which state dict of it; see ``state_dict.choose``.
        path: the path that stands for it.

    Raises:
        LmctoolError: there is nothing to choose, or a tensor is no plain array.
    """
    tensors, left_out = choose(content, key, path)
    for name, tensor in tensors.items():
        refuse_unreadable(tensor, name, path)
    sizes = (each.storage.numel() * each.storage.element_size() for each in tensors.values())
    ends = list(accumulate(sizes, initial=0))
    locations = {
        name: _location(path, name, tensor, begin, end)
        for (name, tensor), begin, end in zip(tensors.items(), ends, ends[1:], strict=False)
    }
    return TensorFile(locations, {}, left_out)


def _location(path: Path, name: str, tensor: StoredTensor, begin: int, end: int) -> MemoryLocation:
    dtype = safetensors_dtype(tensor.storage.dtype)
    assert dtype is not None
    return MemoryLocation(path, name, Entry(dtype, tensor.shape, begin, end), begin, tensor.storage)
