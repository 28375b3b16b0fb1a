"""Planes through networks, around one, and along a run, as the command gives them."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from lmctool.report import by_analysis, figure
from lmctool.results.file import read
from lmctool.testing import invoke, tiny_run
from lmctool.weights.recipe import identity
from lmctool_plugins.analyses.plane.directions import filter_norms, moved, random_direction
from lmctool_plugins.analyses.plane.kernel import shares
from lmctool_plugins.analyses.plane.spanned import spanned
from tests.plugins.pairs import save, trained

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lmctool.plugin.settings import Series
    from lmctool.results.result import Result
    from lmctool.run.run import Run

    Array = NDArray[np.float64]

FEW = ("--limit", "60", "--calib-size", "60", "--batch-size", "60")


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of three MLPs with BatchNorms, and a run of three steps of one."""
    place = tmp_path_factory.mktemp("networks")
    for seed, name in enumerate("abc"):
        save(place / f"{name}.safetensors", "mlp-batch", trained("mlp-batch", seed))
    (place / "run").mkdir()
    for step in (0, 40, 120):
        path = place / "run" / f"net-step{step}.safetensors"
        save(path, "mlp-batch", trained("mlp-batch", 0, step))
    return place


@pytest.fixture(autouse=True)
def in_folder(networks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(networks)
    monkeypatch.setattr(figure, "image", lambda *_: b"")  # drawn where it is looked at


def plane(*words: str) -> Result:
    """Return the result of a command on the networks."""
    done = invoke("plane", *words, *FEW, "-o", "out.h5", "--force")
    assert done.exit_code == 0, done.output
    return read(Path("out.h5"))


def values(result: Result, group: str, *names: str) -> list[Any]:
    """Return arrays of a group."""
    return [result.groups[f"plane/{group}"].variables[name].values for name in names]


THREE = ("a.safetensors", "b.safetensors", "c.safetensors")


def test_corners_have_the_values_of_the_files_bit_for_bit() -> None:
    result = plane(*THREE, "--points", "6", "--split", "train,test")
    done = invoke("matrix", *THREE, "--points", "3", "--split", "train,test", *FEW, "-o", "m.h5")
    assert done.exit_code == 0, done.output
    ends = read(Path("m.h5")).groups["matrix/ends"].variables
    (places_x, places_y) = values(result, "corners", "x", "y")
    x, y = values(result, "grid", "x", "y")
    for metric in ("loss", "error"):
        (corner,), (grid,) = values(result, "corners", metric), values(result, "grid", metric)
        np.testing.assert_array_equal(corner, ends[metric].values)
        for number in range(2):  # A and B are points of the grid
            row, column = (
                np.flatnonzero(y == places_y[number]),
                np.flatnonzero(x == places_x[number]),
            )
            np.testing.assert_array_equal(grid[:, row[0], column[0]], corner[number])


def test_the_side_from_a_to_b_is_the_path_between_them() -> None:
    result = plane(*THREE, "--points", "5x4", "--margin", "0.1")
    x, y, loss = values(result, "grid", "x", "y", "loss")
    alpha = x / result.groups["plane/corners"].variables["x"].values[1]
    between = (alpha > 0) & (alpha < 1)
    assert between.any()
    alphas = ",".join(map(repr, alpha[between].tolist()))
    done = invoke("barrier", *THREE[:2], "--alphas", alphas, *FEW, "-o", "b.h5")
    assert done.exit_code == 0, done.output
    expected = read(Path("b.h5")).groups["barrier/curve"].variables["loss"].values[0, 0, 1:-1]
    np.testing.assert_allclose(loss[0, y == 0, between], expected, rtol=1e-5)


def test_where_a_running_variance_is_not_above_0_there_is_neither_loss_nor_error() -> None:
    wide = (*THREE, "--points", "7", "--margin", "2")
    done = invoke("plane", *wide, *FEW, "-o", "wide.h5")
    assert done.exit_code == 0, done.output
    loss, error = values(read(Path("wide.h5")), "grid", "loss", "error")
    lost = np.isnan(loss)
    assert 0 < lost.sum() < lost.size
    np.testing.assert_array_equal(np.isnan(error), lost)
    assert f"at {lost.sum()} of 49 points of the grid a running variance" in done.stderr
    assert "--batchnorm reset" in done.stderr
    (lowest,) = values(read(Path("wide.h5")), "summary", "lowest_loss")
    assert lowest == np.nanmin(loss)
    (again,) = values(plane(*wide, "--batchnorm", "reset"), "grid", "loss")
    assert np.isfinite(again).all()


def test_of_aligned_networks_the_third_corner_is_b_in_the_order_of_a() -> None:
    result = plane(*THREE[:2], "--align", "weight", "--points", "5")
    corner, loss, x = values(result, "corners", "corner", "loss", "x")
    assert corner.tolist() == ["a", "b", "aligned b"]
    assert loss[2] == pytest.approx(loss[1], rel=1e-5)
    assert x[2] < x[1]  # it is nearer to A


def test_a_stored_permutation_takes_the_place_of_an_aligner() -> None:
    words = (*THREE[:2], "--points", "5")
    first = plane(*words, "--align", "weight")
    Path("out.h5").rename("stored.h5")
    second = plane(*words, "--apply", "stored.h5")
    np.testing.assert_array_equal(*(values(each, "grid", "loss")[0] for each in (first, second)))


def test_a_linear_model_has_the_quadratic_loss_of_its_plane(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(30, 4))
    stored = np.concatenate([inputs, inputs[:, :1] * 3 + 1], axis=1).astype(np.float32)
    np.save(tmp_path / "stored.npy", stored)
    code = """
        import numpy as np
        from torch import nn
        from lmctool.api import Dataset, Examples

        def net():
            return nn.Linear(4, 1, bias=False)

        def data():
            stored = np.load("{folder}/stored.npy")
            splits = {{"test": lambda: Examples(stored[:, :4], stored[:, 4])}}
            return Dataset(splits, "memory", 0)
    """
    (tmp_path / "linear.py").write_text(dedent(code).format(folder=tmp_path))
    a, b, c = generator.normal(size=(3, 4))
    for name, weight in zip("abc", (a, b, c), strict=True):
        save_file({"weight": torch.tensor(weight)[None]}, tmp_path / f"{name}.safetensors")
    mine = (
        f"--{kind}={tmp_path}/linear.py:{what}"
        for kind, what in (("model", "net"), ("data", "data"))
    )
    paths = (str(tmp_path / name) for name in THREE)
    result = plane(*paths, *mine, "--points", "5", "--dtype", "float64")
    x, y, loss = values(result, "grid", "x", "y", "loss")
    u = (b - a) / np.linalg.norm(b - a)
    v = (c - a) - ((c - a) @ u) * u
    v /= np.linalg.norm(v)
    weights = a + x[:, None] * u + y[:, None, None] * v
    stored = stored.astype(np.float64)
    expected = ((weights @ stored[:, :4].T - stored[:, 4]) ** 2).mean(axis=-1)
    np.testing.assert_allclose(loss[0], expected, rtol=1e-5)


@pytest.fixture(scope="module")
def run(networks: Path) -> Run:
    return tiny_run(networks, "plane", checkpoints=(networks / "a.safetensors",), seed=3)


def test_random_directions_are_as_long_as_the_network_in_each_filter(run: Run) -> None:
    weights = run.weights(0)
    direction = random_direction(run, weights, "x")
    assert {name.rpartition(".")[2] for name in direction} == {"weight"}
    assert all(weights[name].dim() >= 2 for name in direction)
    for name, own in direction.items():
        norms = filter_norms(own)
        torch.testing.assert_close(norms, filter_norms(weights[name].double()))
    other = random_direction(run, weights, "y")
    assert all(not torch.equal(other[name], direction[name]) for name in direction)


def test_a_random_direction_moves_no_bias_norm_or_buffer_and_follows_the_seed(run: Run) -> None:
    weights, end = run.weights(0), moved(run, run.weights(0), "x")
    same = {name for name, own in weights.items() if torch.equal(own, end[name])}
    assert same == {name for name, own in weights.items() if own.dim() < 2}
    assert identity(end) == identity(moved(run, weights, "x"))
    assert identity(end) != identity(moved(run, weights, "y"))


def test_a_plane_around_one_network_has_it_in_its_middle_and_follows_the_seed() -> None:
    words = ("a.safetensors", "--random", "--points", "5")
    x, y, loss = values(plane(*words, "--reach", "0.5"), "grid", "x", "y", "loss")
    assert x.tolist() == y.tolist() == [-0.5, -0.25, 0, 0.25, 0.5]
    (corner,) = values(read(Path("out.h5")), "corners", "loss")
    assert loss[0, 2, 2] == corner[0, 0]
    np.testing.assert_array_equal(values(plane(*words, "--reach", "0.5"), "grid", "loss")[0], loss)
    assert (values(plane(*words, "--reach", "0.5", "--seed", "1"), "grid", "loss")[0] != loss).any()
    assert not [name for name in values_of_summary() if name.startswith("barrier")]


def values_of_summary() -> list[str]:
    """Return the names of the summary of the last result."""
    return [*read(Path("out.h5")).groups["plane/summary"].variables]


def test_a_run_ends_at_the_network_that_is_its_last_step() -> None:
    result = plane("run/net-step120.safetensors", "--run", "run", "--points", "4x5")
    step, x, y, distance = values(result, "path", "step", "x", "y", "distance")
    assert step.tolist() == [0, 40, 120]
    assert (x[-1], y[-1], distance[-1]) == (0, 0, 0)
    assert distance.max() < 1e-5 * np.hypot(x, y).max()  # three steps lie in a plane
    (explained,) = values(result, "components", "explained")
    assert explained.sum() == pytest.approx(1)
    grid_x, grid_y, loss = values(result, "grid", "x", "y", "loss")
    (corner,) = values(result, "corners", "loss")
    assert loss[0, grid_y == 0, grid_x == 0] == corner[0]
    assert grid_x[0] <= x.min() and grid_x[-1] >= x.max()


def test_at_the_place_of_a_step_in_the_plane_is_that_step_with_its_running_statistics() -> None:
    from lmctool.cli.inputs import find_inputs
    from lmctool.plugin import registry
    from lmctool.plugin.kinds import ANALYSES

    paths = [Path("run/net-step120.safetensors")]
    found = find_inputs(registry.load(ANALYSES, "plane"), paths, {"path": Path("run")})
    series: Series = found.options["path"]
    run = tiny_run(Path(), "plane", checkpoints=found.checkpoints, others=found.others)
    own = spanned(run, "run", (3, 3), None, None, series)
    assert own.components is not None
    for index, place in zip(series.indices, own.components.places, strict=True):
        counts = shares(place[0], place[1], own.places).tolist()
        network, step = run.batchnorm.mean(own.networks, counts), run.weights(index)
        for name in step:
            if step[name].is_floating_point():
                torch.testing.assert_close(network[name], step[name], rtol=1e-4, atol=1e-5)


def test_a_mean_that_is_not_formed_has_the_recipe_of_the_one_that_is() -> None:
    run = tiny_run(Path(), "plane", checkpoints=tuple(map(Path, THREE)))
    networks = [run.weights(index) for index in range(3)]
    for counts in ([0.5, 0.75, -0.25], [1, 0, 0], [0, 1, 1]):
        mean = run.batchnorm.mean(networks, counts)
        assert run.batchnorm.mean_recipe(networks, counts) == identity(mean)


SPANNED = "a plane is spanned by three checkpoints, by two and --align, or by one and"
LINE = "lie on one line in weight space, or two of them are equal"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (THREE[:1], f"{SPANNED} either --random or --run FOLDER; given: 1 checkpoint"),
        (THREE[:2], "given: 2 checkpoints"),
        ((*THREE, "--align"), "given: 3 checkpoints and --align"),
        ((*THREE[:2], "--random"), "given: 2 checkpoints and --random"),
        ((*THREE[:1], "--random", "--run", "run"), "given: 1 checkpoint and --random and --run"),
        ((*THREE[:2], *THREE[:1]), f"A, B and C {LINE}"),
        ((*THREE[:1], *THREE[:2]), f"A, B and C {LINE}"),
        ((*THREE[:2], "--align", "identity"), f"A, B and B in A's order {LINE}"),
        ((*THREE, "--reach", "2"), "--reach is how far --random goes; give that too, or --margin"),
        ((*THREE[:1], "--random", "--margin", "1"), "--random has --reach"),
        ((*THREE[:1], "--random", "--batchnorm", "b"), "--batchnorm a takes those"),
        ((*THREE, "--points", "4x3"), "--points 3 are too few for a grid"),
        ((*THREE, "--points", "many"), "--points takes a number such as 21, or two as in 41x21"),
        ((*THREE[:1], "--run", "run/net-step[04]*"), "lie on one line in weight space"),
    ],
)
def test_what_spans_no_plane_is_told_in_one_sentence(words: tuple[str, ...], sentence: str) -> None:
    done = invoke("plane", *words, *FEW, "-o", "wrong.h5", "--quiet")
    assert done.exit_code == 2, done.output
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not Path("wrong.h5").exists()


def test_a_surface_is_drawn_again_from_its_result() -> None:
    def projections(result: Result) -> list[str]:
        with figure.drawing(result, by_analysis.drawer(result)) as drawn:
            return [axes.name for axes in drawn.axes]

    words = ("run/net-step120.safetensors", "--run", "run", "--points", "3")
    assert projections(plane(*words, "--surface")) == ["3d", "3d"]
    assert "3d" not in projections(plane(*words))


def test_the_table_tells_how_much_of_a_run_its_plane_shows() -> None:
    done = invoke(
        *("plane", "run/net-step120.safetensors", "--run", "run", "--points", "3", *FEW, "-q"),
        *("-o", "out.h5", "--force"),
    )
    assert "of the variance of 3 steps; step " in done.stdout
    assert "barrier" not in done.stdout


def test_a_gate_judges_the_barrier_within_the_triangle() -> None:
    words = ("plane", *THREE, "--points", "6", *FEW, "-q", "-o", "out.h5", "--force")
    for most, code in (("99%", 0), ("0%", 3)):
        assert invoke(*words, "--require", f"plane.barrier_error <= {most}").exit_code == code
    one = ("plane", "a.safetensors", "--random", "--points", "3", *FEW, "-q", "-o", "r.h5")
    assert invoke(*one, "--require", "plane.barrier_error <= 50%").exit_code == 4


def test_networks_of_other_models_are_told_apart() -> None:
    other = {
        name: own for name, own in load_file("a.safetensors").items() if "classifier" not in name
    }
    save_file(other, "other.safetensors")
    done = invoke("plane", *THREE[:2], "other.safetensors", *FEW, "-o", "wrong.h5", "--quiet")
    assert done.exit_code == 2
