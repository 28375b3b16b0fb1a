"""Moments of activations against loops in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from lmctool import statistics
from lmctool.errors import LmctoolError
from lmctool.evaluate.threads import Workers
from lmctool.graph.capture import capture
from lmctool.graph.targets import targets
from lmctool.statistics.moments import batch_moments
from lmctool.symmetry import derive
from tests import reference

if TYPE_CHECKING:
    from lmctool.graph.graph import Graph


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)
    ).double()


@pytest.fixture(scope="module")
def graph() -> Graph:
    return capture(network(0), torch.zeros(2, 6, dtype=torch.float64))


@pytest.fixture(scope="module")
def batches() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    return [torch.randn(n, 6, dtype=torch.float64, generator=generator) for n in (40, 39, 39)]


def layers(module: nn.Module) -> list[reference.Layer]:
    arrays = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    return reference.layers_of(arrays, ["0", "2", "4"])


def test_moments_are_averages_over_batches(graph: Graph, batches: list[torch.Tensor]) -> None:
    module = network(1)
    found = statistics.measured(
        graph, module.state_dict(), {t.tap: t.axis for t in targets(graph, "layers")}, batches
    )
    for depth, target in enumerate(targets(graph, "layers")):
        seen = [reference.forward(layers(module), b.numpy())[1][depth] for b in batches]
        mean, variance = reference.batch_moments(seen)
        np.testing.assert_allclose(found[target.tap].mean, mean, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(found[target.tap].variance, variance, rtol=1e-12)


def test_cross_moments_match_loops_and_do_not_depend_on_the_batches(
    graph: Graph, batches: list[torch.Tensor]
) -> None:
    a, b = network(1), network(2)
    spec = derive(graph)
    taps = [tap for taps in spec.taps.values() for tap in taps]
    found = statistics.cross((graph, graph), a.state_dict(), b.state_dict(), taps, batches)
    whole = statistics.cross(
        (graph, graph), a.state_dict(), b.state_dict(), taps, [torch.cat(batches)]
    )
    inputs = torch.cat(batches).numpy()
    for depth, tap in enumerate(taps):
        x, y = (np.maximum(reference.forward(layers(net), inputs)[1][depth], 0).T for net in (a, b))
        expected = reference.correlation(x, y)
        np.testing.assert_allclose(found[tap].correlation(), expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(whole[tap].correlation(), expected, rtol=1e-9, atol=1e-12)


def test_sums_in_float32_are_as_good_as_float64_far_from_zero_too() -> None:
    generator = torch.Generator().manual_seed(3)
    near = torch.randn(40, 6, 9, 9, generator=generator)
    for shift in (0.0, 30.0):
        value = near * torch.logspace(-3, 3, 6)[:, None, None] + shift
        double = value.double()
        for layout in (torch.contiguous_format, torch.channels_last):
            found = batch_moments(value.contiguous(memory_format=layout), 1)
            expected = batch_moments(double, 1)
            # the values themselves are rounded to 2e-6 of the shift
            spread = expected[1] + (2e-6 * shift) ** 2
            torch.testing.assert_close(found[0], expected[0], rtol=1e-6, atol=1e-7)
            assert ((found[1] - expected[1]).abs() <= 1e-5 * spread).all()


def test_correlations_of_a_network_with_itself_are_one(
    graph: Graph, batches: list[torch.Tensor]
) -> None:
    weights = network(3).state_dict()
    tap = derive(graph).taps["0"][0]
    found = statistics.cross((graph, graph), weights, weights, [tap], batches)[tap]
    diagonal = found.correlation().diagonal()
    torch.testing.assert_close(diagonal, torch.ones_like(diagonal))


def test_correlations_follow_a_permutation(graph: Graph, batches: list[torch.Tensor]) -> None:
    weights = network(3).state_dict()
    order = torch.tensor([3, 1, 4, 0, 2])
    moved = dict(weights)
    moved["0.weight"], moved["0.bias"] = weights["0.weight"][order], weights["0.bias"][order]
    moved["2.weight"] = weights["2.weight"][:, order]
    taps = [tap for taps in derive(graph).taps.values() for tap in taps]
    plain = statistics.cross((graph, graph), weights, weights, taps, batches)
    found = statistics.cross((graph, graph), weights, moved, taps, batches)
    torch.testing.assert_close(found[taps[0]].covariance, plain[taps[0]].covariance[:, order])
    torch.testing.assert_close(found[taps[1]].covariance, plain[taps[1]].covariance)


def test_renormalised_taps_have_their_goals(graph: Graph, batches: list[torch.Tensor]) -> None:
    weights = network(1).state_dict()
    first, second = targets(graph, "layers")[:2]
    goals = {
        first.tap: statistics.Goal(
            -1, torch.full((5,), 2.0).double(), torch.full((5,), 3.0).double()
        ),
        second.tap: statistics.Goal(-1, torch.zeros(4).double(), torch.ones(4).double()),
    }
    found = statistics.renormalised(graph, weights, goals, batches)
    plain = statistics.measured(graph, weights, {first.tap: -1, second.tap: -1}, batches)
    torch.testing.assert_close(found[first.tap].mean, plain[first.tap].mean)
    assert not torch.allclose(found[second.tap].mean, plain[second.tap].mean)


def test_a_batch_of_one_has_no_statistics(graph: Graph) -> None:
    tap = targets(graph, "layers")[0].tap
    with pytest.raises(LmctoolError, match="two examples"):
        statistics.measured(
            graph, network(1).state_dict(), {tap: -1}, [torch.zeros(1, 6, dtype=torch.float64)]
        )


def test_paired_moments_are_the_diagonal_of_cross_moments(graph: Graph) -> None:
    (inputs,) = [torch.randn(60, 6, dtype=torch.float64, generator=torch.Generator())]
    a, b = dict(network(0).state_dict()), dict(network(1).state_dict())
    places = {target.tap: target.axis for target in targets(graph, "layers")}
    taps = {tap.node: tap for taps in derive(graph).pretaps.values() for tap in taps}
    paired = statistics.paired(graph, a, b, places, [inputs])
    cross = statistics.cross((graph, graph), a, b, taps.values(), [inputs])
    for tap in places.keys() & taps.keys():
        whole = cross[taps[tap]]
        unbiased = whole.covariance.diagonal() * 60 / 59
        torch.testing.assert_close(paired[tap].covariance, unbiased)
        torch.testing.assert_close(paired[tap].correlation(), whole.correlation().diagonal())
    assert places.keys() & taps.keys()


def test_the_covariance_of_a_network_with_itself_is_its_variance(
    graph: Graph, batches: list[torch.Tensor]
) -> None:
    a = dict(network(0).state_dict())
    places = {target.tap: target.axis for target in targets(graph, "layers")}
    measured = statistics.measured(graph, a, places, batches)
    for tap, pair in statistics.paired(graph, a, a, places, batches).items():
        torch.testing.assert_close(pair.covariance, measured[tap].variance)
        torch.testing.assert_close(pair.first.mean, measured[tap].mean)
        torch.testing.assert_close(pair.second.variance, measured[tap].variance)
        torch.testing.assert_close(pair.correlation(), torch.ones_like(pair.covariance))


def test_moments_of_corrected_weights_are_those_after_the_correction(
    graph: Graph, batches: list[torch.Tensor]
) -> None:
    weights = dict(network(0).state_dict())
    first, second = (target for target in targets(graph, "layers"))
    plain = statistics.measured(graph, weights, {first.tap: first.axis}, batches)[first.tap]
    scale, shift = torch.linspace(0.5, 2, 5).double(), torch.linspace(-1, 1, 5).double()
    corrected = weights | {f"@{first.tap}.scale": scale, f"@{first.tap}.shift": shift}
    places = {first.tap: first.axis, second.tap: second.axis}
    found = statistics.measured(graph, corrected, places, batches)
    torch.testing.assert_close(found[first.tap].mean, plain.mean * scale + shift)
    torch.testing.assert_close(found[first.tap].variance, plain.variance * scale**2)
    # fused into the first layer, the same correction gives the same second layer
    fused = weights | {
        "0.weight": weights["0.weight"] * scale[:, None],
        "0.bias": weights["0.bias"] * scale + shift,
    }
    expected = statistics.measured(graph, fused, places, batches)[second.tap]
    torch.testing.assert_close(found[second.tap].variance, expected.variance)


def test_correlations_are_the_same_with_several_batches_at_once(
    graph: Graph, batches: list[torch.Tensor]
) -> None:
    a, b = (network(seed).state_dict() for seed in (0, 1))
    taps = [tap for found in derive(graph).taps.values() for tap in found]
    alone = statistics.cross((graph, graph), a, b, taps, batches)
    together = statistics.cross((graph, graph), a, b, taps, batches, Workers(2, 1))
    assert taps
    for tap in taps:
        for name in ("mean_a", "mean_b", "variance_a", "variance_b", "covariance"):
            assert torch.equal(getattr(together[tap], name), getattr(alone[tap], name))
