"""A saved checkpoint: shapes at once, tensors when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lmctool.checkpoint.file_sums import EVERY_TIME, NO_SUMS
from lmctool.checkpoint.header import ITEM_SIZE
from lmctool.checkpoint.identity import identify
from lmctool.checkpoint.location import Location, is_folder, locate
from lmctool.checkpoint.names import AVERAGED, last, natural_key
from lmctool.checkpoint.naming import canonical_names, refuse_unmatched
from lmctool.checkpoint.reading import (
    BLOCK,
    WHOLE,
    computable,
    refuse_nonfinite,
    refuse_storage_format,
)
from lmctool.checkpoint.tensor_digest import earlier_digest
from lmctool.checkpoint.tensor_file import read_tensor_files
from lmctool.errors import LmctoolError
from lmctool.plugin.settings import AS_STORED
from lmctool.results.digest_text import EARLIER, algorithm
from lmctool.weights.name_words import some

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import torch
    from torch import Tensor

    from lmctool.checkpoint.file_sums import FileSum, FileSums
    from lmctool.checkpoint.tensor_location import TensorLocation
    from lmctool.plugin.given import GivenNetwork
    from lmctool.plugin.settings import Naming

RUNNING = {"running_mean", "running_var"}
DIGITS = 64
"""How long the digest of an earlier version is."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A checkpoint in one file or several; made by ``open_checkpoint``.

    Attributes:
        path: as the user gave it; of a hub with the commit.
        files: the files that hold the tensors, sorted by name; none of a network in memory.
        own: where each tensor lies, by canonical name, in natural order.
        locations: the same by the name that it has in a run, which may be the model's.
        dropped: the same by stored name, for tensors of the files that are no part of it.
        metadata: the files' metadata, text to text.
        config: what config.json of the folder says, or None.
        index: the index of the shards, or None for a single file.
        left_out: the dotted names of what a PyTorch file holds beside these tensors.
        notes: what a user may want to know of how the files were chosen.
        unmatched: the user's options on names that say nothing of it, each with its text.
        remarks: what became of names that the user didn't say, a sentence each.
    """

    path: Path
    files: tuple[Path, ...]
    own: Mapping[str, TensorLocation]
    locations: Mapping[str, TensorLocation]
    dropped: Mapping[str, TensorLocation]
    metadata: Mapping[str, str]
    config: Mapping[str, Any] | None
    index: Path | None = None
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unmatched: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()

    @cached_property
    def is_folder(self) -> bool:
        """Whether its path is a folder or an index of shards, so that a copy is a folder."""
        return bool(self.files) and is_folder(self.path)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The canonical names, in natural order."""
        return tuple(self.locations)

    @cached_property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of each tensor by canonical name."""
        return {name: location.entry.shape for name, location in self.locations.items()}

    @cached_property
    def dtypes(self) -> Mapping[str, str]:
        """The dtype of each tensor by canonical name, as safetensors calls it, such as ``F32``."""
        return {name: location.entry.dtype for name, location in self.locations.items()}

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
    def digest(self) -> str:
        """The identity of the tensors: their names, dtypes, shapes and bytes.

        The names are those that the file and the user's options give, whatever a run calls them.
        Metadata, the order in the file, wrapper prefixes and sharding don't change it.
        """
        identify_all([self], NO_SUMS)
        found: str = vars(self)["digest"]
        return found

    @cached_property
    def file_sum(self) -> FileSum:
        """The identity of the bytes, for which all files are read unless that is done already."""
        identify_all([self])
        found: FileSum = vars(self)["file_sum"]
        return found

    @property
    def sha256(self) -> str | None:
        """The identity of the bytes: of the file, or of the sorted list of shards and theirs.

        A network in memory has none.
        """
        return self.file_sum.sha256

    def has_digest(self, digest: str) -> bool:
        """Tell whether a recorded digest is that of these tensors, whichever version wrote it.

        For one of an earlier version all tensors are read once more.
        """
        if algorithm(digest) == EARLIER:
            return len(digest) == DIGITS and digest == self.earlier_digest
        return digest == self.digest

    @cached_property
    def earlier_digest(self) -> str:
        """The digest that an earlier version gave to these tensors."""
        return earlier_digest(self.own)

    @cached_property
    def stored(self) -> Mapping[str, TensorLocation]:
        """Where each tensor lies by its stored name, those that are no part of it included."""
        return {part.name: part for part in (*self.locations.values(), *self.dropped.values())}

    def called(self, names: Mapping[str, str], *remarks: str) -> Checkpoint:
        """Return the same files with other names of tensors.

        Args:
            names: the present name of each tensor by its new one; one tensor may have several.
                All others are no part of it any more.
            remarks: what this does, a sentence each.
        """
        locations = {new: self.locations[names[new]] for new in sorted(names, key=natural_key)}
        kept = {part.name for part in locations.values()}
        dropped = {name: part for name, part in self.stored.items() if name not in kept}
        return replace(
            self, locations=locations, dropped=dropped, remarks=(*self.remarks, *remarks)
        )

    def without(self, names: Collection[str]) -> Checkpoint:
        """Return the same files with fewer tensors."""
        if not names:
            return self
        return self.called({name: name for name in self.names if name not in names})

    def reshaped(self, shapes: Mapping[str, tuple[int, ...]]) -> Checkpoint:
        """Return what a checkpoint is written like whose tensors have other shapes.

        Args:
            shapes: the shape of each tensor by canonical name.
        """
        places = {}
        for name, place in self.locations.items():
            nbytes = prod(shapes[name]) * ITEM_SIZE[place.entry.dtype]
            end = place.entry.begin + nbytes
            places[name] = replace(place, entry=replace(place.entry, shape=shapes[name], end=end))
        return replace(self, locations=places)

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
        if name not in self.locations:
            raise LmctoolError(f"checkpoint '{self.path}' has no tensor {name!r}")
        location = self.locations[name]
        tensor = location.tensor().clone()
        if finite and location.entry.dtype not in WHOLE:
            refuse_storage_format(location.entry.dtype, name, location.file)
            refuse_nonfinite(tensor, name, f"'{location.file}'")
        return tensor

    def blocks(
        self, name: str, start: int = 0, stop: int | None = None, size: int = BLOCK
    ) -> Iterator[Tensor]:
        """Yield the values of a tensor block by block; see ``TensorLocation.blocks``."""
        return self.locations[name].blocks(start, stop, size)

    def mapped(self, name: str, start: int = 0, stop: int | None = None) -> Tensor:
        """Return values of a tensor, flat and as stored, to be read alone: they may be the file's.

        See ``TensorLocation.mapped``.
        """
        return self.locations[name].mapped(start, stop)

    def numbers(
        self,
        name: str,
        dtype: torch.dtype,
        start: int = 0,
        stop: int | None = None,
        size: int = BLOCK,
    ) -> Iterator[Tensor]:
        """Yield the values of a floating tensor as ``weights`` gives them, block by block.

        See ``TensorLocation.numbers``.
        """
        return self.locations[name].numbers(name, dtype, start, stop, size)

    def weight(self, name: str, dtype: torch.dtype | None = None) -> Tensor:
        """Return one tensor as ``weights`` gives it, on the CPU.

        Raises:
            UnjudgedError: it holds NaN or infinite values.
            LmctoolError: it has a dtype that arithmetic cannot be done in.
        """
        location = self.locations[name]
        return computable(location.tensor(), name, location.file, dtype)

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
        from lmctool.weights.transfer import Transfer

        weights: dict[str, Tensor] = {}
        transfer = Transfer(device)
        for name in self.by_place:
            weights[name] = transfer.tensor(self.weight(name, dtype))
        return {name: weights[name] for name in self.names}

    @property
    def by_place(self) -> list[str]:
        """The canonical names in the order in which the files have the tensors."""
        places = self.locations
        return sorted(places, key=lambda name: (places[name].file, places[name].offset))


def open_checkpoint(
    path: Path, naming: Naming = AS_STORED, given: GivenNetwork | None = None
) -> Checkpoint:
    """Open a file of safetensors or of PyTorch, an index of shards, or a folder that holds either.

    Only headers are read, and pickles without their tensors, of which nothing is executed; see
    ``location.locate`` for what a folder may hold, and ``naming.canonical_names`` for what tensors
    are called.

    Args:
        path: the file or folder.
        naming: which of its tensors count, and what they are called.
        given: the network in memory that the path stands for, if it does; no file is looked at.

    Raises:
        LmctoolError: it cannot be read as a checkpoint; the sentence says why and what to do.
    """
    if given is None:
        location = locate(path)
        content = read_tensor_files(location, naming.key, path)
    else:
        from lmctool.checkpoint.memory import tensors_in_memory  # which needs torch

        location = Location(path, ())
        content = tensors_in_memory(given.content, naming.key, path)
    locations = content.locations
    named = canonical_names(locations, path, naming)
    if not named.names:
        but = f" but {some(named.left_out)}, left out" if named.left_out else ""
        raise LmctoolError(f"checkpoint '{path}' holds no tensor{but}")
    own = {short: locations[name] for short, name in named.names.items()}
    beside = [name for name in named.left_out if last(name) != AVERAGED]
    return Checkpoint(
        path=location.path,
        files=location.files,
        own=own,
        locations=own,
        dropped={locations[name].name: locations[name] for name in named.left_out},
        metadata=content.metadata,
        config=location.config,
        index=location.index,
        left_out=content.left_out,
        notes=location.notes,
        unmatched=named.unmatched,
        remarks=(f"left out {some(beside)}",) if beside else (),
    )


def open_checkpoints(
    paths: Iterable[Path],
    naming: Naming = AS_STORED,
    given: Mapping[Path, GivenNetwork] = MappingProxyType({}),
) -> tuple[Checkpoint, ...]:
    """Open checkpoints of one command; see ``open_checkpoint``.

    Args:
        paths: the files and folders.
        naming: which of their tensors count, and what they are called.
        given: the networks in memory, by the paths that stand for them.

    Raises:
        LmctoolError: one cannot be read, or an option on names says nothing of any of them.
    """
    opened = tuple(open_checkpoint(path, naming, given.get(path)) for path in paths)
    first, *others = opened
    for option, text in first.unmatched:
        if all((option, text) in other.unmatched for other in others):
            refuse_unmatched(option, text, [name for each in opened for name in each.own])
    return opened


def identify_all(checkpoints: Sequence[Checkpoint], sums: FileSums = EVERY_TIME) -> None:
    """Find the identities of checkpoints, all at once; each then knows its own.

    Args:
        checkpoints: the checkpoints; what one knows already is not looked for again.
        sums: whether the sums of their files are wanted too, and where earlier ones are kept.

    Raises:
        LmctoolError: a file cannot be read any more, or has become shorter.
    """
    wanted = {"digest", "file_sum"} if sums.wanted else {"digest"}
    unknown = [each for each in checkpoints if not wanted <= vars(each).keys()]
    jobs = [(each.files, {} if "digest" in vars(each) else each.own) for each in unknown]
    for each, identity in zip(unknown, identify(jobs, sums), strict=True):
        # Not by asking for it there: Python 3.11 computes one cached property at a time.
        vars(each).setdefault("digest", identity.digest)
        if sums.wanted:
            vars(each)["file_sum"] = identity.files
