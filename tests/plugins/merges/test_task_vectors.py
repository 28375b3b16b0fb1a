"""Ways to merge tensor by tensor, against the papers' formulas written out element by element."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from lmctool.api import TensorsToMerge
from lmctool.graph.randomness import generator
from lmctool.weights.task_vectors import added, disjoint_mean, summed
from lmctool_plugins.merges import dare, slerp, task_arithmetic, ties

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


def part(
    tensors: Sequence[Tensor],
    base: Tensor | None = None,
    counts: Sequence[float] = (),
    *,
    name: str = "w",
    seed: int = 0,
) -> TensorsToMerge:
    return TensorsToMerge(
        name,
        tuple(range(len(tensors))),
        tuple(tensors),
        tuple(counts) or (1.0,) * len(tensors),
        base,
        lambda use: generator(seed, f"{name} {use}"),
    )


def drawn(count: int, shape: tuple[int, ...] = (5, 7), seed: int = 0) -> list[Tensor]:
    numbers = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=numbers) for _ in range(count)]


def ties_by_hand(
    tensors: Sequence[Tensor],
    base: Tensor,
    counts: Sequence[float],
    density: float,
    scale: float,
) -> Tensor:
    """Return what TIES makes of tensors, in Python's floats, one element after the other."""
    vectors = [
        [float(x) - float(b) for x, b in zip(own.flatten(), base.flatten(), strict=True)]
        for own in tensors
    ]
    for vector in vectors:
        stays = sorted(range(len(vector)), key=lambda i: -abs(vector[i]))
        for place in stays[math.floor(density * len(vector)) :]:
            vector[place] = 0.0
    merged = []
    for place, start in enumerate(base.flatten().tolist()):
        values = [w * vector[place] for w, vector in zip(counts, vectors, strict=True)]
        mass = sum(values)
        agreeing = [
            (value, abs(w)) for value, w in zip(values, counts, strict=True) if value * mass > 0
        ]
        total, weight = sum(v for v, _ in agreeing), sum(w for _, w in agreeing)
        merged.append(start + scale * (total / weight if agreeing else 0.0))
    return torch.tensor(merged, dtype=torch.float64).reshape(base.shape)


@pytest.mark.parametrize("counts", [(1.0, 1.0, 1.0), (0.5, 2.0, 1.0), (1.0, -1.0, 0.5)])
@pytest.mark.parametrize("density", [0.2, 0.6, 1.0])
def test_ties_is_the_formula_of_the_paper(counts: tuple[float, ...], density: float) -> None:
    base, *tensors = drawn(4)
    found = ties.merged(part(tensors, base, counts), density=density, scale=0.7)
    wanted = ties_by_hand(tensors, base, counts, density, 0.7)
    torch.testing.assert_close(found, wanted.float(), rtol=0, atol=3e-7)


def test_ties_keeps_at_least_one_element_and_all_that_are_as_large_as_the_last() -> None:
    base = torch.zeros(4)
    own = torch.tensor([1.0, -3.0, 2.0, 3.0])
    assert ties.merged(part([own], base), density=0.1, scale=1.0).tolist() == [0, -3, 0, 3]
    assert ties.merged(part([own], base), density=0.75, scale=1.0).tolist() == [0, -3, 2, 3]
    none = torch.empty(0, 3)
    assert ties.merged(part([none], none), density=0.1, scale=1.0).shape == (0, 3)


def test_elements_that_cancel_have_no_sign_and_stay_the_bases() -> None:
    base = torch.tensor([0.25, 0.25])
    a, b = base + torch.tensor([1.0, 1.0]), base + torch.tensor([-1.0, -0.5])
    found = ties.merged(part([a, b], base), density=1.0, scale=1.0)
    assert found.tolist() == [0.25, 1.25]


def test_the_order_of_the_elements_changes_nothing() -> None:
    base, *tensors = drawn(4)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(3))
    own, moved = part(tensors, base), part([each[:, order] for each in tensors], base[:, order])
    trimmed = [ties.merged(each, density=0.3, scale=1.0) for each in (own, moved)]
    assert torch.equal(trimmed[1], trimmed[0][:, order])
    added_up = [task_arithmetic.merged(each, scale=0.4) for each in (own, moved)]
    assert torch.equal(added_up[1], added_up[0][:, order])


def test_task_arithmetic_is_the_sum_in_float64_rounded_once() -> None:
    base, *tensors = drawn(4)
    found = task_arithmetic.merged(part(tensors, base, (1.0, -0.5, 2.0)), scale=0.3)
    a, b, c = (own.numpy().astype(np.float64) for own in tensors)
    start = base.numpy().astype(np.float64)
    wanted = start + 0.3 * ((a - start) - 0.5 * (b - start) + 2 * (c - start))
    np.testing.assert_allclose(found.double().numpy(), wanted, rtol=2**-24, atol=1e-12)


def test_where_nothing_was_learned_the_base_stays_to_the_bit() -> None:
    base = torch.tensor([-0.0, 0.1, 1e-30])
    for found in (
        task_arithmetic.merged(part([base, base], base), scale=3.0),
        ties.merged(part([base, base], base), density=0.5, scale=3.0),
        dare.merged(part([base, base], base), density=0.5, scale=3.0, then="ties"),
    ):
        assert torch.equal(found.view(torch.int32), base.view(torch.int32))


def test_scale_minus_one_forgets_what_scale_one_learns() -> None:
    base, own = (each.double() for each in drawn(2))
    learned = task_arithmetic.merged(part([own], base), scale=1.0)
    forgot = task_arithmetic.merged(part([own], base), scale=-1.0)
    torch.testing.assert_close(learned, own)
    torch.testing.assert_close(learned + forgot, 2 * base)


def test_a_network_alone_is_itself_under_ties_that_trims_nothing() -> None:
    base, own = drawn(2)
    found = ties.merged(part([own], base, (0.5,)), density=1.0, scale=1.0)
    torch.testing.assert_close(found, own, rtol=0, atol=1e-7)


def test_what_dare_keeps_has_the_mean_of_what_was_there() -> None:
    base, own = torch.zeros(200_000), torch.ones(200_000)
    found = dare.merged(part([own], base), density=0.25, scale=1.0, then="task-arithmetic")
    assert sorted(set(found.tolist())) == [0.0, 4.0]
    # six standard deviations of a mean of Bernoulli variables of variance 3
    assert float(found.mean()) == pytest.approx(1, abs=6 * math.sqrt(3 / 200_000))


def test_dares_masks_depend_on_the_seed_the_name_and_the_place_alone() -> None:
    base, *tensors = drawn(3, (400,))

    def merged(own: TensorsToMerge) -> Tensor:
        return dare.merged(own, density=0.5, scale=1.0, then="task-arithmetic")

    first = merged(part(tensors, base))
    merged(part(tensors, base, name="another"))
    assert torch.equal(first, merged(part(tensors, base)))
    assert not torch.equal(first, merged(part(tensors, base, seed=1)))
    assert not torch.equal(first, merged(part(tensors, base, name="another")))
    same = merged(part([tensors[0]] * 2, base))  # one mask for both would give 0 or 4
    assert set(((same - base) / (tensors[0] - base)).round().tolist()) == {0.0, 2.0, 4.0}


def test_dare_is_what_it_says_of_the_masks_that_it_draws() -> None:
    base, *tensors = (each.double() for each in drawn(3))
    masks = [dare.kept(base.shape, 0.4, generator(0, f"w network {index}")) for index in range(2)]
    vectors = [(own - base) * mask / 0.4 for own, mask in zip(tensors, masks, strict=True)]
    found = dare.merged(part(tensors, base), density=0.4, scale=0.5, then="task-arithmetic")
    torch.testing.assert_close(found, base + 0.5 * (vectors[0] + vectors[1]))
    signed = dare.merged(part(tensors, base), density=0.4, scale=0.5, then="ties")
    torch.testing.assert_close(
        signed, ties_by_hand([base + each for each in vectors], base, (1, 1), 1.0, 0.5)
    )


def test_density_one_drops_nothing() -> None:
    base, *tensors = drawn(3)
    kept = dare.merged(part(tensors, base), density=1.0, scale=0.5, then="task-arithmetic")
    assert torch.equal(kept, task_arithmetic.merged(part(tensors, base), scale=0.5))
    signed = dare.merged(part(tensors, base), density=1.0, scale=0.5, then="ties")
    assert torch.equal(signed, ties.merged(part(tensors, base), density=1.0, scale=0.5))


def test_slerp_is_the_formula_on_the_sphere() -> None:
    a, b = drawn(2)
    for t in (0.25, 0.5, 0.9):
        one, other = a.double().flatten().tolist(), b.double().flatten().tolist()
        dot = sum(x * y for x, y in zip(one, other, strict=True))
        angle = math.acos(dot / math.hypot(*one) / math.hypot(*other))
        wanted = [
            (math.sin((1 - t) * angle) * x + math.sin(t * angle) * y) / math.sin(angle)
            for x, y in zip(one, other, strict=True)
        ]
        found = slerp.merged(part([a, b], counts=(1 - t, t)))
        np.testing.assert_allclose(found.flatten().numpy(), wanted, rtol=3e-7, atol=1e-12)


def test_slerp_keeps_the_norm_that_both_have_and_does_not_mind_the_direction() -> None:
    a, b = (each.double() / each.double().norm() for each in drawn(2))
    forth = slerp.merged(part([a, b], counts=(3, 1)))
    assert float(forth.norm()) == pytest.approx(1, abs=1e-12)
    torch.testing.assert_close(forth, slerp.merged(part([b, a], counts=(1, 3))))
    quarter = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    half = slerp.merged(part(quarter))
    torch.testing.assert_close(half, torch.full((2,), math.sqrt(0.5)))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([1.0, 0.0], [1.0, 0.02]),
        ([1.0, 0.0], [-1.0, 0.0]),
        ([0.0, 0.0], [1.0, 2.0]),
        ([0.0, 0.0], [0.0, 0.0]),
    ],
    ids=["nearly parallel", "opposite", "no direction", "nothing"],
)
def test_where_there_is_no_arc_slerp_goes_straight(a: list[float], b: list[float]) -> None:
    one, other = torch.tensor(a), torch.tensor(b)
    found = slerp.merged(part([one, other], counts=(3, 1)))
    torch.testing.assert_close(found, 0.75 * one + 0.25 * other)
    assert found.isfinite().all()


def test_a_sum_asks_for_each_vector_once_and_a_mean_for_two() -> None:
    asked: list[int] = []

    def vector(number: int) -> Tensor:
        asked.append(number)
        return torch.full((2,), float(number), dtype=torch.float64)

    makers = [lambda n=n: vector(n) for n in (1, 2)]
    assert summed(makers, [1, 10]).tolist() == [21, 21]
    assert asked == [1, 2]
    assert disjoint_mean(makers, [1, 1]).tolist() == [1.5, 1.5]
    assert asked == [1, 2, 1, 2, 1, 2]
    assert added(torch.ones(2), torch.tensor([0.0, 2.0]).double(), 0.5).tolist() == [1, 2]
