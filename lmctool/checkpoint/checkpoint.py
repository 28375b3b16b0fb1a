"""A saved checkpoint: shapes at once, tensors when they are asked for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from math import prod
from typing import TYPE_CHECKING, Any

from lmctool.checkpoint.header import read_header
from lmctool.checkpoint.location import is_folder, locate
from lmctool.checkpoint.names import canonical_names
from lmctool.checkpoint.reading import BLOCK, WHOLE, computable, read_tensors
from lmctool.checkpoint.stored import Stored
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
    def sha256(self) -> str:
        """The identity of the bytes: of the file, or of the sorted list of shards and theirs."""
        sums = {file.name: _file_sha256(file) for file in self.files}
        if len(sums) == 1:
            return next(iter(sums.values()))
        return hashlib.sha256(json.dumps(sorted(sums.items())).encode()).hexdigest()

    @cached_property
    def digest(self) -> str:
        """The identity of the tensors: their names, dtypes, shapes and bytes.

        Metadata, the order in the file, wrapper prefixes and sharding don't change it.
        """
        total = hashlib.sha256()
        for name in sorted(self.stored):
            stored = self.stored[name]
            about = [name, stored.entry.dtype, list(stored.entry.shape)]
            total.update(json.dumps(about).encode() + b"\n")
            for piece in stored.pieces():
                total.update(piece)
        return total.hexdigest()

    def tensor(self, name: str) -> Tensor:
        """Return one tensor as stored, on the CPU.

        Raises:
            LmctoolError: there is no tensor of this canonical name.
        """
        if name not in self.stored:
            raise LmctoolError(f"checkpoint '{self.path}' has no tensor {name!r}")
        stored = self.stored[name]
        return next(iter(read_tensors(stored.file, [stored.name]))).clone()

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


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
