"""The closed form of each kind of map: what was planted is found, and nothing is nearer."""

from __future__ import annotations

import math

import pytest
import torch

from lmctool.symmetry.linear.place import Place
from lmctool.symmetry.linear.spec import LinearGroup
from lmctool.symmetry.linear.transform import drawn, unfit
from lmctool.symmetry.unit_index import UnitIndex
from lmctool_plugins.aligners.procrustes.maps import (
    balance,
    growth,
    invertible,
    nearest,
    orthogonal,
    scales,
)
from lmctool_plugins.aligners.procrustes.products import products
from tests.plugins.aligners.procrustes.planted import (
    COUNT,
    PLANES,
    SIZE,
    head_group,
    heads,
    moved,
    normal,
)

SEEDS = range(3)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("keeps_ones", [False, True])
def test_a_planted_orthogonal_matrix_is_found(seed: int, keeps_ones: bool) -> None:
    group = LinearGroup("orthogonal", 6, 2, (), keeps_ones=keeps_ones)
    planted = drawn(group, torch.Generator().manual_seed(seed))
    b = normal(2, 6, 10, seed=seed)
    found = orthogonal(planted @ b @ b.mT, keeps_ones=keeps_ones)
    torch.testing.assert_close(found, planted, rtol=0, atol=1e-12)


def test_no_rotation_or_reflection_of_a_plane_is_nearer() -> None:
    a, b = normal(2, 5, seed=1), normal(2, 5, seed=2)
    found = orthogonal((a @ b.T)[None])[0]
    nearest_of_grid = math.inf
    for step in range(3600):
        cosine, sine = math.cos(step * math.tau / 3600), math.sin(step * math.tau / 3600)
        for flip in (1, -1):
            matrix = torch.tensor([[cosine, -sine * flip], [sine, cosine * flip]]).double()
            nearest_of_grid = min(nearest_of_grid, float((a - matrix @ b).norm()))
    assert float((a - found @ b).norm()) == pytest.approx(nearest_of_grid, abs=1e-5)
    assert float((a - found @ b).norm()) <= nearest_of_grid


def test_of_matrices_that_keep_ones_none_drawn_is_nearer() -> None:
    group = LinearGroup("orthogonal", 5, 1, (), keeps_ones=True)
    a, b = normal(1, 5, 8, seed=3), normal(1, 5, 8, seed=4)
    found = orthogonal(a @ b.mT, keeps_ones=True)
    assert not unfit(group, found)
    generator = torch.Generator().manual_seed(0)
    others = [drawn(group, generator) for _ in range(200)]
    assert all((a - found @ b).norm() < (a - each @ b).norm() for each in others)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_planted_invertible_matrix_is_found_in_each_head(seed: int) -> None:
    group = head_group("invertible")
    planted = drawn(group, torch.Generator().manual_seed(seed))
    b = heads(seed)
    found = invertible(products(group, group.places, moved(group, planted, b), b))
    torch.testing.assert_close(found, planted, rtol=1e-9, atol=1e-9)


def test_whatever_frames_heads_come_in_they_are_brought_together_alike() -> None:
    group = head_group("invertible")
    a, b = heads(1), heads(2)
    first = drawn(group, torch.Generator().manual_seed(1))
    second = drawn(group, torch.Generator().manual_seed(2))
    found = invertible(products(group, group.places, a, b))
    there = products(group, group.places, moved(group, first, a), moved(group, second, b))
    torch.testing.assert_close(invertible(there) @ second, first @ found, rtol=1e-8, atol=1e-8)


def test_a_balanced_head_is_written_and_read_by_the_same_products() -> None:
    writes, reads = normal(COUNT, SIZE, 9, seed=1), normal(COUNT, SIZE, 7, seed=2)
    frame = balance({1: writes @ writes.mT, -1: reads @ reads.mT})
    back = torch.linalg.inv(frame)
    torch.testing.assert_close(frame, frame.mT)
    torch.testing.assert_close(
        frame @ writes @ writes.mT @ frame, back @ reads @ reads.mT @ back, rtol=1e-9, atol=1e-9
    )


def test_heads_of_zeros_get_a_map_that_is_one() -> None:
    group = head_group("invertible")
    silent = {name: torch.zeros_like(value) for name, value in heads().items()}
    for a, b in [(silent, silent), (heads(), silent), (silent, heads())]:
        assert not unfit(group, invertible(products(group, group.places, a, b)))


@pytest.mark.parametrize("seed", SEEDS)
def test_planted_rotations_and_scales_of_planes_are_found(seed: int) -> None:
    group = head_group("rotation", planes=PLANES)
    planted = drawn(group, torch.Generator().manual_seed(seed))
    b = heads(seed)
    found = nearest(group, products(group, group.places, moved(group, planted, b), b), rigid=False)
    torch.testing.assert_close(found, planted, rtol=1e-10, atol=1e-10)


def test_the_angle_of_a_plane_is_that_of_complex_least_squares() -> None:
    group = head_group("rotation", planes=PLANES)
    a, b = heads(1), heads(2)
    found = nearest(group, products(group, group.places, a, b), rigid=True)
    for head in range(COUNT):
        for plane, (first, second) in enumerate(PLANES.tolist()):
            total = 0j
            for name, axis in (("w", 0), ("r", 1)):
                here = (w[name].movedim(axis, 0).view(COUNT, SIZE, -1)[head] for w in (a, b))
                for mine, theirs in zip(*(each.T.tolist() for each in here), strict=True):
                    z = complex(mine[first], mine[second])
                    total += z * complex(theirs[first], -theirs[second])
            turn = total / abs(total)
            cosine = float(found[head, first, first])
            sine = float(found[head, second, first])
            assert (cosine, sine) == pytest.approx((turn.real, turn.imag), abs=1e-12), plane


@pytest.mark.parametrize("kind", ["invertible", "rotation"])
def test_rigid_maps_scale_nothing(kind: str) -> None:
    group = head_group(kind, planes=PLANES if kind == "rotation" else None)
    found = nearest(group, products(group, group.places, heads(1), heads(2)), rigid=True)
    assert not unfit(LinearGroup("orthogonal", SIZE, COUNT, ()), found)
    assert not unfit(group, found)


def test_planted_scales_of_several_powers_are_found() -> None:
    index = UnitIndex((0,), torch.arange(SIZE)[:, None])
    places = (Place("up", index, 1), Place("down", index, -2))
    group = LinearGroup("scale", SIZE, 1, places)
    b = {"up": normal(SIZE, 3, seed=1), "down": normal(SIZE, 5, seed=2)}
    planted = drawn(group, torch.Generator().manual_seed(0))
    found = scales(group, places, moved(group, planted, b), b)
    assert found is not None
    torch.testing.assert_close(found, planted, rtol=1e-12, atol=0)
    assert scales(group, (), b, b) is None


def test_units_without_weights_keep_their_scale() -> None:
    ones, some = torch.ones(2), torch.tensor([0.0, 4.0])
    assert growth({1: some}, {1: ones}).tolist() == [1.0, 2.0]
