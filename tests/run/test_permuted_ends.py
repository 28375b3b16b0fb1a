"""The end of an aligned path: B in A's order, which is the same function as B."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from unittest.mock import PropertyMock, patch

import numpy as np
import pytest

from lmctool.plugin.settings import Choice
from lmctool.results.provenance import GROUP
from lmctool.results.result import Result
from lmctool.run.provenance import complete
from lmctool.run.run import Run
from tests.plugins.pairs import run_of, trained

__all__ = ["run_of"]

Runs = Callable[..., Run]
ALPHA = np.array([0.0, 0.5, 1.0])


def aligned(run_of: Runs, **settings: object) -> Run:
    ends = trained("mlp", 0, 20), trained("mlp", 1, 20)
    return run_of("mlp", *ends, **{"calib_size": 100, "aligner": Choice("weight"), **settings})


def test_permuted_b_has_the_scores_of_b_and_those_that_it_is_measured_to_have(
    run_of: Runs,
) -> None:
    run = aligned(run_of)
    variants = run.variants()
    assert run.count_followed(3) == 2
    taken = run.follow(variants, ALPHA)
    assert taken.loss[1, 0, -1] == taken.loss[0, 0, -1]
    with patch.object(Run, "permuted_alike", PropertyMock(return_value=False)):
        assert run.count_followed(3) == 3
        measured = run.follow(variants, ALPHA)
    np.testing.assert_allclose(measured.loss, taken.loss, rtol=1e-12)
    np.testing.assert_array_equal(measured.loss[..., :2], taken.loss[..., :2])


def test_a_result_says_that_aligned_ends_have_the_scores_of_b(run_of: Runs) -> None:
    for aligner, said in ((Choice("weight"), True), (None, False)):
        run = aligned(run_of, aligner=aligner)
        run.follow(run.variants(), ALPHA)
        result = complete(run, Result("barrier", {}), command="lmctool barrier", options={})
        assert ("aligned_ends" in result.groups[GROUP].attributes) == said


@pytest.mark.parametrize("change", ["precision", "canonical", "stochastic", "left_out"])
def test_permuted_b_is_measured_where_more_than_rounding_may_lie_between(
    run_of: Runs, change: str
) -> None:
    run = aligned(run_of)
    assert run.permuted_alike
    if change == "precision":
        run.settings = replace(run.settings, precision="bfloat16")
    elif change == "canonical":
        run.resources.__dict__["canonical"] = True
    elif change == "stochastic":
        run.ends  # noqa: B018 - looks at what the model answers
        answers = run.resources.forward.answers
        assert answers is not None
        run.resources.forward.answers = replace(answers, stochastic=True)
    else:
        run.resources.__dict__["left_out"] = frozenset({"classifier.weight"})
    assert not run.permuted_alike
