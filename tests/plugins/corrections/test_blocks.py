"""REPAIR of residual blocks: their statistics, how many were corrected, and what isn't there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.plugin.settings import Choice, Settings
from lmctool.run.provenance import provenance
from lmctool.run.repair import renormalised_path
from lmctool.run.run import Run
from lmctool_plugins.analyses.variance.measure import measure
from tests.graph import residual_models
from tests.plugins.pairs import initial, run_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from lmctool.results.result import Result

__all__ = ["run_of"]

Opened = tuple[Run, list[str]]


def scattered(module: nn.Module) -> dict[str, Tensor]:
    """Return weights of a network whose values vary far more than the epsilon under roots."""
    scale = {True: 3.0, False: 1.0}
    return {
        name: scale[tensor.ndim > 1] * tensor + 0.3 * (tensor.ndim == 1) * torch.randn_like(tensor)
        for name, tensor in module.state_dict().items()
    }


@pytest.fixture(scope="module")
def permuted(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """Prepare a run on two LayerNorm ResNets that are spelled with permutes, and its notes."""
    folder = tmp_path_factory.mktemp("permuted")
    paths = []
    for seed in range(2):
        torch.manual_seed(seed)
        paths.append(folder / f"{seed}.safetensors")
        save_file(scattered(residual_models.LayerNormResNet()), paths[-1])
    notes: list[str] = []
    settings = Settings(
        (paths[0], paths[1]),
        model=f"{residual_models.__file__}:LayerNormResNet",
        data="digits",
        dtype="float64",
        calib_size=300,
        correction=Choice("repair", {"targets": "both"}),
    )
    return Run("barrier", registry.load(ANALYSES, "barrier"), settings, note=notes.append), notes


def corrected(run: Run, kind: Any, alpha: float) -> Mapping[str, Tensor]:
    a, b = run.weights(0), run.weights(1)
    return renormalised_path(run, a, b, storable=False, targets=kind)(alpha)


def test_channels_of_permuted_layers_and_blocks_get_the_statistics_of_the_goal(
    permuted: Opened,
) -> None:
    run, notes = permuted
    targets = run.resources.targets("both")
    assert [target.kind for target in targets].count("block") == 2
    axes = {target.tap: target.axis for target in targets}
    first, second, own = (
        run.calibration.moments(weights, axes)
        for weights in (run.weights(0), run.weights(1), corrected(run, "both", 0.3))
    )
    for tap in axes:
        std = 0.7 * first[tap].std + 0.3 * second[tap].std
        mean = 0.7 * first[tap].mean + 0.3 * second[tap].mean
        # one batch of 19,200 values a channel: what is left is that a BatchNorm divides by the
        # biased deviation, and the epsilon under the root
        torch.testing.assert_close(own[tap].std, std, rtol=1e-3, atol=0)
        assert ((own[tap].mean - mean).abs() < 1e-3 * std).all()
    assert notes == []
    assert run.resources.corrected == {"layers": 3, "blocks": 2}
    settings = provenance(run, "barrier", {}).settings
    assert (settings["correction.layers"], settings["correction.blocks"]) == (3, 2)


def test_blocks_beside_layers_give_another_network_than_layers_alone(
    permuted: Opened, run_of: Callable[..., Run]
) -> None:
    torch.manual_seed(0)
    key = "resnet-layer"
    grouped = run_of(key, *(scattered(initial(key, seed)) for seed in range(2)), calib_size=60)
    for run in (permuted[0], grouped):
        networks = [corrected(run, kind, 0.5) for kind in ("layers", "both")]
        scores = run.evaluate(networks, [run.split("test")])
        one, other = scores.loss[0]
        assert one != pytest.approx(other, rel=1e-3)


def test_variance_has_a_row_for_each_permuted_block(permuted: Opened) -> None:
    result: Result = measure(permuted[0], "0.5", "both", None)
    layers = result.groups["variance/layers"].variables
    assert layers["kind"].values.tolist() == ["layer", "layer", "block", "layer", "block"]
    goals = result.groups["variance/pairs"].variables["goal"].values
    np.testing.assert_allclose(layers["ratio"].values[1], goals[-1], rtol=2e-3)


def test_a_model_without_blocks_is_told_of(run_of: Callable[..., Run], tmp_path: Path) -> None:
    weights = initial("mlp", 0).state_dict()
    run = run_of("mlp", weights, weights, calib_size=50)
    notes: list[str] = []
    run.resources.note = notes.append
    corrected(run, "both", 0.5)
    assert notes == [
        "no residual block was found in this model, so that of layers and blocks it has layers"
        " alone"
    ]
    assert run.resources.corrected == {"layers": 2, "blocks": 0}
