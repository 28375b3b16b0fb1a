"""The barrier: closed forms, invariances, loops, and whole runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from lmctool.curves.grid import grid
from lmctool.errors import UnjudgedError
from lmctool.plugin.settings import Choice
from lmctool.run.run import Run
from lmctool_plugins.analyses.barrier import measure
from tests import reference
from tests.plugins.pairs import trained

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lmctool.results.result import Result

Runs = Callable[..., Run]
REPAIR = Choice("repair", {"targets": "both"})


def mean_score(
    score: Callable[[reference.Array, NDArray[np.int64]], reference.Array],
    targets: NDArray[np.int64],
    outputs: reference.Array,
) -> float:
    return float(score(outputs, targets).mean())


def result_of(run: Run, points: int = 5, **options: object) -> Result:
    arguments: dict[str, object] = {"alphas": None, "refine": False, "definition": "chord"}
    return measure.measure(run, points=points, **(arguments | options))  # type: ignore[arg-type]


def test_every_point_of_the_curve_is_that_of_loops(run_of: Runs) -> None:
    a, b = trained("mlp", 0), trained("mlp", 1)
    run = run_of("mlp", a, b, aligner=None)
    curve = result_of(run, 5).groups["barrier/curve"].variables
    names = ["layers.0", "layers.1", "classifier"]
    nets = [
        reference.layers_of({k: v.double().numpy() for k, v in net.items()}, names)
        for net in (a, b)
    ]
    ((inputs, targets),) = run.split("test").batches(1000, torch.float64)
    flat, wanted = inputs.flatten(1).numpy(), targets.numpy()
    alphas = curve["alpha"].values.tolist()
    for metric, score in (("loss", reference.cross_entropy), ("error", reference.errors)):
        expected = reference.path_curve(
            nets[0], nets[1], alphas, partial(mean_score, score, wanted), flat
        )
        np.testing.assert_allclose(curve[metric].values[0, 0], expected, rtol=1e-6)


def test_a_network_against_itself_has_no_barrier_at_all(run_of: Runs) -> None:
    a = trained("resnet-batch", 0, 20)
    run = run_of("resnet-batch", a, a, dtype="float32")
    summary = result_of(run, 5).groups["barrier/summary"].variables
    assert (summary["barrier_loss"].values == 0).all()
    assert (summary["barrier_error"].values == 0).all()
    curve = result_of(run, 5).groups["barrier/curve"].variables["loss"].values
    assert (curve == curve[0, 0, 0]).all()


def test_the_ends_are_the_files_bit_for_bit(run_of: Runs) -> None:
    a, b = trained("resnet-batch", 0, 20), trained("resnet-batch", 1, 20)
    run = run_of("resnet-batch", a, b, dtype="float32", correction=REPAIR)
    variants = run.variants()
    for variant in variants:
        start = variant.at(0.0)
        assert all(torch.equal(start[name], a[name]) for name in a)
    end = variants[0].at(1.0)
    assert all(torch.equal(end[name], b[name]) for name in b)


@pytest.mark.parametrize(("key", "steps"), [("mlp", 200), ("resnet-batch", 60)])
def test_each_step_lowers_the_barrier_of_a_trained_pair(run_of: Runs, key: str, steps: int) -> None:
    run = run_of(key, trained(key, 0, steps), trained(key, 1, steps), correction=REPAIR, limit=200)
    result = result_of(run, 3)
    summary = result.groups["barrier/summary"].variables
    plain, _, both = summary["barrier_loss"].values[:, 0]
    assert both < plain
    assert summary["variant"].values.tolist() == ["plain", "align", "align+repair"]


def test_the_batch_size_does_not_matter(run_of: Runs) -> None:
    # float32 sums of one example's products may be grouped by the batch: some 1e-6 relative
    a, b = trained("mlp", 0), trained("mlp", 1)
    losses = []
    for size in (1, 7, 64, None):
        run = run_of("mlp", a, b, dtype="float32", batch_size=size, correction=REPAIR)
        losses.append(result_of(run, 3).groups["barrier/curve"].variables["loss"].values)
    for other in losses[1:]:
        np.testing.assert_allclose(other, losses[0], rtol=2e-5)


def test_two_runs_with_one_seed_are_bit_identical(run_of: Runs) -> None:
    a, b = trained("vgg", 0, 200), trained("vgg", 1, 200)
    first, second = (
        result_of(run_of("vgg", a, b, dtype="float32", limit=100, correction=REPAIR), 3)
        for _ in range(2)
    )
    for name in ("loss", "error"):
        values = [r.groups["barrier/curve"].variables[name].values for r in (first, second)]
        assert (values[0] == values[1]).all()


def test_refined_curves_keep_their_points_and_gain_some(run_of: Runs) -> None:
    a, b = trained("mlp", 0), trained("mlp", 1)
    coarse, fine = (result_of(run_of("mlp", a, b), 5, refine=flag) for flag in (False, True))
    old, new = (r.groups["barrier/curve"].variables for r in (coarse, fine))
    places = np.searchsorted(new["alpha"].values, old["alpha"].values)
    np.testing.assert_array_equal(new["loss"].values[..., places], old["loss"].values)
    assert len(new["alpha"].values) > len(old["alpha"].values)
    heights = [r.groups["barrier/summary"].variables["barrier_loss"].values for r in (coarse, fine)]
    assert (heights[1] >= heights[0]).all()


def test_ends_at_chance_are_not_judged(run_of: Runs) -> None:
    zeros = {name: torch.zeros_like(t) for name, t in trained("mlp", 0).items()}
    with pytest.raises(UnjudgedError, match=r"at chance.*normalised"):
        result_of(run_of("mlp", zeros, zeros))
    run = run_of("mlp", zeros, trained("mlp", 1))
    assert result_of(run).groups["barrier/ends"].variables["error"].values[0, 0] > 0.8


def test_a_wrong_normalisation_is_noticed(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), mean=(1e4,), std=(1e-3,))
    with pytest.raises(UnjudgedError, match="--mean, --std"):
        result_of(run)


def test_the_curve_of_b_to_a_is_the_curve_of_a_to_b_backwards(run_of: Runs) -> None:
    a, b = trained("mlp", 0), trained("mlp", 1)
    there, back = (
        result_of(run_of("mlp", *pair, aligner=None), 5)
        .groups["barrier/curve"]
        .variables["loss"]
        .values
        for pair in ((a, b), (b, a))
    )
    np.testing.assert_allclose(there, back[..., ::-1], rtol=1e-12)


def test_a_loss_on_the_way_that_is_no_number_is_not_judged(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), aligner=None)
    (plain,) = run.variants()

    def broken(alpha: float) -> dict[str, torch.Tensor]:
        weights = dict(plain.between(alpha))
        return {name: t * float("nan") if alpha == 0.5 else t for name, t in weights.items()}

    with pytest.raises(UnjudgedError, match=r"at alpha 0\.5 of variant 'plain'"):
        run.follow([replace(plain, between=broken)], grid(5, None))
