"""The forms in which people have data, named as in a command: the same data as the plain one."""

from __future__ import annotations

import gzip
import pickle
import tarfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lmctool.config import Config
from lmctool.data.opening import open_split
from lmctool.data.resolve import open_spec
from lmctool.testing import invoke, save

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

N, CLASSES = 30, 3
FEW = ("--points", "3", "--allow-chance")
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(N, 12)).astype(np.float32)
Y = np.arange(N) % CLASSES
IMAGES = RANDOM.integers(0, 256, (N, 3, 6, 5), dtype=np.uint8)
IDS = RANDOM.integers(0, 9, (N, 12))
MASK = (np.arange(12) < 9) * np.ones((N, 1), np.int64)
NAMES = np.array(["ant", "bee", "cat"])[Y]


def pair(folder: Path, inputs: int) -> tuple[Path, Path]:
    """Write two networks."""
    from lmctool.plugin import registry
    from lmctool.plugin.kinds import MODELS

    arguments = {"inputs": inputs, "width": 4, "depth": 1, "classes": CLASSES, "norm": "none"}
    paths = folder / "a.safetensors", folder / "b.safetensors"
    for seed, path in enumerate(paths):
        torch.manual_seed(seed)
        module = registry.load(MODELS, "mlp").build("mlp", **arguments)
        save(path, module, model="mlp", arguments=arguments)
    return paths


def npz(**arrays: Any) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        np.savez(folder / "data.npz", **arrays)
        return "data.npz"

    return write


def npy(folder: Path) -> str:
    np.save(folder / "x.npy", X)
    np.save(folder / "labels.npy", Y)
    return "x.npy"


def folder_of_npy(folder: Path) -> str:
    (folder / "set").mkdir()
    for name, array in (("X_train", X[:5]), ("y_train", Y[:5]), ("X_test", X), ("y_test", Y)):
        np.save(folder / "set" / f"{name}.npy", array)
    return "set"


def tensors(content: Any) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        torch.save(content, folder / "data.pt")
        return "data.pt"

    return write


def table(folder: Path, target: NDArray[Any], name: str = "data.csv") -> str:
    rows = [",".join([*map(str, row), str(y)]) for row, y in zip(X.tolist(), target, strict=True)]
    text = "\n".join([",".join([*(f"f{n}" for n in range(12)), "species"]), *rows])
    packed = name.endswith(".gz")
    (folder / name).write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    return f"{name}?target=species"


FORMS: dict[str, Callable[[Path], str]] = {
    "X and y": npz(X=X, y=Y),
    "Keras": npz(x_train=X[:5], y_train=Y[:5, None], x_test=X, y_test=Y[:, None]),
    "MedMNIST": npz(train_images=X[:5], train_labels=Y[:5], test_images=X, test_labels=Y[:, None]),
    "names given": lambda folder: npz(feats=X, kind=Y)(folder) + "?x=feats&y=kind",
    "one-hot": npz(x=X, y=np.eye(CLASSES, dtype=np.float32)[Y]),
    "from 1": lambda folder: npz(x=X, y=Y + 1)(folder) + "?labels=from-1",
    "texts": npz(data=X, target=NAMES),
    "floats": lambda folder: npz(x=X, y=Y * 1.0)(folder) + "?labels=classes",
    "npy": npy,
    "folder of npy": folder_of_npy,
    "pt of a dictionary": tensors({"x": torch.tensor(X), "y": torch.tensor(Y)}),
    "pt of a pair": tensors((torch.tensor(X), torch.tensor(Y))),
    "CSV": lambda folder: table(folder, Y),
    "packed CSV of names": lambda folder: table(folder, NAMES, "data.csv.gz"),
}


def opened(spec: str) -> tuple[object, ...]:
    """Return all that a run takes of data."""
    dataset = open_spec(spec, Config()).dataset
    split = open_split(dataset, "test", limit=None, seed=0, device=torch.device("cpu"))
    return split.digest, dataset.scale, dataset.classes, dataset.task


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_classification_is_the_same_data(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = FORMS[form](tmp_path)
    np.savez("plain.npz", x=X, y=Y)
    assert opened(spec) == opened("plain.npz")


@pytest.mark.parametrize(
    ("stored", "right"),
    [
        ({"x": IMAGES.transpose(0, 2, 3, 1), "y": Y}, {"x": IMAGES, "y": Y}),
        ({"x": IMAGES[:, 0], "y": Y}, {"x": IMAGES[:, :1], "y": Y}),
        ({"input_ids": IDS, "labels": IDS, "attention_mask": MASK}, {"x": IDS, "mask": MASK}),
    ],
)
def test_other_forms_are_the_same_data_and_say_so(
    stored: Any, right: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("stored.npz", **stored)
    np.savez("right.npz", **right)
    assert opened("stored.npz") == opened("right.npz")
    assert len(open_spec("stored.npz", Config()).dataset.read_as) == 1


def test_what_data_was_read_as_is_told_by_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("data.npz", images=IMAGES.transpose(0, 2, 3, 1), labels=np.eye(CLASSES)[Y])
    names = pair(tmp_path, IMAGES[0].size)
    done = invoke("barrier", *names, "--data", "data.npz", *FEW, "-o", "out.h5")
    assert done.exit_code == 0
    assert "inputs are images with the channels last" in done.stderr
    assert "targets are one-hot" in done.stderr


def test_a_packed_archive_is_the_data_of_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    pixels = RANDOM.integers(0, 256, (10, 3072), dtype=np.uint8)
    batch = {b"data": pixels, b"labels": list(range(10))}
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        (folder / name).write_bytes(pickle.dumps(batch, 2))
    with tarfile.open("cifar-10-python.tar.gz", "w:gz") as file:
        file.add(folder, folder.name)
    unpacked = opened("cifar10:cifar-10-batches-py")
    assert opened("cifar-10-python.tar.gz") == unpacked


def test_a_checkpoint_as_data_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(torch.nn.Linear(2, 2).state_dict(), "model.pt")
    done = invoke("barrier", *pair(tmp_path, 12), "--data", "model.pt", *FEW, "-o", "out.h5")
    assert done.exit_code == 2
    assert "'model.pt' is not data: it has no arrays x and y" in done.stderr
