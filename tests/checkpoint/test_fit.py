"""Readings of names that fit what is needed."""

from __future__ import annotations

import pytest

from lmctool.checkpoint.fit import (
    as_key,
    as_strip,
    difference,
    readings,
    shared_prefixes,
    usual_parts,
)

NET = {"a.w": (2, 3), "a.b": (2,), "n.num_batches_tracked": ()}


def inside(prefix: str, shapes: dict[str, tuple[int, ...]] = NET) -> dict[str, tuple[int, ...]]:
    return {f"{prefix}.{name}": shape for name, shape in shapes.items()}


def test_names_that_are_needed_are_read_as_they_are() -> None:
    (found,) = readings(NET, NET, {})
    assert (found.prefix, found.unneeded, found.outside) == ("", (), ())
    assert found.names == {name: name for name in NET}


@pytest.mark.parametrize("prefix", ["model", "any.thing.0"])
def test_a_prefix_is_found_and_what_lies_outside_it(prefix: str) -> None:
    (found,) = readings({**inside(prefix), "criterion.w": (9,)}, NET, {})
    assert found.prefix == prefix
    assert found.outside == ("criterion.w",)
    assert found.names == {name: f"{prefix}.{name}" for name in NET}


def test_other_shapes_are_another_network() -> None:
    student = {**NET, "a.w": (2, 9)}
    (found,) = readings({**inside("teacher"), **inside("student", student)}, NET, {})
    assert found.prefix == "teacher"
    assert readings(inside("student", student), NET, {}) == []


def test_every_reading_is_found_and_none_is_chosen() -> None:
    both = readings({**inside("ema_model"), **inside("online_model")}, NET, {})
    assert [as_key(each) for each in both] == ["--key ema_model", "--key online_model"]
    assert as_strip(both[0]) == "--strip ema_model --ignore 'online_model.*'"
    beside = readings({**NET, **inside("ema")}, NET, {})
    assert [as_key(each) for each in beside] == ["--ignore 'ema.*'", "--key ema"]
    within = readings({**inside("m"), **inside("m.ema")}, NET, {})
    assert [each.prefix for each in within] == ["m", "m.ema"]
    assert within[0].unneeded[:2] == ("m.ema.a.w", "m.ema.a.b")


def test_a_pattern_leaves_nothing_out_that_is_needed() -> None:
    (found,) = readings({**NET, "a.loss": (1,), "c.w": (1,), "d": (1,)}, NET, {})
    assert as_strip(found) == "--ignore 'a.loss' --ignore 'c.*' --ignore 'd'"


def test_module_within_names_is_taken_off_where_nothing_else_fits() -> None:
    (found,) = readings({"a.module.w": (2, 3), "a.module.b": (2,)}, NET, {})
    assert found.names == {"a.w": "a.module.w", "a.b": "a.module.b"}
    (found,) = readings({**inside("module"), "c.w": (1,)}, NET, {})
    assert found.prefix == "module"
    own = {"a.module.w": (1,)}
    assert readings(own, own, {})[0].names == {"a.module.w": "a.module.w"}


def test_counters_may_be_on_either_side_alone() -> None:
    without = {name: shape for name, shape in NET.items() if name != "n.num_batches_tracked"}
    assert readings(without, NET, {})[0].unneeded == ()
    assert readings({**NET, "a.total_ops": (1,)}, without, {})[0].unneeded == ()
    assert difference(NET, without, {}) == difference(without, NET, {}) == ""


def test_one_name_of_a_tied_tensor_stands_for_all() -> None:
    tied = dict.fromkeys(("a.w", "head.w"), frozenset({"a.w", "head.w"}))
    needed = {**NET, "head.w": (2, 3)}
    (found,) = readings(inside("net"), needed, tied)
    assert "head.w" not in found.names
    assert readings(inside("net"), needed, {}) == []


def test_a_missing_name_is_told_with_the_nearest_that_nothing_else_needs() -> None:
    stored = {"aa.w": (2, 3), "a.b": (2,)}
    assert difference(stored, NET, {}) == (
        "tensor 'a.w' of shape (2, 3) is missing from the checkpoint; the nearest there is 'aa.w':"
        " --rename aa=a"
    )


def test_a_prefix_that_all_needed_names_begin_with_is_put_on() -> None:
    (found,) = readings(NET, inside("net.0"), {})
    assert found.names == {f"net.0.{name}": name for name in NET}
    (found,) = readings(inside("a"), inside("b"), {})
    assert found.names["b.a.w"] == "a.a.w"
    assert readings({**NET, "more.w": (1,)}, inside("net"), {})[0].unneeded == ("more.w",)


def test_usual_parts_are_what_all_names_begin_with_and_what_programs_call_a_network() -> None:
    shapes = {**inside("m.model"), "m.criterion.w": (1,)}
    assert [prefix for prefix, _ in usual_parts(shapes)] == ["m", "m.model"]
    assert usual_parts(shapes)[1] == ("m.model", NET)
    both = usual_parts({**inside("ema_model"), **inside("net")})
    assert [prefix for prefix, _ in both] == ["net", "ema_model"]
    assert usual_parts(NET) == []


def test_usual_parts_are_looked_at_without_module_too() -> None:
    assert usual_parts({"a.module.w": (1,), "b": (2,)}) == [("", {"a.w": (1,), "b": (2,)})]
    net = {"net.a.module.w": (1,), "net.b": (2,)}
    assert ("net", {"a.w": (1,), "b": (2,)}) in usual_parts(net)


def test_a_shared_prefix_ends_at_a_dot() -> None:
    assert shared_prefixes(["a.b.c", "a.b.d.e"]) == ["a", "a.b"]
    assert shared_prefixes(["a.b", "ab.b"]) == shared_prefixes(["w"]) == []
