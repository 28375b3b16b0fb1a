"""Axes and what unifying them means."""

from __future__ import annotations

from lmctool.symmetry.axis import Axis, concat, product
from lmctool.symmetry.unification import cut, factor, meet, unify


def test_unified_atoms_are_one() -> None:
    a, b, c = Axis(4), Axis(4), Axis(4)
    unify(a, b)
    unify(b, c)
    assert a.find() is c.find()


def test_a_reason_reaches_all_that_is_unified() -> None:
    a, b = Axis(4), Axis(4)
    unify(a, b)
    a.fix("first")
    b.fix("second")
    assert b.find().reason == "first"


def test_a_fixed_atom_fixes_the_structure_it_becomes() -> None:
    parts = (Axis(2), Axis(3))
    unify(Axis(6, "fixed"), product(parts))
    assert [part.find().reason for part in parts] == ["fixed", "fixed"]


def test_concats_are_cut_at_the_cuts_of_both() -> None:
    left = (Axis(2), Axis(4))
    right = (Axis(3), Axis(3))
    unify(concat(left), concat(right))
    assert [leaf.size for leaf in concat(left).leaves()] == [2, 1, 3]
    assert list(concat(left).leaves()) == list(concat(right).leaves())


def test_products_are_refined_to_common_factors() -> None:
    left, right = (Axis(6), Axis(4)), (Axis(2), Axis(12))
    unify(product(left), product(right))
    assert [leaf.size for leaf in product(left).leaves()] == [2, 3, 4]
    assert list(product(left).leaves()) == list(product(right).leaves())
    assert not any(leaf.reason for leaf in product(left).leaves())


def test_products_without_common_factors_are_fixed() -> None:
    left, right = product((Axis(4), Axis(9))), product((Axis(6), Axis(6)))
    unify(left, right)
    assert all(leaf.reason for axis in (left, right) for leaf in axis.leaves())


def test_a_product_that_meets_a_concat_keeps_its_inner_part() -> None:
    outer, inner, parts = Axis(2), Axis(3), (Axis(3), Axis(3))
    unify(product((outer, inner)), concat(parts))
    assert outer.reason and not inner.find().reason
    assert {part.find() for part in parts} == {inner.find()}


def test_a_blank_axis_ties_nothing_and_takes_the_units_it_meets() -> None:
    first, second, blank = Axis(4), Axis(4), Axis(4, blank=True)
    unify(first, blank)
    unify(second, blank)
    assert first.find() is not second.find()
    assert meet(blank, first) is first and meet(first, blank) is first


def test_units_that_meet_a_partly_blank_axis_stay_one_axis() -> None:
    front, whole = Axis(2), Axis(5)
    met = meet(concat((front, Axis(3, blank=True))), whole)
    assert [leaf.size for leaf in met.leaves()] == [2, 3]
    assert next(met.leaves()) is front and not any(leaf.blank for leaf in met.leaves())
    assert list(whole.leaves()) == list(met.leaves())


def test_an_axis_that_would_contain_itself_is_fixed() -> None:
    inner = Axis(4)
    whole = concat((inner, Axis(0), Axis(4)))
    part = cut(whole, 4)
    assert part is not None
    unify(part[0], part[1])
    assert not inner.find().reason  # two equal halves may well move together
    other = Axis(8)
    unify(other, concat((Axis(4), Axis(4))))
    again = Axis(8)
    unify(again, other)
    assert again.find() is other.find()


def test_cutting_a_product_cuts_its_outer_factor() -> None:
    outer = Axis(6)
    halves = cut(product((outer, Axis(4))), 8)
    assert halves is not None
    assert [part.size for part in halves] == [8, 16]
    assert [leaf.size for leaf in outer.leaves()] == [2, 4]


def test_a_product_cannot_be_cut_inside_its_inner_factor() -> None:
    assert cut(product((Axis(6), Axis(4))), 7) is None


def test_factoring_an_atom_makes_it_a_product() -> None:
    axis = Axis(12)
    assert factor(axis, 3) is not None
    assert [leaf.size for leaf in axis.leaves()] == [3, 4]
    assert factor(Axis(12), 5) is None
