"""What docs/data.md and README say of data opens, and is measured as they say."""

from __future__ import annotations

import csv
import gzip
import pickle
import re
import struct
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file

import lmctool
from lmctool.plugin import registry
from lmctool.plugin.kinds import DATASETS, SCORES, TASKS
from lmctool.report import figure
from lmctool.testing import invoke, metrics, tiny_pair

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/data.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
COUNT, CLASSES = 12, 3
NET = """
from torch import nn

def flat(inputs=64, outputs=3):
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, outputs))

def pixels():
    return nn.Conv2d(1, 3, 1)

def tokens():
    return nn.Sequential(nn.Embedding(256, 4), nn.Linear(4, 256))
"""


def section(title: str, page: str = PAGE) -> str:
    """Return the text below a heading."""
    (found,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    return str(found)


def first_cells(text: str) -> list[str]:
    """Return what is in backticks in the first cell of each row of tables."""
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return [
        word for row in rows for word in re.findall(r"`([^`]+)`", row) if not word.startswith("--")
    ]


def code(title: str) -> tuple[str, str]:
    """Return the name of the file in a section's block of Python, and the block."""
    ((name, text),) = re.findall(r"```python\n# (\S+)\n(.*?)```", section(title), re.DOTALL)
    return name, text


SPECS = first_cells(section("Which files open"))
IN_README = set(first_cells(section("Models and data", README)))
OWN = re.findall(r"^def (\w+)", code("Your own data")[1], re.MULTILINE)


def images(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (COUNT, *shape), dtype=np.uint8)


def labels() -> NDArray[np.int64]:
    return np.arange(COUNT) % CLASSES


def write_arrays(name: str, x: NDArray[Any], y: NDArray[Any], *called: str) -> None:
    arrays: dict[str, Any] = dict(zip(called or ("x", "y"), (x, y), strict=True))
    np.savez(name, **arrays)


def write_hdf5() -> None:
    import h5py

    with h5py.File("digits.h5", "w") as file:
        file["train/images"] = file["test/images"] = images(8, 8)
        file["train/labels"] = file["test/labels"] = labels()


def write_npy() -> None:
    for folder in (Path(), Path("folder-of-npy")):
        folder.mkdir(exist_ok=True)
        np.save(folder / "x.npy", images(8, 8))
        np.save(folder / "y.npy", labels())


def write_table(name: str, **columns: Any) -> None:
    with Path(name).open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*columns])
        table.writerows(zip(*columns.values(), strict=True))


def numbers() -> dict[str, NDArray[np.float64]]:
    return {name: np.random.default_rng(7).normal(size=COUNT) for name in ("acid", "sugar")}


def write_photos() -> None:
    for number, picture in enumerate(images(10, 9, 3)):
        folder = Path("photos/test") / ("cat", "dog", "ant")[number % CLASSES]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{number}.png")
    Path("order.txt").write_text("dog\ncat\nant\n")


def write_parquet() -> None:
    import datasets

    table = datasets.Dataset.from_dict({**numbers(), "label": labels()})
    Path("rows").mkdir()
    for place in ("table.parquet", "rows/test-00000-of-00001.parquet"):
        table.to_parquet(place)
    datasets.DatasetDict({"test": table}).save_to_disk("saved")


def write_idx(folder: str, prefix: str, least: int = 0) -> None:
    Path(folder).mkdir(exist_ok=True)
    head = struct.pack(">4B3I", 0, 0, 8, 3, COUNT, 28, 28)
    begin = Path(folder) / prefix
    Path(f"{begin}-images-idx3-ubyte").write_bytes(head + images(28, 28).tobytes())
    body = struct.pack(">4BI", 0, 0, 8, 1, COUNT) + (labels() + least).astype(np.uint8).tobytes()
    Path(f"{begin}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(body))


def write_cifar() -> None:
    folder = Path("batches/cifar-10-batches-py")
    folder.mkdir(parents=True)
    batch = {b"data": images(3072), b"labels": labels().tolist()}
    (folder / "test_batch").write_bytes(pickle.dumps(batch, 2))
    with tarfile.open("cifar-10-python.tar.gz", "w:gz") as archive:
        archive.add(folder, folder.name)


FLAT = ("flat", 64, CLASSES)
COLUMNS = ("flat", 2, CLASSES)
PIXELS28 = ("flat", 784, 27)
CIFAR = ("flat", 3072, 10)
Network = tuple[str, int, int]
PREPARED: dict[str, tuple[Callable[[], object], Network]] = {
    "digits.npz": (lambda: write_arrays("digits.npz", images(8, 8), labels()), FLAT),
    "digits.h5": (write_hdf5, FLAT),
    "digits.safetensors": (
        lambda: save_file({"X": images(8, 8), "target": labels()}, "digits.safetensors"),
        FLAT,
    ),
    "x.npy": (write_npy, FLAT),
    "folder-of-npy": (write_npy, FLAT),
    "tensors.pt": (
        lambda: torch.save(
            {"test": (torch.from_numpy(images(1, 8, 8)), torch.from_numpy(labels()))}, "tensors.pt"
        ),
        FLAT,
    ),
    "csv:wine.csv?target=quality": (
        lambda: write_table("wine.csv", **numbers(), quality=labels()),
        COLUMNS,
    ),
    "wine.csv": (lambda: write_table("wine.csv", **numbers(), label=labels()), COLUMNS),
    "photos": (write_photos, ("flat", 270, CLASSES)),
    "images:photos": (write_photos, ("flat", 270, CLASSES)),
    "parquet:rows": (write_parquet, COLUMNS),
    "table.parquet": (write_parquet, COLUMNS),
    "saved": (write_parquet, COLUMNS),
    "mnist:idx": (lambda: write_idx("idx", "t10k"), PIXELS28),
    "fashion-mnist:idx": (lambda: write_idx("idx", "t10k"), PIXELS28),
    "kmnist:idx": (lambda: write_idx("idx", "t10k"), PIXELS28),
    "emnist:letters?split=letters": (
        lambda: write_idx("letters", "emnist-letters-test", 1),
        PIXELS28,
    ),
    "cifar10:batches": (write_cifar, CIFAR),
    "cifar-10-python.tar.gz": (write_cifar, CIFAR),
    "text:book.txt?length=16": (
        lambda: Path("book.txt").write_text("In the beginning was the word. " * 40),
        ("tokens", 0, 0),
    ),
    "digits": (lambda: None, ("flat", 64, 10)),
    "spiral": (lambda: None, ("flat", 2, 1)),
    "odd.npz?x=pixels&y=digit": (
        lambda: write_arrays("odd.npz", images(8, 8), labels(), "pixels", "digit"),
        FLAT,
    ),
    "seq.npz?layout=as-is": (lambda: write_arrays("seq.npz", images(4, 16), labels()), FLAT),
    "digits.npz?labels=values": (
        lambda: write_arrays("digits.npz", images(8, 8), labels()),
        ("flat", 64, 1),
    ),
    "masks.npz?ignore=255": (
        lambda: write_arrays(
            "masks.npz", images(8, 8), np.where(images(8, 8) < 9, 255, images(8, 8) % CLASSES)
        ),
        ("pixels", 0, 0),
    ),
    "all.csv?target=quality&split=part": (
        lambda: write_table("all.csv", **numbers(), quality=labels(), part=["test"] * COUNT),
        COLUMNS,
    ),
    "photos?resize=8&crop=6": (write_photos, ("flat", 108, CLASSES)),
    "photos?classes=order.txt": (write_photos, ("flat", 270, CLASSES)),
    "wine.py:a_loader": (lambda: Path("wine.py").write_text(code("Your own data")[1]), COLUMNS),
}
"""What each spec of the page needs in the folder, and a network that takes it."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(figure, "image", lambda *_: b"")  # it takes a second
    Path("net.py").write_text(NET)


def network(kind: str, inputs: int, outputs: int) -> tuple[str, ...]:
    """Write two networks of random weights; return what names them."""
    from torch import nn

    for seed, name in enumerate(("a", "b")):
        torch.manual_seed(seed)
        module: nn.Module = nn.Conv2d(1, 3, 1)
        if kind == "tokens":
            module = nn.Sequential(nn.Embedding(256, 4), nn.Linear(4, 256))
        elif kind == "flat":
            module = nn.Sequential(nn.Flatten(), nn.Linear(inputs, outputs))
        state = {key: tensor.numpy() for key, tensor in module.state_dict().items()}
        save_file(state, f"{name}.safetensors")
    sizes = ("--model-arg", f"inputs={inputs}", "--model-arg", f"outputs={outputs}")
    own = sizes if kind == "flat" else ()
    return ("a.safetensors", "b.safetensors", "--model", f"net.py:{kind}", *own)


@pytest.mark.parametrize("spec", [*SPECS, *sorted(IN_README - {*SPECS})])
def test_every_spec_is_measured(spec: str) -> None:
    prepare, needed = PREPARED[spec]
    prepare()
    more = ("--split", "test", "--points", "3", "--allow-chance", "--limit", "9")
    done = invoke("interpolate", *network(*needed), "--data", spec, *more)
    assert done.exit_code == 0, done.output


def test_every_format_is_on_the_page() -> None:
    assert set(PREPARED) == {*SPECS, *IN_README}
    words = {re.split(r"[:?]", spec)[0] for spec in SPECS}
    told = words | {"arrays", "csv", "images", "parquet", "text", "cifar100"}
    assert set(registry.names(DATASETS)) <= told


@pytest.mark.parametrize("function", OWN)
def test_every_function_of_the_page_gives_the_same_data(function: str) -> None:
    name, text = code("Your own data")
    Path(name).write_text(text)
    np.savez("same", x=np.load(saved_inputs(text))["x"], y=np.arange(90) % 3)
    ends = network("flat", 2, 3)
    own, file = (
        metrics("barrier", *ends, "--data", spec, "--points", "3", "--allow-chance")
        for spec in (f"{name}:{function}", "same.npz")
    )
    assert own == file


@pytest.fixture
def given() -> dict[str, Any]:
    """What the page's code for Python defines."""
    space: dict[str, Any] = {}
    exec(code("From Python")[1], space)
    return space


def hidden_pair() -> tuple[torch.nn.Module, ...]:
    """Return two networks of random weights with hidden units."""

    def network(seed: int) -> torch.nn.Module:
        torch.manual_seed(seed)
        return torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))

    return network(0), network(1)


def test_every_form_of_data_for_python_gives_the_numbers_of_the_first(
    given: dict[str, Any],
) -> None:
    forms = first_cells(section("From Python"))
    options: dict[str, Any] = {"split": "test", "points": 3, "allow_chance": True, "quiet": True}
    found = [
        lmctool.interpolate(*hidden_pair(), data=eval(form, given), **options) for form in forms
    ]
    assert len(found) == 7
    for form, each in zip(forms, found, strict=True):
        assert each.metrics == found[0].metrics, form


def test_the_calibration_set_of_the_page_is_what_statistics_are_taken_on(
    given: dict[str, Any],
) -> None:
    nets, options = hidden_pair(), {"points": 3, "allow_chance": True, "quiet": True}
    found = given["measured"](*nets, **options)
    np.savez("train.npz", x=given["x2"].numpy(), y=given["y2"].numpy())
    np.savez("test.npz", x=given["x"].numpy(), y=given["y"].numpy())
    for name, net in zip("ab", nets, strict=True):
        save_file({k: v.numpy() for k, v in net.state_dict().items()}, f"{name}.safetensors")
    (line,) = re.findall(r"^    lmctool (.*)", section("The calibration set"), re.MULTILINE)
    words = line.replace(" --repair", "").split()
    Path("own.py").write_text(
        "from torch import nn\n\ndef make():\n"
        "    return nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3))\n"
    )
    few = ("--points", "3", "--allow-chance", "--model", "own.py:make")
    assert metrics(*words, *few) == found.metrics
    assert found.record.groups["provenance"].attributes["calib"] == "tuple in memory"
    assert invoke(*line.split(), *few).exit_code == 0


def saved_inputs(text: str) -> str:
    """Run the page's code and save its inputs; return the file."""
    space: dict[str, Any] = {}
    exec(text, space)
    np.savez("inputs.npz", x=space["x"].numpy())
    return "inputs.npz"


def test_every_task_and_score_is_on_the_page() -> None:
    assert set(first_cells(section("Tasks"))) == set(registry.names(TASKS))
    assert set(first_cells(section("Scores"))) == set(registry.names(SCORES))


def test_the_task_of_the_page_is_measured(tmp_path: Path) -> None:
    name, text = code("Tasks")
    Path(name).write_text(text)
    ends = tiny_pair(tmp_path)
    assert "`--task cost.py:absolute`" in section("Tasks")
    more = ("--points", "3", "--limit", "20")
    assert metrics("barrier", *ends, "--task", "cost.py:absolute", *more)


def test_gates_know_every_score(tmp_path: Path) -> None:
    ends, scores = tiny_pair(tmp_path, steps=40), ",".join(registry.names(SCORES))
    found = metrics("barrier", *ends, "--score", scores, "--points", "3", "--limit", "200")
    for name in registry.names(SCORES):
        assert found[f"barrier.{name}[variant=plain,split=test]"] is not None
    gates = ("--require", "barrier.ece <= 90%", "--require", "end.auc >= 0.1")
    asked = ("--score", scores, "--points", "3", "--limit", "200", "--force", *gates)
    done = invoke("barrier", *ends, *asked)
    assert done.exit_code == 0, done.output
