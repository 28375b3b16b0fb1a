"""Code that the user names: ``package.module:factory`` or ``./file.py:factory``."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError, UntrustedError
from lmctool.plugin import registry
from lmctool.plugin.exits import no_exit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lmctool.config import Origin
    from lmctool.plugin.kinds import Kind


def imports_code(spec: str, *kinds: Kind[Any]) -> bool:
    """Tell whether a spec has code imported: the one rule for whoever names something.

    A file or a folder of this very name is data.

    Args:
        spec: a registered word, a path, or the place of code.
        kinds: those whose words may stand before the first colon.
    """
    return names_code(spec, *kinds) and not _exists(spec)


def refuse_code(spec: str, kind: Kind[Any], origin: Origin) -> None:
    """Refuse a spec that has code imported where its origin may not name any.

    Raises:
        UntrustedError: it is such a spec; says what the user can do.
    """
    if origin.permit and imports_code(spec, kind):
        raise UntrustedError(
            f"{origin.name} names {spec!r} as {kind.word}, which is Python code; {origin.permit}"
        )


def names_code(text: str, *kinds: Kind[Any]) -> bool:
    """Tell whether a text is ``PLACE:NAME`` of a Python file or a module, and no ``WORD:NAME``."""
    place, _, name = text.rpartition(":")
    is_place = place.endswith(".py") or all(part.isidentifier() for part in place.split("."))
    if not is_place or not name.isidentifier():
        return False
    word = text.partition(":")[0]
    return not any(word in registry.names(kind) for kind in kinds)


def _exists(text: str) -> bool:
    try:
        return Path(text).expanduser().exists()
    except (OSError, RuntimeError):  # too long a name, or the home of nobody
        return False


@dataclass(frozen=True, slots=True)
class Factory:
    """A function that the user names; never one that a file names.

    Attributes:
        spec: ``package.module:factory`` or ``path/file.py:factory``.
        here: whether the current folder, which may be anybody's, is looked in too.
    """

    spec: str
    here: bool = True

    def call(self, arguments: Mapping[str, Any]) -> Any:
        """Import the code and return what the function returns.

        Raises:
            LmctoolError: there is no such file, module or function, or it raises or exits.
        """
        place, _, name = self.spec.rpartition(":")
        with no_exit(repr(self.spec)):
            function = self._find(place, name)
            try:
                return function(**arguments)
            except Exception as cause:  # the user's own code
                raise LmctoolError(
                    f"{self.spec!r} failed: {type(cause).__name__}: {cause}"
                ) from cause

    def _find(self, place: str, name: str) -> Callable[..., Any]:
        try:
            if place.endswith(".py"):
                module = _file(Path(place).expanduser(), here=self.here)
            else:
                module = _installed(place, here=self.here)
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


def _file(path: Path, *, here: bool) -> Any:
    if not here and not path.is_absolute():
        raise LmctoolError(
            f"'{path}' of your own configuration could be a file of any folder; give its whole path"
        )
    if not path.is_file():
        raise LmctoolError(f"'{path}' is not there")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise LmctoolError(f"'{path}' is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _installed(module: str, *, here: bool) -> Any:
    """Import a module; in the current folder too, as ``python -m`` would, where that is meant."""
    if not here:
        return importlib.import_module(module)
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(module)
    finally:
        sys.path.remove(folder)
