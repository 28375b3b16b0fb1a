"""Controls of the proof: small mistakes that it must refuse, and right permutations beside them.

A mistake is as small as a proof can be trusted to see: about a hundred times what rounding
explains, so that a tolerance a thousand times wider lets every one of them through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lmctool.errors import UnjudgedError
from lmctool.graph.capture import capture
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
from lmctool.symmetry import Permutation, PermutationSpec, derive, prove
from lmctool.symmetry.axis_form import Free
from lmctool.weights.arithmetic import LazyWeights
from tests.symmetry.conftest import randomise

FLOOR = {"float32": 1e-5, "float64": 1e-12}
"""The least tolerance, relative to the greatest output."""
MISTAKE = {dtype: 100 * floor for dtype, floor in FLOOR.items()}
"""The relative change of the output that a control makes."""
WIDEST = {dtype: 30 * floor for dtype, floor in FLOOR.items()}
"""The greatest tolerance of these networks, relative to the greatest output."""


class Attention(nn.Module):
    """A block of a transformer over five tokens: two heads, LayerNorm and a perceptron."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.qkv, self.out = nn.Linear(4, 8), nn.Linear(8, 24), nn.Linear(8, 8)
        self.norm, self.up, self.down = nn.LayerNorm(8), nn.Linear(8, 16), nn.Linear(16, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        q, k, v = self.qkv(self.norm(x)).reshape(-1, 5, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        attended = functional.scaled_dot_product_attention(q, k, v)
        x = x + self.out(attended.transpose(1, 2).flatten(2))
        x = x + self.down(functional.gelu(self.up(x)))
        outputs: Tensor = self.head(x).mean(1)
        return outputs


class Single(nn.Module):
    """A network that takes float32 alone, as one with a kernel of its own does."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.net(x.float())
        return outputs


def registered(word: str, **arguments: object) -> nn.Module:
    module: nn.Module = registry.load(MODELS, word).build(word, **arguments)
    return module


BUILD: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "mlp": (lambda: registered("mlp", inputs=20, width=13, depth=3, classes=5), (20,)),
    "mlp-layernorm": (
        lambda: registered("mlp", inputs=20, width=13, depth=3, classes=5, norm="layer"),
        (20,),
    ),
    "vgg-batchnorm": (lambda: registered("vgg11_bn", width=2), (3, 32, 32)),
    "resnet-batchnorm": (lambda: registered("resnet20", width=4, norm="batch"), (3, 8, 8)),
    "attention": (Attention, (5, 4)),
}


@dataclass(frozen=True, eq=False)
class Subject:
    """A network, in the arithmetic that its proof is done in, and its random permutation."""

    module: nn.Module
    inputs: Tensor
    spec: PermutationSpec
    dtype: str

    @property
    def weights(self) -> dict[str, Tensor]:
        """Its tensors, in float64, for a mistake may be smaller than a float32 can tell."""
        return {
            name: tensor.double() if tensor.is_floating_point() else tensor
            for name, tensor in self.module.state_dict().items()
        }

    @property
    def permutation(self) -> Permutation:
        return Permutation.random(self.spec, torch.Generator().manual_seed(0))

    def outputs(self, weights: Mapping[str, Tensor]) -> Tensor:
        """Return what the network computes in float64."""
        net, prefix = (
            (self.module.net, "net.") if isinstance(self.module, Single) else (self.module, "")
        )
        own = {name.removeprefix(prefix): tensor for name, tensor in weights.items()}
        found: Tensor = torch.func.functional_call(net, own, (self.inputs.double(),))
        return found


@cache
def subject(kind: str, dtype: str) -> Subject:
    build, shape = BUILD[kind]
    module = randomise(build())
    if dtype == "float32":
        module = Single(module).eval()
    spec = derive(capture(module, torch.zeros(2, *shape)))
    inputs = torch.randn(4, *shape, generator=torch.Generator().manual_seed(1))
    return Subject(module, inputs, spec, dtype)


Mistake = Callable[[int, float], tuple[Mapping[str, Tensor], Permutation]]
"""Makes a mistake of some size at a unit: returns the weights, and the wrong permutation."""

every_subject = pytest.mark.parametrize(
    "own",
    [(kind, dtype) for kind in BUILD for dtype in FLOOR],
    ids=lambda own: "-".join(own),
    indirect=True,
)


@pytest.fixture
def own(request: pytest.FixtureRequest) -> Subject:
    return subject(*request.param)


@every_subject
def test_a_right_permutation_is_within_a_tight_tolerance(own: Subject) -> None:
    proof = prove(own.module, own.weights, own.permutation, own.inputs)
    assert proof.holds and proof.dtype == own.dtype
    assert FLOOR[own.dtype] <= proof.tolerance / proof.scale <= WIDEST[own.dtype]
    assert proof.difference <= proof.tolerance / 3


def matrices(spec: PermutationSpec) -> list[tuple[str, int, str]]:
    """Return some matrices and kernels, each with a free axis and the group of that axis."""
    found = [
        (name, axis, form.group)
        for name, forms in spec.tensors.items()
        for axis, form in enumerate(forms)
        if len(forms) > 1 and isinstance(form, Free)
    ]
    return found[:: max(1, len(found) // 2)]


class Scaling(Permutation):
    """A permutation that scales one unit's weights in one tensor besides."""

    change: tuple[str, int, int, float]

    def scaled(self, name: str, axis: int, unit: int, factor: float) -> Scaling:
        object.__setattr__(self, "change", (name, axis, unit, factor))
        return self

    def apply_lazily(self, weights: Mapping[str, Tensor]) -> LazyWeights:
        """Return the permuted weights, one tensor of which is wrong."""
        changed, axis, unit, factor = self.change
        permuted = super().apply_lazily(weights)

        def tensor(name: str) -> Tensor:
            value = permuted[name]
            if name == changed:
                value = value.clone()
                value.select(axis, unit).mul_(factor)
            return value

        return LazyWeights(weights, tensor)


def change(own: Subject, weights: Mapping[str, Tensor], wrong: Permutation) -> float:
    """Return by how much a wrong permutation changes the output, relative to the greatest."""
    before, after = own.outputs(weights), own.outputs(wrong.apply(weights))
    return float((after - before).abs().max() / before.abs().max())


def refused(own: Subject, mistake: Mistake, units: int) -> None:
    """Check that a mistake is refused when it is so small that it makes the chosen change.

    It is made to the first unit that the output depends on; after a ReLU some are always 0.
    """
    trial = 1e-4
    found = (change(own, *mistake(unit, trial)) for unit in range(units - 1))
    unit, effect = next(
        (unit, effect) for unit, effect in enumerate(found) if effect > 1e-3 * trial
    )
    weights, wrong = mistake(unit, trial * MISTAKE[own.dtype] / effect)
    assert change(own, weights, wrong) == pytest.approx(MISTAKE[own.dtype], rel=0.2)
    with pytest.raises(UnjudgedError, match="changes the network"):
        prove(own.module, weights, wrong, own.inputs)


@every_subject
def test_a_unit_that_is_scaled_by_a_little_is_refused(own: Subject) -> None:
    weights, right = own.weights, own.permutation
    for name, axis, group in matrices(own.spec):

        def mistake(
            unit: int, size: float, name: str = name, axis: int = axis
        ) -> tuple[Mapping[str, Tensor], Permutation]:
            return weights, Scaling(own.spec, right.moves).scaled(name, axis, unit, 1 + size)

        refused(own, mistake, own.spec.groups[group])


@every_subject
def test_units_that_are_nearly_equal_and_swapped_in_all_tensors_but_one_are_refused(
    own: Subject,
) -> None:
    for name, axis, group in matrices(own.spec):
        tensors = {k: forms for k, forms in own.spec.tensors.items() if k != name}
        short = replace(own.spec, tensors=tensors)

        def mistake(
            unit: int,
            size: float,
            name: str = name,
            axis: int = axis,
            group: str = group,
            short: PermutationSpec = short,
        ) -> tuple[Mapping[str, Tensor], Permutation]:
            weights, move = own.weights, torch.arange(short.groups[group])
            twins = weights[name] = weights[name].clone()
            twins.select(axis, unit + 1).copy_(twins.select(axis, unit) * (1 + size))
            move[unit : unit + 2] = torch.tensor([unit + 1, unit])
            return weights, Permutation(short, {group: move})

        refused(own, mistake, own.spec.groups[group])
