"""Instability: barriers between siblings, their mean over a fork, and the step of stability."""

from __future__ import annotations

import shutil
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.stats import t

from lmctool.api import ERROR, LOSS, Variable
from lmctool.report import by_analysis, figure
from lmctool.results.file import read
from lmctool.testing import invoke
from lmctool_plugins.analyses.instability.kernel import forks, sibling_count, stable_from
from lmctool_plugins.analyses.instability.summary import ends, forked, pair_barriers
from tests.plugins.pairs import save, trained
from tests.plugins.runs import forks as saved_forks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from lmctool.results.result import Result

    Array = NDArray[np.float64]

SMALL = ("--limit", "60", "--calib-size", "100", "--points", "3", "--quiet")


def paths(steps: list[int], errors: Array) -> Mapping[str, Variable]:
    """Return paths of one variant on one split, from (pair, alpha) errors; losses are twice as."""
    dims = ("pair", "variant", "split", "alpha")
    whole = errors[:, None, None]
    return {
        "fork": Variable(np.array(steps), ("pair",)),
        "alpha": Variable(np.linspace(0, 1, errors.shape[-1]), ("alpha",)),
        "error": ERROR.variable(whole, dims),
        "loss": LOSS.variable(2 * whole, dims),
    }


def hills(heights: list[float]) -> Array:
    """Return (pair, alpha) errors of 10 % and 30 % at the ends, and a hill over their mean."""
    rise = np.array(heights)[:, None]
    return np.concatenate([0.1 + 0 * rise, 0.2 + rise, 0.3 + 0 * rise], axis=1)


def by_hand(pairs: Mapping[tuple[int, int], float], count: int) -> tuple[float, float, float]:
    """Return the mean over pairs and the bounds of its jackknife interval, sibling by sibling."""
    mean = sum(pairs.values()) / len(pairs)
    without = []
    for left_out in range(count):
        rest = [value for pair, value in pairs.items() if left_out not in pair]
        without.append(sum(rest) / len(rest))
    centre = sum(without) / count
    variance = (count - 1) / count * sum((each - centre) ** 2 for each in without)
    reach = float(t.ppf(0.975, count - 1)) * variance**0.5
    return mean, mean - reach, mean + reach


def test_the_barrier_of_a_known_path_is_its_height_over_the_mean_of_the_ends() -> None:
    path = paths([0, 0, 0], hills([0.4, 0.2, 0.3]))
    found = pair_barriers(path, (ERROR, LOSS))
    np.testing.assert_allclose(found["error"].values[:, 0, 0], [0.4, 0.2, 0.3])
    np.testing.assert_allclose(found["loss"].values[:, 0, 0], [0.8, 0.4, 0.6])
    assert found["alpha_error"].values.tolist() == [[[0.5]]] * 3
    curve = forked(path, (ERROR, LOSS))
    assert curve["error"].values.item() == pytest.approx(0.3)


@pytest.mark.parametrize("count", [3, 5])
def test_an_interval_is_that_of_leaving_out_each_sibling(count: int) -> None:
    listed = list(combinations(range(count), 2))
    heights = 0.3 + 0.01 * np.random.default_rng(count).random(len(listed))
    curve = forked(paths([7] * len(listed), hills(heights.tolist())), (ERROR, LOSS))
    expected = by_hand(dict(zip(listed, heights.tolist(), strict=True)), count)
    names = ("error", "error_lower95", "error_upper95")
    found = [curve[name].values.item() for name in names]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert curve["siblings"].values.tolist() == [count]


def test_an_interval_ends_where_no_barrier_can_be() -> None:
    curve = forked(paths([0] * 3, hills([0.0, 0.1, 0.7])), (ERROR, LOSS))
    bounds = [curve[f"error_{bound}95"].values.item() for bound in ("lower", "upper")]
    assert bounds == [0, 1]
    assert curve["loss_upper95"].values.item() > 2


def test_two_siblings_have_no_interval() -> None:
    curve = forked(paths([0, 500, 500, 500], hills([0.4, 0.1, 0.1, 0.1])), (ERROR, LOSS))
    upper = curve["error_upper95"].values[:, 0, 0]
    assert np.isnan(upper[0])
    assert upper[1] == pytest.approx(0.1)
    assert curve["siblings"].values.tolist() == [2, 3]


def test_ends_are_those_of_each_sibling_once() -> None:
    errors = np.array([[0.1, 0.5, 0.2], [0.1, 0.5, 0.3], [0.2, 0.5, 0.3], [0.4, 0.5, 0.6]])
    found = ends(paths([0, 0, 0, 9], errors), (ERROR, LOSS))
    assert found["error"].values[:, 0].tolist() == [0.1, 0.2, 0.3, 0.4, 0.6]
    assert found["fork"].values.tolist() == [0, 0, 0, 9, 9]


@pytest.mark.parametrize(
    ("errors", "step"),
    [
        ([0.5, 0.01, 0.5, 0.01, 0.0], 40.0),
        ([0.0, 0.0, 0.0, 0.0, 0.0], 0.0),
        ([0.0, 0.0, 0.0, 0.0, 0.02], np.nan),
        ([0.5, 0.5, 0.5, 0.5, 0.0199], 90.0),
        ([0.5, 0.01, 0.01, np.nan, 0.01], 90.0),
    ],
)
def test_stable_is_below_the_bound_there_and_at_every_later_fork(
    errors: list[float], step: float
) -> None:
    steps = np.array([0, 10, 20, 40, 90])
    found = stable_from(steps, np.array(errors)[:, None, None], 0.02)
    np.testing.assert_array_equal(found, [[step]])


def test_a_count_of_pairs_tells_the_siblings() -> None:
    for count in range(2, 50):
        assert sibling_count(count * (count - 1) // 2) == count
    for pairs in (0, 2, 5):
        with pytest.raises(ValueError, match="no number of siblings"):
            sibling_count(pairs)
    assert forks(np.array([3, 3, 3, 8])) == [(3, slice(0, 3)), (8, slice(3, 4))]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forks of step 0 and 40, with three siblings and two, and one of three equal ones."""
    folder = tmp_path_factory.mktemp("forks")
    first, _ = saved_forks(folder, "mlp")
    (folder / "fork90").mkdir()
    for name in "abc":
        shutil.copyfile(first / "seed0.safetensors", folder / f"fork90/{name}.safetensors")
    return folder


@pytest.fixture(scope="module")
def aligned(places: Path) -> Result:
    """All of these, aligned."""
    return measured(places, "fork90", "fork0", "fork40", "--align", out="aligned.h5")


def measured(folder: Path, *words: str, out: str) -> Result:
    """Run a command in the folder, without its figure, and return its result."""
    own = [str(folder / word) if (folder / word).exists() else word for word in words]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figure, "save", lambda *_: None)
        done = invoke("instability", *own, *SMALL, "--force", "-o", folder / out)
    assert done.exit_code == 0, done.output
    return read(folder / out)


def values(result: Result, group: str, name: str) -> NDArray[Any]:
    return result.groups[f"instability/{group}"].variables[name].values


def test_equal_siblings_have_no_instability(aligned: Result) -> None:
    assert values(aligned, "curve", "step").tolist() == [0, 40, 90]
    variants = values(aligned, "curve", "variant").tolist()
    assert variants == ["plain", "align", "strong"]
    for name in ("error", "error_lower95", "error_upper95", "loss"):
        at_90 = values(aligned, "curve", name)[2, :, 0]
        np.testing.assert_allclose(at_90, 0, atol=1e-6)  # a mean of equal weights is rounded
    assert (values(aligned, "curve", "error")[:2, 0, 0] > 0.02).all()
    assert values(aligned, "stable", "stable_from")[0, 0] == 90


def test_each_pair_has_the_barrier_that_the_command_barrier_gives(
    aligned: Result, places: Path, tmp_path: Path
) -> None:
    pair = [places / f"fork0/seed{seed}.safetensors" for seed in (0, 2)]
    words = ("--definition", "mean-ends", "--align", "-o", tmp_path / "barrier.h5")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figure, "save", lambda *_: None)
        done = invoke("barrier", *pair, *SMALL, *words)
    assert done.exit_code == 0, done.output
    summary = read(tmp_path / "barrier.h5").groups["barrier/summary"].variables
    place = values(aligned, "pairs", "pair").tolist().index("fork0/seed0 | fork0/seed2")
    for metric in ("error", "loss"):
        expected = summary[f"barrier_{metric}"].values[:, 0]
        np.testing.assert_array_equal(values(aligned, "pairs", metric)[place, :2, 0], expected)


def test_a_strong_path_begins_and_ends_in_the_siblings_and_may_lie_higher(aligned: Result) -> None:
    loss = values(aligned, "path", "loss")[:, :, 0]
    strong, weak, plain = loss[:, 2], loss[:, 1], loss[:, 0]
    np.testing.assert_array_equal(strong[:, 0], plain[:, 0])
    np.testing.assert_allclose(strong[:, 2], plain[:, 2], rtol=1e-5)
    with_first = [0, 1, 3, 4, 5]  # of fork 0, 40 and 90: the frame is the first sibling's
    np.testing.assert_array_equal(strong[with_first], weak[with_first])
    assert strong[2, 1] != weak[2, 1]
    assert strong[2, 1] < plain[2, 1]


def test_one_permutation_undone_by_hand_connects_permuted_copies(tmp_path: Path) -> None:
    """Siblings that are permuted copies of one network are strongly connected."""
    network = dict(trained("mlp", 0))
    (tmp_path / "k5").mkdir()
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(16).tolist()
        own = dict(network)
        for name in ("layers.0.weight", "layers.0.bias"):
            own[name] = network[name][order]
        own["layers.1.weight"] = network["layers.1.weight"][:, order]
        save(tmp_path / f"k5/{seed}.safetensors", "mlp", own)
    result = measured(tmp_path, "k5", "--align", "weight", out="permuted.h5")
    plain, weak, strong = values(result, "curve", "loss")[0, :, 0]
    assert plain > 0.1
    np.testing.assert_allclose([weak, strong], 0, atol=1e-6)


def test_the_order_of_arguments_plays_no_part(aligned: Result, places: Path) -> None:
    other = measured(places, "fork40", "fork90", "fork0", "--align", out="other.h5")
    for path, group in aligned.groups.items():
        if path.startswith("instability/"):
            for name, variable in group.variables.items():
                np.testing.assert_array_equal(
                    other.groups[path].variables[name].values, variable.values
                )


def test_the_table_shows_each_step_and_from_which_on_it_is_stable(
    aligned: Result, places: Path
) -> None:
    table = by_analysis.table(aligned, places / "aligned.h5")
    assert table.columns[:4] == ("split", "step", "siblings", "variant")
    assert [row[1:4] for row in table.rows[:4]] == [
        ("0", "3", "plain"),
        ("0", "3", "align"),
        ("0", "3", "strong"),
        ("40", "2", "plain"),
    ]
    assert table.rows[3][5] == "-"  # no interval of two
    assert "plain from step 90" in table.notes[0]


def test_the_figure_numbers_the_steps_and_draws_the_criterion_beside_the_error(
    aligned: Result, places: Path
) -> None:
    with figure.drawing(aligned, by_analysis.drawer(aligned)) as drawn:
        error, loss = drawn.axes
        assert [text.get_text() for text in error.get_xticklabels()] == ["0", "40", "90"]
        assert error.get_xscale() == "symlog"
        labels = [[str(line.get_label()) for line in axes.lines] for axes in (error, loss)]
    assert "stable: below 2.00 %" in labels[0]
    assert "stable: below 2.00 %" not in labels[1]


def test_a_gate_judges_each_step_and_the_first_stable_one(places: Path) -> None:
    words = [str(places / name) for name in ("fork0", "fork90")]
    gates = ("instability.error[step=90] <= 2%", "instability.stable_from <= 90")
    passed = [word for gate in gates for word in ("--require", gate)]
    done = invoke("instability", *words, *SMALL, *passed, "-o", places / "gated.h5")
    assert done.exit_code == 0, done.output
    unstable = ("--require", "instability.stable_from <= 0", "--force")
    done = invoke("instability", words[0], *SMALL, *unstable, "-o", places / "gated.h5")
    assert done.exit_code == 4, done.output  # stable at no step: no number


def test_two_forks_of_one_step_are_told(places: Path, tmp_path: Path) -> None:
    shutil.copytree(places / "fork0", tmp_path / "k0")
    done = invoke("instability", places / "fork0", tmp_path / "k0", *SMALL, "-o", tmp_path / "a.h5")
    assert done.exit_code == 2
    assert "are both forks of step 0; siblings of one network belong into one folder" in done.stderr


def test_what_was_passed_over_is_told(places: Path, tmp_path: Path) -> None:
    shutil.copytree(places / "fork0", tmp_path / "k0")
    for seed in range(3):
        path = tmp_path / f"k0/seed{seed}.safetensors"
        path.rename(path.with_stem(f"seed{seed}-step90"))
    shutil.copyfile(places / "fork0/seed1.safetensors", tmp_path / "k0/seed1-step10.safetensors")
    words = [word for word in SMALL if word != "--quiet"]
    done = invoke("instability", tmp_path / "k0", *words, "-o", tmp_path / "a.h5")
    assert done.exit_code == 0, done.output
    assert "seed1-step10.safetensors' is passed over" in done.stderr


def test_a_dry_run_tells_forks_and_how_many_networks_are_measured(places: Path) -> None:
    words = [str(places / name) for name in ("fork40", "fork0")]
    done = invoke("instability", *words, *SMALL, "--align", "--dry-run")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert [line.split("  ")[0] for line in lines[:2]] == ["fork at step 40", "fork at step 0"]
    assert lines[0].endswith("fork40, 2 siblings")
    # five siblings; of four pairs one between plainly, one aligned; one in one frame
    assert "14, on 60 examples of test" in "".join(lines)
