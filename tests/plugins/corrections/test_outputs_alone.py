"""REPAIR where outputs alone are looked at: BatchNorm statistics in the place of goals."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from unittest.mock import MagicMock

import torch

from lmctool.graph.graph import Graph
from lmctool.plugin.settings import Choice
from lmctool.run.run import Run
from tests.plugins.pairs import run_of, trained

if TYPE_CHECKING:
    import pytest

__all__ = ["run_of"]

Runs = Callable[..., Run]


def repaired(run_of: Runs, key: str, targets: str = "layers", **settings: object) -> Run:
    correction = Choice("repair", {"targets": targets})
    ends = trained(key, 0, 20), trained(key, 1, 20)
    return run_of(
        key, *ends, aligner=None, correction=correction, calib_size=200, limit=200, **settings
    )


def test_a_batchnorm_behind_every_target_makes_the_goal_cancel(run_of: Runs) -> None:
    run = repaired(run_of, "vgg-batch")
    by_goals, by_statistics = (run.variants(outputs_alone=alone)[1] for alone in (False, True))
    assert run.resources.corrected["as_batchnorm"] == len(run.resources.targets("layers"))
    networks = [variant.at(0.3) for variant in (by_goals, by_statistics)]
    weight = run.resources.targets("layers")[0].weight
    assert not torch.allclose(networks[0][weight], networks[1][weight])
    scores = run.evaluate(networks, per_example=True)
    (split,) = scores.splits
    torch.testing.assert_close(*map(torch.from_numpy, scores.losses[split]), rtol=1e-9, atol=1e-9)
    plain = run.evaluate([run.batchnorm.mix(run.weights(0), run.weights(1), 0.3)])
    assert abs(plain.loss[0, 0] - scores.loss[0, 0]) > 1e-3


def test_the_ends_are_passed_over_only_where_a_goal_is_needed(
    run_of: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = MagicMock(side_effect=Graph.bound)
    monkeypatch.setattr(Graph, "bound", lambda *given: passed(*given))
    for key, targets, ends in (("vgg-batch", "layers", 0), ("mlp", "layers", 2)):
        run = repaired(run_of, key, targets)
        pieces = run.calibration._pieces([t.tap for t in run.resources.targets("layers")])
        batches = run.calibration.split.even_batches(run.settings.calib_batch, run.dtype)
        once = sum(len(pieces.of(inputs)) for inputs, _ in batches)
        between = partial(run.variants, outputs_alone=True)()[1]
        assert passed.call_count == ends * once
        between.at(0.5)
        assert passed.call_count == (ends + 1) * once
        passed.reset_mock()


def test_networks_that_are_written_keep_their_goals(run_of: Runs) -> None:
    run = repaired(run_of, "vgg-batch")
    first = run.resources.targets("layers")[0]
    plain, written = (
        run.variants(storable=True, outputs_alone=alone)[1].at(0.3) for alone in (False, True)
    )
    assert torch.equal(plain[first.weight], written[first.weight])
    assert "as_batchnorm" not in run.resources.corrected


def test_moments_of_an_end_are_taken_once(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0, 20), trained("mlp", 1, 20), calib_size=100)
    axes = {target.tap: target.axis for target in run.resources.targets("layers")}
    first, second = run.calibration.moments_of_ends([run.weights(0), run.weights(1)], axes)
    again, mixed = run.calibration.moments_of_ends([run.weights(0), dict(run.weights(1))], axes)
    assert again is first
    assert mixed is not second
    tap = next(iter(axes))
    assert torch.equal(mixed[tap].mean, second[tap].mean)
    assert run.calibration.moments_of_ends([run.weights(0)], dict(list(axes.items())[:1])) != [
        first
    ]
