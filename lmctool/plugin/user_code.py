"""Code that the user names: ``package.module:factory`` or ``./file.py:factory``."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError
from lmctool.files.input_files import check_input, note_input

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def is_factory(spec: str) -> bool:
    """Tell whether a spec names code rather than a registered word."""
    place, colon, name = spec.rpartition(":")
    return bool(colon) and name.isidentifier() and (place.endswith(".py") or "." in place)


@dataclass(frozen=True, slots=True)
class Factory:
    """A function that the user names; never one that a file names.

    Attributes:
        spec: ``package.module:factory`` or ``path/file.py:factory``.
    """

    spec: str

    def call(self, arguments: Mapping[str, Any]) -> Any:
        """Import the code and return what the function returns.

        Raises:
            LmctoolError: there is no such file, module or function, or it raises.
        """
        place, _, name = self.spec.rpartition(":")
        function = self._find(place, name)
        try:
            return function(**arguments)
        except Exception as cause:  # the user's own code
            raise LmctoolError(f"{self.spec!r} failed: {type(cause).__name__}: {cause}") from cause

    def _find(self, place: str, name: str) -> Callable[..., Any]:
        try:
            module = _file(Path(place)) if place.endswith(".py") else _installed(place)
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
    check_input(path, f"'{path}'")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise LmctoolError(f"'{path}' is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _installed(module: str) -> Any:
    """Import a module as ``python -m`` would: the current folder is looked in too."""
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        imported = importlib.import_module(module)
        note_input(Path(getattr(imported, "__file__", None) or here))
        return imported
    finally:
        sys.path.remove(here)
