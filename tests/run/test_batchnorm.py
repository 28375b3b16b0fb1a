"""What happens to running statistics between networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.plugin.settings import Choice
from lmctool.weights.mean import weighted_mean
from lmctool.weights.recipe import identity
from tests.plugins.pairs import run_of, trained

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lmctool.run.run import Run

    Weights = Mapping[str, torch.Tensor]

__all__ = ["run_of"]


def running(weights: Weights) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in weights.items() if "running" in name}


def same(a: Weights, b: Weights) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("policy", ["a", "b"])
def test_a_mixture_and_a_mean_have_the_statistics_of_the_network_that_is_named(
    run_of: Callable[..., Run], policy: str
) -> None:
    run = run_of("mlp-batch", trained("mlp-batch", 0), trained("mlp-batch", 1), batchnorm=policy)
    ends = run.weights(0), run.weights(1)
    wanted, other = (running(end) for end in (ends if policy == "a" else ends[::-1]))
    assert not same(wanted, other)
    assert same(running(run.batchnorm.mix(*ends, 0.25)), wanted)
    assert same(running(run.batchnorm.mean(ends, (3, 1))), wanted)


@pytest.mark.parametrize("policy", ["a", "b"])
def test_a_merge_of_two_has_the_statistics_of_the_network_that_is_named(
    run_of: Callable[..., Run], policy: str
) -> None:
    from lmctool_plugins.analyses.merge.ways import Bases, of_run

    settings = {"batchnorm": policy, "merge": Choice("mean")}
    run = run_of("mlp-batch", trained("mlp-batch", 0), trained("mlp-batch", 1), **settings)
    for way in of_run(run, "first", Bases())[0]:
        wanted = way.networks["ab".index(policy)]
        assert same(running(way.merged((1.0, 1.0)).weights), running(wanted)), way.name


def test_only_statistics_depend_on_the_policy(run_of: Callable[..., Run]) -> None:
    a, b = trained("mlp-batch", 0), trained("mlp-batch", 1)
    policies = ("interpolate", "reset", "a", "b")
    runs = [run_of("mlp-batch", a, b, batchnorm=policy) for policy in policies]
    mixed = [run.batchnorm.mix(run.weights(0), run.weights(1), 0.25) for run in runs]
    plain = [{n: t for n, t in each.items() if "running" not in n} for each in mixed]
    assert all(same(each, plain[0]) for each in plain)
    assert len({float(each["norms.0.running_mean"].sum()) for each in mixed}) == 4


def test_a_network_that_counts_alone_is_itself(run_of: Callable[..., Run]) -> None:
    run = run_of("mlp-batch", trained("mlp-batch", 0), trained("mlp-batch", 1), batchnorm="reset")
    ends = run.weights(0), run.weights(1)
    assert same(run.batchnorm.mean(ends, (0, 2)), ends[1])


def test_an_interpolated_mean_is_the_weighted_mean(run_of: Callable[..., Run]) -> None:
    run = run_of("mlp-batch", trained("mlp-batch", 0), trained("mlp-batch", 1))
    ends = run.weights(0), run.weights(1)
    assert same(run.batchnorm.mean(ends, (1, 3)), weighted_mean(ends, (1, 3)))


def test_a_mean_with_counts_of_both_signs_lies_on_the_line_beyond(
    run_of: Callable[..., Run],
) -> None:
    run = run_of("mlp-batch", trained("mlp-batch", 0), trained("mlp-batch", 1), dtype="float64")
    ends = run.weights(0), run.weights(1)
    beyond = run.batchnorm.mean(ends, (-0.5, 1.5))
    for name, tensor in ends[0].items():
        if tensor.is_floating_point():
            torch.testing.assert_close(beyond[name], 1.5 * ends[1][name] - 0.5 * tensor)


def test_equal_means_of_equal_networks_are_known_by_their_recipe(
    run_of: Callable[..., Run],
) -> None:
    run = run_of("mlp-batch", trained("mlp-batch", 0), trained("mlp-batch", 1))
    ends = run.weights(0), run.weights(1)
    means = [run.batchnorm.mean(ends, counts) for counts in ((1, 3), (1, 3), (3, 1))]
    assert identity(means[0]) == identity(means[1]) != identity(means[2])
