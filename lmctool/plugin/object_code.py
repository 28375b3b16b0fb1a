"""The code of classes and functions that Python code hands over, of a notebook's cells too."""

from __future__ import annotations

import hashlib
import inspect
import sys
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from lmctool.plugin.source_code import Code, SourceCode, code_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Owner = type | FunctionType


def code_of_objects(owners: Iterable[Owner]) -> Code:
    """Return the code of classes and functions: their modules, and all that these import.

    Where a module has no file, as that of a notebook has none, it is the source of each of them by
    itself, of what they use of that module, and the modules that they use; without a source, as in
    what ``exec`` ran, there is none.

    Args:
        owners: classes, whose bases count too, and functions.
    """
    modules: set[str] = set()
    own: dict[str, SourceCode] = {}
    seen: set[Owner] = set()
    left = list(owners)
    while left:
        owner = left.pop()
        if owner in seen:
            continue
        seen.add(owner)
        left += owner.__bases__ if isinstance(owner, type) else ()
        if _has_file(owner.__module__):
            modules.add(owner.__module__)
            continue
        if text := _source(owner):
            name = f"{owner.__module__}.{owner.__qualname__}"
            own[name] = SourceCode(owner.__module__, hashlib.sha256(text.encode()).hexdigest())
        for used in _used(owner):
            if isinstance(used, ModuleType):
                modules.add(used.__name__)
            else:
                left.append(used)
    return Code(own) | code_of(modules)


def _has_file(name: str) -> bool:
    """Tell whether a module comes from a file, or is built in."""
    module = sys.modules.get(name)
    if name in sys.builtin_module_names:
        return True
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and Path(file).is_file()


def _source(owner: Owner) -> str:
    """Return the source of a class or a function; empty where there is none.

    inspect finds that of a class by the file of its module alone, that of a function by its code.
    """
    try:
        return inspect.getsource(owner)
    except (OSError, TypeError):
        if isinstance(owner, FunctionType):
            return ""
    return "".join(map(_source, _functions(owner)))


def _functions(owner: Owner) -> list[FunctionType]:
    """Return the functions that are written in a class, or the function itself."""
    if isinstance(owner, FunctionType):
        return [owner]
    found: list[FunctionType] = []
    for value in vars(owner).values():
        parts = (value, *(getattr(value, name, None) for name in ("__func__", "fget", "fset")))
        found += [part for part in parts if isinstance(part, FunctionType)]
    return found


def _used(owner: Owner) -> Iterator[Any]:
    """Give the classes, functions and modules that the code of a class or a function names."""
    for function in _functions(owner):
        for name in _names(function.__code__):
            value = function.__globals__.get(name)
            if isinstance(value, type | FunctionType | ModuleType):
                yield value


def _names(code: CodeType) -> Iterator[str]:
    """Give the names in a function's code, and in what is nested in it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
