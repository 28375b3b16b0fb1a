"""The filters of the first layer as images: Fig. 9 of Jordan et al. 2023 (arXiv:2211.08403)."""

from __future__ import annotations

from math import isqrt, prod
from typing import TYPE_CHECKING

from lmctool.api import Group, Variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from lmctool.api import Run, Weights

FILTERS = "align/filters"
SHOWN = 24
"""Units whose filters are present: those of greatest norm in the first network."""
LARGEST = 64
"""Pixels along the longer side of an image that is present."""
COLOURS = (1, 3)
SQUARE = 8
"""The least side of an image that a square number of features is taken for."""
TILE, GAP, WHITEST = 24, 2, 0.92
"""The least side of a drawn filter and the white between two, in pixels; its lightest shade."""


def filters(run: Run, networks: Mapping[str, Weights]) -> Group | None:
    """Return the first layer's filters of networks as images; None where they are none.

    Args:
        run: the run.
        networks: the networks by name; the units of the first one choose the places.
    """
    import numpy as np

    from lmctool.api.advanced import one_by_one

    layers = run.resources.targets("layers")
    if not layers or layers[0].rows < 0 or layers[0].weight in run.left_out:
        return None
    first, inputs = layers[0], run.resources.example(2)
    rows = {
        name: one_by_one(weights)[first.weight].movedim(first.rows, 0)
        for name, weights in networks.items()
    }
    seen = {
        name: images(weight, inputs if isinstance(inputs, tuple) else (inputs,))
        for name, weight in rows.items()
    }
    present = [image for image in seen.values() if image is not None]
    if not present:
        return None
    places = present[0].flatten(1).norm(dim=1).argsort(descending=True, stable=True)[:SHOWN]
    values = np.stack([image[places].cpu().numpy().astype(np.float32) for image in present])
    return Group(
        {
            "network": _names("network", seen),
            "unit": _names("unit", map(str, places.tolist()), "place of the unit in the layer"),
            "filter": Variable(
                values,
                ("network", "unit", "channel", "row", "column"),
                long_name=f"input weights of units of {first.name}",
            ),
        },
        {"layer": first.name, "units": len(rows["A"]), "chosen": "greatest norm in A"},
    )


def images(weight: Tensor, inputs: tuple[Tensor, ...]) -> Tensor | None:
    """Return the weight of a first layer as images (unit, channel, row, column), if it is that.

    A convolution over rows and columns of one channel or three is, and a linear layer that reads
    a whole image of such channels, or as many numbers as a square has.

    Args:
        weight: (unit, ...) the units first.
        inputs: what the model reads, (example, ...) each.
    """
    shape = tuple(weight.shape[1:])
    if len(shape) == 1 and len(inputs) == 1 and inputs[0].is_floating_point():
        shape = _image(tuple(inputs[0].shape[1:]))
    if len(shape) != 3 or shape[0] not in COLOURS or not 1 < max(shape[1:]) <= LARGEST:
        return None
    return weight.reshape(-1, *shape) if weight[0].numel() == prod(shape) else None


def _image(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of an image that lies flat as the features of an example, if it may be."""
    if len(shape) != 1:
        return shape
    side = isqrt(shape[0])
    return (1, side, side) if side >= SQUARE and side**2 == shape[0] else ()


def _names(dim: str, names: Iterable[str], meaning: str = "") -> Variable:
    import numpy as np

    return Variable(np.array(list(names), dtype=object), (dim,), long_name=meaning or dim)


def mosaic(filters: NDArray[np.float32], columns: int) -> NDArray[np.float64]:
    """Return filters side by side, row after row, as one picture (row, column, colour) in [0, 1].

    Each is scaled by its own greatest absolute value: from black to a grey that can be told from
    the white between two, with 0 in the middle.

    Args:
        filters: (unit, channel, row, column) with one channel, drawn in grey, or three.
        columns: how many stand in a row.
    """
    import numpy as np

    units, _, height, width = filters.shape
    greatest = np.abs(filters).max(axis=(1, 2, 3), keepdims=True)
    shades = WHITEST / 2 * (1 + filters / np.where(greatest > 0, greatest, 1))
    zoom = -(-TILE // max(height, width))
    tiles = shades.repeat(zoom, 2).repeat(zoom, 3).transpose(0, 2, 3, 1)
    down, across = height * zoom + GAP, width * zoom + GAP
    picture = np.ones((-(-units // columns) * down - GAP, columns * across - GAP, 3))
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        top, left = row * down, column * across
        picture[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return picture
