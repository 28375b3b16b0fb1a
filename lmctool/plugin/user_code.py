"""Code that the user names: ``package.module:factory`` or ``./file.py:factory``."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError, UntrustedError
from lmctool.files.home import expanded
from lmctool.files.input_files import check_input, note_input
from lmctool.plugin import registry
from lmctool.plugin.exits import no_exit
from lmctool.plugin.source_code import code_of, loaded_since

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lmctool.config import Origin
    from lmctool.plugin.kinds import Kind
    from lmctool.plugin.source_code import Code


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
        return expanded(text).exists()
    except (OSError, RuntimeError):  # too long a name, or the home of nobody
        return False


@dataclass(frozen=True, slots=True)
class Factory:
    """A function that the user names; never one that a file names.

    Attributes:
        spec: ``package.module:factory`` or ``path/file.py:factory``.
        here: whether the current folder, which may be anybody's, is looked in too.
        loaded: the modules that were loaded while its code ran.
        folder: the current folder that its code changed to, if it did; no other code works there.
    """

    spec: str
    here: bool = True
    loaded: set[str] = field(default_factory=set, compare=False)
    folder: list[Path] = field(default_factory=list, compare=False)

    @property
    def place(self) -> str:
        """The module or the file."""
        return self.spec.rpartition(":")[0]

    @property
    def file(self) -> Path | None:
        """The file, or None where it is a module."""
        return expanded(self.place) if self.place.endswith(".py") else None

    def call(self, arguments: Mapping[str, Any]) -> Any:
        """Import the code and return what the function returns.

        Raises:
            LmctoolError: there is no such file, module or function, or it raises or exits.
        """
        with self.running():
            return self._called(self._find(self.spec.rpartition(":")[2]), arguments)

    def made(self, needed: int) -> Any:
        """Return what the function returns, or the function itself where it needs arguments.

        Args:
            needed: how many arguments it needs where it is itself what is asked for.

        Raises:
            LmctoolError: as ``call``.
        """
        with self.running():
            function = self._find(self.spec.rpartition(":")[2])
            return function if _needs(function) == needed else self._called(function, {})

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let its code run inside: the call, and whatever of it is called later.

        What lies beside its file, or in the current folder for a module, can be imported, and
        counts as loaded by it.

        Raises:
            PluginError: the code exits.
        """
        before = set(sys.modules)
        with no_exit(repr(self.spec)), self._importable(), self._in_its_folder():
            try:
                yield
            finally:
                new = loaded_since(before)
                self.loaded.update(new)
                for name in {*new, self.place} & sys.modules.keys():
                    if file := getattr(sys.modules[name], "__file__", None):
                        note_input(Path(file))

    def code(self) -> Code:
        """Return the code of its module, and of all that this imports."""
        modules, files = ({self.place}, []) if self.file is None else (set[str](), [self.file])
        with self._importable():
            return code_of(self.loaded | modules, files)

    @contextmanager
    def _in_its_folder(self) -> Iterator[None]:
        """Work in the folder that its code changed to before, and leave that behind."""
        outside = Path.cwd()
        os.chdir(self.folder[0] if self.folder else outside)
        try:
            yield
        finally:
            inside = Path.cwd()
            if inside != outside:
                self.folder[:] = [inside]
                os.chdir(outside)

    @contextmanager
    def _importable(self) -> Iterator[None]:
        """Look for modules in its folder first, meanwhile; for a module that is the current one."""
        if self.file is None and not self.here:
            yield
            return
        # resolve() raises where links go round in a circle
        folder = str(Path(os.path.realpath(self.file)).parent if self.file else Path.cwd())
        known = list(sys.path)
        sys.path.insert(0, folder)
        try:
            yield
        finally:
            with suppress(ValueError):  # the code took it out itself
                sys.path.remove(folder)
            sys.path += [place for place in known if place not in sys.path]

    def _called(self, function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        try:
            return function(**arguments)
        except Exception as cause:  # the user's own code
            raise LmctoolError(f"{self.spec!r} failed: {type(cause).__name__}: {cause}") from cause

    def _find(self, name: str) -> Callable[..., Any]:
        place, file = self.place, self.file
        try:
            module = _file(file, here=self.here) if file else importlib.import_module(place)
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


def _needs(function: Callable[..., Any]) -> int:
    """Return how many arguments a function cannot be called without."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # it is built in and doesn't say
        return 0
    variable = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return sum(each.default is each.empty and each.kind not in variable for each in parameters)


def _file(path: Path, *, here: bool) -> Any:
    if not here and not path.is_absolute():
        raise LmctoolError(
            f"'{path}' of your own configuration could be a file of any folder; give its whole path"
        )
    check_input(path, f"'{path}'")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise LmctoolError(f"'{path}' is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
