"""What follows from CKA of all layers with all: that of each layer with itself, and the lowest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, Variable

if TYPE_CHECKING:
    from lmctool.api import Array, Result

LAYERS, GRID, LOWEST = (f"similarity/{name}" for name in ("layers", "grid", "lowest"))
OVER = ("variant", "pair", "split")


def alike(grid: Array) -> Variable:
    """Return CKA of each layer of one network with the same layer of the other.

    Args:
        grid: (..., layer, layer).

    Raises:
        ValueError: it is not square.
    """
    if grid.shape[-1] != grid.shape[-2]:
        raise ValueError("CKA of other layers than those of the rows")
    same = np.diagonal(grid, axis1=-2, axis2=-1).copy()
    return Variable(same, (*OVER, "layer"), long_name="linear CKA", metric="similarity.cka")


def lowest(same: Variable, layer: Variable) -> dict[str, Variable]:
    """Return the lowest CKA of all layers with its layer, and that of the last layer.

    Where a layer has none, nobody knows the lowest: it is NaN, and its layer that one.

    Args:
        same: what ``alike`` returns.
        layer: the names of the layers.
    """
    values = same.values
    unknown = np.isnan(values)
    place = np.where(unknown.any(-1), unknown.argmax(-1), np.where(unknown, 2, values).argmin(-1))
    least = np.take_along_axis(values, place[..., None], -1)[..., 0]
    return {
        "lowest_cka": Variable(
            least, OVER, "1", "lowest CKA of all layers", "similarity.lowest_cka", "higher"
        ),
        "lowest_layer": Variable(layer.values[place], OVER, long_name="layer of the lowest CKA"),
        "last_cka": Variable(
            values[..., -1], OVER, "1", "CKA of the last layer", "similarity.last_cka", "higher"
        ),
    }


def derived(result: Result) -> dict[str, Group]:
    """Return what follows from the grid that a result holds."""
    grid = result.groups[GRID].variables
    same = alike(grid["cka"].values)
    return {
        LAYERS: Group({"cka": same}),
        LOWEST: Group(lowest(same, grid["layer"])),
    }
