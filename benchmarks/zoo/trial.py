"""One model: captured, its symmetries derived, permuted at random, proved, and doubted."""

from __future__ import annotations

import copy
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from benchmarks.zoo.folder import opens
from benchmarks.zoo.weights import randomise
from lmctool.graph.capture import capture
from lmctool.symmetry import Permutation, derive, prove
from lmctool.symmetry.describe import hidden_units

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.zoo.entry import Entry
    from lmctool.symmetry import Proof

EXAMPLES = 4
CONTROLS = 6


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trial found.

    Attributes:
        tracer: how the graph was captured.
        trace: seconds of the capture.
        derive: seconds of the derivation.
        groups: how many permutation groups there are.
        units: how many units they have; heads, and units within a head, each counted once.
        fixed: hidden units that cannot move, by reason; counted once for each weight that writes
            them, so that one stream may count often.
        difference: the greatest change of an output under a random permutation of every group,
            relative to the greatest output.
        tolerance: the greatest that rounding explains, relative to the same.
        dtype: the arithmetic of the proof.
        controls: in how many runs one tensor was left out of the permutation.
        noticed: in how many of them an output changed.
        opens: whether a folder of it opens as the same network; None for a library without.
    """

    tracer: str
    trace: float
    derive: float
    groups: int
    units: int
    fixed: dict[str, int]
    difference: float
    tolerance: float
    dtype: str
    controls: int
    noticed: int
    opens: bool | None = None

    @property
    def there_are(self) -> int:
        """How many hidden units there are."""
        return self.units + sum(self.fixed.values())

    @property
    def holds(self) -> bool:
        """Whether the function stayed, every control was noticed, and its folder opens."""
        stayed = self.difference <= self.tolerance and self.noticed == self.controls > 0
        return stayed and self.opens is not False

    def record(self) -> dict[str, Any]:
        """Return the outcome as plain values."""
        return asdict(self)


def attempt(entry: Entry) -> Outcome:
    """Try one model.

    Raises:
        LmctoolError: it cannot be captured, or its folder not opened.
        UnjudgedError: a random permutation of what was derived changes its function.
    """
    torch.manual_seed(0)
    module = randomise(entry.build())
    begun = time.perf_counter()
    graph = capture(module, entry.batch(2))
    traced = time.perf_counter()
    spec = derive(graph)
    derived = time.perf_counter()
    weights = {k: v for k, v in module.state_dict().items() if k not in graph.aliases}
    permutation = Permutation.random(spec, torch.Generator().manual_seed(0))
    inputs = entry.batch(EXAMPLES)
    proof = prove(module, weights, permutation, inputs)
    hidden = hidden_units(spec, graph)
    changes = list(_controls(module, weights, permutation, inputs, proof))
    return Outcome(
        tracer=graph.tracer,
        trace=traced - begun,
        derive=derived - traced,
        groups=len(spec.groups),
        units=hidden.movable,
        fixed=dict(hidden.fixed),
        difference=proof.difference / proof.scale,
        tolerance=proof.tolerance / proof.scale,
        dtype=proof.dtype,
        controls=len(changes),
        noticed=sum(change > proof.tolerance for change in changes),
        opens=opens(entry),
    )


def _controls(
    module: nn.Module,
    weights: Mapping[str, Tensor],
    permutation: Permutation,
    inputs: tuple[Tensor, ...],
    proof: Proof,
) -> Iterator[float]:
    """Give the greatest change of all outputs as one weight after the other stays unpermuted.

    Only weights with two or more axes: a bias may have no effect at all, as that of keys has none.
    """
    dtype = getattr(torch, proof.dtype)
    precise = copy.deepcopy(module).to(dtype)
    permuted = permutation.apply(weights)

    def cast(tensor: Tensor) -> Tensor:
        return tensor.to(dtype) if tensor.is_floating_point() else tensor

    def outputs(tensors: Mapping[str, Tensor]) -> Tensor:
        own = {name: cast(tensor) for name, tensor in tensors.items()}
        value = torch.func.functional_call(precise, own, tuple(map(cast, inputs)))
        return torch.cat([leaf.flatten() for leaf in tree_leaves(value)])

    original = outputs(weights)
    moved = [
        name
        for name, tensor in weights.items()
        if tensor.ndim > 1 and not torch.equal(tensor, permuted[name])
    ]
    for name in moved[:: max(1, len(moved) // CONTROLS)][:CONTROLS]:
        yield (outputs(permuted | {name: weights[name]}) - original).abs().max().item()
