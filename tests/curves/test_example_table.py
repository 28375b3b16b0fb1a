"""Examples of a result are found again by their place, and known by their data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from lmctool.config import Config
from lmctool.curves.example_table import example_group, example_rows, fingerprints
from lmctool.data.opening import open_split
from lmctool.data.resolve import resolve_data
from lmctool.errors import LmctoolError
from lmctool.results.file import read, write
from lmctool.results.result import Group, Result, Variable

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.data.split import Split


def digits(name: str, limit: int | None = None, seed: int = 0) -> Split:
    """Return some examples of a split of the embedded digits."""
    data = resolve_data(spec="digits", metadata=[], config=Config())
    return open_split(data.dataset, name, limit=limit, seed=seed, device=torch.device("cpu"))


def group_of(*splits: Split) -> Group:
    """Return a group whose value of each example is ten times its place, and its split."""
    values = [10.0 * split.index + number for number, split in enumerate(splits)]
    return example_group(splits, {"value": Variable(np.concatenate(values), ("example",))})


def test_each_example_of_a_later_run_finds_its_value() -> None:
    train, test = digits("train"), digits("test", 50)
    values = group_of(train, test).variables["value"].values
    for number, split in enumerate([digits("train", 30), digits("test", 50)]):
        rows = example_rows(group_of(train, test), split, "--scores")
        np.testing.assert_array_equal(values[rows], 10.0 * split.index + number)


def test_the_order_within_the_group_does_not_matter() -> None:
    split = digits("train", 40)
    group = group_of(split)
    mixed = np.random.default_rng(0).permutation(40)
    turned = Group(
        {
            name: replace(v, values=v.values[mixed]) if v.dims == ("example",) else v
            for name, v in group.variables.items()
        }
    )
    rows = example_rows(turned, split, "--scores")
    np.testing.assert_array_equal(turned.variables["value"].values[rows], 10.0 * split.index)


def test_examples_are_found_in_a_file_too(tmp_path: Path) -> None:
    split = digits("test", 20)
    write(Result("el2n", {"el2n/examples": group_of(digits("test"))}), tmp_path / "r.h5")
    group = read(tmp_path / "r.h5").groups["el2n/examples"]
    rows = example_rows(group, split, "--scores")
    np.testing.assert_array_equal(group.variables["value"].values[rows], 10.0 * split.index)
    np.testing.assert_array_equal(group.variables["target"].values[rows], split.targets)


def test_a_fingerprint_tells_input_and_target() -> None:
    split = digits("test", 20)
    inputs, targets = split.inputs[:].clone(), split.targets.clone()
    inputs[3] += 1
    targets[5] = (targets[5] + 1) % 10
    other = replace(split, inputs=inputs, targets=targets)
    assert np.flatnonzero(fingerprints(split) != fingerprints(other)).tolist() == [3, 5]


def test_another_split_is_refused() -> None:
    with pytest.raises(LmctoolError, match=r"split 'train', none of split 'test'; pass --split"):
        example_rows(group_of(digits("train", 40)), digits("test", 40), "--scores")


def test_examples_that_are_not_there_are_counted() -> None:
    few, many = digits("train", 40), digits("train")
    expected = f"--scores lacks {len(many) - 40} of the {len(many)} examples of split 'train'"
    with pytest.raises(LmctoolError, match=expected):
        example_rows(group_of(few), many, "--scores")


def test_other_data_of_the_same_size_are_refused() -> None:
    split = digits("train", 40)
    other = replace(split, targets=split.targets.flip(0))
    changed = np.count_nonzero(fingerprints(split) != fingerprints(other))
    with pytest.raises(LmctoolError, match=f"made with other data: {changed} of the 40"):
        example_rows(group_of(split), other, "--scores")


def test_a_group_without_places_is_refused() -> None:
    group = group_of(digits("test", 5))
    bare = Group({name: v for name, v in group.variables.items() if name != "index"})
    with pytest.raises(LmctoolError, match="holds no 'index' of its examples"):
        example_rows(bare, digits("test", 5), "--scores")
