"""A variant looks the same in every figure, and parts differ from each other."""

from __future__ import annotations

import pytest

from lmctool.report.look import KNOWN, looks, named_parts, part_looks


def test_a_known_variant_looks_the_same_whichever_others_there_are() -> None:
    whole = dict(zip(KNOWN, looks(KNOWN), strict=True))
    for names in (["align"], ["align+repair", "plain"], ["reset", "repair", "mine"]):
        for name, look in zip(names, looks(names), strict=True):
            assert (look == whole[name]) if name in KNOWN else (look not in whole.values())


def test_eight_variants_differ_in_more_than_their_colour() -> None:
    drawn = looks([*KNOWN, "reset", "align+reset", "mine", "align+mine"])
    assert len({(look.dash, look.marker) for look in drawn}) == 8


@pytest.mark.parametrize(("count", "ordered"), [(1, True), (4, True), (10, False), (60, False)])
def test_parts_differ_in_grey(count: int, ordered: bool) -> None:
    styles = part_looks(count, ordered)
    assert len({(look.colour, look.dash) for look in styles}) == count


def test_ordered_parts_go_from_light_to_dark() -> None:
    light = [sum(bytes.fromhex(look.colour[1:])) for look in part_looks(5, ordered=True)]
    assert light == sorted(light, reverse=True)


@pytest.mark.parametrize("count", [1, 9, 10, 11, 57, 200])
def test_a_legend_names_the_first_and_the_last_part_and_ten_at_most(count: int) -> None:
    labels = named_parts([str(part) for part in range(count)])
    shown = [label for label in labels if not label.startswith("_")]
    assert len(shown) == min(count, 10)
    assert (shown[0], shown[-1]) == ("0", str(count - 1))
