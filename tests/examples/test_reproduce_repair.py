"""What the reproduction of REPAIR adds to the shared parts: claims, readings and recipes."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDER = EXAMPLES / "reproduce"


@pytest.fixture(autouse=True)
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the modules be found, as the driver does."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.syspath_prepend(str(FOLDER / "repair"))


def imported(name: str) -> Any:
    return importlib.import_module(name)


def test_a_claim_of_several_cases_is_only_as_good_as_the_worst() -> None:
    claims, outcome = imported("claims"), imported("verdict").Outcome
    good, close, bad = ("", 0.1, 0.2), ("", 0.1, 0.1), ("", 0.2, 0.1)
    assert claims.lowers("", [good, good]).outcome is outcome.AGREES
    assert claims.lowers("", [good, close]).outcome is outcome.UNDECIDED
    assert claims.lowers("", [good, close, bad]).outcome is outcome.DIFFERS


def test_the_evidence_tells_how_the_values_stand_whatever_was_claimed() -> None:
    found = imported("claims").lowers("", [("A: ", 0.3, 0.2), ("B: ", 0.2, 0.3)])
    assert found.evidence == "A: 30.0 % > 20.0 %; B: 20.0 % < 30.0 %"


def test_networks_reach_as_deep_as_every_shallower_one_is_near_its_ends() -> None:
    reach = imported("depth").reach
    errors = {4: (0.1, 0.15), 10: (0.1, 0.19), 20: (0.1, 0.4), 35: (0.1, 0.1)}
    named = {layers: {"ends": ends, "align": own} for layers, (ends, own) in errors.items()}
    assert reach(named, "align") == 10
    assert reach({4: {"ends": 0.1, "align": 0.9}}, "align") == 0


@pytest.mark.parametrize("size", ["tiny", "small", "large"])
def test_pairs_have_names_of_their_own_and_differ_in_seeds_and_examples_alone(size: str) -> None:
    pairs = imported("make").SIZES[size].pairs()
    assert len({pair.name for pair in pairs}) == len(pairs)
    for pair in pairs:
        first, second = pair.networks.values()
        more = ("--left-out",) if pair.name == "divided" else ()
        assert first[-2:] == ("--seed", "0")
        assert second == (*first[:-2], *more, "--seed", "1")


def test_readings_of_a_barrier_agree_with_one_another(tmp_path: Path) -> None:
    steps, readings = imported("steps").Steps(tmp_path), imported("readings")
    digits = [EXAMPLES / "digits" / f"{name}.safetensors" for name in "ab"]
    words = ("--align", "--repair", "--points", "3", "--calib-size", "200")
    path = steps.measure("found", "barrier", *digits, *words)
    np.testing.assert_array_equal(readings.alphas(path), [0, 0.5, 1])
    curve = readings.curve(path, readings.BOTH)
    assert readings.ends(path) == [curve[0], curve[-1]]
    assert readings.at(path, readings.BOTH) == curve[1]
    # with three points the barrier can only be at the midpoint
    height = max(0, curve[1] - readings.mean_end(path))
    assert readings.barrier(path, readings.BOTH) == pytest.approx(height)
    whole = readings.barrier(path, readings.ALIGNED)
    assert readings.reduction(path) == pytest.approx(1 - height / whole)
