"""The order of an image's axes: channel first, wherever they are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

AS_IS = "as-is"
AXES = {"hw": (3, 4), "hwc": (3, 5), "chw": (4, 4), AS_IS: (1, 64)}
"""The least and the most axes of inputs in each order; ``hw`` and ``hwc`` may be volumes too."""
CHANNELS = (1, 3, 4)
"""How many channels images have."""
READ_AS = {
    "hw": "inputs are grey images without an axis of channels, which gets one of length 1",
    "hwc": "inputs are images with the channels last (height, width, channel)",
}


def layout_of(shape: tuple[int, ...], dtype: str) -> str:
    """Return the order of axes that inputs have by their shape.

    Bytes of three axes are grey images; of four axes the last is that of the channels where it has
    as many as an image, the second has not, and height and width are longer.
    """
    if len(shape) == 3 and dtype == "uint8":
        return "hw"
    if len(shape) == 4 and shape[3] in CHANNELS and shape[1] not in CHANNELS:
        return "hwc" if min(shape[1:3]) > shape[3] else AS_IS
    return AS_IS


def one_layout(
    inputs: Mapping[str, tuple[tuple[int, ...], str]], asked: object
) -> tuple[str, tuple[str, ...]]:
    """Return the order of axes of all splits, and what is to be said of it.

    Args:
        inputs: the shape and the dtype of each split's inputs.
        asked: what the user says, or None.

    Raises:
        LmctoolError: the user says what no inputs have, or the splits differ.
    """
    if asked is None:
        found = {layout_of(*each) for each in inputs.values()}
        if len(found) > 1:
            shapes = " and ".join(f"{shape} in {name!r}" for name, (shape, _) in inputs.items())
            raise LmctoolError(
                f"inputs differ in their axes, {shapes}; say which they are with"
                f" ?layout={'|'.join(AXES)}"
            )
        (layout,) = found
        return layout, (READ_AS[layout],) if layout in READ_AS else ()
    layout = str(asked)
    if layout not in AXES:
        raise LmctoolError(f"?layout={layout} is no order of axes; it takes {', '.join(AXES)}")
    least, most = AXES[layout]
    for shape, _ in inputs.values():
        if not least <= len(shape) <= most:
            raise LmctoolError(f"inputs of shape {shape} have no layout {layout!r}")
    return layout, ()


def channel_first(inputs: NDArray[Any], layout: str) -> NDArray[Any]:
    """Return (example, channel, ...) of inputs in some order of axes."""
    if layout == "hw":
        return inputs[:, None]
    return np.moveaxis(inputs, -1, 1) if layout == "hwc" else inputs
