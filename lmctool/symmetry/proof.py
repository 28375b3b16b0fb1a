"""The proof of an alignment: the permuted network is the same function, f(pi(B)) = f(B)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lmctool.errors import UnjudgedError, out_of_memory
from lmctool.graph.casts import Casts
from lmctool.graph.module import aliases, fresh
from lmctool.graph.outputs import Output, outputs_of
from lmctool.graph.randomness import seeded
from lmctool.symmetry.comparison import ARITHMETIC, Proof, weakest
from lmctool.weights.arithmetic import LazyWeights

if TYPE_CHECKING:
    from lmctool.symmetry.permutation import Permutation

Inputs = Tensor | tuple[Tensor, ...]
Function = Callable[[Mapping[str, Tensor], tuple[Tensor, ...]], list[Output]]


def prove(
    module: nn.Module,
    weights: Mapping[str, Tensor],
    permutation: Permutation,
    inputs: Inputs,
    seed: int = 0,
) -> Proof:
    """Compare a network with its permuted self on real inputs, all outputs of it.

    In float64 where the model allows it, else in float32.  The noise that calibrates the
    tolerance lies on the inputs, or on the weights where the inputs are token ids.  A model that
    draws random numbers draws the same ones in all compared runs.  The tolerance is that of exact
    products: whoever calls this keeps float32 out of TF32.

    Args:
        module: the model.
        weights: its tensors.
        permutation: what is to be proved.
        inputs: (example, ...) a batch, or one for each argument of the model.
        seed: decides the random numbers that the model draws, if it draws any.

    Raises:
        UnjudgedError: they differ; names the group whose permutation alone changes the output.
            Or rounding would explain so great a difference that nothing is proved.
    """
    batch = inputs if isinstance(inputs, tuple) else (inputs,)
    proof = _compare(module, weights, permutation, batch, seed)
    if proof.blind:
        raise UnjudgedError(
            f"the permutation cannot be proved: rounding in {proof.dtype} would explain a"
            f" difference of {proof.tolerance:.3g} where outputs reach {proof.scale:.3g}"
            f"{proof.where}, in which a wrong one could hide; does the model amplify the least"
            " change of its inputs?"
        )
    if proof.holds:
        return proof
    guilty = [
        group
        for group in permutation.moves
        if not _compare(module, weights, permutation.only(group), batch, seed).holds
    ]
    raise UnjudgedError(
        f"the permutation changes the network: outputs differ by {proof.difference:.3g}"
        f"{proof.where} where rounding explains {proof.tolerance:.3g};"
        f" by itself, so does group {', '.join(map(repr, guilty[:3])) or '(none alone)'}"
    )


def _compare(
    module: nn.Module,
    weights: Mapping[str, Tensor],
    permutation: Permutation,
    inputs: tuple[Tensor, ...],
    seed: int,
) -> Proof:
    dtype = torch.float64
    try:
        function = _function(module, dtype, seed)
        with Casts() as casts:
            original = function(weights, inputs)
    except RuntimeError as error:  # an operation of the model has no float64 form
        if out_of_memory(error):
            raise
        dtype = torch.float32
        function = _function(module, dtype, seed)
        with Casts() as casts:
            original = function(weights, inputs)
    narrowest = casts.narrowest(dtype)
    noise, *_ = ARITHMETIC[narrowest]
    if any(each.is_floating_point() for each in inputs):
        noisy = function(weights, tuple(_jittered(each, noise) for each in inputs))
    else:
        noisy = function(LazyWeights(weights, lambda n: _jittered(weights[n], noise)), inputs)
    permuted = function(permutation.apply_lazily(weights), inputs)
    return weakest(original, noisy, permuted, len(inputs[0]), narrowest)


def _jittered(tensor: Tensor, noise: float) -> Tensor:
    """Return a tensor of floats with relative noise, any other as it is."""
    if not tensor.is_floating_point():
        return tensor
    generator = torch.Generator().manual_seed(0)
    jitter = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
    return tensor.to(torch.float64) * (1 + noise * jitter.to(tensor.device))


def _function(module: nn.Module, dtype: torch.dtype, seed: int) -> Function:
    module = fresh(module).eval()
    tied = dict(aliases(module))
    own = dict(chain(module.named_parameters(), module.named_buffers()))

    def cast(tensor: Tensor) -> Tensor:
        return tensor.to(dtype) if tensor.is_floating_point() else tensor

    def call(weights: Mapping[str, Tensor], inputs: tuple[Tensor, ...]) -> list[Output]:
        named = {tied.get(name, name) for name in weights}
        tensors = {name: cast(tensor) for name, tensor in own.items() if name not in named}
        tensors |= {n: cast(weights[n]) for n in weights if tied.get(n) not in weights}
        with torch.no_grad(), seeded(seed):
            output = torch.func.functional_call(fresh(module), tensors, tuple(map(cast, inputs)))
        # copies, for a model may return what it writes to again
        return [
            each._replace(tensor=each.tensor.clone()) for each in outputs_of(output, whole=True)
        ]

    return call
