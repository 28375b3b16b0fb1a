"""Variance over depth: closed forms, against loops, and as a command."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import h5py
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor

from lmctool.plugin.settings import Choice
from lmctool.results.metrics import metrics
from lmctool.run.calibration import Calibration
from lmctool.run.run import Run
from lmctool.testing import invoke
from lmctool_plugins.analyses.variance.figure import draw
from lmctool_plugins.analyses.variance.kernel import aim, ratio, spread
from lmctool_plugins.analyses.variance.measure import measure
from lmctool_plugins.analyses.variance.table import tabulate
from tests import reference
from tests.plugins.pairs import digits, save, trained

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.api import Result

Runs = Callable[..., Run]
REPAIR = Choice("repair", {"targets": "both"})


def measured(
    run: Run, alphas: str = "0.5", *, at: Any = "layers", layer: str | None = None
) -> Result:
    return measure(run, alphas, at, layer)


def values(result: Result, name: str, group: str = "layers") -> Any:
    return result.groups[f"variance/{group}"].variables[name].values


def correlated(correlation: float) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return two networks whose first layers' units have unit variance and this correlation.

    Each unit reads one or two principal directions of the training inputs.
    """
    ((inputs, _),) = digits("train").batches(5000, torch.float64)
    variances, directions = torch.linalg.eigh(inputs.flatten(1).T.cov())
    white = (directions / variances.clamp_min(1e-12).sqrt()).T.flip(0)  # largest first
    ends = []
    for seed, share in ((0, 1.0), (1, correlation)):
        weights = {name: tensor.double() for name, tensor in trained("mlp", seed).items()}
        own = share * white[:16] + (1 - share**2) ** 0.5 * white[16:32]
        ends.append(weights | {"layers.0.weight": own})
    return ends[0], ends[1]


def test_the_ratio_is_the_variance_over_the_mean_of_the_ends() -> None:
    assert ratio(np.array([1.0, 2.0]), np.array([1.0, 3.0]), np.array([3.0, 5.0])) == 0.5


def test_where_no_end_varies_there_is_no_ratio() -> None:
    assert np.isnan(ratio(np.zeros(2), np.zeros(2), np.zeros(2)))
    mean, quantiles = spread(np.full(3, np.nan))
    assert np.isnan(mean) and np.isnan(quantiles).all()


def test_the_goal_of_equal_deviations_is_theirs() -> None:
    ends = np.array([1.0, 4.0])
    np.testing.assert_array_equal(aim(ends, ends, 0.3), ends)
    assert aim(np.array([1.0]), np.array([9.0]), 0.5).item() == 4  # the deviations are averaged


def test_pairs_that_never_vary_have_no_part_in_the_mean_correlation() -> None:
    mean, quantiles = spread(np.array([0.2, np.nan, 0.6]))
    assert (mean, quantiles[2]) == pytest.approx((0.4, 0.4))


@pytest.mark.parametrize("correlation", [0.4, 0.0, 1.0])
def test_the_first_layer_keeps_half_and_half_the_correlation(
    run_of: Runs, correlation: float
) -> None:
    run = run_of("mlp", *correlated(correlation), calib_batch=5000)
    result = measured(run)
    # 0.7 at 0.4, as REPAIR's section 3.2 has it
    assert values(result, "ratio")[0, 0, 0] == pytest.approx(0.5 + 0.5 * correlation, abs=1e-9)
    assert values(result, "correlation", "pairs")[0, 0] == pytest.approx(correlation, abs=1e-9)
    assert values(result, "goal", "pairs")[0, 0, 0] == pytest.approx(1)


def test_between_identical_ends_nothing_is_lost(run_of: Runs) -> None:
    run = run_of("vgg-batch", trained("vgg-batch", 0, 60), trained("vgg-batch", 0, 60))
    result = measured(run, "0.2,0.5")
    np.testing.assert_allclose(values(result, "ratio"), 1, rtol=1e-9)
    np.testing.assert_allclose(values(result, "correlation", "pairs"), 1, rtol=1e-9)


def variances(net: Mapping[str, Tensor], batches: list[reference.Array]) -> list[reference.Array]:
    arrays = {name: tensor.double().numpy() for name, tensor in net.items()}
    layers = reference.layers_of(arrays, ["layers.0", "layers.1", "classifier"])
    seen = [reference.forward(layers, batch)[1] for batch in batches]
    return [reference.batch_moments([batch[depth] for batch in seen])[1] for depth in (0, 1)]


@pytest.mark.parametrize("batch", [100, 500])
def test_ratios_match_loops(run_of: Runs, batch: int) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), calib_batch=batch)
    a, b = run.weights(0), run.weights(1)
    found = values(measured(run, "0.3,0.6"), "ratio")[0]
    batches = [
        x.flatten(1).numpy() for x, _ in run.calibration.split.even_batches(batch, torch.float64)
    ]
    ends = [variances(end, batches) for end in (a, b)]
    for number, alpha in enumerate((0.3, 0.6)):
        mixed = {name: (1 - alpha) * a[name] + alpha * b[name] for name in a}
        for depth, own in enumerate(variances(mixed, batches)):
            expected = own.sum() / (ends[0][depth].sum() / 2 + ends[1][depth].sum() / 2)
            assert found[number, depth] == pytest.approx(expected, rel=1e-10)


def test_the_batch_size_changes_a_ratio_by_its_sampling_error_only(run_of: Runs) -> None:
    ends = trained("mlp", 0), trained("mlp", 1)
    small, large = (
        values(measured(run_of("mlp", *ends, calib_batch=batch)), "ratio") for batch in (50, 5000)
    )
    np.testing.assert_allclose(small, large, rtol=0.03)  # unbiased: dividing by n would lose 2 %


@pytest.mark.parametrize("key", ["mlp", "vgg-batch"])
def test_the_first_layer_loses_what_its_correlations_say_and_later_ones_more(
    run_of: Runs, key: str
) -> None:
    run = run_of(key, trained(key, 0, 20), trained(key, 1, 20))
    result = measured(run, "0.25,0.5")
    found, predicted = values(result, "ratio")[0], values(result, "predicted", "pairs")[0]
    np.testing.assert_allclose(found[:, 0], predicted[:, 0], rtol=1e-9)
    assert (found[:, -1] < predicted[:, -1]).all()


@pytest.mark.parametrize("key", ["mlp", "resnet-fixup"])  # fused, and beside the weights
def test_after_exact_repair_the_ratio_is_its_goal(run_of: Runs, key: str) -> None:
    settings = {"aligner": None, "correction": REPAIR, "calib_batch": 5000, "calib_size": 300}
    run = run_of(key, trained(key, 0, 20), trained(key, 1, 20), **settings)
    result = measured(run, "0.3", at="both")
    assert list(values(result, "variant")) == ["plain", "repair"]
    goal = values(result, "goal", "pairs")[0]
    np.testing.assert_allclose(values(result, "ratio")[1], goal, rtol=5e-3)
    assert (values(result, "ratio")[0] < goal).all()


def test_a_permuted_copy_is_matched_again(run_of: Runs) -> None:
    a = trained("mlp", 0)
    order = torch.arange(16).flip(0)
    b = dict(a)
    b["layers.0.weight"], b["layers.0.bias"] = (
        a["layers.0.weight"][order],
        a["layers.0.bias"][order],
    )
    b["layers.1.weight"] = a["layers.1.weight"][:, order]
    result = measured(run_of("mlp", a, b), layer="layers.0")
    plain, align = values(result, "ratio")[:, 0]
    assert plain[0] < 0.9
    np.testing.assert_allclose(align, 1, rtol=1e-9)
    np.testing.assert_allclose(values(result, "correlation", "channels")[1], 1, rtol=1e-9)
    plain, align = values(result, "std", "channels")[:, 0]
    np.testing.assert_allclose(align, values(result, "std_a", "channels"), rtol=1e-9)


def test_one_pass_over_the_ends_serves_the_variants_that_share_them(
    run_of: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), correction=REPAIR)
    passed = MagicMock(side_effect=Calibration.paired_moments)
    monkeypatch.setattr(Calibration, "paired_moments", lambda *given: passed(*given))
    assert list(values(measured(run), "variant")) == ["plain", "align", "align+repair"]
    assert passed.call_count == 2


def test_silent_layers_have_no_ratio(run_of: Runs) -> None:
    ends = []
    for seed in (0, 1):
        weights = dict(trained("mlp", seed))
        ends.append(weights | {"layers.1.weight": torch.zeros(16, 16)})
    result = measured(run_of("mlp", *ends))
    assert np.isnan(values(result, "ratio")[:, :, 1]).all()
    assert metrics(result)["variance.ratio[variant=plain,alpha=0.5,layer=layers.1]"] is None
    assert tabulate(result).rows[1][2] == "nan"


@pytest.fixture
def ends(tmp_path: Path) -> list[Path]:
    return [save(tmp_path / f"{n}.safetensors", "mlp", trained("mlp", n)) for n in (0, 1)]


def test_the_command_keeps_tables_figures_and_metrics(ends: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "v.h5"
    asked = ("--align", "--repair", "--alphas", "0.25,0.5,0.75", "--layer", "*.1")
    done = invoke("variance", *ends, *asked, "--json", "-", "-o", out)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)["metrics"]
    assert 0 < found["variance.ratio[variant=align,alpha=0.5,layer=layers.1]"] < 1
    assert "variance.correlation[variant=plain,layer=layers.0]" in found
    with h5py.File(out) as file:
        assert file["variance/channels/std"].shape == (3, 3, 16)
        assert file["variance/channels"].attrs["layer"] == "layers.1"
        assert file["variance/layers"].attrs["batch"] == 500
    assert out.with_suffix(".png").stat().st_size > 5000
    shown = invoke("show", out).output
    assert "align+repair 0.75" in shown and "channel 0 to 15" in shown


def test_show_draws_ratios_over_depth(tmp_path: Path) -> None:
    ends = [save(tmp_path / f"{n}.safetensors", "vgg", trained("vgg", n, 60)) for n in (0, 1)]
    out = tmp_path / "v.h5"
    done = invoke("variance", *ends, "-o", out)
    assert done.exit_code == 0, done.output
    assert "layer 1 to 8" in invoke("show", out).output


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("--layer", "conv9"), "no layer is called 'conv9'; there are: layers.0, layers.1"),
        (
            ("--layer", "layers*"),
            "--layer takes one layer, but 'layers*' selects layers.0, layers.1",
        ),
        (("--alphas", "0,1"), "--alphas must name a position between 0 and 1, not '0,1'"),
        (("--alphas", "half"), "--alphas takes numbers like 0.25,0.5, not 'half'"),
        (("--at", "blocks"), "this model has no blocks to measure (--at blocks)"),
    ],
    ids=["layer", "layers", "ends", "text", "blocks"],
)
def test_what_cannot_be_measured_is_said(
    ends: list[Path], tmp_path: Path, asked: tuple[str, ...], told: str
) -> None:
    done = invoke("variance", *ends, *asked, "-o", tmp_path / "v.h5")
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1] == f"Error: {told}"
    assert not (tmp_path / "v.h5").exists()


@pytest.mark.parametrize(("alphas", "lines"), [("0.5", 3 + 1), ("0.25,0.75", 3 * 2)])
def test_the_figure_has_a_line_for_each_variant_and_alpha(
    run_of: Runs, alphas: str, lines: int
) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), correction=REPAIR)
    figure = Figure()
    draw(measured(run, alphas, layer="layers.0"), figure)
    ratios, correlations, channels = figure.axes
    words = [axes.get_legend_handles_labels()[1] for axes in (ratios, correlations, channels)]
    assert len(words[0]) == lines
    assert words[1] == ["plain", "align"]
    assert "layers.0" in channels.get_xlabel()
    assert [text.get_text() for text in ratios.get_xticklabels()] == ["layers.0", "layers.1"]
