"""Parts of a split that several workers measure, with the numbers of one pass over all of it.

A part is of whole batches, and what a function makes of outputs it makes of as many batches
together as in a pass over the whole split.  Outputs of batches that go together, and of which
another part has the rest, are handed on as they are.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lmctool.evaluate.functional import outputs_of_each

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from lmctool.data.split import Split
    from lmctool.evaluate.functional import Outputs

    Function = Callable[[Tensor, Tensor], Sequence[Tensor]]

LENGTH = "length"
"""The name of the number of batches that go together among the arrays of a part."""
VALUES, OUTPUTS = "values", "outputs"
CHANNELS_LAST = "channels_last"
STORED_AS = {1: torch.uint8, 2: torch.int16}
"""How dtypes that NumPy lacks are stored, by the bytes of a number."""


@dataclass(frozen=True, slots=True)
class Part:
    """Examples of a split, from ``start`` up to but without ``stop``; whole batches."""

    start: int
    stop: int


def parts_of(examples: int, size: int, count: int) -> list[Part]:
    """Return parts of a split, as equal as whole batches can be.

    Args:
        examples: of the split, one or more.
        size: examples of a batch.
        count: how many parts are wanted; there are fewer where there are not as many batches.
    """
    batches = -(-examples // size)
    count = min(count, batches)
    bounds = [min(examples, batches * part // count * size) for part in range(count + 1)]
    return [Part(*both) for both in pairwise(bounds)]


@dataclass
class MeasuredPart:
    """What was measured of a part.

    Attributes:
        length: how many batches go together.
        values: what a function made of batches that go together, by their place in the split.
        outputs: those of batches of which another part has the rest, likewise.
    """

    length: int
    values: dict[int, Sequence[Tensor]] = field(default_factory=dict)
    outputs: dict[int, Tensor] = field(default_factory=dict)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return it for the journal."""
        tensors = {f"{OUTPUTS}.{place}": each for place, each in self.outputs.items()}
        for place, values in self.values.items():
            tensors |= {f"{VALUES}.{place}.{n}": each for n, each in enumerate(values)}
        stored = dict(_stored(name, tensor) for name, tensor in tensors.items())
        return {LENGTH: np.array(self.length), **stored}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]], device: torch.device) -> MeasuredPart:
        """Return what the arrays of an entry hold, on a device."""
        part = cls(int(arrays[LENGTH]))
        values: defaultdict[int, dict[int, Tensor]] = defaultdict(dict)
        for text, array in arrays.items():
            if text == LENGTH:
                continue
            name, dtype, *layout = text.split(":")
            tensor = torch.from_numpy(array).view(getattr(torch, dtype)).to(device)
            if layout:
                tensor = tensor.contiguous(memory_format=torch.channels_last)
            kind, place, *number = name.split(".")
            if kind == OUTPUTS:
                part.outputs[int(place)] = tensor
            else:
                values[int(place)][int(number[0])] = tensor
        part.values |= {place: [each[n] for n in sorted(each)] for place, each in values.items()}
        return part


def _stored(name: str, tensor: Tensor) -> tuple[str, NDArray[Any]]:
    """Return a tensor as an array, under a name that says what it was."""
    dtype = str(tensor.dtype).removeprefix("torch.")
    last = tensor.ndim == 4 and not tensor.is_contiguous()
    if last and tensor.is_contiguous(memory_format=torch.channels_last):
        dtype = f"{dtype}:{CHANNELS_LAST}"
    plain = tensor.detach().cpu().contiguous()
    if not hasattr(np, str(plain.dtype).removeprefix("torch.")) and plain.dtype != torch.bool:
        plain = plain.view(STORED_AS[plain.itemsize])
    return f"{name}:{dtype}", plain.numpy()


def measured(
    outputs: Outputs,
    split: Split,
    part: Part,
    function: Function,
    dtype: torch.dtype,
    size: int,
    together: int,
) -> MeasuredPart:
    """Return what a function makes of a part of a split.

    Args:
        outputs: of the network.
        split: the split.
        part: which of its examples.
        function: ``function(outputs, targets)`` of batches that go together; the first of the
            tensors that it returns is (example, ...).
        dtype: the dtype of the inputs.
        size: examples of a batch.
        together: batches go together until their outputs have so many bytes.
    """
    found: MeasuredPart | None = None
    first = part.start // size
    gathered: list[tuple[Tensor, Tensor]] = []
    batches = split.batches(size, dtype, part.start, part.stop)
    for number, (answers, targets) in enumerate(outputs_of_each(outputs, batches), first):
        if found is None:
            bytes_of_batch = answers.nbytes // len(targets) * size
            found = MeasuredPart(max(1, -(-together // max(1, bytes_of_batch))))
        gathered.append((answers, targets))
        place = number // found.length
        last = min((number + 1) * size, len(split)) == part.stop
        ends = (number + 1) % found.length == 0 or (last and part.stop == len(split))
        if ends and place * found.length >= first:
            found.values[place] = list(function(*joined_batches(gathered)))
        elif ends or last:
            found.outputs[place] = joined_batches(gathered)[0]
        else:
            continue
        gathered = []
    assert found is not None  # no part is empty
    return found


def joined(
    parts: Sequence[MeasuredPart], split: Split, function: Function, size: int
) -> list[Sequence[Tensor]]:
    """Return what a function makes of all batches of a split, those together that go together.

    Args:
        parts: all parts of the split, in order.
        split: the split.
        function: as ``measured`` took it.
        size: examples of a batch.
    """
    values = {place: each for part in parts for place, each in part.values.items()}
    pieces: defaultdict[int, list[Tensor]] = defaultdict(list)
    for part in parts:
        for place, outputs in part.outputs.items():
            pieces[place].append(outputs)
    for place, several in pieces.items():
        start = place * parts[0].length * size
        outputs = torch.cat(several)
        values[place] = function(outputs, split.targets[start : start + len(outputs)])
    return [values[place] for place in sorted(values)]


def joined_batches(batches: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Return the outputs of several batches as one, and their targets."""
    if len(batches) == 1:
        return batches[0]
    outputs, targets = zip(*batches, strict=True)
    return torch.cat(outputs), torch.cat(targets)
