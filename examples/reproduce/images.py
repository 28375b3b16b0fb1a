"""Some images of a dataset in a file of their own, smaller on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool import config
from lmctool.data.resolve import resolve_data

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def shrunk(images: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return images (example, channel, height, width) as means over squares of pixels.

    Args:
        images: height and width are multiples of the factor.
        factor: the side of a square; a network on the result takes 1 / factor^2 of the time.
    """
    count, channels, height, width = images.shape
    cells = images.reshape(count, channels, height // factor, factor, width // factor, factor)
    means: NDArray[np.float32] = cells.mean((3, 5), dtype=np.float32)
    return means


def part_of(path: Path, spec: str, train: slice, test: slice, factor: int = 1) -> Path:
    """Write some images of a dataset, normalised, for ``--data FILE``; once.

    Args:
        path: an npz file.
        spec: a registered dataset of images.
        train: which of its training images.
        test: which of its test images.
        factor: how much smaller height and width become.

    Returns:
        The path.

    Raises:
        LmctoolError: the dataset is not to be found.
    """
    if path.exists():
        return path
    dataset = resolve_data(spec=spec, metadata=[], config=config.load()).dataset
    mean, std = (
        np.array(each, dtype=np.float32)[:, None, None] for each in (dataset.mean, dataset.std)
    )
    arrays: dict[str, Any] = {}
    for split, chosen in (("train", train), ("test", test)):
        examples = dataset.splits[split]()
        places = np.arange(len(examples.targets))[chosen]
        images = examples.inputs[places].astype(np.float32) * dataset.scale
        arrays[f"x_{split}"] = shrunk((images - mean) / std, factor).astype(np.float32)
        arrays[f"y_{split}"] = np.asarray(examples.targets)[chosen]
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}")
    np.savez(draft, **arrays)
    draft.rename(path)
    return path
