"""What moves in several alignments, stored together and one by one as earlier versions did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lmctool.results.alignments import ALIGNMENT, count, one, together
from lmctool.results.equality import difference
from lmctool.results.file import pack, unpack
from lmctool.results.result import Group, Result, Variable


def alignment(*move: int, size: int = 3) -> Group:
    """Return what a permutation's group holds: what all share, and what moves."""
    return Group(
        {
            "group": Variable(np.array(["fc"], dtype=object), ("group",)),
            "size": Variable(np.array([size]), ("group",)),
            "moved": Variable(np.array([sum(n != m for n, m in enumerate(move))]), ("group",)),
            "permutation_000": Variable(np.array(move), ("unit_000",)),
        },
        {"movable_units": 3},
    )


EACH = {0: alignment(0, 1, 2), 1: alignment(1, 0, 2), 2: alignment(2, 0, 1)}


def result(groups: dict[str, Group]) -> Result:
    return unpack(pack(Result("matrix", groups)))


@pytest.mark.parametrize("stored", ["together", "one by one"])
def test_each_alignment_is_read_as_if_it_were_the_only_one(stored: str) -> None:
    apart = {"p" if not n else f"p/{n}": group for n, group in EACH.items()}
    found = result(together("p", EACH) if stored == "together" else apart).groups
    assert count(found, "p") == 3 and count(found, "q") == 0
    for number, group in EACH.items():
        own = Result("x", {"p": one(found, "p", number)})
        assert difference(own, Result("x", {"p": group})) is None
    for number in (3, -1):
        with pytest.raises(KeyError):
            one(found, "p", number)


def test_a_result_has_as_many_arrays_for_many_alignments_as_for_two() -> None:
    (two,) = together("p", {0: EACH[0], 1: EACH[1]}).values()
    (many,) = together("p", {n: EACH[n % 3] for n in range(50)}).values()
    assert two.variables.keys() == many.variables.keys() == {*EACH[0].variables, ALIGNMENT}
    assert many.variables["permutation_000"].dims == (ALIGNMENT, "unit_000")
    assert many.variables["size"].dims == ("group",)


def test_alignments_of_models_that_differ_stay_apart() -> None:
    for other in (
        alignment(1, 0, 2, size=4),
        alignment(1, 0),
        replace(EACH[1], attributes={"movable_units": 4}),
        replace(EACH[1], variables={**EACH[1].variables, "untied": EACH[1].variables["group"]}),
    ):
        assert together("p", {0: EACH[0], 1: other}) == {"p": EACH[0], "p/1": other}
    assert together("p", {0: EACH[0]}) == {"p": EACH[0]}
    assert together("p", {0: EACH[0], 2: EACH[2]}).keys() == {"p", "p/2"}
    assert together("p", {}) == {}
