"""Descent over families: a random element of every group is found again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor

from lmctool.statistics import CrossMoments
from lmctool.symmetry.linear.canonical import canonical
from lmctool.symmetry.linear.transform import LinearTransform, unfit
from lmctool.symmetry.spec import Tap
from lmctool.symmetry.unit_index import UnitIndex
from lmctool_plugins.aligners.procrustes.descent import Descent
from lmctool_plugins.aligners.procrustes.families import families
from lmctool_plugins.aligners.procrustes.record import record
from tests.plugins.aligners.procrustes.planted import normal
from tests.symmetry.linear.by_hand import network
from tests.symmetry.linear.transformers import WIDTH

if TYPE_CHECKING:
    from lmctool.symmetry.linear.spec import LinearSpec

KINDS = ("gpt2", "vit", "llama")
SEEDS = [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 20))]
Weights = dict[str, Tensor]


def planted(kind: str, seed: int) -> tuple[LinearSpec, Weights, Weights]:
    """Return what keeps a network's function, the network, and a random transform of it."""
    given = network(kind)
    a = canonical(given.spec, given.weights(seed))
    transform = LinearTransform.random(given.spec, torch.Generator().manual_seed(seed + 100))
    return given.spec, a, transform.apply(a)


def apart(a: Weights, b: Weights) -> float:
    """Return the greatest difference of two networks, as a share of a tensor's numbers."""
    return max(float((b[n] - a[n]).abs().max() / a[n].abs().max().clamp_min(1e-3)) for n in a)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_random_element_of_every_group_is_found_again(kind: str, seed: int) -> None:
    spec, a, b = planted(kind, seed)
    assert apart(a, b) > 0.1
    descent = Descent(spec, a, b, {}, rigid=False)
    assert descent.go() == 2  # the second sweep moves nothing
    assert apart(a, descent.transform().apply(b)) < 1e-9


def test_without_scales_invertible_maps_are_orthogonal() -> None:
    spec, a, b = planted("llama", 0)
    groups = {name: group for name, group in spec.groups.items() if group.kind != "scale"}
    descent = Descent(replace(spec, groups=groups), a, b, {}, rigid=True)
    descent.go()
    assert descent.maps.keys() == groups.keys()
    for name, matrices in descent.maps.items():
        assert not unfit(replace(groups[name], kind="orthogonal", planes=None), matrices)


def test_without_linear_groups_a_permutation_is_found_again() -> None:
    spec, a, _ = planted("gpt2", 0)
    spec = replace(spec, groups={})
    b = LinearTransform.random(spec, torch.Generator().manual_seed(1)).apply(a)
    descent = Descent(spec, a, b, {}, rigid=False)
    descent.go()
    assert apart(a, descent.transform().apply(b)) == 0


def test_activations_settle_a_stream_that_no_weight_tells_apart() -> None:
    spec, a, b = planted("gpt2", 0)
    tap = Tap("stream", UnitIndex((1,), torch.arange(WIDTH)[:, None]))
    stream = replace(spec.groups["stream"], taps=(tap,))
    family = next(each for each in families(spec) if "stream" in each.mapped)
    turned = LinearTransform.random(spec, torch.Generator().manual_seed(100)).maps["stream"][0]
    shown = normal(WIDTH, 40)
    covariance = shown @ (turned @ shown).T
    some = normal(WIDTH).square()
    moments = CrossMoments(some, some, some, some, covariance)
    known = replace(spec, groups={**spec.groups, "stream": stream})
    blind = {name: tensor for name, tensor in a.items() if name not in family.tensors}
    descent = Descent(known, blind, b, {tap: moments}, rigid=False)
    descent.settle(family)
    torch.testing.assert_close(descent.maps["stream"][0], turned.T, rtol=0, atol=1e-10)


def test_families_are_heads_with_what_lies_in_them_and_units_with_their_scales() -> None:
    found = [(each.permuted, each.mapped) for each in families(network("llama").spec)]
    assert found == [
        ((), ("stream",)),
        (("blocks.0.heads",), ("blocks.0.values", "blocks.0.q")),
        (("blocks.0.units",), ("blocks.0.units",)),
        (("blocks.1.heads",), ("blocks.1.values", "blocks.1.q")),
        (("blocks.1.units",), ("blocks.1.units",)),
    ]


def test_the_record_says_how_near_each_group_came() -> None:
    spec, a, b = planted("vit", 0)
    descent = Descent(spec, a, b, {}, rigid=False)
    before, sweeps = record(descent.transform(), a, b, 0), descent.go()
    after = record(descent.transform(), a, b, sweeps)
    assert after.attributes == {"sweeps": 2}
    assert {*after.variables["group"].values} == {*spec.groups, *spec.permutations.groups}
    assert (before.variables["condition"].values == 1).all()
    assert (before.variables["residual"].values > 0.1).all()
    assert (after.variables["residual"].values < 1e-9).all()
    assert after.variables["cosine"].values == pytest.approx(1)
    row = list(after.variables["group"].values).index("blocks.0.values")
    expected = max(float(torch.linalg.cond(each)) for each in descent.maps["blocks.0.values"])
    assert after.variables["condition"].values[row] == pytest.approx(expected)
