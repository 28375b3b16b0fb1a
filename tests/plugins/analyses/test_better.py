"""Which way each metric of the analyses is better; a baseline judges by these alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmctool.gates.baseline import Tolerance, baseline_of
from lmctool.gates.policy import guards
from lmctool.results.file import read
from lmctool.results.metrics import listed
from lmctool.testing import invoke
from tests import every

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOSS_AND_ERROR = {"{}.loss": "lower", "{}.error": "lower"}
HEIGHTS = {
    f"{{}}.{which}_{metric}": "lower"
    for which in ("barrier", "delta", "full_barrier", "full_delta")
    for metric in ("loss", "error")
}
WAYS: dict[str, dict[str, str]] = {
    "align": LOSS_AND_ERROR,
    "barrier": {**LOSS_AND_ERROR, "end.loss": "lower", "end.error": "lower"},
    "curve": {
        f"{{}}.{which}.{metric}": "lower"
        for which in ("barrier", "delta", "highest")
        for metric in ("loss", "error")
    },
    "distance": {},
    "el2n": {},
    "graft": LOSS_AND_ERROR,
    "instability": {
        **{
            f"{{}}.{which}{metric}": "lower"
            for which in ("", "pair_", "end_")
            for metric in ("loss", "error")
        },
        "{}.stable_from": "lower",
    },
    "interpolate": {
        f"{{}}.{which}_{metric}": "lower"
        for which in ("delta", "highest")
        for metric in ("loss", "error")
    },
    "layerwise": HEIGHTS,
    "matrix": {
        "{}.barrier_loss": "lower",
        "{}.barrier_error": "lower",
        "{}.end_loss": "lower",
        "{}.end_error": "lower",
        "{}.clusters": "lower",
        "{}.connected": "higher",
    },
    "merge": LOSS_AND_ERROR,
    "plane": {
        f"{{}}.{which}_{metric}": "lower"
        for which in ("corner", "lowest", "highest")
        for metric in ("loss", "error")
    },
    "repair": LOSS_AND_ERROR,
    "sharpness": {
        **LOSS_AND_ERROR,
        "{}.eigenvalue": "lower",
        "{}.trace": "lower",
    },
    "similarity": {"{}.lowest_cka": "higher", "{}.last_cka": "higher"},
    "trajectory": {},
    "variance": {},
}
"""The metrics of an analysis that are better one way; places, shares, gains and bounds are not."""


@pytest.mark.parametrize("name", every.WORDS)
def test_metrics_say_which_way_they_are_better(name: str, made: Callable[[str], Path]) -> None:
    ways = {metric.name: metric.better for metric in listed(read(made(name))) if metric.better}
    assert ways == {metric.format(name): way for metric, way in WAYS[name].items()}


def test_a_baseline_asks_of_each_metric_for_its_better_way(made: Callable[[str], Path]) -> None:
    gates = guards(baseline_of(read(made("matrix")), made("matrix")), Tolerance())
    assert {gate.title for gate in gates} == {
        "matrix.barrier_loss <= baseline",
        "matrix.barrier_error <= baseline",
        "matrix.end_loss <= baseline",
        "matrix.end_error <= baseline",
        "matrix.clusters <= baseline",
        "matrix.connected >= baseline",
    }


def test_what_parts_and_single_examples_do_says_nothing_of_a_network(tmp_path: Path) -> None:
    few = ("--points", "3", "--limit", "40", "--by-split", "class", "-q")
    own = {"barrier": ("--per-example", "--bootstrap", "5"), "interpolate": ()}
    for name, words in own.items():
        out = tmp_path / f"{name}.h5"
        done = invoke(name, every.A, every.B, *few, *words, "-o", out)
        assert done.exit_code == 0, done.output
        ways = {metric.name: metric.better for metric in listed(read(out))}
        alone = [n for n in ways if "examples" in n or "part_" in n or n.endswith("95")]
        assert alone and not any(ways[n] for n in alone)
        assert any(ways.values())
