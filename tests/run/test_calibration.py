"""How many examples an alignment looks at at once, as results and later runs know it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from lmctool import statistics
from lmctool.plugin.settings import Choice
from lmctool.results.journal import Journal
from lmctool.results.provenance import GROUP
from lmctool.results.result import Result
from lmctool.run.provenance import complete
from lmctool.run.run import Run
from tests.plugins.pairs import initial, run_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

__all__ = ["run_of"]

Runs = Callable[..., Run]
CROSS = statistics.cross


def pair(run_of: Runs, **settings: Any) -> Run:
    ends = [initial("mlp", seed).state_dict() for seed in (0, 1)]
    return run_of("mlp", *ends, calib_size=200, allow_chance=True, **settings)


def test_batches_halve_when_memory_runs_out_and_a_run_that_goes_on_takes_as_many(
    run_of: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = pair(run_of, aligner=None)
    a, b = run.weights(0), run.weights(1)
    taps = [tap for several in run.permutation_spec.taps.values() for tap in several]
    largest: list[int] = []

    def scarce(
        graph: Any, a: Any, b: Any, taps: Any, batches: Iterable[torch.Tensor], _: Any
    ) -> Any:
        inputs = list(batches)
        largest.append(max(map(len, inputs)))
        if largest[-1] > 30:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return CROSS(graph, a, b, taps, inputs)

    monkeypatch.setattr(statistics, "cross", scarce)
    first = replace(run.calibration, journal=Journal(tmp_path))
    assert first.compared_at_once is None
    first.cross_moments(a, b, taps)
    assert largest == [100, 50, 25]
    assert first.compared_at_once == 25
    # an alignment that the journal has is not searched again, but its batches are still recorded
    assert replace(run.calibration, journal=Journal(tmp_path)).compared_at_once == 25
    replace(run.calibration, journal=Journal(tmp_path)).cross_moments(a, b, taps)
    assert largest == [100, 50, 25, 25]


def test_a_result_records_how_many_examples_its_alignment_looked_at_at_once(run_of: Runs) -> None:
    for aligner, expected in ((Choice("activation", {"tap": "post"}), 100), (None, None)):
        run = pair(run_of, aligner=aligner)
        run.calibration.moments(run.weights(0), {})
        if aligner:
            run.align(run.weights(0), run.weights(1))
        result = complete(run, Result("barrier", {}), command="lmctool barrier", options={})
        attributes = result.groups[GROUP].attributes
        assert attributes["calibration.batch"] == run.settings.calib_batch
        assert attributes.get("alignment.batch") == expected
