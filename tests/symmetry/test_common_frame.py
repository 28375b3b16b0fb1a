"""A common frame: against all permutations, planted orders, and cycles that must close."""

from __future__ import annotations

from itertools import pairwise, permutations, product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lmctool.symmetry import Permutation, PermutationSpec
from lmctool.symmetry.axis_form import Free, Product
from lmctool.symmetry.common_frame import CommonFrame, common_frame, cycle_displacement, spread
from lmctool.symmetry.linear.canonical import canonical
from lmctool.symmetry.linear.transform import LinearTransform
from tests.symmetry.linear import by_hand

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from lmctool.weights.arithmetic import Weights

SPEC = PermutationSpec(
    groups={"p": 3, "q": 3},
    tensors={
        "one": (Free("p", 3), None),
        "two": (Free("q", 3), Free("p", 3)),
        "three": (None, Free("q", 3)),
    },
)
HEADS = PermutationSpec(
    groups={"h": 3, "d": 2},
    per={"d": "h"},
    tensors={"out": (Product((Free("h", 3), Free("d", 2))), None)},
)
COUNTED = ("one", "two", "three")
MOVES = st.fixed_dictionaries(
    {
        "h": st.permutations(range(3)),
        "d": st.tuples(*[st.permutations(range(2))] * 3).map(list),
    }
)


def network(seed: int) -> dict[str, Tensor]:
    numbers = torch.Generator().manual_seed(seed)
    shapes = {"one": (3, 5), "two": (3, 3), "three": (2, 3)}
    drawn = {name: torch.randn(shape, generator=numbers) for name, shape in shapes.items()}
    return {**drawn, "count": torch.tensor(seed)}


def every_permutation() -> Iterator[Permutation]:
    for p, q in product(permutations(range(3)), repeat=2):
        yield Permutation(SPEC, {"p": torch.tensor(p), "q": torch.tensor(q)})


def likeness(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    return sum(float((a[name].double() * b[name].double()).sum()) for name in COUNTED)


def exhaustive(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> Permutation:
    return max(every_permutation(), key=lambda each: likeness(a, each.apply(b)))


def at_random(seed: int) -> Any:
    numbers = torch.Generator().manual_seed(seed)
    return lambda a, b: Permutation.random(SPEC, numbers)


def brought(frame: CommonFrame, networks: list[dict[str, Tensor]]) -> list[dict[str, Tensor]]:
    return [p.apply(each) for p, each in zip(frame.transforms, networks, strict=True)]


def test_the_spread_is_that_of_loops() -> None:
    networks = [network(seed) for seed in range(4)]
    flat = np.array([np.concatenate([n[name].ravel() for name in COUNTED]) for n in networks])
    expected = 0.0
    for row in flat.astype(np.float64):
        for value, middle in zip(row, flat.astype(np.float64).mean(0), strict=True):
            expected += (value - middle) ** 2
    assert spread(networks, COUNTED) == pytest.approx(expected, rel=1e-12)


def test_shuffled_copies_of_one_network_become_one_again() -> None:
    original = network(0)
    shuffles = [Permutation.random(SPEC, torch.Generator().manual_seed(n)) for n in range(1, 5)]
    copies = [shuffle.apply(original) for shuffle in shuffles]
    frame = common_frame(copies, exhaustive, COUNTED)
    first, *others = brought(frame, copies)
    assert all(torch.equal(other[name], first[name]) for other in others for name in COUNTED)
    assert frame.spreads[0] > 0
    assert frame.spreads[1:] == (0.0, 0.0)
    assert frame.settled


def test_no_permutation_of_one_network_brings_the_others_closer() -> None:
    networks = [network(seed) for seed in range(4)]
    frame = common_frame(networks, exhaustive, COUNTED)
    held = brought(frame, networks)
    least = spread(held, COUNTED)
    assert frame.spreads[-1] == pytest.approx(least, rel=1e-12)
    assert frame.spreads[-1] < frame.spreads[1]
    for index, permutation in product(range(4), every_permutation()):
        moved = [permutation.apply(n) if i == index else n for i, n in enumerate(held)]
        assert spread(moved, COUNTED) >= least * (1 - 1e-6)


@given(st.integers(0, 1000))
@settings(max_examples=20)
def test_the_spread_never_rises_however_bad_the_aligner_is(seed: int) -> None:
    networks = [network(n) for n in range(3)]
    frame = common_frame(networks, at_random(seed), COUNTED)
    swept = pairwise(frame.spreads[1:])
    assert all(after <= before * (1 + 1e-12) for before, after in swept)


def test_without_sweeps_the_frame_is_the_order_of_the_first() -> None:
    networks = [network(seed) for seed in range(3)]
    frame = common_frame(networks, exhaustive, COUNTED, sweeps=0)
    assert frame.transforms[0].is_identity
    for own, found in zip(networks, frame.transforms, strict=True):
        wanted = exhaustive(networks[0], own).apply(own)
        assert all(torch.equal(found.apply(own)[name], wanted[name]) for name in COUNTED)
    assert len(frame.spreads) == 2
    assert frame.settled


def test_a_search_that_is_cut_short_says_so() -> None:
    networks = [network(seed) for seed in range(4)]
    assert not common_frame(networks, exhaustive, COUNTED, sweeps=1).settled


def test_buffers_do_not_count_and_integers_stay() -> None:
    networks = [network(seed) for seed in range(3)]
    seen: list[int] = []

    def noted(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> Permutation:
        seen.append(int(a["count"]))
        return exhaustive(a, b)

    frame = common_frame(networks, noted, COUNTED)
    assert set(seen) <= {0, 1}  # of the first of those in the mean
    assert [int(n["count"]) for n in brought(frame, networks)] == [0, 1, 2]


def test_a_frame_closes_every_cycle_where_alignments_of_pairs_do_not() -> None:
    networks = [network(seed) for seed in range(4)]
    frame = common_frame(networks, exhaustive, COUNTED)
    assert cycle_displacement(frame.between, 4) == 0
    pairwise = cycle_displacement(lambda i, j: exhaustive(networks[j], networks[i]), 4)
    assert pairwise > 0


def test_going_from_one_network_to_another_is_into_the_frame_and_back() -> None:
    networks = [network(seed) for seed in range(3)]
    frame = common_frame(networks, exhaustive, COUNTED)
    held = brought(frame, networks)
    for i, j in permutations(range(3), 2):
        there = frame.between(i, j).apply(networks[i])
        back = frame.transforms[j].inverse().apply(held[i])
        assert all(torch.equal(there[name], back[name]) for name in COUNTED)


@given(st.tuples(MOVES, MOVES, MOVES))
def test_cycles_through_inner_groups_close(moves: tuple[dict[str, Any], ...]) -> None:
    into = tuple(
        Permutation(HEADS, {name: torch.tensor(move) for name, move in each.items()})
        for each in moves
    )
    assert cycle_displacement(CommonFrame(into, (), settled=True).between, 3) == 0


@pytest.mark.parametrize("turn", [(1, 2, 0), (2, 0, 1)])
def test_a_cycle_of_three_that_only_closes_in_pairs_is_seen(turn: tuple[int, ...]) -> None:
    identity = Permutation(SPEC, {})
    round_ = Permutation(SPEC, {"p": torch.tensor(turn)})
    ways = {(0, 1): round_, (1, 0): round_.inverse()}
    assert cycle_displacement(lambda i, j: ways.get((i, j), identity), 3) == 3
    assert cycle_displacement(lambda i, j: ways.get((i, j), identity), 2) == 0


def test_a_way_back_that_does_not_undo_the_way_there_is_seen() -> None:
    swap = Permutation(SPEC, {"q": torch.tensor([1, 0, 2])})
    identity = Permutation(SPEC, {})
    assert cycle_displacement(lambda i, j: swap if i < j else identity, 2) == 2


def test_networks_that_differ_by_linear_maps_meet_in_one_frame() -> None:
    own = by_hand.network("gpt2")
    first = canonical(own.spec, own.weights())
    drawn = [
        LinearTransform.random(own.spec, torch.Generator().manual_seed(seed)) for seed in range(2)
    ]
    networks = [first, *(each.apply(first) for each in drawn)]
    still = drawn[0].identity()
    undone = [each.inverse() for each in drawn]
    still = drawn[0].identity()

    def align(a: Weights, b: Weights) -> LinearTransform:
        return next((t for t, own in zip(undone, networks[1:], strict=True) if own is b), still)

    counted = list(first)
    frame = common_frame(networks, align, counted)
    assert frame.settled and frame.spreads[1] < 1e-20 * frame.spreads[0]
    assert cycle_displacement(frame.between, 3) == 0
    ways = {(0, 1): drawn[0], (1, 0): drawn[1]}
    wrong = cycle_displacement(lambda i, j: ways[i, j], 2)
    assert wrong > 0


def test_a_map_that_takes_a_network_away_from_the_mean_of_the_others_is_not_kept() -> None:
    own = by_hand.network("llama")
    first = canonical(own.spec, own.weights())
    other = {name: tensor * 1.1 for name, tensor in first.items()}
    still = LinearTransform.random(own.spec, torch.Generator()).identity()
    moves = iter([still, still])

    def align(a: Weights, b: Weights) -> LinearTransform:
        away = LinearTransform.random(own.spec, torch.Generator().manual_seed(3))
        return next(moves, away)

    frame = common_frame([first, other, first], align, list(first))
    assert frame.settled and frame.spreads[-1] == frame.spreads[0]
    assert all(each.is_identity for each in frame.transforms)
