"""What somebody's data can do later than at first, and what is said of it."""

from __future__ import annotations

import sys
import weakref
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from lmctool.data.given.adopted import as_dataset
from lmctool.errors import LmctoolError, PluginError
from lmctool.plugin.data_records import Dataset, Examples
from tests.data.given.forms import COUNT, Coming, Indexed, X, Y, batches, pair, pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NUMBERS = count()


def loaded(value: object) -> None:
    """Take a value as data, and read all of its split."""
    inputs = as_dataset(value, "mine").splits["test"]().inputs
    inputs[np.arange(len(inputs))]


def late(place: int, other: object, at: int = 71) -> object:
    """Return the same examples as always but for one."""
    return other if place == at else pair(place)


def failing(_: int) -> object:
    raise OSError("no such disk")


def exiting(_: int) -> object:
    sys.exit(0)


def augmented(place: int) -> object:
    return X[place] + np.random.default_rng().random(), int(Y[place])


def relabelled(_: int) -> object:
    return X[0], next(NUMBERS) % 2


ITEMS: dict[str, tuple[Callable[[int], object], str]] = {
    "raises": (failing, "example 0 of split 'test' of 'mine' failed: OSError: no such disk"),
    "raises later": (lambda n: failing(n) if n == 71 else pair(n), "example 71 .* failed: OSError"),
    "is nothing": (lambda _: None, "example 0 .* is 'NoneType', not a pair of an input and its"),
    "is three": (lambda n: (*pair(n), n), "example 0 .* is 'tuple' of 3, not a pair"),
    "is an input alone": (lambda n: X[n], "example 0 .* is 'ndarray', not a pair"),
    "has names of its own": (lambda _: {"a": 1, "b": 2}, "example 0 .* has a, b, none of which is"),
    "has no target": (lambda n: {"image": X[n], "id": 1}, "has image, id, none of which is a tar"),
    "has two inputs by name": (
        lambda n: {"image": X[n], "x": X[n], "y": 1},
        "has x and image, which could both be its inputs; leave one out",
    ),
    "has two inputs": (lambda n: ((X[n], X[n]), 1), "example 0 .* has 2 inputs, and one is what"),
    "has ragged lists": (lambda _: ([[1, 2], [3]], 1), "the input of example 0 .* differ in shape"),
    "has an object": (lambda _: (object(), 1), "the input of example 0 .* is 'object', not an ar"),
    "has no class": (lambda n: (X[n], None), "has examples without a target, which are no token"),
    "has boxes": (lambda n: (X[n], {"boxes": []}), "the target of example 0 .* is 'dict', not an"),
    "has another shape": (
        lambda n: late(n, (X[n, :, :3], 1)),
        r"example 71 .* has as its input float32 of shape \(1, 3, 4\), but the first one float32",
    ),
    "has another dtype": (
        lambda n: late(n, (X[n] > 0, 1)),
        "example 71 .* has as its input bool of",
    ),
    "has another kind of target": (
        lambda n: late(n, (X[n], 0.5)),
        "example 71 .* has as its target one float64, but the first one one int64",
    ),
    "has no number": (
        lambda n: late(n, (X[n] / 0 * 0, 1)),
        "example 71 of split 'test' of 'mine' has inputs that are NaN or infinite, 16 of 16",
    ),
    "is augmented": (augmented, "example 0 .* is another one the second time .* augmentation off"),
    "has another target each time": (relabelled, "example 0 .* is another one the second time"),
    "exits": (exiting, "asks to exit with 0"),
}


def run(example: Callable[[int], object]) -> Callable[[], Iterator[object]]:
    return lambda: map(example, range(COUNT))


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
@pytest.mark.parametrize("fault", ITEMS)
@pytest.mark.parametrize("way", ["by index", "in order", "loaded"])
def test_an_example_that_is_none_is_named(fault: str, way: str) -> None:
    example, told = ITEMS[fault]
    values: dict[str, Callable[[], object]] = {
        "by index": lambda: Indexed(example),
        "in order": lambda: Coming(run(example)),
        "loaded": lambda: DataLoader(Indexed(example), batch_size=7, num_workers=0),
    }
    if fault == "exits":
        from lmctool.plugin.exits import no_exit

        with pytest.raises(PluginError, match=told), no_exit():
            loaded(values[way]())
        return
    with pytest.raises(LmctoolError, match=told):
        loaded(values[way]())


class Shorter(Indexed):
    """A data set that has fewer examples than it says."""

    def __len__(self) -> int:
        return COUNT + 1


class Lengthy(Coming):
    """One whose examples come in order, and that says how many."""

    length = COUNT

    def __len__(self) -> int:
        return self.length


def longer() -> Iterator[object]:
    yield from pairs()
    yield pair(0)


LENGTHS: dict[str, tuple[Callable[[], object], str]] = {
    "fewer by index": (lambda: Shorter(pair), "example 100 of split 'test' .* failed: IndexError"),
    "fewer in order": (
        lambda: Lengthy(lambda: map(pair, range(99))),
        "split 'test' of 'mine' has a length of 100, but gave 99 examples",
    ),
    "more in order": (lambda: Lengthy(longer), "has a length of 100, but gave 101 examples"),
    "without an end": (
        lambda: Lengthy(lambda: (pair(n % COUNT) for n in count())),
        "has a length of 100, but gave 128 or more examples",
    ),
    "none by index": (lambda: Indexed(pair, 0), "split 'test' of 'mine' has no examples"),
    "none in order": (lambda: Coming(lambda: iter(())), "split 'test' of 'mine' has no examples"),
    "less than none": (lambda: Indexed(pair, -1), "'mine' failed: ValueError"),
    "once": (pairs, "is 'map', which gives its examples only once; give a data set"),
    "nothing": (lambda: None, "split 'test' of 'mine' is 'NoneType', which holds no examples"),
    "a number": (lambda: 3, "split 'test' of 'mine' is 'int', which holds no examples"),
    "a text": (lambda: "data", "is 'str' without targets"),
    "a class": (lambda: Indexed, "is the class 'Indexed' itself"),
    "an array": (lambda: X, "is 'ndarray' without targets"),
    "no splits": (dict, "'mine' gave 'dict', whose keys name no splits"),
    "three data sets": (lambda: (Indexed(pair),) * 3, "gave 3 data sets; name them: {'train'"),
    "other numbers of inputs and targets": (lambda: (X, Y[1:]), "has 100 inputs but 99 targets"),
    "ragged lists": (lambda: ([[1.0, 2], [3]], [0, 1]), "x of split 'test' .* differ in shape"),
    "single values": (lambda: (1.0, 2), "is 'int', a single value and not one for each example"),
    "a batch of another size": (
        lambda: DataLoader(Indexed(pair), 7, collate_fn=lambda many: next(batches())),
        "split 'test' of 'mine': a batch of 7 examples came as 30",
    ),
    "a batch that is none": (
        lambda: DataLoader(Indexed(pair), 7, collate_fn=len),
        "split 'test' of 'mine': a batch is 'int', not a pair",
    ),
    "mixed batches": (
        lambda: DataLoader(Indexed(pair), 7, shuffle=True, collate_fn=mixed),
        r"example \d+ of split 'test' of 'mine' is another one the second time",
    ),
}


def mixed(examples: list[tuple[torch.Tensor, int]]) -> object:
    inputs, targets = zip(*examples, strict=True)
    order = torch.randperm(len(inputs))
    return torch.stack(inputs) + torch.stack(inputs)[order], torch.tensor(targets)


@pytest.mark.parametrize("fault", LENGTHS)
def test_what_is_no_data_is_told(fault: str) -> None:
    make, told = LENGTHS[fault]
    with pytest.raises(LmctoolError, match=told):
        loaded(make())


def test_examples_that_end_earlier_the_second_time_are_told() -> None:
    numbers = iter([1, COUNT, 90])  # the first alone, all, and again
    data = Coming(lambda: map(pair, range(next(numbers))))
    with pytest.raises(
        LmctoolError, match="split 'test' of 'mine' has a length of 100, but gave 90"
    ):
        loaded(data)


def declared(load: Callable[[], Any], **fields: Any) -> Dataset:
    return Dataset({"test": load}, "disk", **{"classes": 7} | fields)


def noisy() -> Examples:
    return Examples(np.random.default_rng().random((5, 2)), np.zeros(5, dtype=np.int64))


LOADERS: dict[str, tuple[Callable[[], object], str]] = {
    "raises": (lambda: failing(0), "the loader of split 'test' of 'mine' failed: OSError"),
    "returns nothing": (lambda: None, "split 'test' of 'mine' is 'NoneType', which holds no exam"),
    "returns one array": (lambda: X, "split 'test' of 'mine' is 'ndarray' without targets"),
    "returns ragged lists": (lambda: ([[1.0, 2], [3]], [0, 1]), "x of split 'test' of 'mine' is"),
    "returns others each time": (noisy, "split 'test' of 'mine' has other inputs each time"),
    "returns other targets each time": (
        lambda: (np.ones((5, 2)), np.full(5, next(NUMBERS))),
        "split 'test' of 'mine' has other targets each time",
    ),
    "returns classes that it has not": (lambda: (X, Y + 1), "split 'test' of 'mine' has targets"),
    "returns objects": (lambda: (X.astype(object), Y), "x of split 'test' .* has values of object"),
    "returns no numbers": (lambda: (X * np.nan, Y), "split 'test' of 'mine' has inputs that are"),
}


@pytest.mark.parametrize("fault", LOADERS)
def test_a_loader_that_fails_later_is_named(fault: str) -> None:
    load, told = LOADERS[fault]
    dataset = as_dataset(declared(load), "mine")
    with pytest.raises(LmctoolError, match=told):
        dataset.splits["test"]()


@pytest.mark.parametrize(
    "value", [(X, Y), Examples(X, Y), Indexed(pair), {"inputs": X, "targets": Y}]
)
def test_a_loader_may_return_what_a_factory_may(value: object) -> None:
    dataset = as_dataset(declared(lambda: value, mean=[0.5], std=np.ones(1)), "mine")
    assert (dataset.source, dataset.mean, dataset.std) == ("disk", (0.5,), (1.0,))
    examples = dataset.splits["test"]()
    np.testing.assert_array_equal(examples.inputs, X)
    np.testing.assert_array_equal(examples.targets, Y)


def test_one_copy_of_what_a_loader_returns_is_held_at_a_time() -> None:
    made: list[weakref.ref[Any]] = []

    def load() -> Examples:
        assert [each() for each in made] == [None] * len(made)
        inputs = X.copy()
        made.append(weakref.ref(inputs))
        return Examples(inputs, Y)

    dataset = as_dataset(declared(load), "mine")
    assert dataset.splits["test"]().inputs.shape == X.shape
    assert len(made) == 2


FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"classes": "10"}, "'mine' has '10' as its classes, not a whole number, 0 for none"),
    ({"classes": -1}, "has -1 as its classes"),
    ({"scale": float("nan")}, "has nan as its scale"),
    ({"mean": 0.5}, "has 0.5 as its mean"),
    ({"std": ("a",)}, r"has \('a',\) as its std"),
    ({"task": None}, "has None as its task"),
    ({"class_names": "cat"}, "has 'cat' as its class_names"),
    ({"source": None}, "has None as its source"),
    ({"preprocessing": {}}, "has {} as its preprocessing"),
]


@pytest.mark.parametrize(("fields", "told"), FIELDS)
def test_a_field_of_another_kind_is_named(fields: dict[str, Any], told: str) -> None:
    values: dict[str, Any] = {"splits": {"test": noisy}, "source": "disk", "classes": 2} | fields
    with pytest.raises(LmctoolError, match=told):
        as_dataset(Dataset(**values), "mine")


@pytest.mark.parametrize("splits", [[noisy], {}, {"test": (X, Y)}, {3: noisy}])
def test_splits_are_loaders_by_name(splits: Any) -> None:
    with pytest.raises(LmctoolError, match="as its splits, not a mapping of names to loaders"):
        as_dataset(Dataset(splits, "disk", 2), "mine")
