"""The same examples in the forms in which people have data in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    IterableDataset,
    Subset,
    TensorDataset,
)

from lmctool.plugin.data_records import Dataset, Examples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

COUNT = 100
X = np.random.default_rng(0).standard_normal((COUNT, 1, 4, 4)).astype(np.float32)
Y = np.arange(COUNT) % 7


class Indexed(torch.utils.data.Dataset[Any]):
    """A data set by index, which counts how often it is asked."""

    def __init__(self, example: Callable[[int], object], count: int = COUNT) -> None:
        self.example, self.count, self.asked = example, count, 0

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, place: int) -> object:
        self.asked += 1
        return self.example(place)


class Listed(Indexed):
    """One that lists its targets and the names of its classes."""

    targets: Any = Y.tolist()
    classes = tuple("abcdefg")


class Coming(IterableDataset[Any]):
    """One whose examples come in order."""

    def __init__(self, begin: Callable[[], Iterator[object]]) -> None:
        self.begin = begin

    def __iter__(self) -> Iterator[object]:
        return self.begin()


def pair(place: int) -> tuple[torch.Tensor, int]:
    return torch.tensor(X[place]), int(Y[place])


def read(dataset: Dataset, split: str = "test") -> tuple[NDArray[Any], NDArray[Any]]:
    """Return all examples of a split."""
    examples = dataset.splits[split]()
    inputs = examples.inputs
    if not isinstance(inputs, np.ndarray):
        assert inputs.shape[0] == len(inputs)
        inputs = inputs[np.arange(len(inputs))]
    return inputs, examples.targets


def pairs(places: Iterator[int] | range = range(COUNT)) -> Iterator[object]:
    return map(pair, places)


def big(place: int) -> dict[str, object]:
    return {"label": int(Y[place]), "image": X[place], "name": f"{place}.png"}


FORMS: dict[str, Callable[[], object]] = {
    "a pair of arrays": lambda: (X, Y),
    "a pair of tensors": lambda: [torch.tensor(X), torch.tensor(Y)],
    "a pair of lists": lambda: (X.tolist(), Y.tolist()),
    "a pair of lists of tensors": lambda: ([*torch.tensor(X)], [*torch.tensor(Y)]),
    "a column of targets": lambda: (X, Y[:, None]),
    "x and y": lambda: {"x": X, "y": Y},
    "Examples": lambda: Examples(X, Y),
    "a data set by index": lambda: Indexed(pair),
    "mappings": lambda: Indexed(big),
    "pixel_values and labels": lambda: Indexed(lambda n: {"pixel_values": X[n], "labels": Y[n]}),
    "a data set that lists its targets": lambda: Listed(pair),
    "a list of examples": lambda: [*pairs()],
    "examples in order": lambda: Coming(pairs),
    "TensorDataset": lambda: TensorDataset(torch.tensor(X), torch.tensor(Y)),
    "ConcatDataset": lambda: ConcatDataset(
        [Indexed(pair, 60), Subset(Indexed(pair), range(60, 100))]
    ),
    "a loader": lambda: DataLoader(Indexed(pair), batch_size=7),
    "a loader that shuffles": lambda: DataLoader(Listed(pair), batch_size=7, shuffle=True),
    "a loader without batches": lambda: DataLoader(Indexed(pair), batch_size=None),
    "a loader of examples in order": lambda: DataLoader(Coming(pairs), batch_size=7),
    "a loader that collates": lambda: DataLoader(Indexed(pair), 7, collate_fn=collated),
    "a loader that collates in order": lambda: DataLoader(Coming(pairs), 7, collate_fn=collated),
    "a loader of batches": lambda: DataLoader(Coming(batches), batch_size=None),
}


def collated(examples: list[tuple[torch.Tensor, int]]) -> dict[str, object]:
    inputs, targets = zip(*examples, strict=True)
    return {"x": torch.stack(inputs), "labels": torch.tensor(targets)}


def batches() -> Iterator[object]:
    for begin in range(0, COUNT, 30):
        yield torch.tensor(X[begin : begin + 30]), torch.tensor(Y[begin : begin + 30])
