"""Linear maps at their places in tensors: what loops over every number do."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor

from lmctool.symmetry.axis_form import Concat, Fixed, Free, Product
from lmctool.symmetry.linear.place import Place
from lmctool.symmetry.spec import PermutationSpec

if TYPE_CHECKING:
    from lmctool.symmetry.unit_index import UnitIndex

HEADS = Product((Free("h", 2), Free("d", 3)))
SPEC = PermutationSpec(
    groups={"u": 3, "h": 2, "d": 3},
    per={"d": "h"},
    tensors={
        "rows": (Free("u", 3), None),
        "columns": (None, Free("u", 3)),
        "bias": (Free("u", 3),),
        "flattened": (None, Product((Free("u", 3), Fixed(2)))),
        "joined": (Concat((Fixed(1), Free("u", 3), Fixed(2))), None),
        "heads": (HEADS, None),
        "packed": (None, Concat((Fixed(2), HEADS))),
        "experts": (Free("h", 2), None, Free("d", 3)),
    },
)
SHAPES = {
    "rows": (3, 4),
    "columns": (2, 3),
    "bias": (3,),
    "flattened": (2, 6),
    "joined": (6, 2),
    "heads": (6, 2),
    "packed": (2, 8),
    "experts": (2, 2, 3),
}
PLACES = [(group, name, index) for group in ("u", "d") for name, index in SPEC.uses(group)]


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def coordinates(index: UnitIndex, value: Tensor, unit: int, place: int) -> list[tuple[int, ...]]:
    """Return where in a tensor one place of a unit lies, for every sample."""
    sizes = [value.shape[axis] for axis in index.axes]
    along = divmod(int(index.positions[unit, place]), sizes[-1])[2 - len(sizes) :]
    ranges = [range(size) for size in value.shape]
    for axis, at in zip(index.axes, along, strict=True):
        ranges[axis] = range(at, at + 1)
    return list(product(*ranges))


def by_loops(index: UnitIndex, value: Tensor, matrices: Tensor) -> Tensor:
    """Act on every unit with the matrix of its outer unit, number by number."""
    moved = value.clone()
    size = matrices.shape[-1]
    for unit in range(len(index.positions)):
        outer, row = divmod(unit, size)
        for place in range(index.positions.shape[1]):
            own = coordinates(index, value, unit, place)
            others = [
                coordinates(index, value, outer * size + column, place) for column in range(size)
            ]
            for sample, at in enumerate(own):
                moved[at] = sum(
                    matrices[outer, row, column] * value[others[column][sample]]
                    for column in range(size)
                )
    return moved


def at(group: str, name: str, index: UnitIndex) -> tuple[Place, Tensor, Tensor]:
    """Return a place, a tensor to act on and a matrix for each outer unit."""
    return Place(name, index), numbers(*SHAPES[name]), numbers(2 if group == "d" else 1, 3, 3)


@pytest.mark.parametrize(("group", "name", "index"), PLACES)
def test_a_matrix_acts_on_units_as_in_loops(group: str, name: str, index: UnitIndex) -> None:
    place, value, matrices = at(group, name, index)
    moved = place.moved(value, matrices)
    assert torch.allclose(moved, by_loops(index, value, matrices), 0, 1e-14)
    assert not torch.equal(moved, value)


@pytest.mark.parametrize(("group", "name", "index"), PLACES)
def test_a_factor_for_each_unit_is_a_diagonal_matrix(
    group: str, name: str, index: UnitIndex
) -> None:
    place, value, matrices = at(group, name, index)
    factors = matrices.diagonal(dim1=-2, dim2=-1)
    diagonal = torch.diag_embed(factors)
    assert torch.allclose(place.scaled(value, factors), place.moved(value, diagonal), 0, 1e-14)


@pytest.mark.parametrize(("group", "name", "index"), PLACES)
def test_gradients_flow_to_the_tensor_and_to_the_map(
    group: str, name: str, index: UnitIndex
) -> None:
    place, value, matrices = at(group, name, index)
    given = value.requires_grad_(), matrices.requires_grad_()
    assert torch.autograd.gradcheck(place.moved, given)
    assert torch.autograd.gradcheck(
        lambda value, matrices: place.scaled(value, matrices[:, 0]), given
    )


@pytest.mark.parametrize(("group", "name", "index"), PLACES)
def test_replaced_units_are_read_again_and_nothing_else_changes(
    group: str, name: str, index: UnitIndex
) -> None:
    value = numbers(*SHAPES[name])
    units = numbers(*index.units(value).shape, seed=1)
    replaced = index.replaced(value, units)
    assert torch.equal(index.units(replaced), units)
    assert torch.equal(index.replaced(replaced, index.units(value)), value)
    kept = index.replaced(value, torch.zeros_like(units)) != 0
    assert torch.equal(kept, index.replaced(torch.ones_like(value), 0 * units) != 0)
    assert int(kept.sum()) == value.numel() - units.numel()
    assert torch.equal(replaced[kept], value[kept])
