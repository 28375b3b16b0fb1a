"""The code that data in memory comes of: of its classes, and of what these import."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from torch.utils.data import ConcatDataset, DataLoader, Subset, TensorDataset

import lmctool.api
from lmctool.data.given.owners import owners
from lmctool.data.in_memory import in_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WINES = """
import grapes

class Bottles:
    def __len__(self):
        return 4

class Wine(Bottles):
    def __init__(self, change=None):
        self.change = change

    def __getitem__(self, place):
        return grapes.juice(place), place % 2

    def load(self):
        return [grapes.juice(place) for place in range(4)], [0, 1, 0, 1]

def stirred(items):
    return items
"""


@pytest.fixture
def wines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module of the user's, which imports another."""
    (tmp_path / "wines.py").write_text(WINES)
    (tmp_path / "grapes.py").write_text("def juice(place):\n    return [float(place)]\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("wines")
    for name in ("wines", "grapes"):
        sys.modules.pop(name)


FORMS: dict[str, Callable[[Any], object]] = {
    "a data set": lambda wines: wines.Wine(),
    "splits": lambda wines: {"train": wines.Wine(), "test": wines.Wine()},
    "within a loader": lambda wines: DataLoader(ConcatDataset([Subset(wines.Wine(), [0, 2])])),
    "described": lambda wines: lmctool.api.Dataset({"test": wines.Wine().load}, "cellar", 2),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_code_of_data_is_that_of_its_classes(form: str, wines: Any) -> None:
    data = in_memory(FORMS[form](wines), "data=")
    assert data.code is not None
    sources = data.code().sources
    assert {"wines", "grapes"} <= sources.keys()
    assert Path(sources["wines"].path).name == "wines.py"


def test_arrays_have_no_code_of_anybody(wines: Any) -> None:
    wine = wines.Wine()
    data = in_memory([wine[0], wine[1], wine[2]], "data=")
    assert data.code is not None and not data.code().sources


def test_bases_functions_and_what_changes_examples_are_among_the_code(wines: Any) -> None:
    found = set(owners(wines.Wine(change=partial(map, wines.stirred))))
    assert {wines.Wine, wines.Bottles, wines.stirred} <= found
    assert wines.stirred in set(owners(DataLoader(wines.Wine(), collate_fn=wines.stirred)))
    assert wines.stirred not in set(owners(DataLoader(wines.Wine())))


def test_what_leads_to_itself_is_passed_once(wines: Any) -> None:
    wine = wines.Wine()
    wine.change = [wine]
    found = list(owners(wine))
    assert len(found) == len(set(found))


CELL = """
class Own:
    def __len__(self):
        return 2

    def __getitem__(self, place):
        return [float(place)], place
"""


def test_a_class_of_a_cell_is_recorded_by_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """As IPython does, the cell is known to linecache, and its module has no file."""
    import linecache
    from types import ModuleType

    module = ModuleType("cell_of_a_notebook")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(linecache.cache, "<cell 1>", (len(CELL), None, CELL.splitlines(True), ""))
    exec(compile(CELL, "<cell 1>", "exec"), vars(module))
    data = in_memory(vars(module)["Own"](), "data=")
    assert data.code is not None
    assert set(data.code().sources) == {"cell_of_a_notebook.Own"}


def test_data_of_no_module_has_no_code() -> None:
    space: dict[str, Any] = {}
    exec(CELL, space)
    data = in_memory(space["Own"](), "data=")
    assert data.spec == "Own in memory"
    assert data.code is not None and not data.code().sources


class Closed(Mapping[str, object]):
    """A file that is closed by now, as a data set may hold one."""

    def __getitem__(self, name: str) -> object:
        raise ValueError("closed")

    __iter__ = __len__ = __getitem__  # type: ignore[assignment]

    def __getattr__(self, name: str) -> object:
        raise ValueError("closed")


def test_nothing_that_a_data_set_holds_is_asked(wines: Any) -> None:
    assert Closed in set(owners(wines.Wine(change=Closed())))


def test_tensors_are_not_looked_into() -> None:
    import torch

    named = {each.__name__ for each in owners(TensorDataset(torch.zeros(3, 2), torch.zeros(3)))}
    assert {"TensorDataset", "Tensor"} <= named
