"""Runs that look at a share of the examples: barrier, matrix and layerwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmctool.errors import ExitCode, LmctoolError
from lmctool.gates.gate import judge, written_gate
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.plugin.settings import Choice, Settings
from lmctool.results.file import read
from lmctool.results.metrics import listed
from lmctool.run.run import Run
from lmctool.testing import invoke
from lmctool_plugins.analyses.barrier.measure import measure as measure_barrier
from lmctool_plugins.analyses.layerwise.measure import measure as measure_layerwise
from lmctool_plugins.analyses.matrix.measure import measure as measure_matrix
from tests.plugins.pairs import save, trained

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lmctool.results.result import Result

EXACT = "error:1e-9"
"""A width that all examples alone can give."""


@pytest.fixture
def run_with(tmp_path: Path) -> Callable[..., Run]:
    """Prepare a run of an analysis on two small networks."""
    paths = tuple(
        save(tmp_path / f"{seed}.safetensors", "mlp", trained("mlp", seed)) for seed in (0, 1)
    )

    def prepare(name: str, **settings: Any) -> Run:
        chosen = {"dtype": "float64", "aligner": Choice("activation"), **settings}
        return Run(name, registry.load(ANALYSES, name), Settings(paths, **chosen))

    return prepare


def barriers(run: Run, **options: Any) -> Result:
    usual: dict[str, Any] = {"alphas": None, "refine": False, "definition": "chord"}
    return measure_barrier(run, points=5, **(usual | options))


def matrix(run: Run, **options: Any) -> Result:
    return measure_matrix(run, 3, None, "chord", 0.02, **options)


def layerwise(run: Run, **options: Any) -> Result:
    own = registry.load(ANALYSES, "layerwise").options
    usual: dict[str, Any] = {str(option.name): option.default for option in own}
    chosen = {"points": 3, "alphas": None, "rest": "both", "within": None}
    return measure_layerwise(run, **(usual | chosen | options))


@pytest.mark.parametrize(
    ("name", "measure"), [("barrier", barriers), ("matrix", matrix), ("layerwise", layerwise)]
)
def test_all_examples_have_the_numbers_that_there_are_without_the_option(
    name: str, measure: Callable[..., Result], run_with: Callable[..., Run]
) -> None:
    whole, shared = measure(run_with(name)), measure(run_with(name), within=EXACT)
    share = shared.groups[f"{name}/share"].variables["share"].values
    assert share.max() == 1
    expected = {metric.full_name: metric.value for metric in listed(whole)}
    found = {metric.full_name: metric.value for metric in listed(shared)}
    judged = [key for key in expected if "barrier" in key.partition("[")[0] and "error" in key]
    assert judged
    for key in judged:
        assert found[key] == pytest.approx(expected[key], abs=1e-9), key
        head, bracket, tail = key.partition("[")
        for bound in ("lower95", "upper95"):
            bound_there = found[f"{head}.{bound}{bracket}{tail}"]
            assert bound_there == pytest.approx(expected[key], abs=1e-9), key


def test_a_share_has_an_interval_that_is_as_narrow_as_asked_and_holds_the_whole(
    run_with: Callable[..., Run],
) -> None:
    whole = barriers(run_with("barrier")).groups["barrier/summary"].variables
    result = barriers(run_with("barrier"), within="8%")
    found = result.groups["barrier/summary"].variables
    lower, upper = (found[f"barrier_error_{bound}95"].values for bound in ("lower", "upper"))
    assert ((upper - lower) / 2 <= 0.08).all()
    for metric in ("loss", "error"):
        bounds = [found[f"barrier_{metric}_{bound}95"].values for bound in ("lower", "upper")]
        assert (bounds[0] <= found[f"barrier_{metric}"].values).all()
        assert (found[f"barrier_{metric}"].values <= bounds[1]).all()
        assert (bounds[0] <= whole[f"barrier_{metric}"].values).all()
        assert (whole[f"barrier_{metric}"].values <= bounds[1]).all()
    share = result.groups["barrier/share"]
    assert share.variables["share"].values.max() < 1
    assert 0 < float(str(share.attributes["passes"])) < 1
    order = share.variables["order_test"].values
    assert len(order) == len(set(order.tolist())) == share.variables["examples"].values.max()


def test_the_same_seed_gives_the_same_bits_and_another_one_other_examples(
    run_with: Callable[..., Run],
) -> None:
    first, again, other = (
        barriers(run_with("barrier", subset_seed=seed), within="8%") for seed in (0, 0, 1)
    )
    for path, group in first.groups.items():
        for name, variable in group.variables.items():
            np.testing.assert_array_equal(
                variable.values, again.groups[path].variables[name].values
            )
    orders = [r.groups["barrier/share"].variables["order_test"].values for r in (first, other)]
    assert orders[0].tolist() != orders[1].tolist()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("refine", True),
        ("bootstrap", 20),
        ("by_split", "class"),
        ("baselines", True),
        ("per_example", True),
    ],
)
def test_what_needs_every_example_is_refused(
    option: str, value: object, run_with: Callable[..., Run]
) -> None:
    with pytest.raises(LmctoolError, match="--within looks at a share"):
        barriers(run_with("barrier"), within="5%", **{option: value})


@pytest.mark.parametrize(
    ("settings", "match"),
    [({"score": ("ece",)}, "--score ece is no mean"), ({"draws": 3}, "draws of --repeat")],
)
def test_what_a_share_tells_nothing_of_is_refused(
    settings: dict[str, Any], match: str, run_with: Callable[..., Run]
) -> None:
    with pytest.raises(LmctoolError, match=match):
        barriers(run_with("barrier", **settings), within="5%")


def test_a_gate_judges_an_interval_only_where_it_lies_on_one_side(tmp_path: Path) -> None:
    a, b = (save(tmp_path / f"{seed}.safetensors", "mlp", trained("mlp", seed)) for seed in (0, 1))
    out = tmp_path / "out.h5"
    words = ["barrier", str(a), str(b), "--points", "3", "--within", "10%", "-o", str(out)]
    result = invoke(*words, "--require", "barrier.error <= 99%")
    assert result.exit_code == ExitCode.DONE, result.output
    assert "of the examples" in result.output
    found = {metric.name: metric for metric in listed(read(out))}
    height = found["barrier.error"]
    assert height.interval is not None
    lower, upper = height.interval
    assert lower < (height.value or 0) < upper
    for limit, status in (
        (lower - 0.01, "failed"),
        ((lower + upper) / 2, "unjudged"),
        (upper + 0.01, "passed"),
    ):
        verdict = judge(written_gate(f"barrier.error <= {limit:.6f}"), [*found.values()])
        assert verdict.status == status, verdict.message
    verdict = judge(written_gate("end.error <= 50%"), [*found.values()])
    assert (verdict.status, "has no interval" in verdict.message) == ("unjudged", True)
    straddling = invoke(*words, "--force", "--require", f"barrier.error <= {height.value}")
    assert straddling.exit_code == ExitCode.UNJUDGED
    assert "values on both sides" in straddling.output
