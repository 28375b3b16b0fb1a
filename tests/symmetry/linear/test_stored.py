"""Linear transforms in results: all that is needed to apply them without the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.results.file import pack, unpack
from lmctool.results.result import Group, Result
from lmctool.symmetry.linear.canonical import canonical
from lmctool.symmetry.linear.stored import (
    TRANSFORMS,
    condition,
    transform_group,
    whole_transform,
)
from lmctool.symmetry.linear.transform import LinearTransform, distance, identity_map
from lmctool.symmetry.stored import PERMUTATIONS, Tensors, permutation_group
from tests.symmetry.linear.by_hand import Network, network

if TYPE_CHECKING:
    from collections.abc import Mapping


def groups(own: Network, transform: LinearTransform) -> Mapping[str, Group]:
    """Return the groups of a result that holds a transform, as they are read back."""
    shapes = {name: tuple(t.shape) for name, t in own.module.state_dict().items()}
    stored = {
        PERMUTATIONS: permutation_group(transform.permutation, Tensors(shapes)),
        TRANSFORMS: transform_group(transform),
    }
    return unpack(pack(Result("align", stored))).groups


@pytest.mark.parametrize("kind", ["gpt2", "vit", "llama"])
def test_a_stored_transform_does_what_it_did_without_the_model(kind: str) -> None:
    own = network(kind)
    transform = LinearTransform.random(own.spec, torch.Generator().manual_seed(0))
    whole = whole_transform(groups(own, transform), "the result")
    weights = own.weights()
    expected, found = transform.apply(canonical(own.spec, weights)), whole.apply(weights)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    torch.testing.assert_close(own.output(found), own.output(weights), rtol=1e-9, atol=1e-9)


def test_a_group_without_a_map_is_stored_as_one_that_stays() -> None:
    own = network("vit")
    still = LinearTransform(
        own.spec, LinearTransform.random(own.spec, torch.Generator()).permutation
    )
    variables = groups(own, still)[TRANSFORMS].variables
    assert not variables["distance"].values.any()
    assert (variables["condition"].values == 1).all()


def test_distance_and_condition_are_those_of_loops() -> None:
    own = network("gpt2")
    transform = LinearTransform.random(own.spec, torch.Generator().manual_seed(1))
    total, units = 0.0, 0
    for name, matrices in transform.maps.items():
        group = own.spec.groups[name]
        squares, worst = 0.0, 0.0
        for matrix in matrices:
            for unit in range(group.size):
                squares += float((matrix[:, unit] - torch.eye(group.size)[unit]).square().sum())
            values = torch.linalg.svdvals(matrix)
            worst = max(worst, float(values[0] / values[-1]))
        assert distance(group, matrices) == pytest.approx(
            (squares / matrices.shape[:2].numel()) ** 0.5
        )
        assert condition(matrices) == pytest.approx(worst)
        total, units = total + squares, units + group.all_units
    assert transform.distance == pytest.approx((total / units) ** 0.5)
    assert condition(torch.tensor([[1.0, 4.0], [2.0, 3.0]])) == 4
    assert distance(group, identity_map(group)) == 0
