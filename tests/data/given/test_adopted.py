"""Data as people have it in Python, and the examples that it is taken for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    Subset,
    SubsetRandomSampler,
    WeightedRandomSampler,
    random_split,
)

from lmctool.data.given import given_split
from lmctool.data.given.adopted import BYTES, as_dataset
from lmctool.data.opening import open_split
from lmctool.errors import LmctoolError
from lmctool.plugin.data_records import Dataset, Examples
from tests.data.given.forms import (
    COUNT,
    FORMS,
    Coming,
    Indexed,
    Listed,
    X,
    Y,
    batches,
    pair,
    pairs,
    read,
)
from tests.rows import NotedRows

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kept", [1 << 27, 1000])
def test_the_examples_are_the_same_in_every_form(
    form: str, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(given_split, "KEPT", kept)
    dataset = as_dataset(FORMS[form](), "mine")
    for _ in range(2):
        inputs, targets = read(dataset)
        np.testing.assert_array_equal(inputs, X)
        np.testing.assert_array_equal(targets, Y)
        assert inputs.dtype == (np.float64 if form == "a pair of lists" else np.float32)
        assert targets.dtype == np.int64
    assert dataset.source == "mine"
    assert (dataset.task, dataset.scale, list(dataset.splits)) == ("classification", 1.0, ["test"])
    assert dataset.classes in {None, 7}


SPLITS: dict[str, Callable[[], object]] = {
    "a mapping": lambda: {"train": Listed(pair), "test": (X[:9], Y[:9])},
    "a tuple": lambda: (Listed(pair), Subset(Indexed(pair), range(9))),
    "a tuple of pairs": lambda: ((X, Y), (X[:9], Y[:9])),
    "loaders": lambda: [DataLoader(Listed(pair)), DataLoader(Subset(Indexed(pair), range(9)))],
}


@pytest.mark.parametrize("form", SPLITS)
def test_splits_have_their_names(form: str) -> None:
    dataset = as_dataset(SPLITS[form](), "mine")
    assert list(dataset.splits) == ["train", "test"]
    for name, count in (("train", COUNT), ("test", 9)):
        inputs, targets = read(dataset, name)
        np.testing.assert_array_equal(inputs, X[:count])
        np.testing.assert_array_equal(targets, Y[:count])
    told = "the first of two data sets is split 'train', the second split 'test'"
    assert dataset.read_as == (() if form == "a mapping" else (told,))


def test_parts_of_a_random_split_are_splits() -> None:
    parts = random_split(Listed(pair), [60, 40], torch.Generator().manual_seed(0))
    dataset = as_dataset(dict(zip(("train", "val"), parts, strict=True)), "mine")
    assert (dataset.classes, dataset.class_names) == (7, tuple("abcdefg"))
    for name, part in zip(("train", "val"), parts, strict=True):
        np.testing.assert_array_equal(read(dataset, name)[0], X[list(part.indices)])
        np.testing.assert_array_equal(read(dataset, name)[1], Y[list(part.indices)])


CHOSEN = [*range(50, 60), 3, 5]
SHUFFLED = "split 'test': examples are in the order of the data set, which its loader shuffles"
DROPPED = "split 'test': the last examples are kept, which its loader drops"
BATCHED = "split 'test': each item of its loader is a batch of examples"
LOADERS: dict[str, tuple[Callable[[], DataLoader[Any]], list[int], tuple[str, ...]]] = {
    "shuffled": (
        lambda: DataLoader(Listed(pair), batch_size=7, shuffle=True, drop_last=True),
        [*range(COUNT)],
        (SHUFFLED, DROPPED),
    ),
    "a seeded generator": (
        lambda: DataLoader(Listed(pair), shuffle=True, generator=torch.Generator()),
        [*range(COUNT)],
        (SHUFFLED,),
    ),
    "a random part": (
        lambda: DataLoader(Listed(pair), sampler=SubsetRandomSampler(CHOSEN)),
        sorted(CHOSEN),
        (SHUFFLED,),
    ),
    "an order of its own": (lambda: DataLoader(Listed(pair), sampler=CHOSEN), CHOSEN, ()),
    "batches of its own": (
        lambda: DataLoader(Listed(pair), batch_sampler=[CHOSEN[:5], CHOSEN[5:]]),
        CHOSEN,
        (),
    ),
    "a sampler of batches": (
        lambda: DataLoader(Indexed(pair), batch_sampler=BatchSampler(CHOSEN, 5, drop_last=True)),
        CHOSEN,
        (DROPPED,),
    ),
    "batches as examples": (
        lambda: DataLoader(Coming(batches), batch_size=None),
        [*range(COUNT)],
        (BATCHED,),
    ),
}


@pytest.mark.parametrize("name", LOADERS)
def test_a_loader_has_its_examples_once_and_in_an_order_that_stays(name: str) -> None:
    make, places, notes = LOADERS[name]
    dataset = as_dataset(make(), "mine")
    inputs, targets = read(dataset)
    np.testing.assert_array_equal(inputs, X[places])
    np.testing.assert_array_equal(targets, Y[places])
    assert dataset.read_as == notes


@pytest.mark.parametrize(
    "sampler",
    [RandomSampler(range(COUNT), replacement=True), WeightedRandomSampler([1.0] * COUNT, COUNT)],
)
def test_a_sampler_that_draws_is_refused(sampler: Any) -> None:
    with pytest.raises(LmctoolError, match=r"split 'test' of 'mine' .* draws other examples each"):
        as_dataset(DataLoader(Listed(pair), sampler=sampler), "mine")


def test_examples_are_asked_together_where_they_can_be() -> None:
    class Together(Indexed):
        def __getitems__(self, places: list[int]) -> list[object]:
            self.asked += 1
            return [pair(place) for place in places]

    data = Together(lambda _: None)
    np.testing.assert_array_equal(read(as_dataset(data, "mine"))[0], X)
    assert data.asked == 5  # the first, a look, two pieces, and a look again


def test_a_large_split_whose_targets_are_listed_is_read_where_it_is_asked_for() -> None:
    data = Listed(pair)
    dataset = as_dataset(data, "mine")
    examples = dataset.splits["test"]()
    before = data.asked
    assert before < COUNT
    assert examples.inputs.costly
    np.testing.assert_array_equal(examples.inputs[np.array([3, 70])], X[[3, 70]])
    assert data.asked == before + 2


def test_a_buffer_that_examples_share_is_no_example() -> None:
    buffer = torch.zeros(1, 4, 4)

    def shared(place: int) -> tuple[torch.Tensor, int]:
        buffer.copy_(torch.tensor(X[place]))
        return buffer, int(Y[place])

    for data in (Indexed(shared), Coming(lambda: map(shared, range(COUNT)))):
        np.testing.assert_array_equal(read(as_dataset(data, "mine"))[0], X)


def test_targets_that_a_data_set_transforms_are_those_of_its_examples() -> None:
    data = Listed(lambda place: (X[place], 6 - int(Y[place])))
    np.testing.assert_array_equal(read(as_dataset(data, "mine"))[1], 6 - Y)


def test_one_target_that_is_not_what_is_listed_is_named() -> None:
    data = Listed(lambda place: (X[place], int(Y[place]) + (place == 71)))
    examples = as_dataset(data, "mine").splits["test"]()
    with pytest.raises(LmctoolError, match="example 71 of split 'test' of 'mine' has the target 2"):
        examples.inputs[np.arange(COUNT)]


TARGETS: dict[str, tuple[Callable[[int], object], str, NDArray[Any], tuple[str, ...]]] = {
    "numbers": (lambda n: Y[n] / 7, "regression", Y / 7, ()),
    "one-hot": (lambda n: np.eye(7)[Y[n]], "classification", Y, ("targets are one-hot",)),
    "labels": (
        lambda n: torch.tensor([Y[n] % 2, 1, 0]),
        "multi-label",
        np.stack([Y % 2, Y * 0 + 1, Y * 0], axis=1),
        (),
    ),
    "a mask": (
        lambda n: np.full((4, 4), Y[n]),
        "segmentation",
        np.tile(Y[:, None, None], (1, 4, 4)),
        (),
    ),
    "names": (
        lambda n: "abcdefg"[Y[n]],
        "classification",
        Y,
        ("targets are 7 names, numbered in alphabetical order: 'a', 'b', 'c', 'd', 'e', 'f', ...",),
    ),
}


@pytest.mark.parametrize("form", TARGETS)
@pytest.mark.parametrize("kind", [Indexed, "columns"])
def test_targets_are_told_apart(form: str, kind: Any) -> None:
    target, task, right, read_as = TARGETS[form]
    whole = (X, [target(n) for n in range(COUNT)])
    value = whole if kind == "columns" else kind(lambda n: (X[n], target(n)))
    dataset = as_dataset({"train": value, "test": value}, "mine")
    assert (dataset.task, dataset.read_as) == (task, read_as)
    np.testing.assert_array_equal(read(dataset)[1], right)


@pytest.mark.parametrize("data", [Listed(pair), Indexed(pair), Coming(pairs)])
def test_a_few_examples_have_the_proportions_of_the_classes_however_these_are_known(
    data: Any,
) -> None:
    dataset = as_dataset(data, "mine")
    split = open_split(dataset, "test", limit=35, seed=0, device=torch.device("cpu"))
    assert split.classes == 7
    assert np.bincount(split.targets).tolist() == [5] * 7
    assert torch.equal(split.inputs[:], torch.tensor(X[split.index]))


def test_names_are_numbered_over_all_splits() -> None:
    names = np.array([*"bca"])
    train = Indexed(lambda n: (X[n], names[n]), 3)
    dataset = as_dataset({"train": train, "test": Indexed(lambda n: (X[n], "b"), 2)}, "mine")
    assert read(dataset, "train")[1].tolist() == [1, 2, 0]
    assert read(dataset, "test")[1].tolist() == [1, 1]
    assert dataset.class_names == ("a", "b", "c")


def test_splits_that_number_their_classes_differently_are_refused() -> None:
    other = Listed(pair)
    other.classes = tuple("acbdefg")
    with pytest.raises(
        LmctoolError, match=r"'mine' has other classes in split 'test' \(7: a, c, b"
    ):
        as_dataset((Listed(pair), other), "mine")


def test_a_split_that_cannot_be_used_is_told_once_it_is_asked_for() -> None:
    without = Indexed(lambda n: {"image": X[n]})
    dataset = as_dataset({"train": Listed(pair), "unlabelled": without}, "mine")
    assert list(dataset.splits) == ["train", "unlabelled"]
    np.testing.assert_array_equal(read(dataset, "train")[0], X)
    with pytest.raises(LmctoolError, match="example 0 of split 'unlabelled' of 'mine' has image, "):
        dataset.splits["unlabelled"]()
    with pytest.raises(LmctoolError, match="example 0 of split 'other' of 'mine' has image, "):
        as_dataset({"unlabelled": without, "other": without}, "mine")


def test_rows_of_a_users_own_are_read_as_they_are_asked_for() -> None:
    rows = NotedRows(X)
    examples = as_dataset((rows, Y), "mine").splits["test"]()
    np.testing.assert_array_equal(examples.inputs[np.array([3, 4])], X[3:5])
    assert rows.asked == [[3, 4]]
    rows.array = X[:, :, :2]
    with pytest.raises(LmctoolError, match="split 'test' of 'mine' gave float32 of shape"):
        examples.inputs[np.array([3])]
    rows.array = X[:3]
    with pytest.raises(LmctoolError, match="split 'test' of 'mine' failed: IndexError"):
        examples.inputs[np.array([3])]


class Table:
    """A table of another library, which tells its values as an array."""

    def __init__(self, values: list[Any]) -> None:
        self.values = np.array(values, dtype=object if isinstance(values[0], str) else None)
        self.shape = self.values.shape

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
        return self.values


def test_a_table_of_another_library_is_an_array() -> None:
    dataset = as_dataset((Table([[1.0, 4], [2, 5], [3, 6]]), Table(["dog", "cat", "dog"])), "mine")
    inputs, targets = read(dataset)
    assert inputs.tolist() == [[1, 4], [2, 5], [3, 6]]
    assert (targets.tolist(), dataset.class_names) == ([1, 0, 1], ("cat", "dog"))


def test_bytes_are_scaled() -> None:
    x = (X > 0).astype(np.uint8)
    for value in ((x, Y), Indexed(lambda n: (x[n], Y[n]))):
        dataset = as_dataset(value, "mine")
        assert dataset.scale == 1 / 255
        assert dataset.read_as == (BYTES,)
    with pytest.raises(LmctoolError, match="'mine' has inputs of uint8 in some splits and not in"):
        as_dataset({"train": (x, Y), "test": (X, Y)}, "mine")


@pytest.mark.parametrize("kind", ["columns", "examples"])
def test_bytes_may_have_their_channels_last_or_none(kind: str) -> None:
    for shape, told in (
        ((5, 6, 7, 3), "channels last"),
        ((5, 6, 7), "without an axis of channels"),
    ):
        x = np.arange(5 * 6 * 7 * 3, dtype=np.uint8)[: np.prod(shape)].reshape(shape)
        examples = [*zip(x, Y[:5], strict=True)]
        dataset = as_dataset((x, Y[:5]) if kind == "columns" else examples, "mine")
        right = np.moveaxis(x, 3, 1) if x.ndim == 4 else x[:, None]
        np.testing.assert_array_equal(read(dataset)[0], right)
        assert told in dataset.read_as[0]


def test_floats_are_what_the_model_takes() -> None:
    x = np.zeros((5, 6, 7, 3), dtype=np.float32)
    assert read(as_dataset((x, Y[:5]), "mine"))[0].shape == x.shape


def test_images_are_given_one_by_one() -> None:
    pictures = [Image.new("RGB", (4 + n % 3, 5), (n, 0, 0)) for n in range(COUNT)]
    values = (pictures, Y), Indexed(lambda n: (pictures[n], Y[n])), Examples(pictures, Y)
    for value in values:
        examples = as_dataset(value, "mine").splits["test"]()
        assert not isinstance(examples.inputs, np.ndarray)
        assert len(examples.inputs) == COUNT
        assert examples.inputs[70].tobytes() == pictures[70].tobytes()
        np.testing.assert_array_equal(examples.targets, Y)


def test_images_with_masks_of_their_own_sizes_are_images() -> None:
    pictures = [Image.new("RGB", (4 + n % 3, 5), (n, 0, 0)) for n in range(COUNT)]
    masks = [Image.new("L", picture.size, n % 7) for n, picture in enumerate(pictures)]
    values = (pictures, masks), Indexed(lambda n: {"image": pictures[n], "mask": masks[n]})
    for value in values:
        dataset = as_dataset(value, "mine")
        assert (dataset.task, dataset.scale) == ("segmentation", 1.0)
        examples = dataset.splits["test"]()
        assert len(examples.inputs) == len(examples.targets) == COUNT
        assert examples.inputs[71].tobytes() == pictures[71].tobytes()
        assert examples.targets[71].tobytes() == masks[71].tobytes()
    load: Any = lambda: values[0]  # noqa: E731
    again = as_dataset(Dataset({"test": load}, "mine", 0), "mine")
    assert again.splits["test"]().targets[71].tobytes() == masks[71].tobytes()


def test_an_image_as_a_target_is_a_mask() -> None:
    mask = Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4), mode="L")
    dataset = as_dataset(Indexed(lambda n: {"image": X[n], "mask": mask}, 5), "mine")
    assert dataset.task == "segmentation"
    assert read(dataset)[1].tolist() == [np.arange(16).reshape(4, 4).tolist()] * 5
