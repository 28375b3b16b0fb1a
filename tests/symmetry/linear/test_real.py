"""Linear groups and canonical forms of architectures that transformers and timm build."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from lmctool.graph.capture import capture
from lmctool.graph.outputs import outputs_of
from lmctool.model.untied import untie
from lmctool.symmetry import derive
from lmctool.symmetry.linear.canonical import canonical
from lmctool.symmetry.linear.derive import derive_linear
from lmctool.symmetry.linear.transform import LinearTransform
from tests.symmetry.linear.real_models import REAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.symmetry.linear.real_models import Real

# the library warns of what its own next version will change
pytestmark = pytest.mark.filterwarnings("default")


def outputs(module: nn.Module, weights: Mapping[str, Tensor], inputs: tuple[Tensor, ...]) -> Tensor:
    """Return all outputs of a network, as one vector."""
    with torch.no_grad():
        found = outputs_of(torch.func.functional_call(module, dict(weights), inputs))
    return torch.cat([each.tensor.flatten().double() for each in found])


@pytest.mark.parametrize("real", REAL, ids=lambda real: real.label)
def test_every_group_of_a_real_architecture_keeps_its_function(real: Real) -> None:
    module, inputs = real.build(), real.batch()
    untie(module)
    graph = capture(module, inputs if len(inputs) > 1 else inputs[0])
    spec = derive_linear(graph, derive(graph))
    kinds = Counter((each.kind, each.size, each.count) for each in spec.groups.values())
    assert kinds == real.expected
    weights = module.state_dict()
    before = outputs(module, weights, inputs)
    rounding = (1e-10 if real.exact else 1e-4) * float(before.abs().max())
    form = canonical(spec, weights)
    assert float((outputs(module, form, inputs) - before).abs().max()) < rounding
    transform = LinearTransform.random(spec, torch.Generator().manual_seed(3))
    moved = transform.apply(form)
    assert float((outputs(module, moved, inputs) - before).abs().max()) < rounding
    for kind in {each.kind for each in spec.groups.values()}:  # one place that is left out
        place = next(each for each in spec.groups.values() if each.kind == kind).places[0]
        spoilt = moved | {place.tensor: form[place.tensor]}
        assert float((outputs(module, spoilt, inputs) - before).abs().max()) > 10 * rounding
