"""Arrays in files of one, in folders, and in PyTorch's files."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from lmctool.data.stored.containers import container_kind, stored_arrays
from lmctool.errors import LmctoolError
from lmctool_plugins.datasets.arrays import detect, open_arrays
from tests.data.inputs import inputs_of

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.plugin.data_records import Dataset

X = np.arange(24, dtype=np.float32).reshape(4, 6)
Y = np.array([0, 2, 1, 0])
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 28, 28), dtype=np.uint8)


def save(folder: Path, **arrays: Any) -> None:
    """Write each array to a file of its own."""
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


def check(dataset: Dataset, splits: dict[str, int]) -> None:
    """Check that splits hold the inputs and targets above, all greater by a number."""
    assert dataset.splits.keys() == splits.keys()
    for split, more in splits.items():
        examples = dataset.splits[split]()
        assert np.array_equal(inputs_of(dataset, split), X + more)
        assert np.array_equal(examples.targets, Y + more)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ("x", "y"),
        ("X", "Y"),
        ("x", "labels"),
        ("images", "labels"),
        ("x_test", "y_test"),
        ("testX", "testY"),
        ("birds_x", "birds_y"),
        ("birds_images", "birds_labels"),
        ("feats", "labels"),
    ],
)
def test_a_file_of_inputs_finds_its_targets_beside_it(tmp_path: Path, x: str, y: str) -> None:
    save(tmp_path, **{x: X, y: Y}, x_train=X, y_train=Y, other=X)
    path = tmp_path / f"{x}.npy"
    assert detect(path)
    dataset = open_arrays("arrays", path)
    check(dataset, {"test": 0})
    assert dataset.source == f"{path}, {y}.npy"


def test_a_file_of_another_split_is_this_split_alone(tmp_path: Path) -> None:
    save(tmp_path, x_train=X, y_train=Y, x_test=X + 1, y_test=Y + 1)
    check(open_arrays("arrays", tmp_path), {"train": 0, "test": 1})
    save(tmp_path, y=Y + 2)
    check(open_arrays("arrays", tmp_path / "x_train.npy"), {"train": 0})


@pytest.mark.parametrize("name", ["answers", "answers.npy", "{}/answers.npy"])
def test_the_file_of_the_targets_can_be_named(tmp_path: Path, name: str) -> None:
    save(tmp_path, x=X, y=Y + 1, answers=Y)
    dataset = open_arrays("arrays", tmp_path / "x.npy", y=name.format(tmp_path))
    check(dataset, {"test": 0})


def test_token_ids_need_no_targets_beside_them(tmp_path: Path) -> None:
    save(tmp_path, corpus=np.arange(12).reshape(3, 4), mask=np.ones((3, 4), int))
    dataset = open_arrays("arrays", tmp_path / "corpus.npy")
    assert dataset.task == "causal-lm"
    assert dataset.splits["test"]().targets[0].tolist() == [1, 2, 3, -100]


@pytest.mark.parametrize(
    ("file", "asked", "told"),
    [
        ("x", {}, r"'.*/x.npy' is one array without its targets: .*with \?y=FILE"),
        ("images", {}, "'label' and 'target' of .*say .y=label or .y=target"),
        ("labels_test", {}, "name the file of the inputs as data"),
        ("x", {"x": "images"}, "name the file of the inputs as data"),
        ("x", {"y": "z.npy"}, r"there is no 'z.npy' beside '.*/x.npy'"),
        ("x", {"y": "several.npz"}, r"'.*several.npz' holds a, b, not one array alone"),
    ],
)
def test_targets_that_are_not_found_are_told(
    tmp_path: Path, file: str, asked: dict[str, str], told: str
) -> None:
    folder = tmp_path / file
    folder.mkdir()
    save(folder, **{file: X})
    if file == "images":
        save(folder, label=Y, target=Y)
    np.savez(folder / "several.npz", a=X, b=X)
    with pytest.raises(LmctoolError, match=told):
        open_arrays("arrays", folder / f"{file}.npy", **asked)


def test_a_folder_has_a_file_for_each_array_or_each_split(tmp_path: Path) -> None:
    assert not detect(tmp_path)
    np.savez(tmp_path / "train.npz", images=X, labels=Y)
    torch.save((torch.tensor(X + 1), torch.tensor(Y + 1)), tmp_path / "test.pt")
    save(tmp_path, X_val=X + 2, y_val=Y + 2, unrelated=X)
    (tmp_path / "model.safetensors").write_bytes(b"no data")
    assert detect(tmp_path)
    dataset = open_arrays("arrays", tmp_path)
    check(dataset, {"train": 0, "test": 1, "val": 2})
    assert dataset.source == str(tmp_path)


def test_a_folder_s_arrays_can_be_named(tmp_path: Path) -> None:
    save(tmp_path, feats_a=X, feats_b=X + 1, out_a=Y, out_b=Y + 1)
    check(open_arrays("arrays", tmp_path, x="feats_*", y="out_*"), {"a": 0, "b": 1})


def test_an_array_that_two_files_of_a_folder_hold_is_refused(tmp_path: Path) -> None:
    save(tmp_path, x=X, y=Y)
    torch.save(torch.tensor(X), tmp_path / "x.pt")
    with pytest.raises(LmctoolError, match=r"several files of .* hold 'x'"):
        open_arrays("arrays", tmp_path)


TENSORS = torch.tensor(X), torch.tensor(Y)
MORE = torch.tensor(X + 1), torch.tensor(Y + 1)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("content", "splits"),
    [
        (dict(zip(("x", "y"), TENSORS, strict=True)), {"test": 0}),
        (dict(zip(("data", "targets"), TENSORS, strict=True)), {"test": 0}),
        (TENSORS, {"test": 0}),
        (list(TENSORS), {"test": 0}),
        (TensorDataset(*TENSORS), {"test": 0}),
        ({"train": TENSORS, "test": MORE}, {"train": 0, "test": 1}),
        ({"train": TensorDataset(*TENSORS), "val": MORE}, {"train": 0, "val": 1}),
        ({"train": {"images": TENSORS[0], "labels": TENSORS[1]}}, {"train": 0}),
        ({"X_train": TENSORS[0], "y_train": TENSORS[1], "args": {"lr": 1}}, {"train": 0}),
    ],
)
def test_tensors_that_torch_saved_are_data(
    tmp_path: Path, content: Any, splits: dict[str, int], zipped: bool
) -> None:
    path = tmp_path / "data.pt"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    assert detect(path)
    check(open_arrays("arrays", path), splits)


def test_a_tensor_alone_is_as_an_npy_file(tmp_path: Path) -> None:
    torch.save(TENSORS[0], tmp_path / "x.pt")
    torch.save(TENSORS[1], tmp_path / "y.pt")
    check(open_arrays("arrays", tmp_path / "x.pt"), {"test": 0})
    check(open_arrays("arrays", tmp_path), {"test": 0})


def test_the_processed_files_of_torchvision_s_mnist_are_data(tmp_path: Path) -> None:
    for name, more in (("training", 0), ("test", 1)):
        pair = torch.tensor(IMAGES + more), torch.tensor(Y + more)
        torch.save(pair, tmp_path / f"{name}.pt")
    dataset = open_arrays("arrays", tmp_path)
    assert set(dataset.splits) == {"train", "test"}
    assert np.array_equal(inputs_of(dataset), IMAGES[:, None] + 1)
    assert dataset.scale == 1 / 255
    (path,) = tmp_path.glob("training.pt")
    assert open_arrays("arrays", path).splits.keys() == {"test"}  # a file says no split


@pytest.mark.parametrize(
    ("tensor", "dtype"),
    [
        (torch.arange(12.0).reshape(4, 3), "float32"),
        (torch.arange(12).reshape(3, 4).T, "int64"),
        (torch.arange(12.0).reshape(4, 3).bfloat16(), "float32"),
        (torch.arange(12.0).reshape(3, 4).T.half(), "float16"),
        (torch.arange(24.0).reshape(4, 6)[:, ::2], "float32"),
        (torch.tensor(3), "int64"),
        (torch.zeros(0, 4), "float32"),
    ],
)
def test_tensors_are_arrays_whole_and_in_pieces(
    tmp_path: Path, tensor: torch.Tensor, dtype: str
) -> None:
    path = tmp_path / "in.pt"
    torch.save({"before": torch.ones(3), "t": tensor}, path)
    stored = stored_arrays(path)["t"]
    right = tensor.float().numpy() if tensor.dtype == torch.bfloat16 else tensor.numpy()
    assert (stored.shape, stored.dtype) == (tuple(tensor.shape), dtype)
    assert stored.read().dtype == dtype
    assert np.array_equal(stored.read(), right)
    if right.size and right.ndim:
        assert np.array_equal(stored.rows()[np.array([1, 3])], right[[1, 3]])


def test_a_checkpoint_is_no_data(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save({"model": torch.nn.Linear(2, 2).state_dict(), "epoch": 3}, path)
    with pytest.raises(LmctoolError, match=r"is not data: .*holds model/bias, model/weight"):
        open_arrays("arrays", path)
    torch.save([(torch.ones(2), 1)] * 3, path)
    with pytest.raises(LmctoolError, match=r"is not data: .*holds 0/0, 1/0, 2/0"):
        open_arrays("arrays", path)


def test_nothing_of_a_file_of_tensors_is_executed(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> Any:
            return open, (str(tmp_path / "made"), "w")

    path = tmp_path / "data.pt"
    torch.save({"x": TENSORS[0], "y": TENSORS[1], "other": Payload()}, path)
    check(open_arrays("arrays", path), {"test": 0})
    path.write_bytes(pickle.dumps({"x": Payload()}))
    assert container_kind(path) is None
    assert not (tmp_path / "made").exists()
