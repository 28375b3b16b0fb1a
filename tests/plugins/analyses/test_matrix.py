"""Matrices of barriers: clusters in closed form and by loops, and whole runs."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from lmctool.api import Group, Result, Variable
from lmctool.errors import ExitCode, LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.plugin.settings import Choice, Settings
from lmctool.results.file import read, write
from lmctool.results.metrics import metrics
from lmctool.run.run import Run
from lmctool.symmetry import Permutation
from lmctool.testing import invoke
from lmctool_plugins.analyses.matrix import kernel, measure, summary, table
from lmctool_plugins.analyses.matrix.figure import draw
from tests.plugins.pairs import save, trained

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    Array = NDArray[np.float64]
    Runs = Callable[..., Run]

DRAWN = (np.random.default_rng(0).random(10) / 5 - 0.005).tolist()
"""Barriers no two of whose means are equal, with one that is negative."""


def run_on(folder: Path, *weights: Mapping[str, Tensor], **settings: Any) -> Run:
    paths = tuple(
        save(folder / f"net{number}.safetensors", "mlp", held)
        for number, held in enumerate(weights)
    )
    analysis = registry.load(ANALYSES, "matrix")
    return Run("matrix", analysis, Settings(paths, **({"dtype": "float64"} | settings)))


def result_of(run: Run, **options: Any) -> Result:
    chosen = {"points": 3, "alphas": None, "definition": "chord", "connected": 0.02}
    return measure.measure(run, **(chosen | options))


def values(result: Result, group: str, name: str) -> Any:
    return result.groups[f"matrix/{group}"].variables[name].values


def near(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a network hardly another, with the same answers."""
    return {name: tensor * 1.0001 for name, tensor in weights.items()}


def slow_clusters(barriers: Array, connected: float) -> set[frozenset[int]]:
    """Return the clusters of average linkage, by looking at all pairs of clusters each time."""
    found = [frozenset([row]) for row in range(len(barriers))]
    while len(found) > 1:
        pairs = list(combinations(found, 2))
        means = [np.mean([max(barriers[i, j], 0) for i in a for j in b]) for a, b in pairs]
        nearest = int(np.argmin(means))
        if means[nearest] > connected:
            break
        a, b = pairs[nearest]
        found = [cluster for cluster in found if cluster not in (a, b)] + [a | b]
    return set(found)


def together(members: NDArray[np.int64]) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(members == number).tolist()) for number in set(members)}


def test_a_mirrored_matrix_is_symmetric_with_its_diagonal() -> None:
    found = kernel.mirrored(np.array([1.0, 2.0, 3.0]), 3)
    assert found.tolist() == [[0, 1, 2], [1, 0, 3], [2, 3, 0]]


def test_two_basins_are_two_clusters_side_by_side() -> None:
    barriers = np.full((4, 4), 0.5)
    barriers[[0, 2, 1, 3], [2, 0, 3, 1]] = 0.01
    np.fill_diagonal(barriers, 0)
    members, order = kernel.clusters(barriers, 0.02)
    assert together(members) == {frozenset({0, 2}), frozenset({1, 3})}
    assert members[order].tolist() == [1, 1, 2, 2]
    assert kernel.outlines(members[order]) == [(0, 2), (2, 4)]


def test_a_barrier_at_the_threshold_connects_and_one_above_does_not() -> None:
    barriers = kernel.mirrored(np.array([0.02]), 2)
    assert kernel.clusters(barriers, 0.02)[0].tolist() == [1, 1]
    assert sorted(kernel.clusters(barriers, 0.0199)[0]) == [1, 2]


def test_a_chain_is_one_cluster_only_while_its_mean_barrier_allows() -> None:
    barriers = kernel.mirrored(np.array([0.01, 0.05, 0.01]), 3)  # 0 - 1 - 2, and 0 far from 2
    assert together(kernel.clusters(barriers, 0.02)[0]) != {frozenset({0, 1, 2})}
    assert together(kernel.clusters(barriers, 0.031)[0]) == {frozenset({0, 1, 2})}


@given(st.permutations(DRAWN))
def test_clusters_are_those_of_loops(pairs: list[float]) -> None:
    barriers = kernel.mirrored(np.array(pairs), 5)
    members, order = kernel.clusters(barriers, 0.06)
    wanted = slow_clusters(barriers, 0.06)
    assert together(members) == wanted
    assert sorted(order.tolist()) == [0, 1, 2, 3, 4]
    assert (np.diff(members[order]) >= 0).all()


def test_matrices_are_symmetric_and_hold_the_barrier_of_each_pair(tmp_path: Path) -> None:
    nets = [trained("mlp", seed) for seed in (0, 1, 2)]
    run = run_on(tmp_path, *nets, splits=("test", "train"), limit=300)
    result = result_of(run)
    for metric in ("error", "loss"):
        square = values(result, "barrier", metric)
        assert square.shape == (1, 2, 3, 3)
        np.testing.assert_array_equal(square, square.swapaxes(-1, -2))
        assert (square.diagonal(axis1=-1, axis2=-2) == 0).all()
    for first, second in combinations(range(3), 2):
        (plain,) = run.variants(first, second)
        middle = run.evaluate([plain.at(0.5)]).loss[:, 0]
        ends = run.scores((first, second)).loss.mean(axis=1)
        wanted = np.clip(middle - ends, 0, None)
        np.testing.assert_allclose(values(result, "barrier", "loss")[0, :, first, second], wanted)
    distances = values(result, "distance", "l2")
    a, c = (torch.cat([t.double().flatten() for t in nets[n].values()]) for n in (0, 2))
    assert distances[0, 2] == distances[2, 0] == pytest.approx(float((a - c).norm()), rel=1e-12)


def test_the_place_of_a_barrier_is_counted_from_its_row(tmp_path: Path) -> None:
    run = run_on(tmp_path, trained("mlp", 0), trained("mlp", 1))
    at = values(result_of(run, alphas="0.25"), "barrier", "alpha_loss")[0, 0]
    assert at[0, 1] == 0.25
    assert at[1, 0] == 0.75
    assert np.isnan(at.diagonal()).all()


def test_each_pair_is_followed_once_and_each_end_evaluated_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_on(tmp_path, *(trained("mlp", seed) for seed in (0, 1, 2)))
    counts: list[int] = []
    evaluate = run.evaluator.evaluate

    def counted(networks: Any, splits: Any, **told: Any) -> Any:
        held = list(networks)
        counts.append(len(held))
        return evaluate(held, splits, **told)

    monkeypatch.setattr(run.evaluator, "evaluate", counted)
    result_of(run, points=5)
    assert sum(counts) == 3 + 3 * 3  # three ends, and three points within each of three pairs


def test_a_near_copy_is_in_the_cluster_of_its_original(tmp_path: Path) -> None:
    a, b = trained("mlp", 0, 200), trained("mlp", 1, 200)
    result = result_of(run_on(tmp_path, a, b, near(a)))
    members = values(result, "clusters", "cluster")
    assert members[0] == members[2] != members[1]
    assert metrics(result)["matrix.clusters"] == 2
    assert metrics(result)["matrix.connected"] == pytest.approx(1 / 3)
    told = table.tabulate(result)
    assert "net0, net2" in " ".join(told.notes)
    assert len(told.rows) == 3


def test_alignment_joins_the_clusters_of_a_permuted_copy(run_of: Runs, tmp_path: Path) -> None:
    a = trained("mlp", 0, 200)
    spec = run_of("mlp", a, a).permutation_spec
    b = Permutation.random(spec, torch.Generator().manual_seed(1)).apply(a)
    aligner = Choice("weight", {"start": "anchored", "restarts": 1})
    plain, aligned = (
        result_of(run_on(tmp_path, a, b, aligner=choice)) for choice in (None, aligner)
    )
    assert metrics(plain)["matrix.clusters"] == 2
    assert metrics(aligned)["matrix.clusters"] == 1
    assert values(aligned, "barrier", "variant").tolist() == ["plain", "align"]


def test_a_checkpoint_named_twice_and_a_stored_permutation_are_refused(tmp_path: Path) -> None:
    run = run_on(tmp_path, trained("mlp", 0), trained("mlp", 1))
    run.resources.checkpoints = (run.checkpoints[0], run.checkpoints[0])
    with pytest.raises(LmctoolError, match=r"net0.safetensors' is named twice"):
        result_of(run)
    stored = tmp_path / "x.h5"
    write(Result("align", {}), stored)
    run = run_on(tmp_path, trained("mlp", 0), trained("mlp", 1), apply=stored)
    with pytest.raises(LmctoolError, match=r"--apply holds the permutation of one pair"):
        result_of(run)


def test_the_command_writes_a_result_and_a_figure(tmp_path: Path) -> None:
    run_on(tmp_path, *(trained("mlp", seed) for seed in (0, 1, 2)))
    out = tmp_path / "m.h5"
    files = sorted(tmp_path.glob("*.safetensors"))
    told = invoke("matrix", *files, "--points", "3", "-o", out, "--connected", "1")
    assert told.exit_code == 0, told.output
    assert "cluster 1: net0, net1, net2" in told.stdout
    assert (tmp_path / "m.png").exists()
    result = read(out)
    assert values(result, "curve", "error").shape == (3, 1, 1, 3)
    assert values(result, "ends", "error").shape == (3, 1)


def test_one_checkpoint_is_too_few(tmp_path: Path) -> None:
    run_on(tmp_path, trained("mlp", 0), trained("mlp", 1))
    told = invoke("matrix", tmp_path / "net0.safetensors", "-o", tmp_path / "m.h5")
    assert told.exit_code == ExitCode.USAGE
    assert "two" in told.stderr


@pytest.mark.parametrize("count", [2, 5, 14])
def test_a_heat_map_has_a_number_in_each_cell_off_the_diagonal(tmp_path: Path, count: int) -> None:
    pairs = np.linspace(0, 0.5, count * (count - 1) // 2)
    square = kernel.mirrored(pairs, count)
    names = [f"run{number}" for number in range(count)]
    errors = Variable(square[None, None], ("variant", "split", "checkpoint", "other"))
    members = Group(
        {
            "checkpoint": Variable(np.array(names, dtype=object), ("checkpoint",)),
            **summary.clustering({"error": errors}, 0.1),
        },
        {"threshold": 0.1},
    )
    few = result_of(run_on(tmp_path, trained("mlp", 0), trained("mlp", 1))).groups
    barrier = {
        **few["matrix/barrier"].variables,
        "checkpoint": Variable(np.array(names, dtype=object), ("checkpoint",)),
        "error": errors,
    }
    distance = {"symmetric": Variable(square, ("checkpoint", "other"))}
    groups = {
        "matrix/barrier": Group(barrier),
        "matrix/distance": Group(distance),
        "matrix/clusters": members,
    }
    figure = Figure()
    draw(Result("matrix", groups), figure)
    maps = [axes for axes in figure.axes if axes.images]
    assert [len(axes.texts) for axes in maps] == [count * (count - 1)] * 2
    outlined = len(figure.axes[0].patches)
    assert outlined == int(members.variables["clusters"].values)


def of_many(count: int) -> Result:
    """Return the result of networks on a line, whose barriers are their distances."""
    place = np.arange(count) ** 1.5
    square = np.abs(place[:, None] - place) / 1000
    names = {"checkpoint": np.array([f"run{n}" for n in range(count)], dtype=object)}
    names |= {"variant": np.array(["plain"], dtype=object)}
    names |= {"split": np.array(["test"], dtype=object)}
    held = {name: Variable(own, (name,)) for name, own in names.items()}
    over = ("variant", "split", "checkpoint", "other")
    errors = Variable(square[None, None], over, metric="matrix.barrier_error")
    members = summary.clustering({"error": errors}, 0.02)
    how = {"definition": "chord", "batchnorm": "interpolate"}
    barrier = {**held, "error": errors, "loss": Variable(2 * square[None, None], over, "nat")}
    groups = {
        "matrix/barrier": Group(barrier, how),
        "matrix/curve": Group({"alpha": Variable(np.linspace(0, 1, 5), ("alpha",))}),
        "matrix/distance": Group({"l2": Variable(10 * square, ("checkpoint", "other"))}),
        "matrix/clusters": Group({**held, **members}, {"threshold": 0.02}),
    }
    return Result("matrix", groups)


def test_of_many_checkpoints_each_has_a_row_of_means_and_its_nearest() -> None:
    few, many = (table.tabulate(of_many(count)) for count in (table.FEW, 40))
    assert len(few.rows) == table.FEW * (table.FEW - 1) // 2
    assert len(many.rows) == 40
    place = np.arange(40) ** 1.5 / 1000
    mean = np.abs(place - place[0]).sum() / 39
    first = dict(zip(many.columns, many.rows[0], strict=True))
    assert first["||A-B||"] == f"{10 * mean:.4g}"
    assert first["error: plain"] == f"{100 * mean:.2f} %"
    assert (first["nearest"], first["at"]) == ("run1", "0.10 %")
    assert [row[-2] for row in many.rows[1:]] == [f"run{n}" for n in range(39)]
    assert any("780 pairs: lmctool show" in note for note in many.notes)
    assert len(many.notes) < 10
