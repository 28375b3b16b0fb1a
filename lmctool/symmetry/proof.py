"""The proof of a change of weights: the network is the same function, f(T(B)) = f(B)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain

import torch
from torch import Tensor, nn

from lmctool.errors import UnjudgedError, out_of_memory
from lmctool.graph.casts import Casts
from lmctool.graph.module import aliases, fresh
from lmctool.graph.outputs import Output, outputs_of
from lmctool.graph.randomness import seeded
from lmctool.symmetry.comparison import ARITHMETIC, Proof, weakest
from lmctool.symmetry.permutation import Permutation
from lmctool.symmetry.transform import Transform
from lmctool.weights.arithmetic import LazyWeights, Weights
from lmctool.weights.fleeting import fleeting
from lmctool.weights.streamed import StreamedWeights, passing

Inputs = Tensor | tuple[Tensor, ...]
Function = Callable[[Mapping[str, Tensor], tuple[Tensor, ...]], list[Output]]
Change = Transform | Callable[[Weights], Weights]
"""What is done to the weights of a network: a transform of them, or a function."""
LARGE = 1 << 26
"""Bytes of a network in memory from which on its tensors become float64 one after another."""


def prove(
    module: nn.Module,
    weights: Mapping[str, Tensor],
    change: Change,
    inputs: Inputs,
    seed: int = 0,
    *,
    noun: str = "",
) -> Proof:
    """Compare a network with its changed self on real inputs, all outputs of it.

    In float64 where the model allows it, else in float32.  The noise that calibrates the
    tolerance lies on the inputs, or on the weights where the inputs are token ids.  A model that
    draws random numbers draws the same ones in all compared runs.  The tolerance is that of exact
    products: whoever calls this keeps float32 out of TF32.

    Args:
        module: the model.
        weights: its tensors.
        change: what is to be proved.
        inputs: (example, ...) a batch, or one for each argument of the model.
        seed: decides the random numbers that the model draws, if it draws any.
        noun: what the change is called; by default ``permutation``, or ``transform``.

    Raises:
        UnjudgedError: they differ; names the groups of a transform that alone change the output.
            Or rounding would explain so great a difference that nothing is proved.
    """
    noun = noun or ("permutation" if isinstance(change, Permutation) else "transform")
    batch = inputs if isinstance(inputs, tuple) else (inputs,)
    proof = compare(module, weights, change, batch, seed)
    if proof.blind:
        raise UnjudgedError(
            f"the {noun} cannot be proved: rounding in {proof.dtype} would explain a"
            f" difference of {proof.tolerance:.3g} where outputs reach {proof.scale:.3g}"
            f"{proof.where}, in which a wrong one could hide; does the model amplify the least"
            " change of its inputs?"
        )
    if proof.holds:
        return proof
    told = ""
    if isinstance(change, Transform):
        alone = ((group, change.only(group)) for group in change.changed)
        guilty = [g for g, own in alone if not compare(module, weights, own, batch, seed).holds]
        told = f"; by itself, so does group {', '.join(map(repr, guilty[:3])) or '(none alone)'}"
    raise UnjudgedError(
        f"the {noun} changes the network: outputs differ by {proof.difference:.3g}"
        f"{proof.where} where rounding explains {proof.tolerance:.3g}{told}"
    )


def compare(
    module: nn.Module,
    weights: Mapping[str, Tensor],
    change: Change,
    inputs: tuple[Tensor, ...],
    seed: int = 0,
    stored: torch.dtype = torch.float64,
) -> Proof:
    """Compare a network with its changed self, as ``prove`` does, and judge nothing.

    Args:
        module: the model.
        weights: its tensors.
        change: what is done to them.
        inputs: (example, ...) a batch for each argument of the model.
        seed: decides the random numbers that the model draws, if it draws any.
        stored: what the changed weights were rounded to.
    """
    if _is_large(weights):
        try:
            return _compared(module, weights, change, inputs, seed, stored, passes=True)
        except RuntimeError as error:  # the model writes into its weights, or looks into memory
            if out_of_memory(error):
                raise
    return _compared(module, weights, change, inputs, seed, stored, passes=False)


def _is_large(weights: Mapping[str, Tensor]) -> bool:
    """Tell whether all of a network in float64 would fill too much memory."""
    if isinstance(weights, StreamedWeights) and weights.streams:
        return weights.large
    return sum(weights[name].nbytes for name in weights) >= LARGE


def _compared(
    module: nn.Module,
    weights: Mapping[str, Tensor],
    change: Change,
    inputs: tuple[Tensor, ...],
    seed: int,
    stored: torch.dtype,
    *,
    passes: bool,
) -> Proof:
    """Do what ``compare`` does; with ``passes``, weights pass through memory one by one."""
    changed = change.apply_lazily if isinstance(change, Transform) else change
    dtype = torch.float64
    try:
        function = _function(module, dtype, seed, passes=passes)
        with Casts() as casts:
            original = function(weights, inputs)
    except RuntimeError as error:  # an operation of the model has no float64 form
        if out_of_memory(error):
            raise
        dtype = torch.float32
        function = _function(module, dtype, seed, passes=passes)
        with Casts() as casts:
            original = function(weights, inputs)
    narrowest = max(casts.narrowest(dtype), stored, key=lambda each: torch.finfo(each).eps)
    noise, *_ = ARITHMETIC[narrowest]
    if any(each.is_floating_point() for each in inputs) and stored == torch.float64:
        noisy = function(weights, tuple(_jittered(each, noise) for each in inputs))
    else:
        shaken = LazyWeights(weights, lambda n: _jittered(passing(weights, n), noise))
        noisy = function(shaken, inputs)
    # for maps to be as exact
    wide = LazyWeights(weights, lambda n: _cast(passing(weights, n), dtype))
    return weakest(original, noisy, function(changed(wide), inputs), len(inputs[0]), narrowest)


def _jittered(tensor: Tensor, noise: float) -> Tensor:
    """Return a tensor of floats with relative noise, any other as it is."""
    if not tensor.is_floating_point():
        return tensor
    generator = torch.Generator().manual_seed(0)
    jitter = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
    return tensor.to(torch.float64) * (1 + noise * jitter.to(tensor.device))


def _cast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a tensor of floats in a dtype, any other as it is."""
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def _function(module: nn.Module, dtype: torch.dtype, seed: int, *, passes: bool) -> Function:
    module = fresh(module).eval()
    tied = dict(aliases(module))
    own = dict(chain(module.named_parameters(), module.named_buffers()))
    cast = partial(_cast, dtype=dtype)

    def call(weights: Mapping[str, Tensor], inputs: tuple[Tensor, ...]) -> list[Output]:
        named = {tied.get(name, name) for name in weights}
        tensors = {name: cast(tensor) for name, tensor in own.items() if name not in named}
        first = [n for n in weights if tied.get(n) not in weights]
        made = fleeting(first, own if passes else {}, lambda n: cast(passing(weights, n)), dtype)
        tensors |= made
        with torch.no_grad(), seeded(seed):
            output = torch.func.functional_call(fresh(module), tensors, tuple(map(cast, inputs)))
        # copies, for a model may return what it writes to again
        return [
            each._replace(tensor=each.tensor.clone()) for each in outputs_of(output, whole=True)
        ]

    return call
