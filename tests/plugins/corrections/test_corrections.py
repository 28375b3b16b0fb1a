"""The variants of REPAIR: closed form, each half alone, and what a checkpoint can hold of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from lmctool.errors import LmctoolError
from lmctool.graph.graph import Graph
from lmctool.plugin import registry
from lmctool.plugin.kinds import CORRECTIONS
from lmctool.plugin.settings import Choice
from lmctool.run.run import Run
from lmctool.testing import invoke
from tests import reference
from tests.plugins.pairs import plain_loss, save, trained

if TYPE_CHECKING:
    from pathlib import Path

Runs = Callable[..., Run]
Between = Callable[[float], Mapping[str, Tensor]]
NAMES = ["layers.0", "layers.1", "classifier"]


def prepared(
    name: str, run: Run, a: Mapping[str, Tensor], b: Mapping[str, Tensor], **options: Any
) -> Between:
    """Return the corrected path of a correction, by its name."""
    chosen = {} if name == "reset" else {"targets": "layers"}
    prepare = registry.load(CORRECTIONS, name).prepare
    between: Between = prepare(run, a, b, **{"storable": False, **chosen, **options})
    return between


def layers(weights: Mapping[str, Tensor]) -> list[reference.Layer]:
    arrays = {name: tensor.double().numpy() for name, tensor in weights.items()}
    return reference.layers_of(arrays, NAMES)


def closed_form(
    a: list[reference.Layer],
    b: list[reference.Layer],
    alpha: float,
    batches: list[reference.Array],
) -> list[reference.Layer]:
    """Return the network at alpha with each hidden row scaled by REPAIR's beta (section 4.1)."""
    found = []
    for depth, ((wa, ba), (wb, bb)) in enumerate(zip(a, b, strict=True)):
        weight, bias = (1 - alpha) * wa + alpha * wb, (1 - alpha) * ba + alpha * bb
        for unit in range(len(bias) if depth < len(a) - 1 else 0):
            pairs = []
            for batch in batches:
                x, y = (reference.forward(net, batch)[1][depth][:, unit] for net in (a, b))
                pairs.append((np.cov(x, y), x.mean(), y.mean()))
            (v1, cov), (_, v2) = np.mean([pair[0] for pair in pairs], axis=0)
            mean = np.mean([(1 - alpha) * pair[1] + alpha * pair[2] for pair in pairs])
            mixed = (1 - alpha) ** 2 * v1 + alpha**2 * v2 + 2 * alpha * (1 - alpha) * cov
            beta = ((1 - alpha) * np.sqrt(v1) + alpha * np.sqrt(v2)) / np.sqrt(mixed + 1e-5)
            weight[unit], bias[unit] = weight[unit] * beta, (bias[unit] - mean) * beta + mean
        found.append((weight, bias))
    return found


@pytest.mark.parametrize("alpha", [0.2, 0.5])
def test_the_closed_form_matches_loops(run_of: Runs, alpha: float) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1))
    a, b = run.weights(0), run.weights(1)
    weights = prepared("closed-form", run, a, b, storable=True)(alpha)
    batches = [
        x.flatten(1).numpy() for x, _ in run.calibration.split.even_batches(500, torch.float64)
    ]
    expected = closed_form(layers(a), layers(b), alpha, batches)
    for name, (weight, bias) in zip(NAMES, expected, strict=True):
        np.testing.assert_allclose(weights[f"{name}.weight"], weight, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(weights[f"{name}.bias"], bias, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("key", ["mlp", "mlp-batch", "vgg", "vgg-batch", "resnet-batch"])
def test_the_closed_form_is_exact_in_the_first_layer_only(run_of: Runs, key: str) -> None:
    run = run_of(key, trained(key, 0, 20), trained(key, 1, 20))
    a, b = run.weights(0), run.weights(1)
    exact, closed = (prepared(name, run, a, b)(0.3) for name in ("repair", "closed-form"))
    first, second, *_ = run.resources.targets("layers")
    norm = first.batchnorm
    names = [first.weight, first.bias, *((norm.mean, norm.variance) if norm else ())]
    for name in filter(None, names):
        torch.testing.assert_close(exact[name], closed[name], rtol=1e-10, atol=1e-12)
    assert not torch.allclose(exact[second.weight], closed[second.weight], rtol=1e-3)


def test_the_closed_form_gives_the_goal_standard_deviation_in_the_first_layer(
    run_of: Runs,
) -> None:
    run = run_of("vgg", trained("vgg", 0, 60), trained("vgg", 1, 60), calib_batch=5000)
    a, b = run.weights(0), run.weights(1)
    first, *_ = run.resources.targets("layers")
    ends, axes = [a, b], {first.tap: first.axis}
    weights = prepared("closed-form", run, a, b)(0.25)
    (x, y), own = (
        (run.calibration.moments(w, axes)[first.tap] for w in ends),
        run.calibration.moments(weights, axes),
    )
    shown = own[first.tap]
    torch.testing.assert_close(shown.mean, 0.75 * x.mean + 0.25 * y.mean, rtol=1e-9, atol=1e-12)
    # what is left is the epsilon under the root
    torch.testing.assert_close(shown.std, 0.75 * x.std + 0.25 * y.std, rtol=1e-3, atol=1e-3)


def test_the_closed_form_leaves_residual_streams_alone_by_default(run_of: Runs) -> None:
    (option,) = registry.load(CORRECTIONS, "closed-form").options
    assert option.default == "layers"
    key = "resnet-fixup"
    run = run_of(key, trained(key, 0, 20), trained(key, 1, 20), calib_size=200)
    a, b = run.weights(0), run.weights(1)
    *_, last = run.resources.targets("blocks")
    axes = {last.tap: last.axis}
    first, second = (run.calibration.moments(end, axes)[last.tap].variance.sum() for end in (a, b))
    once, again = (
        run.calibration.moments(prepared("closed-form", run, a, b, targets=kind)(0.5), axes)
        for kind in ("layers", "both")
    )
    # each block would scale what the blocks before it have scaled
    assert again[last.tap].variance.sum() > 2 * (first + second) / 2
    assert once[last.tap].variance.sum() < 2 * (first + second) / 2


@pytest.mark.parametrize("name", ["repair", "closed-form", "rescale", "shift"])
def test_a_correction_does_not_depend_on_the_order_of_the_units(run_of: Runs, name: str) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), aligner=Choice("random"))
    a, b = run.weights(0), run.weights(1)
    order = run.align(a, b)
    moved = prepared(name, run, order.apply(a), order.apply(b))(0.4)
    for key, tensor in order.apply(prepared(name, run, a, b)(0.4)).items():
        torch.testing.assert_close(moved[key], tensor, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ["repair", "closed-form", "rescale", "shift", "reset"])
def test_a_correction_from_b_to_a_is_that_from_a_to_b(run_of: Runs, name: str) -> None:
    run = run_of("mlp-batch", trained("mlp-batch", 0), trained("mlp-batch", 1))
    a, b = run.weights(0), run.weights(1)
    back = prepared(name, run, b, a)(0.7)
    for key, tensor in prepared(name, run, a, b)(0.3).items():
        torch.testing.assert_close(back[key], tensor, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    ("name", "each"), [("repair", 1), ("rescale", 1), ("shift", 1), ("closed-form", 0)]
)
def test_one_pass_over_each_end_serves_every_alpha(
    run_of: Runs, monkeypatch: pytest.MonkeyPatch, name: str, each: int
) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1))
    a, b = run.weights(0), run.weights(1)
    batches = len(list(run.calibration.split.even_batches(run.settings.calib_batch, run.dtype)))
    passed = MagicMock(side_effect=Graph.bound)
    monkeypatch.setattr(Graph, "bound", lambda *given: passed(*given))
    between = prepared(name, run, a, b)
    assert passed.call_count == 2 * batches
    for alpha in (0.25, 0.5, 0.75):
        between(alpha)
    assert passed.call_count == (2 + 3 * each) * batches


@pytest.mark.parametrize("key", ["mlp", "resnet-fixup"])  # fused, and beside the weights
@pytest.mark.parametrize(("name", "holds"), [("rescale", "std"), ("shift", "mean")])
def test_half_of_repair_sets_one_statistic_everywhere(
    run_of: Runs, key: str, name: str, holds: str
) -> None:
    run = run_of(key, trained(key, 0, 20), trained(key, 1, 20), calib_batch=5000, calib_size=300)
    a, b = run.weights(0), run.weights(1)
    axes = {target.tap: target.axis for target in run.resources.targets("both")}
    weights = prepared(name, run, a, b, targets="both")(0.3)
    ends = [run.calibration.moments(end, axes) for end in (a, b)]
    own, mixed = (
        run.calibration.moments(weights, axes),
        run.calibration.moments(run.batchnorm.mix(a, b, 0.3), axes),
    )
    for tap in axes:
        x, y = (getattr(moments[tap], holds) for moments in ends)
        # one batch of statistics: what is left is the epsilon under the root, and that a
        # BatchNorm normalises by the biased variance but keeps the unbiased one
        wanted = 0.7 * x + 0.3 * y
        torch.testing.assert_close(getattr(own[tap], holds), wanted, rtol=3e-3, atol=4e-3)
    other = "mean" if holds == "std" else "variance"
    tap = next(iter(axes))  # of later ones the inputs have changed
    torch.testing.assert_close(getattr(own[tap], other), getattr(mixed[tap], other))


def test_rescaling_the_first_layer_is_repairing_it(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1))
    a, b = run.weights(0), run.weights(1)
    whole, half = (prepared(name, run, a, b)(0.5) for name in ("repair", "rescale"))
    for name in ("layers.0.weight", "layers.0.bias"):  # its mean is the goal's already
        torch.testing.assert_close(whole[name], half[name], rtol=1e-10, atol=1e-12)
    assert not torch.allclose(whole["layers.1.bias"], half["layers.1.bias"], rtol=1e-3)


@pytest.mark.parametrize("name", ["repair", "closed-form", "rescale", "shift"])
def test_silent_units_stay_silent(run_of: Runs, name: str) -> None:
    ends = []
    for seed in (0, 1):
        weights = {key: tensor.clone() for key, tensor in trained("mlp", seed).items()}
        weights["layers.1.weight"][3] = 0
        ends.append(weights)
    run = run_of("mlp", *ends)
    found = prepared(name, run, run.weights(0), run.weights(1))(0.5)
    assert not found["layers.1.weight"][3].any()
    assert all(torch.isfinite(tensor).all() for tensor in found.values())


@pytest.mark.parametrize(
    ("key", "name"),
    [
        *((key, name) for key in ("mlp", "vgg") for name in ("repair", "closed-form", "rescale")),
        ("mlp", "shift"),
        *(("resnet-batch", name) for name in ("repair", "closed-form", "rescale", "shift")),
        ("resnet-batch", "reset"),
    ],
)
def test_a_written_checkpoint_is_the_network_that_was_evaluated(
    tmp_path: Path, key: str, name: str
) -> None:
    ends = [save(tmp_path / f"{n}.safetensors", key, trained(key, n, 60)) for n in (0, 1)]
    out = tmp_path / "merged.safetensors"
    done = invoke("repair", *ends, "--correction", name, "--json", "-", "-o", out)
    assert done.exit_code == 0, done.output
    inside = json.loads(done.stdout)["metrics"]["repair.loss[network=repair,split=test]"]
    assert plain_loss(key, load_file(out)) == pytest.approx(inside, rel=1e-5)
    with safe_open(out, "pt") as file:
        assert file.metadata()["lmctool.made"] == f"repair, correction {name}, alpha 0.5"


@pytest.mark.parametrize("name", ["repair", "closed-form", "rescale", "shift"])
def test_what_no_checkpoint_can_hold_is_said(run_of: Runs, name: str) -> None:
    key = "resnet-fixup"
    run = run_of(key, trained(key, 0, 20), trained(key, 1, 20))
    with pytest.raises(LmctoolError, match="a checkpoint of this model can hold nothing"):
        prepared(name, run, run.weights(0), run.weights(1), storable=True)


def test_reset_needs_a_batchnorm(tmp_path: Path) -> None:
    ends = [save(tmp_path / f"{n}.safetensors", "mlp", trained("mlp", n)) for n in (0, 1)]
    done = invoke("repair", *ends, "--correction", "reset", "-o", tmp_path / "out.h5")
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1] == (
        "Error: the model has no BatchNorm statistics to reset; correction 'repair' needs none"
    )
    assert not (tmp_path / "out.h5").exists()


def test_a_half_leaves_the_other_batchnorm_statistic(run_of: Runs) -> None:
    run = run_of("mlp-batch", trained("mlp-batch", 0), trained("mlp-batch", 1))
    a, b = run.weights(0), run.weights(1)
    mixed = run.batchnorm.mix(a, b, 0.5)
    moved, scaled = (prepared(name, run, a, b)(0.5) for name in ("shift", "rescale"))
    variance = "norms.0.running_var"
    assert torch.equal(moved[variance], mixed[variance])
    assert not torch.equal(scaled[variance], mixed[variance])
