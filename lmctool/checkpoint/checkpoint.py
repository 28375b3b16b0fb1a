"""A saved checkpoint: shapes at once, tensors when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from math import prod
from typing import TYPE_CHECKING, Any

from lmctool.checkpoint.header import read_header
from lmctool.checkpoint.identity import Identity, identify
from lmctool.checkpoint.location import is_folder, locate
from lmctool.checkpoint.names import canonical_names
from lmctool.checkpoint.reading import (
    BLOCK,
    WHOLE,
    computable,
    read_tensors,
    refuse_nonfinite,
    refuse_storage_format,
)
from lmctool.checkpoint.tensor_location import Stored
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import torch
    from torch import Tensor

RUNNING = {"running_mean", "running_var"}


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A checkpoint in one file or several; made by ``open_checkpoint``.

    Attributes:
        path: the path as the user gave it.
        files: the safetensors files, sorted by name.
        stored: where each tensor lies, by canonical name, in natural order.
        dropped: the same for tensors that belong to a wrapper, not to the model.
        metadata: the files' metadata, text to text.
        config: config.json of the folder, or None.
        index: the index of the shards, or None for a single file.
    """

    path: Path
    files: tuple[Path, ...]
    stored: Mapping[str, Stored]
    dropped: Mapping[str, Stored]
    metadata: Mapping[str, str]
    config: Mapping[str, Any] | None
    index: Path | None = None

    @cached_property
    def is_folder(self) -> bool:
        """Whether what is like it is a folder: it was given as one, or as an index of shards."""
        return is_folder(self.path)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The canonical names, in natural order."""
        return tuple(self.stored)

    @cached_property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of each tensor by canonical name."""
        return {name: stored.entry.shape for name, stored in self.stored.items()}

    @cached_property
    def dtypes(self) -> Mapping[str, str]:
        """The dtype of each tensor by canonical name, in safetensors' words such as ``F32``."""
        return {name: stored.entry.dtype for name, stored in self.stored.items()}

    @cached_property
    def floating(self) -> tuple[str, ...]:
        """The names of the tensors that hold no whole numbers or truth values."""
        return tuple(name for name in self.names if self.dtypes[name] not in WHOLE)

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """The names of the floating tensors but for running statistics."""
        return tuple(name for name in self.floating if name.rpartition(".")[2] not in RUNNING)

    @cached_property
    def parameter_count(self) -> int:
        """How many numbers the parameters hold."""
        return sum(prod(self.shapes[name]) for name in self.parameters)

    @cached_property
    def identity(self) -> Identity:
        """The identities of the bytes and of the tensors, for which all of it is read."""
        return identify(self)

    @property
    def sha256(self) -> str:
        """The identity of the bytes: of the file, or of the sorted list of shards and theirs."""
        return self.identity.sha256

    @property
    def digest(self) -> str:
        """The identity of the tensors: their names, dtypes, shapes and bytes.

        Metadata, the order in the file, wrapper prefixes and sharding don't change it.
        """
        return self.identity.digest

    def tensor(self, name: str, *, finite: bool = False) -> Tensor:
        """Return one tensor as stored, on the CPU.

        Args:
            name: the tensor's canonical name.
            finite: refuse weights that are no numbers, or of a dtype that none can be in.

        Raises:
            LmctoolError: there is no tensor of this canonical name, or its dtype is a storage
                format.
            UnjudgedError: it holds NaN or infinite values.
        """
        if name not in self.stored:
            raise LmctoolError(f"checkpoint '{self.path}' has no tensor {name!r}")
        stored = self.stored[name]
        tensor = next(iter(read_tensors(stored.file, [stored.name]))).clone()
        if finite and stored.entry.dtype not in WHOLE:
            refuse_storage_format(stored.entry.dtype, name, stored.file)
            refuse_nonfinite(tensor, name, f"'{stored.file}'")
        return tensor

    def blocks(
        self, name: str, start: int = 0, stop: int | None = None, size: int = BLOCK
    ) -> Iterator[Tensor]:
        """Yield the values of one tensor as stored, flat and in order, ``size`` at a time.

        However large the tensor, no more than one block of it is in memory.  A block lies where
        the one before it lay: what is to outlive it must be copied.

        Args:
            name: the tensor's canonical name.
            start: the first value.
            stop: the value after the last; by default the tensor's end.
            size: values of one block; the last may have fewer.

        Raises:
            LmctoolError: the file cannot be read any more, or has become shorter.
        """
        return self.stored[name].blocks(start, stop, size)

    def mapped(self, name: str, start: int = 0, stop: int | None = None) -> Tensor:
        """Return values of one tensor as stored, flat, out of the file mapped into memory.

        Nothing is read until it is looked at.  A file that becomes shorter while it is mapped
        kills the process: look at the values at once, and keep them for no longer.

        Args:
            name: the tensor's canonical name.
            start: the first value.
            stop: the value after the last; by default the tensor's end.

        Raises:
            LmctoolError: the file cannot be read any more, or has become shorter.
        """
        return self.stored[name].mapped(start, stop)

    def numbers(self, name: str, dtype: torch.dtype) -> Iterator[Tensor]:
        """Yield the values of one floating tensor as ``weights`` gives them, block by block.

        A block may lie where the one before it lay.

        Args:
            name: the tensor's canonical name.
            dtype: of the values.

        Raises:
            UnjudgedError: the tensor holds NaN or infinite values.
            LmctoolError: its dtype is a storage format, or a value does not fit.
        """
        return self.stored[name].numbers(name, dtype)

    def weights(
        self, dtype: torch.dtype | None = None, device: str | torch.device = "cpu"
    ) -> dict[str, Tensor]:
        """Return every tensor by canonical name: floating ones in ``dtype``, others as stored.

        Args:
            dtype: of the floating tensors; None means float32.
            device: where the tensors go.

        Raises:
            UnjudgedError: a tensor holds NaN or infinite values.
            LmctoolError: a tensor has a dtype that arithmetic cannot be done in.
        """
        weights: dict[str, Tensor] = {}
        by_file = sorted(self.stored.items(), key=lambda item: (item[1].file, item[1].offset))
        for file, group in groupby(by_file, key=lambda item: item[1].file):
            names = {name: stored.name for name, stored in group}
            tensors = read_tensors(file, names.values())
            for name, tensor in zip(names, tensors, strict=True):
                weights[name] = computable(tensor, name, file, dtype).to(device)
        return {name: weights[name] for name in self.names}


def open_checkpoint(path: Path) -> Checkpoint:
    """Open a .safetensors file, an index of shards, or a folder that holds either.

    Only headers are read; see ``location.locate`` for what a folder may hold.

    Raises:
        LmctoolError: it cannot be read as a checkpoint; the sentence says why and what to do.
    """
    location = locate(path)
    found: dict[str, Stored] = {}
    metadata: dict[str, str] = {}
    for file in location.files:
        header = read_header(file)
        metadata = {**header.metadata, **metadata}
        for name, entry in header.entries.items():
            if location.shard_of and location.shard_of.get(name) != file.name:
                raise LmctoolError(f"shard '{file}' holds tensor {name!r}, unlike '{path}' says")
            found[name] = Stored(file, name, entry, header.start + entry.begin)
    for name in location.shard_of.keys() - found.keys():
        raise LmctoolError(f"shard '{location.shard_of[name]}' of '{path}' lacks tensor {name!r}")
    kept, dropped = canonical_names(found, path)
    if not kept:
        raise LmctoolError(f"checkpoint '{path}' holds no tensor")
    return Checkpoint(
        path=path,
        files=location.files,
        stored={short: found[name] for short, name in kept.items()},
        dropped={short: found[name] for short, name in dropped.items()},
        metadata={**metadata, **location.metadata},
        config=location.config,
        index=location.index,
    )
