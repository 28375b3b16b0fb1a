"""What trackers of experiments are told of a result."""

from __future__ import annotations

import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from lmctool.report.tracked import LONGEST_NAME, MOST_POINTS, sparingly, tracked, tracked_names
from lmctool.results.result import Group, Result, Variable
from tests.barrier_result import ALPHA, barrier_result

ANY = r"\w./=+ "
STRICT = r"A-Za-z0-9_./ "


def curve_over(positions: list[float], values: list[float]) -> Result:
    """Return a result that is one curve over ``step``."""
    variables = {
        "step": Variable(np.array(positions), ("step",)),
        "loss": Variable(np.array(values), ("step",), "nat"),
    }
    return Result("mine", {"mine": Group(variables)})


def test_every_metric_that_is_a_number_is_told_by_its_full_name() -> None:
    told = tracked(barrier_result(), ANY).metrics
    assert told["barrier.loss/variant=plain split=test"] == 0.1
    assert told["barrier.error/variant=align+repair split=train"] == 0.1
    assert "barrier.loss/variant=plain split=train" not in told  # NaN
    assert len([name for name in told if name.startswith("barrier.")]) == 10


def test_every_curve_is_told_over_its_own_axis_with_its_gaps() -> None:
    (curves,) = (
        each for each in tracked(barrier_result(), ANY).curves if each.axis == "barrier/curve/alpha"
    )
    np.testing.assert_array_equal(curves.positions, ALPHA)
    assert curves.steps.tolist() == [*range(11)]
    assert len(curves.series) == 2 * 3 * 2
    line = curves.series["barrier/curve/error/variant=align+repair split=test"]
    assert np.isnan(line).nonzero()[0].tolist() == [5]
    loss = curves.series["barrier/curve/loss/variant=plain split=test"]
    np.testing.assert_allclose(loss, 2.0 * 4 * ALPHA * (1 - ALPHA) + 0.1)


@pytest.mark.parametrize(
    ("positions", "steps"),
    [
        ([0, 100, 250], [0, 100, 250]),
        ([0, 0.5, 1], [0, 1, 2]),
        ([-1, 0, 1], [0, 1, 2]),
        ([3, 2, 1], [0, 1, 2]),
    ],
)
def test_a_step_is_the_position_only_where_that_can_be_one(
    positions: list[float], steps: list[int]
) -> None:
    (curves,) = tracked(curve_over(positions, [1, 2, 3]), ANY).curves
    assert curves.steps.tolist() == steps
    assert curves.positions.tolist() == positions


def test_what_is_longer_than_a_curve_of_a_path_is_left_out() -> None:
    for points in (MOST_POINTS, MOST_POINTS + 1):
        told = tracked(curve_over([*range(points)], [0.0] * points), ANY)
        assert len(told.curves) == (points == MOST_POINTS)


def test_the_figure_is_a_png_and_a_result_without_one_has_none() -> None:
    figure = tracked(curve_over([0, 1, 2], [1, 2, 3]), ANY).figure
    assert figure is not None
    with Image.open(BytesIO(figure)) as image:
        assert image.format == "PNG"
    assert tracked(Result("mine", {}), ANY).figure is None


def test_inputs_are_told_by_digest() -> None:
    result = Result("mine", {"provenance": Group(attributes={"checkpoint.0.digest": "abc"})})
    assert tracked(result, ANY).provenance == {"checkpoint.0.digest": "abc"}


def test_no_two_names_become_one_and_all_are_allowed() -> None:
    names = ["d[layer=a+b]", "d[layer=a*b]", "d[layer=a b]", 'd[layer="a,b"]', "d[layer=a/b]", "d"]
    names += [f"d[layer={'x' * 300}{number}]" for number in range(12)]
    told = tracked_names(names, STRICT)
    assert len(set(told.values())) == len(names)
    assert all(re.fullmatch(rf"[{STRICT}]{{1,{LONGEST_NAME}}}", name) for name in told.values())
    assert told["d"] == "d"
    assert (told["d[layer=a+b]"], told["d[layer=a*b]"]) == ("d/layer_a_b", "d/layer_a_b_2")


def test_a_name_that_looks_like_one_with_a_number_keeps_its_own() -> None:
    told = tracked_names(["a+b", "a_b_2", "a_b"], STRICT)
    assert list(told.values()) == ["a_b", "a_b_2", "a_b_3"]


def test_progress_is_told_at_most_once_in_ten_seconds() -> None:
    times = iter([0.0, 9.9, 10.0, 10.0, 19.9, 20.0, 20.0])
    heard: list[int] = []
    progressed = sparingly(lambda _, done, __: heard.append(done), 10, lambda: next(times))
    for done in range(4):
        progressed("paths", done, 4)
    assert heard == [1, 3]
