"""Trajectories: gains by hand, invariances, and plain torch."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from lmctool.errors import LmctoolError
from lmctool.plugin.settings import Choice
from lmctool.weights.arithmetic import lerp
from lmctool_plugins.analyses.trajectory.kernel import average, gains, summary
from tests.plugins import pairs
from tests.plugins.pairs import plain_loss, trained
from tests.plugins.runs import STEPS, child, doubles, held

if TYPE_CHECKING:
    from torch import Tensor

    from tests.plugins.runs import Follow, Weights


def test_gains_of_numbers_made_by_hand() -> None:
    children = np.array([[0.5, 0.2], [0.3, 0.4]])
    found = gains(children, np.array([[0.25, 0.35], [0.4, 0.3]]))
    assert found.shape == (2, 2, 2)
    np.testing.assert_allclose(found[0], [[0.15, -0.05], [0.05, -0.15]], atol=1e-15)
    np.testing.assert_allclose(found[1], [[0.0, 0.0], [-0.1, -0.1]], atol=1e-15)


def test_a_gain_over_children_that_are_equal_is_exact() -> None:
    children = np.full((3, 1), 0.1)  # 0.1 + 0.1 + 0.1 is not 3 times 0.1
    assert (gains(children, np.full((1, 1), 0.1)) == 0).all()


def test_the_last_and_the_best_step_are_of_those_that_are_known() -> None:
    nan = np.nan
    rows = np.array([[1.0, 3, 3, 2, nan], [nan, -2, -1, nan, nan], [nan] * 5])
    values, places = summary(rows)
    np.testing.assert_array_equal(values, [[2, 3], [-1, -1], [nan, nan]])
    assert places[:2].tolist() == [[3, 1], [2, 2]]


def random_weights(seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(6, 7, generator=generator, dtype=torch.float64)
    return {"w": weights, "count": torch.tensor(seed + 5)}


@pytest.mark.parametrize("number", [2, 3, 7])
def test_an_average_is_the_mean_of_doubles_with_the_first_integers(number: int) -> None:
    networks = [random_weights(seed) for seed in range(number)]
    found = average(iter(networks), lerp)
    expected = np.mean([weights["w"].numpy() for weights in networks], axis=0)
    np.testing.assert_allclose(found["w"], expected, rtol=1e-13, atol=1e-15)
    assert found["count"] == 5


@pytest.mark.parametrize("number", [2, 3, 7])
def test_the_average_of_one_network_many_times_is_it_bit_for_bit(number: int) -> None:
    network = {name: tensor.float() for name, tensor in random_weights(0).items()}
    found = average([network] * number, lerp)
    assert all(torch.equal(found[name], network[name]) for name in network)


def mean_of(nets: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of floating tensors, and integer ones of the first network."""
    return {
        name: torch.stack([net[name] for net in nets]).mean(0) if t.is_floating_point() else t
        for name, t in nets[0].items()
    }


@pytest.mark.parametrize("number", [2, 3])
def test_a_run_against_itself_gains_nothing_at_all(follow: Follow, number: int) -> None:
    result = follow("mlp-batch", *[child("mlp-batch", 0)] * number, dtype="float32")
    for metric, at in product(("loss", "error"), ("gain", "summary")):
        assert (held(result, at, f"gain_{metric}") == 0).all()


def test_every_point_of_two_runs_is_that_of_plain_torch(follow: Follow) -> None:
    a, b = child("mlp", 0), child("mlp", 1)
    result = follow("mlp", a, b)
    assert held(result, "curve", "network").tolist() == ["a", "b", "plain"]
    assert held(result, "curve", "step").tolist() == list(STEPS)
    for column, step in enumerate(STEPS):
        ends = doubles(a[step]), doubles(b[step])
        middle = {name: (ends[0][name] + ends[1][name]) / 2 for name in ends[0]}
        expected = [plain_loss("mlp", weights) for weights in (*ends, middle)]
        loss = held(result, "curve", "loss")[:, 0, column]
        assert loss.tolist() == pytest.approx(expected, rel=1e-10)
        over = [np.mean(expected[:2]) - expected[2], min(expected[:2]) - expected[2]]
        gain = held(result, "gain", "gain_loss")[0, :, 0, column]
        assert gain.tolist() == pytest.approx(over, rel=1e-9)


def test_the_interpolant_of_three_runs_is_the_mean_of_their_weights(follow: Follow) -> None:
    runs = [child("mlp-batch", seed) for seed in (0, 1, 2)]
    result = follow("mlp-batch", *runs)
    assert held(result, "curve", "network").tolist() == ["a", "b", "c", "plain"]
    for column, step in enumerate(STEPS):
        nets = [doubles(run[step]) for run in runs]
        mean = mean_of(nets)
        loss = held(result, "curve", "loss")[3, 0, column]
        assert loss == pytest.approx(plain_loss("mlp-batch", mean), rel=1e-9)


def test_which_run_is_first_does_not_matter(follow: Follow) -> None:
    a, b = child("mlp", 0), child("mlp", 1)
    there, back = follow("mlp", a, b, alpha=(0.25,)), follow("mlp", b, a, alpha=(0.75,))
    for metric in ("loss", "error"):
        first, second = (held(result, "gain", f"gain_{metric}") for result in (there, back))
        np.testing.assert_allclose(first, second, rtol=1e-9, atol=1e-12)


def test_a_loss_that_is_convex_in_the_weights_never_loses_by_interpolation(
    follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(pairs.MODELS, "linear", ("mlp", {"inputs": 64, "depth": 0}))
    runs = [child("linear", seed) for seed in (0, 1, 2)]
    for result in (follow("linear", *runs[:2], alpha=(0.3, 0.5)), follow("linear", *runs)):
        assert (held(result, "gain", "gain_loss")[:, 0] > 0).all()  # over the mean, that is


def permuted(weights: Weights, seed: int) -> dict[str, Tensor]:
    """Return an MLP with its first hidden units in another order."""
    order = torch.randperm(16, generator=torch.Generator().manual_seed(seed))
    turned = dict(weights)
    for name in ("layers.0.weight", "layers.0.bias"):
        turned[name] = weights[name][order]
    return turned | {"layers.1.weight": weights["layers.1.weight"][:, order]}


@pytest.mark.parametrize("number", [2, 3])
def test_aligned_runs_that_differ_by_order_alone_lose_nothing(follow: Follow, number: int) -> None:
    base = {step: trained("mlp", 0, step) for step in STEPS[1:]}
    runs = [{s: permuted(w, n) for s, w in base.items()} if n else base for n in range(number)]
    result = follow("mlp", *runs, aligner=Choice("activation"))
    assert held(result, "gain", "variant").tolist() == ["plain", "align"]
    plain, aligned = held(result, "gain", "gain_loss")
    assert (plain < -0.01).all()
    np.testing.assert_allclose(aligned, 0, atol=1e-9)


def test_a_correction_is_a_variant_of_two_runs(follow: Follow) -> None:
    runs = [{120: trained("mlp", seed)} for seed in (0, 1, 2)]
    repair = {"aligner": Choice("activation"), "correction": Choice("repair", {"targets": "both"})}
    result = follow("mlp", *runs[:2], **repair)
    assert held(result, "gain", "variant").tolist() == ["plain", "align", "align+repair"]
    with pytest.raises(LmctoolError, match="--repair corrects the interpolant of two runs, and 3"):
        follow("mlp", *runs, **repair)


@pytest.mark.parametrize("policy", ["reset", "a", "b"])
def test_running_statistics_follow_the_policy_for_three_runs(follow: Follow, policy: str) -> None:
    runs = [{120: trained("mlp-batch", seed)} for seed in (0, 1, 2)]
    plain, other = (
        held(follow("mlp-batch", *runs, batchnorm=word), "curve", "loss")[:, 0, 0]
        for word in ("interpolate", policy)
    )
    assert (plain[:3] == other[:3]).all()
    nets = [doubles(run[120]) for run in runs]
    mean = mean_of(nets)
    if policy == "reset":
        assert other[3] < plain[3]
    else:
        given = nets[0 if policy == "a" else 2]
        mean |= {name: t for name, t in given.items() if "running" in name or "num_" in name}
        assert other[3] == pytest.approx(plain_loss("mlp-batch", mean), rel=1e-9)


def test_the_gains_of_the_classes_add_up_to_that_of_all(follow: Follow) -> None:
    result = follow("mlp", child("mlp", 0), child("mlp", 1), by_split="class")
    sizes = np.bincount(pairs.digits("test").targets.numpy())
    assert held(result, "parts/gain", "part").tolist() == [str(label) for label in range(10)]
    for metric in ("loss", "error"):
        parts = held(result, "parts/curve", metric)
        together = np.average(parts, axis=2, weights=sizes)
        np.testing.assert_allclose(together, held(result, "curve", metric), rtol=1e-12)
        over_mean = held(result, "parts/gain", f"gain_{metric}")[:, 0]
        weighed = np.average(over_mean, axis=2, weights=sizes)
        np.testing.assert_allclose(
            weighed, held(result, "gain", f"gain_{metric}")[:, 0], rtol=1e-9, atol=1e-12
        )
