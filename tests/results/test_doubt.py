"""Doubts: numbers that were measured, and that no gate may judge."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lmctool.errors import LmctoolError
from lmctool.gates.condition import parse
from lmctool.gates.gate import Gate, judge
from lmctool.results import file
from lmctool.results.doubt import GROUP, Doubt, doubt_group, doubts_of
from lmctool.results.metrics import Metric
from lmctool.results.result import Group
from tests.barrier_result import barrier_result

if TYPE_CHECKING:
    from pathlib import Path

DOUBTS = (Doubt("no unit may move", {"variant": "align"}), Doubt("the inputs are raw"))
METRICS = [
    Metric("barrier.error", {"variant": variant, "split": "test"}, 0.01, "1")
    for variant in ("plain", "align")
]


def test_a_file_gives_doubts_back(tmp_path: Path) -> None:
    result = barrier_result()
    for doubts in (DOUBTS, DOUBTS[:1]):
        groups = {**result.groups, GROUP: doubt_group(doubts)}
        place = tmp_path / f"{len(doubts)}.h5"
        file.write(replace(result, groups=groups), place)
        assert doubts_of(file.read(place)) == doubts
    assert doubts_of(result) == ()


@pytest.mark.parametrize(
    ("condition", "doubts", "status"),
    [
        ("barrier.error[variant=align] <= 2%", DOUBTS[:1], "unjudged"),
        ("barrier.error <= 2%", DOUBTS[:1], "unjudged"),
        ("barrier.error[variant=plain] <= 2%", DOUBTS[:1], "passed"),
        ("barrier.error[variant=plain] <= 2%", DOUBTS[1:], "unjudged"),
        ("barrier.error[variant=plain] <= 2%", (Doubt("elsewhere", {"layer": "x"}),), "passed"),
    ],
)
def test_a_gate_judges_no_number_that_a_doubt_covers(
    condition: str, doubts: tuple[Doubt, ...], status: str
) -> None:
    verdict = judge(Gate(parse(condition)), METRICS, doubts=doubts)
    assert verdict.status == status
    assert (doubts[0].reason in verdict.message) == (status == "unjudged")


@pytest.mark.parametrize(
    "group",
    [
        Group(),
        Group(attributes={"reason": ["a", "b"], "where": ["{}"]}),
        Group(attributes={"reason": ["a"], "where": ["no place"]}),
        Group(attributes={"reason": ["a"], "where": ['{"variant": 1}']}),
        Group(attributes={"reason": 3, "where": ["{}"]}),
    ],
)
def test_a_group_that_is_none_of_doubts_is_refused(group: Group) -> None:
    result = barrier_result()
    with pytest.raises(LmctoolError, match="doubts"):
        doubts_of(replace(result, groups={**result.groups, GROUP: group}))
