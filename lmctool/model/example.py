"""Example inputs: what a model is traced and proved on where no data is named."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError, machine_failure
from lmctool.model.arguments import take_by_name
from lmctool.plugin.settings import InputShape

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import Tensor, nn

    Inputs = Tensor | tuple[Tensor, ...]

SYNTAX = re.compile(
    r"(?:([A-Za-z_][A-Za-z_0-9]*)=)?(ids(?:<([0-9]{1,9}))?:)?([0-9]{1,9}(?:x[0-9]{1,9})*)"
)
MOST = 1 << 30
"""The most numbers that one input may have."""


@dataclass(frozen=True, slots=True)
class Example:
    """An example input, and where it came from.

    Attributes:
        inputs: (example, ...) a tensor, or a tuple of them in the order they are given.
        spec: its shapes in words.
        origin: ``--input``, or ``model`` for one that the model brought.
        doubled: whether one example was asked for and two were taken.
    """

    inputs: Inputs
    spec: str
    origin: str
    doubled: bool = False


def input_shape(text: str) -> InputShape:
    """Read the description of one input.

    >>> input_shape("3x3x32x32").shape, input_shape("mask=ids<2:3x11").below
    ((3, 3, 32, 32), 2)

    Raises:
        LmctoolError: the text describes none, or one of no numbers.
    """
    match = SYNTAX.fullmatch(text)
    if not match:
        raise LmctoolError(
            f"{text!r} is no shape such as 3x3x32x32, or ids:3x11 for token ids, or"
            " NAME=3x32 for an argument by name"
        )
    name, ids, below, sizes = match.groups()
    shape = tuple(map(int, sizes.split("x")))
    if not 0 < math.prod(shape) <= MOST or below in {"0", "1"}:
        raise LmctoolError(
            f"{text!r} describes no input: a size is 0, ids are below 1, or all together too large"
        )
    return InputShape(shape, bool(ids), int(below) if below else None, name or "")


def find_example(
    modules: Sequence[nn.Module],
    shapes: Sequence[InputShape],
    generator: torch.Generator,
    device: torch.device,
    dtype: torch.dtype,
) -> Example | None:
    """Return the example input that is meant: the described one, else the model's own, else None.

    A module's own is its attribute ``example_inputs``, as a user's factory may set it: a tensor,
    or a tuple of tensors in the order of forward's arguments.

    What is followed on one example alone can hold for one alone, so two are taken in place of one,
    where the model takes two.

    Args:
        modules: the model, and others that are to take the same; from then on they take by position
            what is described by name.  The one that knows the fewest tokens decides on the inputs.
        shapes: what the user described, one for each argument of forward; may be empty.
        generator: what values are drawn from.
        device: where the inputs go.
        dtype: of floating inputs.

    Raises:
        LmctoolError: the inputs have different numbers of examples, forward has no such arguments,
            the model's own are no tensors of examples, or the vocabulary of token ids is not known.
    """
    module = _of_fewest_tokens(modules)
    if shapes:
        tensors = [_drawn(shape, module, generator) for shape in shapes]
        spec, origin = ", ".join(map(str, shapes)), "--input"
        counts = {shape.shape[0] for shape in shapes}
    else:
        tensors = _own(module)
        spec, origin = ", ".join("x".join(map(str, tensor.shape)) for tensor in tensors), "model"
        counts = {len(tensor) for tensor in tensors}
    if not tensors:
        return None
    if len(counts) > 1:
        raise LmctoolError(f"the inputs {spec} have different numbers of examples in front")
    for each in modules if shapes else ():
        take_by_name(each, [shape.name for shape in shapes])
    if len(tensors[0]) < 2:
        tensors = [tensor.repeat_interleave(2, 0) for tensor in tensors]
    if len(tensors) == 1:
        getattr(module, "check_inputs", lambda _: None)(tensors[0])
    placed = tuple(
        tensor.to(device, dtype if tensor.is_floating_point() else None) for tensor in tensors
    )
    doubled = counts == {1} and _takes(module, placed)
    if counts == {1} and not doubled:
        placed = tuple(tensor[:1] for tensor in placed)
    spec += " as 2 examples" if doubled else ""
    return Example(placed if len(placed) > 1 else placed[0], spec, origin, doubled)


def _drawn(shape: InputShape, module: nn.Module, generator: torch.Generator) -> Tensor:
    """Return a random input, of 2 examples where 1 is described."""
    import torch

    sizes = (max(2, shape.shape[0]), *shape.shape[1:])
    if not shape.ids:
        return torch.randn(sizes, generator=generator, dtype=torch.float64)
    below = _vocabulary(module) if shape.below is None else shape.below
    return torch.randint(below, sizes, generator=generator)


def _takes(module: nn.Module, inputs: tuple[Tensor, ...]) -> bool:
    """Tell whether a model takes inputs at all."""
    import torch

    from lmctool.graph.module import fresh

    try:
        with torch.no_grad():
            fresh(module)(*(tensor.clone() for tensor in inputs))
    except Exception as cause:  # whatever the model's own code raises
        if machine_failure(cause):
            raise
        return False
    return True


def _vocabulary(module: nn.Module) -> int:
    """Return the rows of the model's first embedding."""
    from torch import nn

    for part in module.modules():
        if isinstance(part, nn.Embedding):
            return part.num_embeddings
    raise LmctoolError(
        "the model has no embedding that tells its vocabulary; say it, as in ids<50257:3x11"
    )


def _of_fewest_tokens(modules: Sequence[nn.Module]) -> nn.Module:
    """Return the model whose first embedding has the fewest rows, so that all know its tokens.

    Of models without an embedding the first is meant.
    """
    from torch import nn

    rows = [
        next((p.num_embeddings for p in each.modules() if isinstance(p, nn.Embedding)), math.inf)
        for each in modules
    ]
    return modules[rows.index(min(rows))]


def _own(module: nn.Module) -> list[Tensor]:
    """Return the inputs that a module brings itself, if it does."""
    from torch import Tensor

    own = getattr(module, "example_inputs", None)
    if own is None:
        return []
    tensors = list(own) if isinstance(own, tuple | list) else [own]
    if not tensors or not all(isinstance(t, Tensor) and t.ndim and len(t) for t in tensors):
        raise LmctoolError(
            "the model's 'example_inputs' must be a tensor or a tuple of tensors, each of one or"
            " more examples"
        )
    return [tensor.detach() for tensor in tensors]
