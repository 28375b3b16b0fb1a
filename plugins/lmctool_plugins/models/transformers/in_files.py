"""A network whose tensors are called and cut as the library's files have them.

The library's classes are rewritten from time to time while files keep their names.  A tensor of a
file may have another name in the code; tensors of all experts of a mixture may be one there, and
one of queries, keys and values may be three.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Box = tuple[slice, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """A block of values that a tensor of a file and one of the network have in common.

    Attributes:
        place: the name of the file's tensor.
        there: where in it the block lies.
        here: where in the network's tensor.
    """

    place: str
    there: Box
    here: Box


@dataclass(frozen=True, slots=True)
class Storage:
    """What the library's files have of a network.

    Attributes:
        whole: the name in files of each tensor that is stored as it is, by its name in the network.
        shapes: the shape of each other tensor of the files.
        pieces: the blocks of each other tensor of the network; empty for a network without memory,
            whose values nobody asks for.
    """

    whole: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]
    pieces: Mapping[str, Sequence[Piece]]

    @property
    def is_network(self) -> bool:
        """Whether files have the network's own tensors under its own names."""
        return not self.shapes and all(name == place for name, place in self.whole.items())


def as_in_files(network: nn.Module) -> nn.Module:
    """Return a network whose tensors are named and cut as in the files that the library writes.

    The network itself is returned if they are already, or if files hold something else than blocks
    of its tensors.
    """
    storage = _storage(network)
    if storage is None or storage.is_network:
        return network
    if any(isinstance(part, nn.RNNBase) for part in network.modules()):
        return network  # these keep their weights in a list besides
    return InFiles(network, storage)


class InFiles(nn.Module):
    """A network without tensors of its own, which reads those that are named as in its files."""

    def __init__(self, network: nn.Module, storage: Storage) -> None:
        """Take the network's tensors out of it.

        Args:
            network: the network, which is changed.
            storage: what files have of it.
        """
        super().__init__()
        tensors = network.state_dict(keep_vars=True)
        for name, place in storage.whole.items():
            self._hold(place, tensors[name])
        for place, tensor in _cut(tensors, storage).items():
            self._hold(place, tensor)
        own: dict[str, dict[str, Source]] = {}
        for name in tensors:
            path, _, last = name.rpartition(".")
            pieces = storage.pieces.get(name, ())
            places = [storage.whole[name]] if name in storage.whole else [p.place for p in pieces]
            held = tuple(self._at(place) for place in places)
            own.setdefault(path, {})[last] = Source(held, tuple(pieces))
        for path, part in network.named_modules():
            _read(part, own.get(path, {}))
        self.network = network

    def forward(self, inputs: Tensor, decoder_inputs: Tensor | None = None) -> Any:
        """Return what the network returns."""
        more = () if decoder_inputs is None else (decoder_inputs,)
        return self.network(inputs, *more)

    def check_inputs(self, inputs: Tensor) -> None:
        """Check what the network checks."""
        self.network.check_inputs(inputs)  # type: ignore[operator]

    def _hold(self, place: str, tensor: Tensor) -> None:
        *above, last = place.split(".")
        holder: nn.Module = self
        for step in above:
            if step not in holder._modules:
                holder.add_module(step, nn.Module())
            holder = holder.get_submodule(step)
        if isinstance(tensor, nn.Parameter):
            holder.register_parameter(last, tensor)
        else:
            holder.register_buffer(last, tensor)

    def _at(self, place: str) -> tuple[nn.Module, str]:
        path, _, last = place.rpartition(".")
        return self.get_submodule(path), last


@dataclass(frozen=True, slots=True)
class Source:
    """Where the values of one of the network's tensors are.

    Attributes:
        held: the module that holds each tensor which they are in, and its name there.
        pieces: the block of each; empty for one whole tensor.
    """

    held: tuple[tuple[nn.Module, str], ...]
    pieces: tuple[Piece, ...]

    def tensor(self) -> Tensor:
        """Return the network's tensor."""
        stored: list[Tensor] = [getattr(holder, name) for holder, name in self.held]
        if not self.pieces:
            return stored[0]
        blocks = zip(self.pieces, stored, strict=True)
        return _joined([(piece.here, tensor[piece.there]) for piece, tensor in blocks])


class Reading(nn.Module):
    """A part of a network whose tensors are held elsewhere."""

    sources: dict[str, Source]

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        """Give the tensors that it reads: the library asks for their dtype and device."""
        for part in self.modules() if recurse else (self,):
            for source in part.sources.values() if isinstance(part, Reading) else ():
                yield from (getattr(holder, name) for holder, name in source.held)


def _read(part: nn.Module, sources: dict[str, Source]) -> None:
    """Let a part of a network read its own tensors elsewhere."""
    for name in sources:
        part._parameters.pop(name, None)
        part._buffers.pop(name, None)
    kind = type(part)
    # the library looks its tables up by the name and the module of a class
    members = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    reads = {name: property(partial(_tensor, name=name)) for name in sources}
    part.__class__ = type(kind.__name__, (Reading, kind), {**members, **reads})
    part.sources = sources  # type: ignore[assignment]


def _tensor(part: Reading, name: str) -> Tensor:
    return part.sources[name].tensor()


def _joined(blocks: Sequence[tuple[Box, Tensor]], axis: int = 0) -> Tensor:
    """Join blocks that fill a tensor, by the axes from this one on."""
    if len(blocks) == 1:
        ((box, tensor),) = blocks
        return tensor.reshape([each.stop - each.start for each in box])
    starts = sorted({box[axis].start for box, _ in blocks})
    parts = [
        _joined([block for block in blocks if block[0][axis].start == start], axis + 1)
        for start in starts
    ]
    return torch.cat(parts, axis) if len(parts) > 1 else parts[0]


def _cut(tensors: Mapping[str, Tensor], storage: Storage) -> dict[str, Tensor]:
    """Return the tensors of files that are not the network's own, with its values."""
    sample = next(iter(tensors.values()))
    names = {piece.place: name for name, each in storage.pieces.items() for piece in each}
    made: dict[str, Tensor] = {}
    for place, shape in storage.shapes.items():
        like = tensors.get(names.get(place, ""), sample).detach()
        made[place] = nn.Parameter(like.new_empty(shape), requires_grad=like.is_floating_point())
    with torch.no_grad():
        for name, pieces in storage.pieces.items():
            for piece in pieces:
                block = made[piece.place][piece.there]
                block.copy_(tensors[name][piece.here].reshape(block.shape))
    return made


def _storage(network: nn.Module) -> Storage | None:
    """Return what the library's files have of a network; None for what is stored otherwise."""
    from transformers.core_model_loading import revert_weight_conversion

    state = network.state_dict(keep_vars=True)
    hollow = {name: torch.empty_like(tensor, device="meta") for name, tensor in state.items()}
    names = {id(tensor): name for name, tensor in hollow.items()}
    stored = revert_weight_conversion(network, dict(hollow))
    whole = {names[id(tensor)]: place for place, tensor in stored.items() if id(tensor) in names}
    rest = {name: tensor for name, tensor in state.items() if name not in whole}
    shapes = {p: tuple(tensor.shape) for p, tensor in stored.items() if id(tensor) not in names}
    if all(tensor.is_meta for tensor in rest.values()):
        return Storage(whole, shapes, {})
    numbered: dict[str, Tensor] = {}
    ends: list[int] = []
    for name, tensor in rest.items():
        begin = ends[-1] if ends else 0
        ends.append(begin + tensor.numel())
        numbered[name] = torch.arange(begin, ends[-1]).reshape(tensor.shape)
    pieces: dict[str, list[Piece]] = {name: [] for name in rest}
    for place, numbers in revert_weight_conversion(network, dict(numbered)).items():
        owners = torch.bucketize(numbers, torch.tensor(ends), right=True)
        for owner in sorted({*owners.flatten().tolist()}):
            name = [*rest][owner]
            piece = _piece(place, numbers, owners == owner, numbered[name])
            if piece is None:
                return None
            pieces[name].append(piece)
    return Storage(whole, shapes, pieces)


def _piece(place: str, numbers: Tensor, mine: Tensor, own: Tensor) -> Piece | None:
    """Return the block that a tensor of a file and one of the network share; None if it is none.

    Args:
        place: the file's tensor.
        numbers: the number of each of its values.
        mine: which of them are the network's tensor's.
        own: the number of each value of that.
    """
    corners = torch.stack(torch.where(mine))
    there = _box(corners.amin(1), corners.amax(1))
    block = numbers[there].flatten()
    first = torch.stack(torch.unravel_index(block[0] - own.flatten()[0], own.shape))
    last = torch.stack(torch.unravel_index(block[-1] - own.flatten()[0], own.shape))
    here = _box(first, last)
    if not mine[there].all() or not torch.equal(own[here].flatten(), block):
        return None
    return Piece(place, there, here)


def _box(first: Tensor, last: Tensor) -> Box:
    ends = zip(first.tolist(), last.tolist(), strict=True)
    return tuple(slice(begin, end + 1) for begin, end in ends)
