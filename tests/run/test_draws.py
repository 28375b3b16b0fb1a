"""A run with other calibration examples shares all else, and keeps no earlier examples."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmctool.data.subset import seed_of_draw
from lmctool.errors import LmctoolError
from lmctool.plugin.given import Given
from lmctool.results.provenance import Provenance
from lmctool.run.draws import check_draws
from lmctool.run.identity import Identity
from lmctool.run.provenance import provenance
from lmctool.testing import tiny_run
from lmctool_plugins.datasets import digits

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.plugin.data_records import Examples
    from lmctool.run.run import Run


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return what grows with each split of the digits that is loaded: True for train."""
    splits: list[bool] = []
    load = digits.load

    def noted(train: bool) -> Examples:
        splits.append(train)
        return load(train)

    monkeypatch.setattr(digits, "load", noted)
    return splits


@pytest.fixture
def run(tmp_path: Path, loads: list[bool]) -> Run:
    """Return a run of three draws of 30 calibration examples each, evaluated on 40."""
    return tiny_run(tmp_path, calib_size=30, limit=40, draws=3)


def test_the_seed_of_a_draw_is_its_own_for_good() -> None:
    assert [seed_of_draw(7, draw) for draw in (0, 1)] == [7, 2690936295]
    seeds = {seed_of_draw(seed, draw) for seed in range(20) for draw in range(1, 20)}
    assert len(seeds) == 20 * 19 and max(seeds) < 2**32


def test_weights_data_and_what_was_measured_are_those_of_the_first_draw(
    run: Run, loads: list[bool]
) -> None:
    run.scores([0, 1])
    indices = [run.calibration.split.index]
    for number in (1, 2):
        other = run.redrawn(number)
        assert other.weights(0) is run.weights(0) and other.evaluator is run.evaluator
        assert other.splits[0] is run.splits[0]
        indices.append(other.calibration.split.index)
    assert [len(index) for index in indices] == [30] * 3
    assert not np.array_equal(indices[0], indices[1])
    assert not np.array_equal(indices[1], indices[2])
    assert sorted(loads) == [False, True]


def test_examples_of_a_draw_are_gone_with_its_run(run: Run) -> None:
    other = run.redrawn(1)
    targets = weakref.ref(other.calibration.split.targets)
    assert targets() is not None
    del other
    gc.collect()
    assert targets() is None


def test_each_draw_has_doubts_of_its_own(run: Run) -> None:
    run.doubt("of the first")
    other = run.redrawn(1)
    assert not other.doubts.found
    other.doubt("of the second")
    assert [doubt.reason for doubt in run.doubts.found] == ["of the first"]


def test_the_key_is_one_of_the_examples_of_all_draws(run: Run) -> None:
    _ = run.calibration.split
    key = Identity(run, {}).key(calibrated=True)
    assert key == Identity(run, {}).key(calibrated=True)
    run.resources.drawn[2] = replace(run.resources.drawn[2], digest="another")
    assert Identity(run, {}).key(calibrated=True) != key


def test_the_draws_are_recorded(run: Run) -> None:
    digest = run.calibration.split.digest
    found = provenance(run, "", {})
    assert [found.draws[str(number)].seed for number in range(3)] == [0, 812351335, 4244447092]
    assert found.draws["0"].digest == digest
    assert found.settings["draws"] == 3
    assert Provenance.read(found.attributes()) == found


def test_a_calibration_set_of_its_own_is_drawn_as_well(tmp_path: Path) -> None:
    examples = digits.load(train=True)
    given = Given(calib=(examples.inputs[:50], examples.targets[:50]))
    run = tiny_run(tmp_path, calib_size=30, draws=2, given=given)
    check_draws(run)
    first, other = run.calibration.split, run.redrawn(1).calibration.split
    assert first.owner == other.owner == "calibration set"
    assert not np.array_equal(first.index, other.index)
    whole = tiny_run(tmp_path, calib_size=50, draws=2, given=given)
    with pytest.raises(LmctoolError, match=r"would draw all 50 examples .* pass a --calib-size"):
        check_draws(whole)
