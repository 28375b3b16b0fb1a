"""Linear groups and canonical forms of models as transformers and timm build them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from lmctool.graph.capture import capture
from lmctool.graph.outputs import outputs_of
from lmctool.symmetry import derive
from lmctool.symmetry.linear.canonical import canonical
from lmctool.symmetry.linear.derive import derive_linear
from lmctool.symmetry.linear.transform import LinearTransform
from tests.symmetry.linear.real_models import REAL, Real

if TYPE_CHECKING:
    from collections.abc import Mapping

ROUNDING = {torch.float64: 1e-10, torch.float32: 1e-4}
# the libraries warn of what their own next versions will change
pytestmark = pytest.mark.filterwarnings("default")


def outputs(module: nn.Module, weights: Mapping[str, Tensor], inputs: tuple[Tensor, ...]) -> Tensor:
    """Return all outputs of a network, as one vector."""
    with torch.no_grad():
        found = outputs_of(torch.func.functional_call(module, dict(weights), inputs))
    return torch.cat([each.tensor.flatten().double() for each in found])


@pytest.mark.parametrize(
    "real",
    [
        pytest.param(each, id=each.label, marks=() if each.often else pytest.mark.slow)
        for each in REAL
    ],
)
def test_a_random_element_of_every_group_keeps_the_function(real: Real) -> None:
    module, inputs = real.build(), real.batch()
    graph = capture(module, inputs if len(inputs) > 1 else inputs[0])
    spec = derive_linear(graph, derive(graph))
    counted = ((g.kind, g.size, g.count) for g in spec.groups.values() if g.kind != "scale")
    assert Counter(counted) == Counter(real.groups)

    weights = module.state_dict()
    before = outputs(module, weights, inputs)
    form = canonical(spec, weights)
    element = LinearTransform.random(spec, torch.Generator().manual_seed(3))

    def change(after: Mapping[str, Tensor]) -> float:
        return float((outputs(module, after, inputs) - before).abs().max() / before.abs().max())

    assert change(form) < ROUNDING[real.dtype]
    assert change(element.apply(form)) < ROUNDING[real.dtype]
    name, group = next((n, g) for n, g in spec.groups.items() if g.kind != "scale")
    left_out = next(place for place in group.places if form[place.tensor].ndim > 1)
    short = replace(group, places=tuple(p for p in group.places if p is not left_out))
    broken = LinearTransform(
        replace(spec, groups={name: short}), element.permutation, {name: element.maps[name]}
    )
    assert change(broken.apply(form)) > 10 * ROUNDING[real.dtype]
