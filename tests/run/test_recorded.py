"""A run of a model that is recorded gives what a run of the same model, exported, gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lmctool.graph.module import fresh
from lmctool.graph.recorder import record_graph
from lmctool.run.repair import renormalised_path
from lmctool.symmetry.linear.transform import permutation_part
from tests.plugins.pairs import initial, run_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lmctool.run.run import Run

    Weights = Mapping[str, torch.Tensor]

__all__ = ["run_of"]
KEY = "resnet-batch"


def close(a: Weights, b: Weights) -> bool:
    return a.keys() == b.keys() and all(torch.allclose(a[n], b[n], rtol=1e-9) for n in a)


def plain(weights: Weights, names: Mapping[str, str]) -> Weights:
    """Return weights whose corrections have the names that another graph has for their taps."""

    def renamed(name: str) -> str:
        tap, dot, what = name.removeprefix("@").rpartition(".")
        return f"@{names[tap]}{dot}{what}" if name.startswith("@") else name

    return {renamed(name): tensor for name, tensor in weights.items()}


def test_statistics_corrections_and_alignment_are_those_of_the_exported_model(
    run_of: Callable[..., Run],
) -> None:
    ends = [initial(KEY, seed).double().state_dict() for seed in (0, 1)]
    settings = {"calib_size": 60, "calib_batch": 30, "batchnorm": "reset"}
    exported, recorded = (run_of(KEY, *ends, **settings) for _ in range(2))
    inputs = recorded.resources.traced(2)
    assert isinstance(inputs, torch.Tensor)
    graph = record_graph(fresh(recorded.resources.module), (inputs,))
    recorded.resources.__dict__["graph"] = graph
    assert (exported.graph.tracer, recorded.graph.tracer) == ("export", "dispatch")

    resets = [
        run.batchnorm.mix(run.weights(0), run.weights(1), 0.5) for run in (exported, recorded)
    ]
    assert close(*resets)
    changed = [name for name in resets[0] if not torch.equal(resets[0][name], ends[0][name])]
    assert any("running" in name for name in changed)

    taps = {
        mine.tap: theirs.tap
        for mine, theirs in zip(
            recorded.resources.targets("both"), exported.resources.targets("both"), strict=True
        )
    }
    expected, repaired = (
        renormalised_path(run, run.weights(0), run.weights(1), storable=False, targets="both")(0.5)
        for run in (exported, recorded)
    )
    assert sum(name.startswith("@") for name in repaired) == 2 * 9
    assert close(plain(repaired, taps), expected)
    # the corrected network is computed with its corrections
    batch = recorded.resources.traced(4)
    assert isinstance(batch, torch.Tensor)
    outputs = (
        run.graph.run(weights, batch, run_edits(run, weights))
        for run, weights in ((exported, expected), (recorded, repaired))
    )
    torch.testing.assert_close(*outputs, rtol=1e-8, atol=1e-10)

    first, second = (
        permutation_part(run.align(run.weights(0), run.weights(1))) for run in (exported, recorded)
    )
    assert first.moves.keys() == second.moves.keys()
    assert all(torch.equal(first.moves[group], second.moves[group]) for group in first.moves)


def run_edits(run: Run, weights: Weights) -> Mapping[str, Callable[[torch.Tensor], torch.Tensor]]:
    from lmctool.graph.tap_affine import correction_edits

    return correction_edits(run.graph, weights)
