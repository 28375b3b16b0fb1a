"""Maps that the aligner learned makes of numbers: each is one of its group, and has gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lmctool.symmetry.linear.spec import LinearGroup
from lmctool.symmetry.linear.transform import drawn, identity_map, unfit
from lmctool_plugins.aligners.learned.maps import (
    LearnedMap,
    condition,
    nearest_orthogonal,
    skew,
)

PLANES = torch.tensor([[0, 2], [1, 3]])
GROUPS = {
    "orthogonal": LinearGroup("orthogonal", 5, 2, ()),
    "keeps ones": LinearGroup("orthogonal", 5, 1, (), keeps_ones=True),
    "invertible": LinearGroup("invertible", 3, 2, ()),
    "rotation": LinearGroup("rotation", 4, 2, (), planes=PLANES),
    "scale": LinearGroup("scale", 4, 2, ()),
}


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def learned(group: LinearGroup, *, stretches: bool = True) -> LearnedMap:
    """Return a map to learn from a random start."""
    return LearnedMap(group, drawn(group, random()), stretches, group.planes)


def numbers_of(learned: LearnedMap, spread: float = 1) -> Tensor:
    """Return random numbers in place of zeros."""
    zeros = learned.numbers(torch.float64)
    return spread * torch.randn(zeros.shape, generator=random(1), dtype=torch.float64)


def exponential(matrix: Tensor) -> Tensor:
    """Return the exponential of a small matrix by its series, term by term."""
    total = term = torch.eye(len(matrix), dtype=matrix.dtype)
    for order in range(1, 60):
        term = term @ matrix / order
        total = total + term
    return total


@pytest.mark.parametrize("stretches", [True, False])
@pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)
def test_a_search_begins_at_its_start(group: LinearGroup, stretches: bool) -> None:
    start = learned(group, stretches=stretches)
    zeros = start.numbers(torch.float64)
    torch.testing.assert_close(start(zeros), start.start)
    torch.testing.assert_close(start.exact(zeros), start.start, atol=1e-13, rtol=0)


@pytest.mark.parametrize("stretches", [True, False])
@pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)
def test_any_numbers_make_a_map_of_the_group(group: LinearGroup, stretches: bool) -> None:
    each = learned(group, stretches=stretches)
    found = each.exact(numbers_of(each).float())
    assert unfit(group, found) == ""
    assert not torch.allclose(found, each.start)


@pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)
def test_maps_are_the_series_of_their_generators(group: LinearGroup) -> None:
    each = learned(group)
    numbers = numbers_of(each)
    for outer in range(group.count):
        if group.kind == "scale":
            change = exponential(numbers[outer].diag())
            expected = change @ each.start[outer]
        else:
            generator = numbers[outer] if group.kind == "invertible" else numbers[outer] * 0
            if group.kind == "orthogonal":
                generator = skew(group, numbers)[outer]
            elif group.kind == "rotation":
                generator = torch.zeros(4, 4, dtype=torch.float64)
                for (first, second), (log, angle) in zip(
                    PLANES.tolist(), numbers[outer].tolist(), strict=True
                ):
                    generator[first, first] = generator[second, second] = log
                    generator[second, first], generator[first, second] = angle, -angle
            expected = each.start[outer] @ exponential(generator)
        torch.testing.assert_close(each(numbers)[outer], expected)


@pytest.mark.parametrize("stretches", [True, False])
@pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)
def test_gradients_are_those_of_differences(group: LinearGroup, stretches: bool) -> None:
    each = learned(group, stretches=stretches)
    assert torch.autograd.gradcheck(each, numbers_of(each).requires_grad_())


@pytest.mark.parametrize("key", ["orthogonal", "keeps ones"])
def test_orthogonal_maps_are_so_to_the_last_digits_however_far_they_turned(key: str) -> None:
    group = GROUPS[key]
    each = learned(group)
    blurred = LearnedMap(group, each.start.float().double(), stretches=True, planes=None)
    found = blurred.exact(numbers_of(each, 30))
    eye = torch.eye(group.size, dtype=torch.float64)
    assert (found @ found.mT - eye).abs().max() < 1e-13
    if group.keeps_ones:
        assert (found.sum(-1) - 1).abs().max() < 1e-13
        assert (found.sum(-2) - 1).abs().max() < 1e-13


@pytest.mark.parametrize("key", ["orthogonal", "keeps ones"])
def test_the_nearest_map_is_the_map_itself_and_no_other_is_nearer(key: str) -> None:
    group = GROUPS[key]
    exact = drawn(group, random())
    torch.testing.assert_close(nearest_orthogonal(group, exact), exact)
    noisy = exact + 0.1 * torch.randn(exact.shape, generator=random(2), dtype=torch.float64)
    nearest = nearest_orthogonal(group, noisy)
    for seed in range(20):
        turn = 1e-2 * torch.randn(exact.shape, generator=random(seed), dtype=torch.float64)
        other = nearest @ torch.linalg.matrix_exp(skew(group, turn))
        assert (noisy - nearest).norm() < (noisy - other).norm()


@pytest.mark.parametrize("key", ["invertible", "rotation"])
def test_without_stretching_a_map_stays_as_well_conditioned_as_its_start(key: str) -> None:
    group = GROUPS[key]
    each = learned(group, stretches=False)
    numbers = numbers_of(each)
    torch.testing.assert_close(condition(group, each.exact(numbers)), condition(group, each.start))
    assert condition(group, learned(group).exact(numbers)).max() > 1.5


def test_condition_numbers_are_the_greatest_stretch_by_the_least() -> None:
    scales = torch.tensor([[1.0, 4.0, 2.0, 8.0]] * 2, dtype=torch.float64)
    assert condition(GROUPS["scale"], scales).tolist() == [8, 8]
    matrices = torch.diag_embed(torch.tensor([[1.0, 2.0, 5.0]] * 2, dtype=torch.float64))
    torch.testing.assert_close(
        condition(GROUPS["invertible"], matrices), torch.full((2,), 5.0, dtype=torch.float64)
    )
    assert condition(GROUPS["rotation"], identity_map(GROUPS["rotation"])).tolist() == [1, 1]
