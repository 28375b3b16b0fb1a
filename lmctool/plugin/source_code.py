"""The source of code that numbers depend on: a user's own, a stranger's plugin, lmctool itself.

What is installed in site-packages is told by its version; what lies elsewhere is edited in place,
so only its source says what it was.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
import sysconfig
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmctool.plugin.loaded_code import codes_of, refuse_edited

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from importlib.machinery import ModuleSpec

INSTALLED = {"site-packages", "dist-packages"}
OWN = "lmctool"
"""The distribution whose source is recorded as one, and its package."""


@dataclass(frozen=True, slots=True)
class SourceCode:
    """The source of one module, or of one distribution.

    Attributes:
        path: its file, or the folder of the package.
        sha256: of its bytes.
    """

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Code:
    """The code of some modules.

    Attributes:
        sources: of each module outside of site-packages, by its name.
        packages: the packages in site-packages that they import, which versions tell.
    """

    sources: Mapping[str, SourceCode] = field(default_factory=dict)
    packages: frozenset[str] = frozenset()

    def __or__(self, other: Code) -> Code:
        """Return the code of both."""
        return Code({**self.sources, **other.sources}, self.packages | other.packages)


def code_of(modules: Iterable[str], files: Iterable[Path] = (), loaded: Iterable[Any] = ()) -> Code:
    """Return the code of modules, and of all that they import.

    Imports are read in the sources, those within functions too; nothing is imported.  Lmctool and
    the standard library are left out.

    Args:
        modules: full names.
        files: files that are no modules of a package; their names stand for them.
        loaded: functions and classes of the modules that are in use.

    Raises:
        LmctoolError: a module was edited after this process imported it, so that its file does not
            say what runs.
    """
    alone = [path.resolve() for path in files]
    found = {path.name: _source(path, path.read_bytes()) for path in alone}
    left = sorted(_with_packages(modules).union(*(_imports(path, "") for path in alone)))
    seen = set(left)
    packages = set()
    while left:
        name = left.pop()
        path = _file(name)
        if path is None or path in alone:
            continue
        if _is_installed(path):
            packages.add(name.partition(".")[0])
            continue
        text = path.read_bytes()
        refuse_edited(name, text, loaded)
        found[name] = _source(path, text)
        package = name if path.stem == "__init__" else name.rpartition(".")[0]
        new = _imports(path, package) - seen
        seen |= new
        left += sorted(new)
    return Code(found, frozenset(packages))


def installed(packages: Iterable[str]) -> Code:
    """Return those of some packages that lie in site-packages."""
    found = ((name, _file(name)) for name in set(packages))
    return Code(packages=frozenset(name for name, path in found if path and _is_installed(path)))


def cells(loaded: Iterable[Any]) -> Code:
    """Return the source of functions and classes that are of no file, as of a notebook's cell.

    Where no source is found, there is none.
    """
    found = {}
    for each in loaded:
        if _origin(each.__module__) is None and (text := _text(each)):
            digest = hashlib.sha256(text.encode()).hexdigest()
            found[f"{each.__module__}.{each.__qualname__}"] = SourceCode(each.__module__, digest)
    return Code(found)


def _text(value: Any) -> str:
    """Return the source of a function or a class, of the latter at least that of its functions."""
    texts = []
    for each in (value, *codes_of(value)):
        try:
            texts.append(inspect.getsource(each))
        except (OSError, TypeError):  # there is none, or a class of a module without a file
            continue
        if each is value:
            break
    return "".join(texts)


@cache
def packages_of(tops: tuple[str, ...]) -> SourceCode:
    """Return the source of whole packages, as this process has it, as one.

    Args:
        tops: names of packages at the top of their folders.
    """
    digest = hashlib.sha256()
    folders = [Path(spec.origin).parent for top in tops if (spec := locate(top)) and spec.origin]
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            place = path.relative_to(folder.parent).as_posix()
            digest.update(f"{place} {path.stat().st_size}\n".encode() + path.read_bytes())
    return SourceCode(str(folders[0]), digest.hexdigest())


def loaded_since(before: Iterable[str]) -> list[str]:
    """Return the modules that were loaded since ``before``, a copy of the names in sys.modules."""
    return sorted(sys.modules.keys() - set(before))


def locate(module: str) -> ModuleSpec | None:
    """Find a module; unlike importlib.util.find_spec alone, import none of its parents."""
    top, *rest = module.split(".")
    spec = find_spec(top)
    for position in range(len(rest)):
        if spec is None or spec.submodule_search_locations is None:
            return None
        path = spec.submodule_search_locations
        full = ".".join([top, *rest[: position + 1]])
        specs = (finder.find_spec(full, path) for finder in sys.meta_path)
        spec = next((candidate for candidate in specs if candidate is not None), None)
    return spec


def _file(name: str) -> Path | None:
    """Return the file of a module, or None for one of lmctool or the standard library."""
    if name.partition(".")[0] in {OWN, *sys.builtin_module_names}:
        return None
    path = _origin(name)
    if path is None or not path.is_file():
        return None
    standard = not _is_installed(path) and any(map(path.is_relative_to, _standard()))
    return None if standard else path


def _is_installed(path: Path) -> bool:
    return not INSTALLED.isdisjoint(path.parts)


@cache
def _standard() -> tuple[Path, ...]:
    """Return the folders of the standard library."""
    return tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib"))


def _origin(name: str) -> Path | None:
    """Return the file that a module comes from: that of the loaded one, where there is one."""
    loaded = getattr(sys.modules.get(name), "__file__", None)
    if isinstance(loaded, str):
        return Path(loaded).resolve()
    try:
        spec = locate(name)
    except (ImportError, AttributeError, ValueError):  # a parent that is no package, or half loaded
        return None
    return Path(spec.origin).resolve() if spec and spec.has_location and spec.origin else None


def _source(path: Path, text: bytes) -> SourceCode:
    return SourceCode(str(path), hashlib.sha256(text).hexdigest())


def _imports(path: Path, package: str) -> set[str]:
    """Return the full names that a module imports, with the packages that these lie in.

    ``from a import b`` may name a module or not: both ``a`` and ``a.b`` are among them.

    Args:
        path: the file of the module.
        package: the package that relative imports start from.
    """
    if path.suffix != ".py":
        return set()
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # it cannot be run either
        return set()
    return _with_packages(n for node in _statements(tree) for n in _imported(node, package))


def _with_packages(modules: Iterable[str]) -> set[str]:
    """Return modules and the packages that they lie in."""
    return {
        ".".join(parts[: count + 1])
        for parts in (name.split(".") for name in modules)
        for count in range(len(parts))
    }


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield every statement under a node; expressions, which hold no import, are passed over."""
    left = [tree]
    while left:
        node = left.pop()
        yield node
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            children = getattr(node, part, None)
            left += children if isinstance(children, list) else ()


def _imported(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        try:
            base = resolve_name("." * node.level + (node.module or ""), package)
        except ImportError:  # relative, in no package
            return
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")
