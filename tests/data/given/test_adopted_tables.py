"""Data sets of Hugging Face's library, and token ids, as a user's code gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import datasets
import numpy as np
import pytest
from PIL import Image
from torch.utils.data import DataLoader

from lmctool.data.given.adopted import as_dataset
from lmctool.data.tokens import IGNORE_INDEX, UNSHIFTED
from lmctool.errors import LmctoolError
from tests.data.given.forms import Coming, Indexed, read

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT = 40
NAMES = ["ant", "bee", "cat"]
ROWS = np.random.default_rng(0).standard_normal((COUNT, 5)).astype(np.float32)
CLASSES = np.arange(COUNT) % 3


def table(**columns: Any) -> datasets.Dataset:
    features = datasets.Features(
        {
            "x": datasets.List(datasets.Value("float32"), length=5),
            "label": datasets.ClassLabel(names=NAMES),
        }
    )
    rows = {"x": ROWS.tolist(), "label": CLASSES.tolist()} | columns
    return datasets.Dataset.from_dict(rows, features=None if columns else features)


FORMS: dict[str, Callable[[datasets.Dataset], Any]] = {
    "as it is": lambda data: data,
    "as arrays": lambda data: data.with_format("numpy"),
    "as tensors": lambda data: data.with_format("torch"),
    "by splits": lambda data: datasets.DatasetDict({"test": data}),
    "iterable": lambda data: data.to_iterable_dataset(),
    "columns": lambda data: (data["x"], data["label"]),
    "a loader": lambda data: DataLoader(data.with_format("torch"), batch_size=7),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_is_data(form: str) -> None:
    dataset = as_dataset(FORMS[form](table()), "mine")
    inputs, targets = read(dataset)
    np.testing.assert_array_equal(inputs.astype(np.float32), ROWS)
    np.testing.assert_array_equal(targets, CLASSES)
    named = form not in {"iterable", "columns"}
    assert dataset.class_names == (tuple(NAMES) if named else ())


def test_what_was_chosen_of_a_table_and_changed_in_it_counts() -> None:
    chosen = table().select(range(10, 30)).shuffle(seed=0)
    inputs, targets = read(as_dataset(chosen, "mine"))
    order = [int(np.flatnonzero((row == ROWS).all(axis=1))[0]) for row in inputs]
    assert sorted(order) == list(range(10, 30)) != order
    np.testing.assert_array_equal(targets, CLASSES[order])
    changed = table().with_transform(lambda rows: {"x": rows["x"], "y": [2] * len(rows["x"])})
    np.testing.assert_array_equal(read(as_dataset(changed, "mine"))[1], [2] * COUNT)


def test_images_of_a_table_are_images() -> None:
    pictures = [Image.new("RGB", (3, 4), (n, 0, 0)) for n in range(COUNT)]
    data = table(image=pictures).remove_columns("x").cast_column("image", datasets.Image())
    examples = as_dataset(data, "mine").splits["test"]()
    assert examples.inputs[7].getpixel((0, 0)) == (7, 0, 0)
    np.testing.assert_array_equal(examples.targets, CLASSES)


IDS = np.random.default_rng(1).integers(0, 50, (COUNT, 6))
NEXT = np.concatenate([IDS[:, 1:], np.full((COUNT, 1), IGNORE_INDEX)], axis=1)
MASK = np.ones((COUNT, 6), dtype=np.int64)
MASK[::2, 4:] = 0
PADDED = np.where(np.concatenate([MASK[:, 1:], MASK[:, :1]], axis=1) == 1, NEXT, IGNORE_INDEX)
TOKENS: dict[str, tuple[Callable[[], Any], Any]] = {
    "columns": (lambda: {"input_ids": IDS}, NEXT),
    "columns with a mask": (lambda: {"input_ids": IDS, "attention_mask": MASK}, PADDED),
    "a table": (lambda: datasets.Dataset.from_dict({"input_ids": IDS.tolist()}), NEXT),
    "a table with a mask": (
        lambda: datasets.Dataset.from_dict(
            {"input_ids": IDS.tolist(), "attention_mask": MASK.tolist()}
        ),
        PADDED,
    ),
    "by index": (lambda: Indexed(lambda n: {"input_ids": IDS[n]}, COUNT), NEXT),
    "in order": (lambda: Coming(lambda: ({"input_ids": ids} for ids in IDS)), NEXT),
    "pairs": (lambda: Indexed(lambda n: (IDS[n], NEXT[n]), COUNT), NEXT),
    "a pair": (lambda: (IDS, NEXT), NEXT),
    "labels as they are kept": (lambda: {"input_ids": IDS, "labels": IDS}, NEXT),
    "examples with labels as they are kept": (
        lambda: Indexed(lambda n: {"input_ids": IDS[n], "labels": IDS[n]}, COUNT),
        NEXT,
    ),
}


@pytest.mark.parametrize("form", TOKENS)
def test_token_ids_have_what_follows_them_as_targets(form: str) -> None:
    make, targets = TOKENS[form]
    dataset = as_dataset(make(), "mine")
    assert dataset.task == "causal-lm"
    inputs, found = read(dataset)
    assert dataset.read_as == ((UNSHIFTED,) if "labels" in form else ())
    np.testing.assert_array_equal(inputs, IDS)
    np.testing.assert_array_equal(found, targets)


def test_sequences_of_tokens_that_are_classified_have_no_padding() -> None:
    rows = {"input_ids": IDS, "attention_mask": MASK, "label": CLASSES}
    values = rows, datasets.Dataset.from_dict({n: v.tolist() for n, v in rows.items()})
    for value in values:
        with pytest.raises(LmctoolError, match="of 'mine' has a mask that hides tokens"):
            as_dataset(value, "mine").splits["test"]()
    del rows["attention_mask"]
    dataset = as_dataset(rows, "mine")
    assert dataset.task == "classification"
    np.testing.assert_array_equal(read(dataset)[1], CLASSES)


def test_token_ids_beside_other_inputs_are_refused() -> None:
    with pytest.raises(LmctoolError, match="'mine' has token ids in some splits and not in others"):
        as_dataset({"train": {"input_ids": IDS}, "test": (ROWS, CLASSES)}, "mine")
