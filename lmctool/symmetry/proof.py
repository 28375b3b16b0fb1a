"""The proof of an alignment: the permuted network is the same function, f(pi(B)) = f(B)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lmctool.errors import UnjudgedError

if TYPE_CHECKING:
    from lmctool.symmetry.permutation import Permutation

Function = Callable[[Mapping[str, Tensor], Tensor], Tensor]
ARITHMETIC = {torch.float64: (1e-15, 1e-12), torch.float32: (1e-6, 1e-5)}
"""For each dtype: the relative noise put on the inputs, and the least relative tolerance."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What comparing two outputs showed.

    Attributes:
        difference: the greatest absolute difference of an output.
        tolerance: the greatest difference that rounding explains: ten times what relative noise
            of a few roundings on the inputs changes, and no less than a floor relative to scale.
        scale: the greatest absolute output.
        examples: how many examples were compared.
        dtype: the arithmetic it was done in.
    """

    difference: float
    tolerance: float
    scale: float
    examples: int
    dtype: str

    @property
    def holds(self) -> bool:
        """Whether the two are the same function; false when an output is NaN."""
        return self.difference <= self.tolerance


def prove(
    module: nn.Module,
    weights: Mapping[str, Tensor],
    permutation: Permutation,
    inputs: Tensor,
) -> Proof:
    """Compare a network with its permuted self on real inputs.

    In float64 where the model allows it, else in float32.

    Raises:
        UnjudgedError: they differ; names the group whose permutation alone changes the output.
    """
    proof = _compare(module, weights, permutation, inputs)
    if proof.holds:
        return proof
    guilty = [
        group
        for group in permutation.moves
        if not _compare(module, weights, permutation.only(group), inputs).holds
    ]
    raise UnjudgedError(
        f"the permutation changes the network: outputs differ by {proof.difference:.3g}"
        f" where rounding explains {proof.tolerance:.3g};"
        f" by itself, so does group {', '.join(map(repr, guilty[:3])) or '(none alone)'}"
    )


def _compare(
    module: nn.Module, weights: Mapping[str, Tensor], permutation: Permutation, inputs: Tensor
) -> Proof:
    dtype = torch.float64
    try:
        function = _function(module, dtype)
        original = function(weights, inputs)
    except RuntimeError:  # an operation of the model has no float64 form
        dtype = torch.float32
        function = _function(module, dtype)
        original = function(weights, inputs)
    noise, floor = ARITHMETIC[dtype]
    generator = torch.Generator().manual_seed(0)
    jitter = torch.randn(inputs.shape, generator=generator, dtype=torch.float64)
    noisy = inputs.to(torch.float64) * (1 + noise * jitter.to(inputs.device))
    changed = (function(weights, noisy) - original).abs().max().item()
    permuted = function(permutation.apply(weights), inputs)
    scale = original.abs().max().item()
    return Proof(
        difference=(permuted - original).abs().max().item(),
        tolerance=max(10 * changed, floor * scale),
        scale=scale,
        examples=len(inputs),
        dtype=str(dtype).removeprefix("torch."),
    )


def _function(module: nn.Module, dtype: torch.dtype) -> Function:
    precise = copy.deepcopy(module).to(dtype).eval()

    def cast(tensor: Tensor) -> Tensor:
        return tensor.to(dtype) if tensor.is_floating_point() else tensor

    def call(weights: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        tensors = {name: cast(tensor) for name, tensor in weights.items()}
        with torch.no_grad():
            output: Tensor = torch.func.functional_call(precise, tensors, (cast(inputs),))
        return output.to(torch.float64)

    return call
