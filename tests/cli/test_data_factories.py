"""Data of the user's own code in whole commands: an example of each kind, and what goes wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lmctool.report import figure
from lmctool.results.file import read
from lmctool.results.metrics import listed
from lmctool.results.provenance import Provenance
from lmctool.testing import invoke, tiny_pair

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

ARRAYS = """
import numpy as np

generator = np.random.default_rng(0)
x = generator.standard_normal((60, 1, 8, 8)).astype(np.float32)
y = generator.integers(10, size=60)
"""
FACTORIES = {
    "a_data_set": """
class Digits(Dataset):
    def __len__(self):
        return len(x)

    def __getitem__(self, index):
        return torch.from_numpy(x[index]), int(y[index])


def a_data_set():
    return Digits()
""",
    "a_loader": """
def a_loader():
    return DataLoader(Digits(), batch_size=32, shuffle=True)
""",
    "examples_in_order": """
class Stream(IterableDataset):
    def __iter__(self):
        return zip(x, y)


def examples_in_order():
    return Stream()
""",
    "tensors": """
def tensors():
    return TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
""",
    "a_pair": """
def a_pair():
    return x, y
""",
    "columns": """
def columns():
    return {"x": x, "y": y}
""",
    "splits": """
def splits():
    train, test = random_split(Digits(), [0, len(x)])
    return {"train": train or (x[:30], y[:30]), "test": Subset(Digits(), range(len(x)))}
""",
    "a_table": """
def a_table():
    return datasets.Dataset.from_dict({"image": x.tolist(), "label": y.tolist()})
""",
    "described": """
def described():
    return lmctool.api.Dataset({"test": lambda: (x, y)}, source="made here", classes=10)
""",
}
"""A function of each kind, the short ones after the class that they use."""
IMPORTS = """
import datasets
import lmctool.api
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset
from torch.utils.data import random_split
from arrays import x, y
"""
WORDS = ("barrier", "a.safetensors", "b.safetensors", "--points", "3", "-q", "--allow-chance")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work beside two networks, the user's data and what it imports."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(figure, "image", lambda *_: b"")  # it takes a second
    tiny_pair(tmp_path)
    code = tmp_path / "code"
    code.mkdir()
    (code / "arrays.py").write_text(ARRAYS)
    (code / "mine.py").write_text(IMPORTS + "".join(FACTORIES.values()))
    yield tmp_path
    for name in ("arrays", "mine", "helper", "late"):
        sys.modules.pop(name, None)


def run(name: str, *more: str, file: str = "mine") -> Result:
    return invoke(*WORDS, "--data", f"code/{file}.py:{name}", *more)


def test_every_kind_of_factory_gives_the_numbers_of_the_same_arrays() -> None:
    Path("code/save.py").write_text(
        "import numpy as np\nfrom arrays import x, y\n"
        "def save():\n    np.savez('d.npz', x=x, y=y)\n    return x, y\n"
    )
    assert run("save", "-o", "pair.h5", file="save").exit_code == 0
    assert invoke(*WORDS, "--data", "d.npz", "-o", "file.h5").exit_code == 0
    right = listed(read(Path("file.h5")))
    digest = Provenance.of(read(Path("file.h5"))).splits["test"].digest
    for name in FACTORIES:
        done = run(name, "-o", f"{name}.h5")
        assert done.exit_code == 0, done.output
        result = read(Path(f"{name}.h5"))
        assert listed(result) == right, name
        if name != "a_table":  # whose lists of numbers have no dtype
            assert Provenance.of(result).splits["test"].digest == digest, name


def test_what_was_made_of_a_loader_is_told() -> None:
    done = invoke(*[word for word in WORDS if word != "-q"], "--data", "code/mine.py:a_loader")
    assert "examples are in the order of the data set, which its loader shuffles" in done.stderr


def test_statistics_need_a_split_that_there_is() -> None:
    done = run("a_pair", "--align", "--calib-split", "train", "-o", "out.h5")
    assert done.exit_code == 2
    assert "'code/mine.py:a_pair' has not; pass --calib-split with one that it has: test" in (
        done.stderr
    )


LATE = """
import importlib
import numpy as np

class Data:
    def __len__(self):
        return 40

    def __getitem__(self, index):
        scale = importlib.import_module("late").SCALE
        return np.full(64, index * scale, np.float32), index % 10

def make():
    return Data()
"""


def test_what_an_example_imports_lies_beside_its_file_and_is_recorded() -> None:
    Path("code/imports.py").write_text(LATE)
    Path("code/late.py").write_text("SCALE = 0.1\n")
    assert run("make", "-o", "out.h5", file="imports").exit_code == 0
    code = Provenance.of(read(Path("out.h5"))).code
    assert {"imports.py", "late"} <= code.keys()
    assert str(Path("code").resolve()) not in sys.path
    sys.modules.pop("late")
    Path("code/late.py").write_text("SCALE = 0.1  # as before\n")
    done = run("make", "-o", "out.h5", "--resume", file="imports")
    assert done.exit_code == 2
    assert "the source of late has changed" in done.stderr


def test_a_file_that_changes_the_current_folder_works_there_alone() -> None:
    moves = "import os\nos.chdir(os.path.dirname(os.path.abspath(__file__)))\n"
    Path("code/moves.py").write_text(moves + LATE.replace("SCALE\n", "SCALE; os.stat('late.py')\n"))
    Path("code/late.py").write_text("SCALE = 0.1\n")
    assert run("make", "-o", "out.h5", file="moves").exit_code == 0
    assert Path("out.h5").exists()
    assert {"moves.py", "late"} <= Provenance.of(read(Path("out.h5"))).code.keys()


EVIL = """
import os, sys
import numpy as np
import torch

class Data:
    def __len__(self):
        return 40
    def __getitem__(self, index):
        STATEMENT
        return np.full(64, index, np.float32), index % 10

def make():
    return Data()
"""
STATEMENTS = {
    "sys.exit(0)": "asks to exit with 0",
    "raise GeneratorExit": "ends with GeneratorExit",
    "raise ValueError('no such disk')": "example 0 of split 'test' of 'code/evil.py:make' failed",
    "index = np.random.random()": "is another one the second time it is read",
    "return None": "example 0 of split 'test' of 'code/evil.py:make' is 'NoneType'",
    "raise MemoryError": "example 0 of split 'test' of 'code/evil.py:make' failed: MemoryError",
}


@pytest.mark.parametrize("statement", STATEMENTS)
def test_an_example_that_does_something_else_is_told_in_a_sentence(statement: str) -> None:
    Path("code/evil.py").write_text(EVIL.replace("STATEMENT", statement))
    done = run("make", "-o", "out.h5", file="evil")
    assert done.exit_code == 2, done.output
    assert STATEMENTS[statement] in done.stderr
    assert "Traceback" not in done.output
    assert not Path("out.h5").exists()


def test_an_interruption_in_an_example_is_one() -> None:
    Path("code/evil.py").write_text(EVIL.replace("STATEMENT", "raise KeyboardInterrupt"))
    assert run("make", file="evil").exit_code == 130


CHANGES = (
    *("torch.set_default_dtype(torch.float64)", "torch.set_grad_enabled(False)"),
    *("torch.manual_seed(index)", "np.random.seed(index)", "torch.set_num_threads(2)"),
    *("torch.set_flush_denormal(True)", "sys.path.clear()"),
)


def test_an_example_that_changes_the_process_changes_no_number() -> None:
    import torch

    from lmctool.evaluate.switches import kept

    path = list(sys.path)
    results = []
    for number, statement in enumerate(("pass", *CHANGES)):
        Path(f"code/evil{number}.py").write_text(EVIL.replace("STATEMENT", statement))
        with kept(), torch.random.fork_rng(), torch.set_grad_enabled(True):
            done = run("make", "-o", f"{number}.h5", file=f"evil{number}")
        sys.path[:] = path
        assert done.exit_code == 0, done.output
        results.append(listed(read(Path(f"{number}.h5"))))
        assert results[-1] == results[0], statement
