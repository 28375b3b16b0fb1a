"""Opening a split: its examples are chosen, checked, prepared and put on the device."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lmctool.data.images.prepared import PreparedImages, are_images, prepared
from lmctool.data.images.spec import by_itself
from lmctool.data.loading import loaded
from lmctool.data.reading import read_inputs, title
from lmctool.data.split import Split
from lmctool.data.subset import subset
from lmctool.data.validation import check_constants, check_inputs, class_count, sound_targets
from lmctool.errors import LmctoolError
from lmctool.weights.transfer import Transfer

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import Tensor

    from lmctool.plugin.data_records import Dataset, Examples, Preprocessing


def open_split(
    dataset: Dataset,
    name: str,
    *,
    limit: int | None,
    seed: int,
    device: torch.device,
    taken: int = 0,
    mean: tuple[float, ...] = (),
    std: tuple[float, ...] = (),
    preparation: Callable[[], Preprocessing] | None = None,
    check: Callable[[Tensor], None] = lambda _: None,
) -> Split:
    """Read one split, choose its examples, and put them on the device.

    Args:
        dataset: the opened dataset.
        name: the split.
        limit: choose so many examples, in the proportions of the classes; None for all.
        seed: the seed of that choice, which is the same at every call.
        device: where the examples go.
        taken: the bytes of the inputs of other splits that are there already.
        mean: per-channel mean in place of the dataset's; empty keeps it.
        std: per-channel standard deviation in place of the dataset's; empty keeps it.
        preparation: tells how images of any size become inputs, all of it, in place of the
            dataset; asked of such images alone.
        check: called with all chosen inputs, stored ones in the host's memory and a piece at a
            time; raises where the model cannot take them.

    Raises:
        LmctoolError: there is no such split, its arrays are unusable, ``limit`` is below 1, or
            mean and standard deviation do not fit the channels.
    """
    examples = _stored(dataset, name)
    what = f"split {name!r}"
    mean, std, scale = mean or dataset.mean, std or dataset.std, dataset.scale
    images = None
    if are_images(examples.inputs):
        images = (preparation or partial(by_itself, dataset))()
        examples = prepared(examples, images, what)
        mean, std = mean or images.mean, std or images.std
        scale = 1 / 255 if scale == 1 else scale
    check_inputs(examples.inputs, examples.targets, what)
    shape, classes = examples.inputs.shape, dataset.classes
    sound = partial(sound_targets, inputs=shape, classes=classes or 0, what=what)
    masks = isinstance(examples.targets, PreparedImages)  # of which only the chosen are read
    targets = examples.targets if masks else sound(examples.targets)
    if classes is None:
        classes = 0 if masks else class_count(targets)
    check_constants(mean, std, shape)
    chosen = subset(targets, classes, limit, f"{seed}:{name}")
    inputs, digest = read_inputs(
        examples.inputs, chosen.index, device, what, taken=taken, check=check
    )
    total, targets = len(targets), targets[chosen.index]
    targets = sound(targets) if masks else targets
    digest.update(title(targets.dtype, targets.shape))
    digest.update(targets.data)
    return Split(
        name=name,
        inputs=inputs,
        targets=Transfer(device).array(targets),
        index=chosen.index,
        total=total,
        digest=digest.hexdigest(),
        scale=scale,
        mean=mean,
        std=std,
        classes=classes,
        images=images,
        way=chosen.way,
        absent=chosen.absent,
    )


def count_of(dataset: Dataset, name: str) -> int:
    """Return how many examples a split has, without reading its inputs.

    Raises:
        LmctoolError: there is no such split, or its arrays are unusable.
    """
    return len(_stored(dataset, name).targets)


def _stored(dataset: Dataset, name: str) -> Examples:
    """Return the examples of a split as they are stored.

    Raises:
        LmctoolError: there is no such split, or it cannot be loaded.
    """
    if name not in dataset.splits:
        raise LmctoolError(
            f"'{dataset.source}' has no split {name!r}; it has: {', '.join(dataset.splits)}"
        )
    return loaded(dataset.splits[name], f"loading split {name!r} of '{dataset.source}'")
