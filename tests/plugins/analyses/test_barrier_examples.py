"""Barriers from single examples: intervals, parts, and each example's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lmctool.curves.bootstrap import resampled
from lmctool.curves.grid import grid
from lmctool.curves.partition import Partition
from lmctool.errors import LmctoolError
from lmctool.plugin.settings import Choice
from lmctool.results.file import read
from lmctool.results.result import Group, Result
from lmctool.results.score_metric import STANDARD
from lmctool.run.path import Curves
from lmctool.run.run import Run
from lmctool.testing import invoke
from lmctool_plugins.analyses.barrier import measure
from lmctool_plugins.analyses.barrier.intervals import intervals
from lmctool_plugins.analyses.barrier.parts import part_group
from lmctool_plugins.analyses.barrier.paths import Paths
from lmctool_plugins.analyses.barrier.per_example import broken, summed_up
from lmctool_plugins.analyses.barrier.table import tabulate
from tests import reference
from tests.plugins.pairs import save, trained

if TYPE_CHECKING:
    from pathlib import Path


Runs = Callable[..., Run]
Array = NDArray[np.float64]
ALPHA = grid(5, None)
REPAIR = Choice("repair", {"targets": "both"})
MORE: dict[str, Any] = {
    "bootstrap": 20,
    "by_split": "class",
    "per_example": True,
    "baselines": True,
}


def measured(losses: Array, errors: Array, weights: Array | None = None) -> Paths:
    """Return curves of examples, (variant, alpha, example), of one split."""
    curves = Curves(
        ALPHA,
        np.average(losses, axis=-1, weights=weights)[:, None],
        np.average(errors, axis=-1, weights=weights)[:, None],
        {"test": losses},
        {"test": errors},
        {} if weights is None else {"test": weights},
    )
    names = tuple(f"v{number}" for number in range(len(losses)))
    return Paths(names, ("test",), curves, "chord")


def height_of(curve: Array) -> float:
    """Return the barrier of one curve, by loops."""
    return reference.barrier(ALPHA.tolist(), curve.tolist())


def drawn(seed: int, examples: int = 40) -> Paths:
    """Return random curves of two variants."""
    rng = np.random.default_rng(seed)
    return measured(
        rng.random((2, 5, examples)), rng.integers(0, 2, (2, 5, examples)).astype(float)
    )


def result_of(run: Run, **options: Any) -> Result:
    """Measure five points of the path."""
    arguments: dict[str, Any] = {"alphas": None, "refine": False, "definition": "chord"}
    return measure.measure(run, points=5, **(arguments | options))


@pytest.fixture
def pair(run_of: Runs) -> Callable[..., Run]:
    """Prepare a run on a trained pair of small networks."""
    return lambda **settings: run_of("mlp", trained("mlp", 0), trained("mlp", 1), **settings)


def test_a_drawn_barrier_is_that_of_the_drawn_curve() -> None:
    found = drawn(0)
    heights = [
        [[height_of(curve) for curve in metric] for metric in draw]
        for draw in resampled(found.examples("test"), 50, 3)
    ]
    lower, upper = intervals(found, "test", 50, 3).barrier
    np.testing.assert_allclose(lower, np.quantile(heights, 0.025, axis=0), atol=1e-12)
    np.testing.assert_allclose(upper, np.quantile(heights, 0.975, axis=0), atol=1e-12)


def test_one_example_again_and_again_leaves_no_doubt() -> None:
    curve = np.array([0.1, 0.4, 0.9, 0.5, 0.2])
    alike = np.broadcast_to(curve[:, None], (1, 5, 30)).copy()
    found = intervals(measured(alike, alike), "test", 100, 0)
    np.testing.assert_allclose(found.barrier, height_of(curve), rtol=1e-12)
    np.testing.assert_allclose(found.curve[:, 0, 0], [curve, curve], rtol=1e-12)


def test_the_interval_covers_the_true_barrier_as_often_as_it_says() -> None:
    # Examples rise in proportion to a random height of mean 1, so the true barrier is 1.
    rng = np.random.default_rng(0)
    inside = []
    for trial in range(200):
        heights = rng.normal(1, 0.5, 100)
        losses = (4 * ALPHA * (1 - ALPHA))[:, None] * heights + rng.normal(0, 0.02, (5, 100))
        lower, upper = intervals(measured(losses[None], losses[None]), "test", 200, trial).barrier
        inside.append(lower[0, 0] <= 1 <= upper[0, 0])
    assert 0.9 <= np.mean(inside) <= 0.985  # 95 % less the bootstrap's own error; 3 sigma are 4.6 %


def test_an_example_without_weight_moves_no_bound() -> None:
    losses = drawn(1).curves.losses["test"]
    weights = np.ones(40)
    weights[7] = 0
    strange = losses.copy()
    strange[..., 7] = 1e6
    one, other = (
        intervals(measured(values, values, weights), "test", 50, 0) for values in (losses, strange)
    )
    np.testing.assert_allclose(one.barrier, other.barrier)


def test_a_part_has_the_curve_and_the_interval_of_its_examples_alone() -> None:
    found = drawn(2)
    members = np.arange(40) % 3
    parts = {"test": Partition("class", ("0", "1", "2", "3"), members)}
    held = part_group(found, parts, 30, 0).variables
    own = measured(
        found.curves.losses["test"][..., members == 1],
        found.curves.errors["test"][..., members == 1],
    )
    np.testing.assert_allclose(held["loss"].values[:, 0, 1], own.curves.loss[:, 0], rtol=1e-12)
    alone = intervals(own, "test", 30, 0).barrier
    np.testing.assert_allclose(held["barrier_loss_upper95"].values[:, 0, 1], alone[1, 0])
    assert held["examples"].values.tolist() == [[14, 13, 13, 0]]
    assert np.isnan(held["barrier_error"].values[:, 0, 3]).all()
    assert np.isnan(held["barrier_error_lower95"].values[:, 0, 3]).all()


def test_parts_by_their_sizes_are_the_whole_curve(pair: Callable[..., Run]) -> None:
    groups = result_of(pair(correction=REPAIR), by_split="class").groups
    parts, curve = (groups[f"barrier/{name}"].variables for name in ("parts", "curve"))
    sizes = parts["examples"].values[0]
    for metric in ("loss", "error"):
        whole = np.average(parts[metric].values[:, 0], axis=1, weights=sizes)
        np.testing.assert_allclose(whole, curve[metric].values[:, 0], rtol=1e-9)


def test_an_example_is_broken_where_only_the_path_errs() -> None:
    errors = np.array([[0, 1, 0], [1, 1, 0], [0, 0, 0], [0, 1, 1]]).T.astype(float)
    assert broken(errors).tolist() == [True, False, False, False]


def test_a_sequence_counts_once_however_many_tokens_it_has() -> None:
    # four sequences of 6, 2, 1 and no tokens that count; only the first two are right at both ends
    tokens = np.array([6.0, 2, 1, 0])
    wrong = np.array([[0, 1, 0, 2, 0], [0, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]]).T
    losses = np.array([[1, 1, 4, 1, 1], [1, 1, 2, 1, 1], [0, 0, 0, 0, 0], [0, 9, 9, 9, 0]]).T
    found = measured(losses[None] * 1.0, wrong[None] / tokens.clip(1), tokens)
    height, _ = found.barriers(found.curves.losses["test"].swapaxes(-1, -2))
    summary = summed_up(STANDARD, [height], [broken(found.curves.errors["test"])], [tokens])
    of_tokens, of_sequences = 6 / 9, 1 / 3
    assert summary["broken"].values.item() == of_sequences != of_tokens
    assert summary["median"].values.item() == 1  # of 3, 1 and 0; by tokens it would be 3
    assert summary["mean"].values.item() == pytest.approx((6 * 3 + 2 * 1) / 9)
    assert summary["mean"].values.item() >= height_of(found.curves.loss[0, 0])


def test_each_example_has_the_barrier_of_its_own_curve(pair: Callable[..., Run]) -> None:
    run = pair(aligner=None)
    result = result_of(run, per_example=True)
    held = result.groups["barrier/examples"].variables
    curves = run.follow(run.variants(), grid(5, None), per_example=True)
    losses = curves.losses["test"][0].T
    expected = [height_of(curve) for curve in losses]
    np.testing.assert_allclose(held["barrier_loss"].values[0], expected, atol=1e-12)
    np.testing.assert_array_equal(held["index"].values, run.split("test").index)
    summary = result.groups["barrier/singly"].variables
    assert summary["mean"].values[0, 0] == pytest.approx(np.mean(expected))
    assert summary["median"].values[0, 0] == pytest.approx(np.median(expected))


def test_examples_rise_more_on_their_own_than_together(pair: Callable[..., Run]) -> None:
    groups = result_of(pair(correction=REPAIR), per_example=True).groups
    mean = groups["barrier/singly"].variables["mean"].values
    assert (mean >= groups["barrier/summary"].variables["barrier_loss"].values).all()


def test_the_table_says_what_a_reduction_and_a_mean_are_of(pair: Callable[..., Run]) -> None:
    result = result_of(pair(correction=REPAIR), per_example=True)
    table = tabulate(result)
    heights = result.groups["barrier/summary"].variables["barrier_loss"].values[:, 0]
    *_, plain, align, repaired = table.rows
    assert plain[-1] == ""
    for row, before, after, name in (
        (align, *heights[:2], "plain"),
        (repaired, *heights[1:], "align"),
    ):
        assert row[-1] == f"{100 * (1 - after / before):.0f} % of {name}"
    assert any("in the mean and" in note and "of the examples are" in note for note in table.notes)
    singly = result.groups["barrier/singly"]
    weighted = Group(singly.variables, {**singly.attributes, "weighted": 1})
    by_tokens = Result("barrier", {**result.groups, "barrier/singly": weighted})
    assert any("in the mean over tokens and" in note for note in tabulate(by_tokens).notes)


def test_what_is_asked_in_addition_changes_no_curve(pair: Callable[..., Run]) -> None:
    bare, full = (
        result_of(pair(correction=REPAIR), refine=True, **options).groups for options in ({}, MORE)
    )
    for name in ("loss", "error", "alpha"):
        one, other = (groups["barrier/curve"].variables[name].values for groups in (bare, full))
        np.testing.assert_array_equal(one, other)


def test_refined_points_are_in_every_group(pair: Callable[..., Run]) -> None:
    groups = result_of(pair(), refine=True, **MORE).groups
    count = len(groups["barrier/curve"].variables["alpha"].values)
    assert count > 5
    for name in ("band", "parts", "ensemble"):
        assert len(groups[f"barrier/{name}"].variables["alpha"].values) == count
    summary = groups["barrier/summary"].variables
    for metric in ("loss", "error"):
        height = summary[f"barrier_{metric}"].values
        assert (summary[f"barrier_{metric}_lower95"].values <= height + 1e-12).all()
        assert (summary[f"barrier_{metric}_upper95"].values >= height - 1e-12).all()


def test_scores_divide_the_barrier_of_another_run(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{n}.safetensors", "mlp", trained("mlp", n)) for n in range(2)]
    scored = invoke("el2n", *paths, "--split", "test,train", "-o", tmp_path / "scores.h5")
    assert scored.exit_code == 0, scored.output
    done = invoke(
        *(
            "barrier",
            paths[0],
            paths[1],
            "--points",
            "3",
            "--by-split",
            "el2n",
            "--bootstrap",
            "20",
        ),
        *("--scores", tmp_path / "scores.h5", "--limit", "200", "--split", "train"),
        *("--json", tmp_path / "r.json", "-o", tmp_path / "r.h5"),
    )
    assert done.exit_code == 0, done.output
    metrics = json.loads((tmp_path / "r.json").read_text())["metrics"]
    heights = [
        metrics[f"barrier.parts.error[variant=plain,split=train,part={n}]"] for n in range(1, 5)
    ]
    assert len(set(heights)) > 1
    where = "[variant=plain,split=train]"
    bounds = [metrics[f"barrier.error.{end}95{where}"] for end in ("lower", "upper")]
    assert bounds[0] <= metrics[f"barrier.error{where}"] <= bounds[1]
    assert "95 % intervals over examples, from 20 draws" in done.stdout
    assert read(tmp_path / "r.h5").groups["barrier/parts"].attributes["by"] == "el2n"
    assert (tmp_path / "r.png").stat().st_size > 5000


def test_scores_of_another_split_are_told_before_the_path(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{n}.safetensors", "mlp", trained("mlp", n)) for n in range(2)]
    invoke("el2n", *paths, "-o", tmp_path / "scores.h5")
    done = invoke(
        *("barrier", paths[0], paths[1], "--by-split", "el2n", "--scores", tmp_path / "scores.h5"),
        *("-o", tmp_path / "r.h5"),
    )
    assert done.exit_code == 2
    assert "examples of split 'train', none of split 'test'; pass --split train" in done.stderr
    assert "path plain" not in done.stderr


def test_parts_by_score_need_scores(pair: Callable[..., Run]) -> None:
    with pytest.raises(LmctoolError, match="--by-split el2n needs --scores FILE"):
        result_of(pair(), by_split="el2n")
