"""What a recorded run did, done once more with gradients.

A recording is read and edited below autograd, where nothing has a gradient.  Its operations are
noted as they are done, with the very tensors that they took; done again above autograd, in their
order, each that depends on what is differentiated gives a value that depends on it too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from lmctool.errors import LmctoolError
from lmctool.graph.operations import draws

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.graph.graph import Edit


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One operation, as it was done.

    Attributes:
        operation: what was called.
        operands: its positional and its named arguments.
        values: what it returned, after edits.
        edits: the edit of each of them that has one, by its place.
        shares: whether an edited value stands in the memory of an operand.
    """

    operation: Any
    operands: tuple[tuple[Any, ...], Mapping[str, Any]]
    values: tuple[Any, ...]
    edits: Mapping[int, Edit]
    shares: bool


@dataclass(eq=False)
class Tape:
    """The operations of one run, in their order.

    Attributes:
        calls: the operations; they keep all tensors alive, so that identities last.
    """

    calls: list[Call] = field(default_factory=list)

    def follow(self, known: dict[int, Tensor], output: Tensor) -> Tensor:
        """Return an output of the run as it follows from what stands for some of its tensors.

        Args:
            known: by the identity of a tensor of the run, one that has a gradient.
            output: one of its values.

        Raises:
            LmctoolError: an operation on what has a gradient draws random numbers, which would be
                others.
        """
        for call in self.calls:
            if known.keys().isdisjoint(map(id, tree_leaves(call.operands))):
                continue
            if draws(call.operation, *call.operands):
                raise LmctoolError(
                    "the model's path depends on the data, and it draws random numbers by"
                    f" {call.operation} of what has a gradient, so that it cannot be differentiated"
                )
            args, kwargs = tree_map(lambda leaf: known.get(id(leaf), leaf), call.operands)
            values = call.operation(*args, **kwargs)
            for place, value in enumerate(values if isinstance(values, list | tuple) else [values]):
                if place in call.edits:
                    value = edited_value(call.edits[place], value, call.shares)
                if isinstance(value, Tensor) and value.requires_grad:
                    known[id(call.values[place])] = value
        return known.get(id(output), output)


def edited_value(edit: Edit, value: Tensor, shares: bool) -> Tensor:
    """Return what an edit makes of a value.

    What shares the memory of an operand is changed there, for others may look at it again.
    """
    edited = edit(value)
    return value.copy_(edited) if shares and edited is not value else edited
