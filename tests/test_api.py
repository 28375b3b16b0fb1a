"""The public surface for plugins."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lmctool import api
from lmctool.api import Lazy, advanced

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/plugins.md").read_text(encoding="utf-8")
BOTH = pytest.mark.parametrize("module", [api, advanced], ids=lambda module: str(module.__name__))
UNDOCUMENTED = {"Argument", "Array", "IGNORE_INDEX", "Mark", "UNSHIFTED", "Weights", "hookimpl"}
"""Types that are unions or generic, a number, a sentence, and pluggy's marker."""


def imported(module: ModuleType) -> dict[str, str]:
    """Return the module of each name that a type checker sees imported."""
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If)).body
    statements = [node for node in guarded if isinstance(node, ast.ImportFrom)]
    for node in statements:  # an alias of the same name is what makes a name public
        assert [alias.asname for alias in node.names] == [alias.name for alias in node.names]
    return {alias.name: str(node.module) for node in statements for alias in node.names}


def on_the_page(module: str) -> list[str]:
    """Return the names that the page lists for a module."""
    table = PAGE.partition(f"| for | names of `{module}` |\n")[2].partition("\n\n")[0]
    return re.findall(r"`(\w+)`", table)


@BOTH
def test_a_type_checker_sees_the_names_that_there_are(module: ModuleType) -> None:
    assert module.__all__ == dir(module) == sorted(module.__all__)
    listed = {name: home for home, names in module.MODULES.items() for name in names.split()}
    assert imported(module) == listed
    assert set(module.__all__) == set(listed)


def test_no_name_is_in_both() -> None:
    assert not set(api.__all__) & set(advanced.__all__)


@BOTH
def test_the_page_lists_every_public_name_once(module: ModuleType) -> None:
    assert sorted(on_the_page(module.__name__)) == module.__all__


@BOTH
def test_every_public_name_exists_and_is_documented(module: ModuleType) -> None:
    for name in module.__all__:
        value = getattr(module, name)
        assert name in UNDOCUMENTED or value.__doc__, name


@BOTH
def test_another_name_is_no_attribute(module: ModuleType) -> None:
    with pytest.raises(AttributeError, match=f"'{module.__name__}' has no attribute 'torch'"):
        _ = module.torch


def test_importing_the_surface_is_light() -> None:
    code = (
        "import sys, lmctool.api.advanced; from lmctool.api import Analysis, Group, Lazy, Result;"
        "from lmctool.api import ERROR, LOSS, Table, hookimpl;"
        "sys.exit(any(m in sys.modules for m in ('torch', 'numpy', 'h5py', 'rich')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_lazy_function_is_imported_when_it_is_called() -> None:
    code = (
        "import sys; from lmctool.api import Lazy; dumps = Lazy('json:dumps');"
        "assert 'json' not in sys.modules; assert dumps([1], indent=None) == '[1]'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_lazy_function_that_does_not_exist_is_named() -> None:
    with pytest.raises(AttributeError, match="'json' has no attribute 'dumbs'"):
        Lazy("json:dumbs")([1])
