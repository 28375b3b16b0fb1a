"""The rules that keep the rooms of the code apart."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES, KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parents[1]
HOST, PLUGINS = ROOT / "lmctool", ROOT / "plugins/lmctool_plugins"
LEVELS = (
    {"errors"},
    {"files", "graph", "weights"},
    {"results"},
    {"config"},
    {"plugin", "gates", "symmetry"},
    {"checkpoint", "report", "spread"},
    {"data", "model"},
    {"evaluate", "curves"},
    {"statistics"},
    {"run"},
    {"cli", "api"},
    {"notebook"},
    {"plugins", "testing", "__init__", "__main__"},
)
"""The rooms from the ground up; each imports from those below it alone."""
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
FORMS = {
    "at the top": "from {module} import anything\n",
    "in a function": "def late():\n    from {module} import anything\n",
    "for types alone": "if TYPE_CHECKING:\n    from {module} import anything\n",
    "of a package": "from {package} import {name}\n",
    "by name": "import {module}\n",
}
"""The ways to import something, whatever a linter thinks of them."""
HEAVY = {"torch", "h5py", "safetensors", "scipy", "matplotlib", "rich", "numpy"}


def imports(path: Path) -> Iterator[str]:
    """Yield the full name of everything that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.ImportFrom(module=module, names=names, level=level):
                assert level == 0, f"{path} imports relative to itself"
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.Import(names=names):
                yield from (alias.name for alias in names)


def room_of(module: str) -> str:
    """Return the room of a module of lmctool or of the built-ins."""
    top, *inner = module.split(".")
    return "plugins" if top == "lmctool_plugins" else [*inner, "__init__"][0]


def rooms(host: Path) -> dict[str, list[Path]]:
    """Return the files of each room of a copy of the host."""
    by_room: dict[str, list[Path]] = {}
    for path in sorted(host.rglob("*.py")):
        by_room.setdefault(path.relative_to(host).parts[0].removesuffix(".py"), []).append(path)
    return by_room


def upward(room: str, files: Iterable[Path]) -> list[str]:
    """Return what files of a room import from their own level or from above it."""
    return [
        f"{path.name}: {name}"
        for path in files
        for name in imports(path)
        if name.partition(".")[0] in {"lmctool", "lmctool_plugins"}
        and room_of(name) != room
        and LEVEL[room_of(name)] >= LEVEL[room]
    ]


def test_every_file_is_in_a_room() -> None:
    assert set(rooms(HOST)) | {"plugins"} == set(LEVEL)


@pytest.mark.parametrize("room", sorted(set(LEVEL) - {"plugins"}))
def test_a_room_imports_only_from_those_below_it(room: str) -> None:
    assert not upward(room, rooms(HOST)[room])


@pytest.mark.parametrize("room", sorted(set(LEVEL) - set(LEVELS[-1])))
def test_an_import_from_above_is_seen_wherever_it_is(room: str, tmp_path: Path) -> None:
    copy = tmp_path / "lmctool"
    for path in rooms(HOST)[room]:
        place = copy / path.relative_to(HOST)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    above = min(LEVELS[LEVEL[room] + 1])
    module = "lmctool_plugins.any" if above == "plugins" else f"lmctool.{above}"
    package, _, name = module.rpartition(".")
    for form in FORMS.values():
        planted = rooms(copy)[room][-1]
        before = planted.read_text(encoding="utf-8")
        text = form.format(module=module, package=package, name=name)
        planted.write_text(before + "\n\n" + text, encoding="utf-8")
        assert upward(room, rooms(copy)[room]), text
        planted.write_text(before, encoding="utf-8")
    assert not upward(room, rooms(copy)[room])


def built_ins(plugins: Path = PLUGINS) -> dict[str, list[Path]]:
    """Return the files of each built-in by its module: one file, or the files of a package."""
    by_module: dict[str, list[Path]] = {}
    for path in sorted(plugins.rglob("*.py")):
        parts = path.relative_to(plugins).with_suffix("").parts
        if parts[1:] not in {(), ("__init__",)}:
            by_module.setdefault(".".join(("lmctool_plugins", *parts[:2])), []).append(path)
    return by_module


def beyond_the_surface(plugins: Path) -> list[str]:
    """Return what built-ins import beside the public surface and themselves."""
    return [
        f"{path.relative_to(plugins)}: {name}"
        for own, paths in built_ins(plugins).items()
        for path in paths
        for name in imports(path)
        if name.startswith("lmctool") and not name.startswith(("lmctool.api.", f"{own}."))
    ]


def test_a_built_in_imports_the_public_surface_and_itself_alone() -> None:
    assert not beyond_the_surface(PLUGINS)


@pytest.mark.parametrize("module", ["lmctool.run.run", "lmctool_plugins.aligners.random"])
def test_a_built_in_that_reaches_further_is_seen(module: str, tmp_path: Path) -> None:
    copy = tmp_path / "aligners/identity.py"
    copy.parent.mkdir()
    source = (PLUGINS / "aligners/identity.py").read_text(encoding="utf-8")
    for form in FORMS.values():
        package, _, name = module.rpartition(".")
        text = form.format(module=module, package=package, name=name)
        copy.write_text(source + "\n\n" + text, encoding="utf-8")
        assert len(beyond_the_surface(tmp_path)) == 1, text
    copy.write_text(source, encoding="utf-8")
    assert not beyond_the_surface(tmp_path)


def test_every_built_in_is_an_entry_point() -> None:
    entries = distribution("lmctool").entry_points
    modules = {entry.module for kind in KINDS for entry in entries.select(group=kind.group)}
    assert modules == set(built_ins())


def test_the_kind_of_a_built_in_is_its_folder() -> None:
    entries = distribution("lmctool").entry_points
    for kind in KINDS:
        folder = f"lmctool_plugins.{kind.group.removeprefix('lmctool.')}."
        assert all(e.module.startswith(folder) for e in entries.select(group=kind.group))


def test_no_submodule_takes_the_name_of_a_function_of_its_package() -> None:
    # importing a submodule binds its name in the package, and so replaces the function
    for path in PLUGINS.rglob("__init__.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert not functions & {file.stem for file in path.parent.glob("*.py")}, path


def test_nothing_that_helps_lists_or_judges_imports_what_is_heavy() -> None:
    pages = [["--help"], ["inspect", "--help"], ["show", "--help"], ["audit", "--help"]]
    pages += [[name, "--help"] for name in registry.names(ANALYSES)]
    code = (
        "import sys, lmctool, lmctool.api, lmctool.api.advanced; from lmctool.cli import main\n"
        f"for words in {pages}:\n"
        "    main(words, standalone_mode=False)\n"
        f"    assert not {HEAVY} & set(sys.modules), (words, sorted({HEAVY} & set(sys.modules)))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_no_file_is_named_for_everything() -> None:
    stems = {path.stem for path in [*HOST.rglob("*.py"), *PLUGINS.rglob("*.py")]}
    assert not stems & {"utils", "helpers", "base", "manager"}
