"""REPAIR: the exact variant against loops, BatchNorm reset, and fused weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from lmctool.errors import LmctoolError
from lmctool.run.repair import renormalised_path
from lmctool.run.run import Run
from lmctool_plugins.corrections import reset
from tests import reference
from tests.plugins.pairs import initial, plain_loss, trained

Runs = Callable[..., Run]


@pytest.mark.parametrize("alpha", [0.2, 0.5])
def test_the_exact_variant_matches_loops(run_of: Runs, alpha: float) -> None:
    a, b = trained("mlp", 0), trained("mlp", 1)
    run = run_of("mlp", a, b)
    weights = renormalised_path(
        run, run.weights(0), run.weights(1), storable=True, targets="layers"
    )(alpha)
    names = ["layers.0", "layers.1", "classifier"]
    nets = [
        reference.layers_of({k: v.double().numpy() for k, v in net.items()}, names)
        for net in (a, b)
    ]
    batches = [
        x.flatten(1).numpy() for x, _ in run.calibration.split.even_batches(500, torch.float64)
    ]
    for name, (weight, bias) in zip(
        names, reference.repair(nets[0], nets[1], alpha, batches), strict=True
    ):
        np.testing.assert_allclose(weights[f"{name}.weight"], weight, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(weights[f"{name}.bias"], bias, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("key", ["mlp-batch", "vgg-batch", "resnet-batch", "resnet-batch-A"])
def test_repair_of_the_layers_equals_a_reset_behind_every_layer(run_of: Runs, key: str) -> None:
    run = run_of(key, trained(key, 0, 20), trained(key, 1, 20))
    a, b = run.weights(0), run.weights(1)
    repaired = renormalised_path(run, a, b, storable=False, targets="layers")(0.4)
    again = reset.prepare(run, a, b, storable=False)(0.4)
    scores = run.evaluate([repaired, again, run.batchnorm.mix(a, b, 0.4)])
    assert scores.loss[0, 0] == pytest.approx(scores.loss[0, 1], rel=1e-5)
    assert scores.loss[0, 2] != pytest.approx(scores.loss[0, 1], rel=1e-2)


@pytest.mark.parametrize("key", ["mlp-batch", "resnet-batch"])
def test_a_reset_is_what_torch_does_in_training_mode(run_of: Runs, key: str) -> None:
    run = run_of(key, trained(key, 0, 20), trained(key, 1, 20))
    mixed = run.batchnorm.mix(run.weights(0), run.weights(1), 0.5)
    module = initial(key, 0).double()
    module.load_state_dict(mixed)
    for part in module.modules():
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
            part.reset_running_stats()
            part.momentum = None  # the simple average over batches
    with torch.no_grad():
        for inputs, _ in run.calibration.split.even_batches(500, torch.float64):
            module.train()(inputs)
    for name, tensor in run.batchnorm.reset(mixed).items():
        if "running" in name:
            torch.testing.assert_close(tensor, module.state_dict()[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "key", ["mlp", "mlp-layer", "vgg", "vgg-batch", "resnet-batch", "resnet-layer"]
)
def test_fused_weights_give_the_same_loss_in_plain_torch(run_of: Runs, key: str) -> None:
    run = run_of(key, trained(key, 0, 20), trained(key, 1, 20))
    weights = renormalised_path(run, run.weights(0), run.weights(1), storable=True, targets="both")(
        0.5
    )
    assert not any(name.startswith("@") for name in weights)
    inside = run.evaluate([weights]).loss[0, 0]
    assert plain_loss(key, weights) == pytest.approx(inside, rel=1e-10)


def test_what_cannot_be_fused_is_evaluated_and_said(run_of: Runs) -> None:
    notes: list[str] = []
    key = "resnet-fixup"
    run = run_of(key, trained(key, 0, 20), trained(key, 1, 20))
    run.note = notes.append
    a, b = run.weights(0), run.weights(1)
    weights = renormalised_path(run, a, b, storable=False, targets="both")(0.5)
    assert sum(name.endswith(".scale") and name[0] == "@" for name in weights) == 19 + 9
    assert run.evaluate([weights]).loss[0, 0] > 0
    with pytest.raises(LmctoolError, match="can hold"):
        renormalised_path(run, a, b, storable=True, targets="both")
    assert "28 targets cannot be stored" in notes[0]


def test_repaired_statistics_are_the_goals(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0, 60), trained("mlp", 1, 60), calib_batch=5000)
    a, b = run.weights(0), run.weights(1)
    weights = renormalised_path(run, a, b, storable=True, targets="layers")(0.5)
    axes = {target.tap: target.axis for target in run.resources.targets("layers")}
    first, second, own = (run.calibration.moments(w, axes) for w in (a, b, weights))
    mixed = run.calibration.moments(run.batchnorm.mix(a, b, 0.5), axes)
    for tap in axes:
        # the calibration set is one batch, so that all that is left is BatchNorm's epsilon
        mean, std = (first[tap].mean + second[tap].mean) / 2, (first[tap].std + second[tap].std) / 2
        torch.testing.assert_close(own[tap].mean, mean, rtol=0, atol=2e-3)
        torch.testing.assert_close(own[tap].std, std, rtol=0, atol=2e-3)
        assert (mixed[tap].std < std).double().mean() > 0.9  # variance collapse without it


def test_reset_needs_a_batchnorm(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1))
    with pytest.raises(LmctoolError, match="no BatchNorm statistics"):
        reset.prepare(run, run.weights(0), run.weights(1), storable=False)


@pytest.mark.parametrize(("policy", "end"), [("a", 0), ("b", 1)])
def test_running_statistics_can_be_taken_from_one_end(run_of: Runs, policy: str, end: int) -> None:
    key = "mlp-batch"
    settings: dict[str, Any] = {"batchnorm": policy}
    run = run_of(key, trained(key, 0, 20), trained(key, 1, 20), **settings)
    a, b = run.weights(0), run.weights(1)
    mixed = run.batchnorm.mix(a, b, 0.5)
    given = (a, b)[end]
    assert torch.equal(mixed["norms.0.running_mean"], given["norms.0.running_mean"])
    assert not torch.equal(mixed["norms.0.weight"], given["norms.0.weight"])
    plain = run.variants()[0]
    for alpha, ends in ((0.0, a), (1.0, b)):
        assert all(torch.equal(plain.at(alpha)[name], ends[name]) for name in ends)
