"""Metrics by their names, as people write them."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from lmctool.notebook.metric_values import MetricValues
from lmctool.results.metrics import metrics
from lmctool.results.result import Group, Result, Variable


def named(*places: str) -> MetricValues:
    """Return a metric ``x.v`` at each of some places in a dim ``at``."""
    group = {
        "at": Variable(np.array(places, dtype=object), ("at",)),
        "v": Variable(np.arange(len(places), dtype=float), ("at",), metric="x.v"),
    }
    return MetricValues(Result("x", {"x": Group(group)}))


def test_every_metric_is_there_by_its_full_name_and_nan_stands_for_none(
    barrier_result: Result,
) -> None:
    values = MetricValues(barrier_result)
    stored = metrics(barrier_result)
    assert list(values) == list(stored)
    for name, value in stored.items():
        assert values[name] == value or (value is None and math.isnan(values[name]))
    assert math.isnan(values["barrier.loss[variant=plain,split=train]"])
    assert isinstance(values["barrier.loss[variant=plain,split=test]"], float)


@pytest.mark.parametrize(
    "name",
    [
        "barrier.error[variant=align+repair,split=test]",
        "barrier.error[split=test,variant=align+repair]",
        ' barrier.error [ split = test , variant="align+repair" ] ',
    ],
)
def test_the_order_of_coordinates_and_blanks_do_not_matter(
    name: str, barrier_result: Result
) -> None:
    assert MetricValues(barrier_result)[name] == 0.125


def test_a_coordinate_without_a_choice_may_be_left_out() -> None:
    assert named("one")["x.v"] == 0
    assert named("one, two", "three")['x.v[at="one, two"]'] == 0
    assert "x.v" in named("one")
    assert "x.v" not in named("one", "two")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "barrier.eror[variant=plain,split=test]",
            "no metric barrier.eror[variant=plain,split=test]; the nearest:"
            " barrier.error[variant=plain,split=test], ",
        ),
        ("barrier.error[variant=x]", "no metric barrier.error[variant=x]; the nearest: barrier."),
        (
            "barrier.error[split=test]",
            "barrier.error[split=test] is 3 metrics: barrier.error[variant=plain,split=test], ",
        ),
        ("barrier.error[split]", "'split' in 'barrier.error[split]' is no selection"),
        ("barrier.error <= 2%", "'barrier.error <= 2%' is no metric; write METRIC[DIM=VALUE,...]"),
        ("barrier.error[a=1,a=2]", "names 'a' twice"),
    ],
)
def test_a_name_of_none_or_of_several_is_told(name: str, told: str, barrier_result: Result) -> None:
    values = MetricValues(barrier_result)
    with pytest.raises(KeyError, match=re.escape(told)):
        values[name]
    assert name not in values


def test_it_shows_a_line_for_each() -> None:
    assert repr(named("one", "three")) == "x.v[at=one]    0\nx.v[at=three]  1"
