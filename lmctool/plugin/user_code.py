"""Code that the user names: ``package.module:factory`` or ``./file.py:factory``."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError
from lmctool.plugin.source_code import code_of, loaded_since

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lmctool.plugin.source_code import Code


def is_factory(spec: str) -> bool:
    """Tell whether a spec names code rather than a registered word."""
    place, colon, name = spec.rpartition(":")
    return bool(colon) and name.isidentifier() and (place.endswith(".py") or "." in place)


@dataclass(frozen=True, slots=True)
class Factory:
    """A function that the user names; never one that a file names.

    Attributes:
        spec: ``package.module:factory`` or ``path/file.py:factory``.
        loaded: the modules that were loaded while it was imported and called.
    """

    spec: str
    loaded: set[str] = field(default_factory=set, compare=False)

    @property
    def place(self) -> str:
        """The module or the file."""
        return self.spec.rpartition(":")[0]

    def call(self, arguments: Mapping[str, Any]) -> Any:
        """Import the code and return what the function returns.

        What lies beside its file, or in the current folder for a module, can be imported.

        Raises:
            LmctoolError: there is no such file, module or function, or it raises.
        """
        before = set(sys.modules)
        with self._importable():
            function = self._find(self.place, self.spec.rpartition(":")[2])
            try:
                return function(**arguments)
            except Exception as cause:  # the user's own code
                raise LmctoolError(
                    f"{self.spec!r} failed: {type(cause).__name__}: {cause}"
                ) from cause
            finally:
                self.loaded.update(loaded_since(before))

    def code(self) -> Code:
        """Return the code of its module, and of all that this imports."""
        is_file = self.place.endswith(".py")
        with self._importable():
            return code_of(
                self.loaded if is_file else {*self.loaded, self.place},
                [Path(self.place)] if is_file else [],
            )

    @contextmanager
    def _importable(self) -> Iterator[None]:
        """Look for modules in its folder first, meanwhile."""
        is_file = self.place.endswith(".py")
        folder = str(Path(self.place).resolve().parent if is_file else Path.cwd())
        sys.path.insert(0, folder)
        try:
            yield
        finally:
            sys.path.remove(folder)

    def _find(self, place: str, name: str) -> Callable[..., Any]:
        try:
            path = Path(place)
            module = _file(path) if place.endswith(".py") else importlib.import_module(place)
        except LmctoolError:
            raise
        except Exception as cause:  # the user's own code
            raise LmctoolError(
                f"{place!r} cannot be imported: {type(cause).__name__}: {cause}"
            ) from cause
        function = getattr(module, name, None)
        if not callable(function):
            raise LmctoolError(f"{place!r} has no function {name!r}")
        return function  # type: ignore[no-any-return]


def _file(path: Path) -> Any:
    if not path.is_file():
        raise LmctoolError(f"'{path}' is not there")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise LmctoolError(f"'{path}' is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
