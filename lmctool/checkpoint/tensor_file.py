"""The files of a checkpoint, of whichever format: where their tensors lie."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lmctool.checkpoint.diagnosis import HEAD, fault, is_pytorch
from lmctool.checkpoint.header import read_header
from lmctool.checkpoint.pytorch_file import read_pytorch_file
from lmctool.checkpoint.state_dict import WHOLE, choose, within
from lmctool.checkpoint.tensor_location import TensorFile, TensorLocation
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.checkpoint.location import Location


def read_tensor_files(location: Location, key: str | None, path: Path) -> TensorFile:
    """Find the tensors of all files of a checkpoint, by stored name.

    Args:
        location: the files.
        key: which state dict of a file, or which part of what all shards hold together.
        path: the checkpoint as the user gave it, for errors.

    Raises:
        LmctoolError: a file cannot be read, holds no such state dict, or other tensors than the
            index says.
    """
    shard_of = location.shard_of
    locations: dict[str, TensorLocation] = {}
    metadata: dict[str, str] = {}
    left_out: list[str] = []
    for file in location.files:
        content = read_tensor_file(file, WHOLE if shard_of else key)
        for name in content.locations if shard_of else ():
            if shard_of.get(name) != file.name:
                raise LmctoolError(f"shard '{file}' holds tensor {name!r}, unlike '{path}' says")
        locations |= content.locations
        metadata = {**content.metadata, **metadata}
        left_out += content.left_out
    for name in shard_of.keys() - locations.keys():
        raise LmctoolError(f"shard '{shard_of[name]}' of '{path}' lacks tensor {name!r}")
    chosen = within(locations, key, path) if shard_of else locations
    return TensorFile(chosen, {**metadata, **location.metadata}, tuple(left_out))


def read_tensor_file(path: Path, key: str | None) -> TensorFile:
    """Find the tensors of a safetensors file, or of one that ``torch.save`` wrote.

    The content tells which it is, whatever the file is called.  Nothing of the tensors is read.

    Args:
        path: the file.
        key: which state dict of it; see ``state_dict.choose``.

    Raises:
        LmctoolError: it cannot be read, or holds no such state dict.
    """
    if is_pytorch_file(path):
        return read_pytorch_file(path, partial(choose, key=key, path=path))
    header = read_header(path)
    entries = within(header.entries, key, path)
    locations = {
        name: TensorLocation(path, name, entry, header.start + entry.begin)
        for name, entry in entries.items()
    }
    return TensorFile(locations, header.metadata)


def is_pytorch_file(path: Path) -> bool:
    """Tell from a file's first bytes whether it is what ``torch.save`` may have written.

    Raises:
        LmctoolError: it holds no bytes that can be read.
    """
    if sentence := fault(path):
        raise LmctoolError(sentence)
    try:
        with path.open("rb") as file:
            return is_pytorch(file.read(HEAD))
    except OSError as cause:
        raise LmctoolError(f"'{path}' cannot be read: {cause.strerror}") from cause
