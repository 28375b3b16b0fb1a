"""Token ids from arrays: what follows each position, and masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from lmctool.data.opening import open_split
from lmctool.data.tokens import ENOUGH, IGNORE_INDEX, token_examples, unshifted
from lmctool.errors import LmctoolError
from lmctool_plugins.datasets.arrays import open_arrays

if TYPE_CHECKING:
    from pathlib import Path

IDS = np.array([[5, 6, 7, 8], [1, 2, 0, 0]])
MASK = np.array([[1, 1, 1, 1], [1, 1, 0, 0]])
LONG = np.random.default_rng(0).integers(0, 50, (6, 10))


def test_each_target_is_the_next_token_and_the_last_has_none() -> None:
    made = token_examples(IDS, None, None, "ids")
    assert made.targets.tolist() == [[6, 7, 8, IGNORE_INDEX], [2, 0, 0, IGNORE_INDEX]]


def test_padding_is_no_target() -> None:
    made = token_examples(IDS, None, MASK, "ids")
    assert made.targets.tolist() == [
        [6, 7, 8, IGNORE_INDEX],
        [2, IGNORE_INDEX, IGNORE_INDEX, IGNORE_INDEX],
    ]
    assert np.array_equal(made.inputs, IDS)


def test_given_targets_are_honoured_with_their_own_gaps() -> None:
    y = np.array([[IGNORE_INDEX, 7, 8, 9], [2, 3, IGNORE_INDEX, IGNORE_INDEX]])
    assert token_examples(IDS, y, None, "ids").targets.tolist() == y.tolist()
    masked = token_examples(IDS, y, MASK, "ids").targets
    assert masked.tolist() == [
        [IGNORE_INDEX, 7, 8, 9],
        [2, IGNORE_INDEX, IGNORE_INDEX, IGNORE_INDEX],
    ]


def test_targets_of_their_own_positions_are_shifted_by_one() -> None:
    own = np.where(np.arange(10) < 3, IGNORE_INDEX, LONG)  # a prompt that counts for nothing
    assert unshifted(LONG, LONG)
    assert unshifted(LONG, own)
    shifted = token_examples(LONG, own, None, "ids")
    assert np.array_equal(shifted.inputs, LONG)
    assert (shifted.targets[:, [0, 1, 9]] == IGNORE_INDEX).all()
    assert np.array_equal(shifted.targets[:, 2:9], LONG[:, 3:])
    whole = token_examples(LONG, None, None, "ids").targets
    assert np.array_equal(token_examples(LONG, LONG, None, "ids").targets, whole)


def test_a_mask_leaves_padding_out_of_targets_of_their_own_positions() -> None:
    mask = (np.arange(10) < np.arange(5, 11)[:, None]).astype(int)
    padded = token_examples(LONG, LONG, mask, "ids").targets
    assert np.array_equal(padded, token_examples(LONG, None, mask, "ids").targets)
    assert ((padded != IGNORE_INDEX).sum(axis=1) == np.arange(4, 10)).all()


def test_targets_that_follow_stay_as_they_are() -> None:
    following = token_examples(LONG, None, None, "ids").targets
    assert not unshifted(LONG, following)
    assert np.array_equal(token_examples(LONG, following, None, "ids").targets, following)
    almost = LONG.copy()
    almost[2, 3] += 1
    assert not unshifted(LONG, almost)


def test_too_few_positions_tell_nothing() -> None:
    repeated = np.full((40, 10), 7)  # what follows is the same token
    assert not unshifted(repeated, repeated)
    ids = np.arange(ENOUGH + 1)[None]
    assert unshifted(ids, ids)
    assert not unshifted(ids[:, :-1], ids[:, :-1])
    none = np.full_like(LONG, IGNORE_INDEX)
    assert not unshifted(LONG, none)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".h5"])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_whole_numbers_without_y_are_token_ids(tmp_path: Path, suffix: str, dtype: str) -> None:
    path = write(tmp_path / f"ids{suffix}", x=IDS.astype(dtype), mask=MASK.astype(dtype))
    dataset = open_arrays("arrays", path)
    assert (dataset.task, dataset.classes, dataset.scale) == ("causal-lm", 9, 1.0)
    split = open_split(dataset, "test", limit=None, seed=0, device=torch.device("cpu"))
    assert (split.inputs.dtype, split.targets.dtype) == (torch.int64, torch.int64)
    assert split.targets[1].tolist() == [2, IGNORE_INDEX, IGNORE_INDEX, IGNORE_INDEX]


def test_a_y_of_the_same_shape_holds_the_targets(tmp_path: Path) -> None:
    y = np.where(MASK == 1, IDS + 1, IGNORE_INDEX)
    dataset = open_arrays("arrays", write(tmp_path / "ids.npz", x_train=IDS, y_train=y))
    assert (dataset.task, dataset.classes) == ("causal-lm", 10)
    assert np.array_equal(dataset.splits["train"]().targets, y)


def test_whole_numbers_with_one_class_an_example_stay_a_classification(tmp_path: Path) -> None:
    dataset = open_arrays("arrays", write(tmp_path / "data.npz", x=IDS, y=np.array([0, 1])))
    assert (dataset.task, dataset.classes) == ("classification", 2)


def test_tokens_in_one_split_only_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "data.npz", x_train=IDS, x_test=IDS, y_test=np.array([0, 1]))
    with pytest.raises(LmctoolError, match="token ids in some splits and not in others"):
        open_arrays("arrays", path)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"mask": MASK[:, ::-1]}, r"hides tokens before others \(example 1\): the models take no"),
        ({"mask": MASK * 2}, "a mask of other values than 1"),
        ({"mask": MASK[:1]}, r"a mask of shape \(1, 4\), but token ids of \(2, 4\)"),
        ({"mask": MASK * 0}, "no token that follows another"),
        ({"ids": IDS - 1}, "token id -1, but tokens count from 0"),
        ({"ids": IDS[:, :1]}, "no token that follows another"),
        ({"ids": IDS[0]}, r"of shape \(4,\), not \(example, position\)"),
        ({"targets": IDS[:, :2]}, r"targets of shape \(2, 2\)"),
    ],
)
def test_unusable_tokens_are_told_in_one_sentence(changes: dict[str, Any], told: str) -> None:
    given = {"ids": IDS, "targets": None, "mask": None, **changes}
    with pytest.raises(LmctoolError, match=f"split 'test' has .*{told}"):
        token_examples(**given, what="split 'test'")


def test_a_limit_takes_whole_sequences_by_the_seed(tmp_path: Path) -> None:
    ids = np.random.default_rng(0).integers(0, 9, (50, 4))
    dataset = open_arrays("arrays", write(tmp_path / "ids.npz", x=ids))

    def chosen(seed: int) -> list[int]:
        split = open_split(dataset, "test", limit=7, seed=seed, device=torch.device("cpu"))
        assert np.array_equal(split.inputs[:].numpy(), ids[split.index])
        return list(split.index)

    assert chosen(0) == chosen(0) != chosen(1)
    assert len(chosen(0)) == 7


def write(path: Path, **arrays: Any) -> Path:
    """Write arrays in the format that the suffix names."""
    if path.suffix == ".npz":
        np.savez(path, allow_pickle=False, **arrays)
    elif path.suffix == ".safetensors":
        save_file(arrays, path)
    else:
        import h5py

        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file[name] = array
    return path
