"""The rules that keep the rooms of the code apart."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lmctool.plugin import hookspecs, registry

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
HOST = sorted((ROOT / "lmctool").rglob("*.py"))
PLUGINS = ROOT / "plugins/lmctool_plugins"
BUILT_IN = sorted([*PLUGINS.glob("[!_]*.py"), *PLUGINS.glob("[!_]*/__init__.py")])
PARTS = sorted(set(PLUGINS.rglob("*.py")) - {PLUGINS / "__init__.py"})
COMMANDS = [*registry.names("lmctool.analyses"), "inspect", "show"]
HEAVY = {"torch", "h5py", "safetensors", "scipy", "matplotlib", "rich", "numpy"}
LIGHT = [
    "cli/*.py",
    "report/*.py",
    "results/*.py",
    "gates/*.py",
    "plugin/registry.py",
    "api/*.py",
    "plugin/kinds.py",
]


def named(path: Path) -> str:
    """Return a path as the test's report shows it."""
    return str(path.relative_to(ROOT))


def imported(node: ast.AST) -> Iterator[str]:
    """Give the modules that one statement imports."""
    match node:
        case ast.ImportFrom(module=str(module)):
            yield module
        case ast.Import(names=aliases):
            yield from (alias.name for alias in aliases)


def imports(path: Path) -> set[str]:
    """Return every module that a file imports anywhere."""
    return {name for node in ast.walk(ast.parse(path.read_text())) for name in imported(node)}


def at_start(path: Path) -> set[str]:
    """Return the modules that a file imports when it is imported itself."""
    return {name for node in ast.parse(path.read_text()).body for name in imported(node)}


def module(path: Path) -> str:
    """Return the module of a built-in's main file."""
    stem = path.parent.name if path.stem == "__init__" else path.stem
    return f"lmctool_plugins.{stem}"


@pytest.mark.parametrize("path", PARTS, ids=named)
def test_a_built_in_imports_only_the_public_surface_and_itself(path: Path) -> None:
    own = f"lmctool_plugins.{path.relative_to(PLUGINS).parts[0].removesuffix('.py')}."
    found = {name for name in imports(path) if name.startswith("lmctool")}
    assert {name for name in found if not name.startswith(own)} <= {"lmctool.api"}


@pytest.mark.parametrize("path", BUILT_IN, ids=named)
def test_a_built_in_imports_nothing_heavy_at_start(path: Path) -> None:
    assert not {name.partition(".")[0] for name in at_start(path)} & HEAVY


@pytest.mark.parametrize(
    "path",
    [path for path in BUILT_IN if path.stem == "__init__"],
    ids=lambda path: path.parent.name,
)
def test_no_submodule_takes_the_name_of_a_function_of_its_package(path: Path) -> None:
    # importing a submodule binds its name in the package, and so replaces the function
    functions = {n.name for n in ast.parse(path.read_text()).body if isinstance(n, ast.FunctionDef)}
    assert not functions & {file.stem for file in path.parent.glob("*.py")}


def test_the_host_never_imports_the_built_ins() -> None:
    assert not [path for path in HOST if any("lmctool_plugins" in name for name in imports(path))]


def test_every_built_in_is_an_entry_point() -> None:
    found = distribution("lmctool").entry_points
    modules = {entry.module for group in registry.GROUPS for entry in found.select(group=group)}
    built_in = {module(path) for path in BUILT_IN}
    assert built_in == {module for module in modules if module.startswith("lmctool_plugins")}


@pytest.mark.parametrize("pattern", LIGHT)
def test_no_room_but_those_that_compute_imports_torch_at_start(pattern: str) -> None:
    for path in (ROOT / "lmctool").glob(pattern):
        assert not {name.partition(".")[0] for name in at_start(path)} & {"torch"}, path


@pytest.mark.parametrize("path", HOST, ids=named)
def test_arrows_run_one_way(path: Path) -> None:
    """No room imports from one above it: the command line, then the run, then the rest."""
    room = path.relative_to(ROOT / "lmctool").parts[0].removesuffix(".py")
    runtime = {name for name in at_start(path) if name.startswith("lmctool.")}
    if room not in {"__main__", "cli", "testing"}:
        assert not {name for name in runtime if name.startswith("lmctool.cli")}
    if room not in {"cli", "run"}:
        assert "lmctool.run" not in runtime
    if room in {"errors", "seam", "settings", "hookspecs"}:
        assert not runtime
    if room in {"checkpoint", "graph", "weights"}:
        above = ("lmctool.evaluate", "lmctool.symmetry", "lmctool.model", "lmctool.data")
        assert not [name for name in runtime if name.startswith(above)]


def test_every_hook_says_when_it_is_called() -> None:
    hooks = {
        name: value
        for name, value in inspect.getmembers(hookspecs, inspect.isfunction)
        if name.startswith("lmctool_")
    }
    assert set(hooks) == set(registry.GROUPS.values())
    assert all("Called " in (hook.__doc__ or "") for hook in hooks.values())


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        *([name, "--help"] for name in [*registry.names("lmctool.analyses"), "inspect", "show"]),
    ],
    ids=" ".join,
)
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys; from lmctool.cli import main; main(sys.argv[1:], standalone_mode=False);"
        f"sys.exit(sorted({HEAVY} & set(sys.modules)) or None)"
    )
    subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True)


def test_no_file_is_named_for_everything() -> None:
    assert not {path.stem for path in [*HOST, *BUILT_IN]} & {"utils", "helpers", "base", "manager"}
