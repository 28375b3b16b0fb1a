"""What tells two networks apart: their outputs, each held against what rounding explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmctool.errors import UnjudgedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.graph.outputs import Output

ARITHMETIC = {
    torch.float64: (1e-15, 1e-12, 1e-6),
    torch.float32: (1e-6, 1e-5, 1e-2),
    torch.float16: (1e-3, 1e-2, 1e-1),
    torch.bfloat16: (1e-2, 5e-2, 2.5e-1),
}
"""For each dtype: the relative noise put on the inputs, and the least and the greatest tolerance,
relative to the greatest output.  A wrong permutation of a group changes outputs by some hundredths
of what they are or more.  A tolerance below that tells it from rounding; a network that needs more
of it amplifies rounding so much that its proof would be luck.
"""


@dataclass(frozen=True, slots=True)
class Proof:
    """What comparing two outputs showed, or the weakest of several comparisons.

    Attributes:
        difference: the greatest absolute difference of a number of the output.
        tolerance: the greatest difference that rounding explains: ten times what relative noise
            of a few roundings changes, and no less than a floor relative to scale; 0 for whole
            numbers.
        scale: the greatest absolute number of the output.
        examples: how many examples were compared.
        dtype: the narrowest arithmetic that it was done in.
        output: what the model calls the output; empty where it returns one tensor alone.
    """

    difference: float
    tolerance: float
    scale: float
    examples: int
    dtype: str
    output: str = ""

    @property
    def holds(self) -> bool:
        """Whether the two are the same function; false when an output is NaN."""
        return self.difference <= self.tolerance

    @property
    def margin(self) -> float:
        """How many times the tolerance could be smaller; 1 or less means that it does not hold."""
        return self.tolerance / self.difference if self.difference else float("inf")

    @property
    def blind(self) -> bool:
        """Whether rounding explains so much that a wrong permutation could hide in it."""
        *_, greatest = ARITHMETIC[getattr(torch, self.dtype)]
        return self.tolerance > greatest * self.scale

    @property
    def where(self) -> str:
        """Where the numbers stand, as a part of a sentence."""
        return f" in output {self.output!r}" if self.output else ""


def weakest(
    original: Sequence[Output],
    noisy: Sequence[Output],
    permuted: Sequence[Output],
    examples: int,
    dtype: torch.dtype,
) -> Proof:
    """Return the weakest of the comparisons of each output of a network.

    Args:
        original: the outputs.
        noisy: what noise on the inputs makes of them.
        permuted: those of the permuted network.
        examples: how many examples there are.
        dtype: the narrowest arithmetic.

    Raises:
        UnjudgedError: they are not the same number of tensors each time.
    """
    if not len(original) == len(noisy) == len(permuted):
        raise UnjudgedError(
            "the permutation cannot be proved: the model returns another number of tensors for"
            " other inputs or weights"
        )
    scales = [_greatest(_numbers(output.tensor)) for output in original]
    proofs = []
    for output, other, moved, scale in zip(original, noisy, permuted, scales, strict=True):
        numbers, theirs, ours = (_numbers(each.tensor) for each in (output, other, moved))
        if not numbers.shape == theirs.shape == ours.shape:
            difference, tolerance = float("inf"), 0.0
        elif output.tensor.is_floating_point() or output.tensor.is_complex():
            difference = _greatest(ours - numbers)
            tolerance, scale = _explained(_greatest(theirs - numbers), scale, max(scales), dtype)
        else:  # whole numbers are equal, but where two are as likely and rounding decides
            difference, tolerance = _greatest((ours - numbers)[theirs == numbers]), 0.0
        name = str(dtype).removeprefix("torch.")
        proofs.append(Proof(difference, tolerance, scale, examples, name, output.name))
    return min(proofs, key=lambda proof: (not proof.blind, proof.holds, proof.margin))


def _explained(
    change: float, scale: float, greatest: float, dtype: torch.dtype
) -> tuple[float, float]:
    """Return the greatest difference of an output that rounding explains, and relative to what.

    Args:
        change: what noise changes in it.
        scale: its greatest absolute number.
        greatest: that of all outputs.
        dtype: the narrowest arithmetic.
    """
    noise, floor, limit = ARITHMETIC[dtype]
    tolerance = max(10 * change, floor * scale)
    if tolerance > limit * scale and scale <= 10 * noise * greatest:
        scale = greatest  # it is nothing but what rounding leaves of greater numbers
        tolerance = max(10 * change, floor * scale)
    return tolerance, scale


def _numbers(tensor: Tensor) -> Tensor:
    return (torch.view_as_real(tensor) if tensor.is_complex() else tensor).double()


def _greatest(numbers: Tensor) -> float:
    """Return the greatest absolute number, 0 of none."""
    return float(numbers.abs().max()) if numbers.numel() else 0.0
