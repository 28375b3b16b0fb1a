"""Code that was edited after it was imported is not taken for what runs."""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import SourceFileLoader
from typing import TYPE_CHECKING, Any

import pytest

from lmctool.errors import LmctoolError
from lmctool.plugin.source_code import code_of
from lmctool.plugin.user_code import Factory

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

NAME = "edited_by_the_user"
SOURCE = """
from dataclasses import dataclass
from functools import cache, wraps


def doubled(function):
    @wraps(function)
    def inner(*args):
        return 2 * function(*args)
    return inner


@doubled
def wrapped(x):
    return x + 1


@cache
def kept(x):
    return x + 2


@dataclass
class Net:
    width: int = 3

    @property
    def size(self):
        return self.width + 3

    @staticmethod
    def still(x):
        return x + 4

    @classmethod
    def made(cls):
        return [n + 5 for n in range(3)]

    class Inner:
        def deep(self):
            class Local:
                def far(self):
                    return 6
            return Local()


def outer():
    return lambda x: x + 7
"""


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of the user's, imported from a file that can be edited."""
    (tmp_path / f"{NAME}.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, NAME, raising=False)
    module = importlib.import_module(NAME)
    monkeypatch.setitem(sys.modules, NAME, module)  # gone behind the test
    return module


def edit(module: ModuleType, text: str) -> None:
    path = module.__file__
    assert path is not None
    with open(path, "w") as file:  # noqa: PTH123
        file.write(text)


def test_lines_that_move_and_comments_are_no_edit(user: ModuleType) -> None:
    code_of([NAME])
    edit(user, SOURCE.replace("\n\n", "\n\n# a comment\n\n"))
    assert NAME in code_of([NAME]).sources


def test_an_edit_of_any_function_is_refused_until_the_module_is_loaded_again(
    user: ModuleType,
) -> None:
    parts = {"x + 1": "wrapped", "x + 2": "kept", "self.width + 3": "Net.size"}
    parts |= {"x + 4": "Net.still", "n + 5": "Net.made", "return 6": "Net.Inner.deep"}
    parts |= {"x + 7": "outer", "return 2": "doubled"}
    for old, name in parts.items():
        edit(user, SOURCE.replace(old, f"{old}0"))
        with pytest.raises(LmctoolError, match=f"what runs here is the old '{name}'; restart"):
            code_of([NAME])
        importlib.reload(user)
        code_of([NAME])
        edit(user, SOURCE)
        importlib.reload(user)


def test_a_function_that_is_gone_and_a_file_that_is_no_python_are_edits(user: ModuleType) -> None:
    for text in (SOURCE.replace("def outer()", "def other()"), "def outer(:"):
        edit(user, text)
        with pytest.raises(LmctoolError, match="was edited after this process imported it"):
            code_of([NAME])


def test_a_class_from_before_the_module_was_loaded_again_is_the_old_one(user: ModuleType) -> None:
    before: Any = user.Net
    edit(user, SOURCE.replace("self.width + 3", "self.width + 30"))
    importlib.reload(user)
    code_of([NAME], loaded=[user.Net])
    with pytest.raises(LmctoolError, match=r"the old 'Net\.size'"):
        code_of([NAME], loaded=[before])


def test_what_an_import_hook_makes_of_a_file_is_no_edit(
    user: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hook(SourceFileLoader):
        def source_to_code(self, data: Any, path: Any, **options: Any) -> Any:  # type: ignore[override]
            text = bytes(data).replace(b"x + 1", b"x + 100")
            return compile(text, path, "exec", dont_inherit=True)

    loader = Hook(NAME, str(user.__file__))
    exec(loader.get_code(NAME), vars(user))  # type: ignore[arg-type]
    assert user.wrapped(1) == 202
    with pytest.raises(LmctoolError, match="the old 'wrapped'"):
        code_of([NAME])
    monkeypatch.setattr(user, "__loader__", loader)
    code_of([NAME])
    monkeypatch.setattr(user, "__loader__", object())
    edit(user, SOURCE.replace("x + 1", "x + 5"))
    code_of([NAME])


def test_what_a_factory_imported_before_is_held_against_its_file(
    user: ModuleType, tmp_path: Path
) -> None:
    file = tmp_path / "factory.py"
    file.write_text(f"import {NAME}\ndef make():\n    return {NAME}.Net().size\n")
    factory = Factory(f"{file}:make")
    assert factory.call({}) == 6
    assert NAME in factory.code().sources
    edit(user, SOURCE.replace("self.width + 3", "self.width + 30"))
    assert factory.call({}) == 6
    with pytest.raises(LmctoolError, match=r"the old 'Net\.size'"):
        factory.code()
    file.write_text(file.read_text().replace("size", "width"))  # it is run anew each time
    importlib.reload(user)
    assert factory.call({}) == 3
    factory.code()
