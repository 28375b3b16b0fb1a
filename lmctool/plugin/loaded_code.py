"""The code that this process has loaded, compared with the files that it came from."""

from __future__ import annotations

import inspect
import sys
from functools import lru_cache
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CACHING = type(lru_cache(len))


def refuse_edited(name: str, source: bytes, loaded: Iterable[Any] = ()) -> None:
    """Refuse a module whose file has other functions by now than those that run here.

    Lines that moved make no difference, and neither do comments.  A module that was made by more
    than compiling its file, as import hooks do, is compared with what they make of it now.

    Args:
        name: the full name of a module; one that is not loaded is any file's.
        source: what its file holds now.
        loaded: functions and classes that are in use, though the module may have others by now.

    Raises:
        LmctoolError: there is such a function.
    """
    module = sys.modules.get(name)
    path = getattr(module, "__file__", None)
    compiled = getattr(getattr(module, "__loader__", None), "source_to_code", None)
    if path is None or compiled is None:
        return
    codes = (code for each in (module, *loaded) for code in codes_of(each))
    own = [code for code in codes if code.co_filename == path]
    try:
        there = {_form(code) for code in _inside(compiled(source, path))} if own else set()
    except (SyntaxError, ValueError):
        there = set()
    for code in own:
        if any(_form(each) not in there for each in (code, *_inside(code))):
            raise LmctoolError(
                f"'{path}' was edited after this process imported it: what runs here is the old"
                f" {code.co_qualname!r}; restart Python, or reload module {name!r} and make the"
                " network anew"
            )


def codes_of(value: Any) -> Iterator[CodeType]:
    """Give the code of each function that a function, a class or a module has itself."""
    if isinstance(value, property):
        for accessor in (value.fget, value.fset, value.fdel):
            yield from codes_of(accessor)
    if isinstance(value, staticmethod | classmethod):
        yield from codes_of(value.__func__)
    if isinstance(value, FunctionType):
        yield value.__code__
    if isinstance(value, FunctionType | CACHING):
        yield from codes_of(vars(value).get("__wrapped__"))
    if isinstance(value, type | ModuleType):
        for each in tuple(vars(value).values()):
            if not isinstance(each, type | ModuleType) or _is_inside(each, value):
                yield from codes_of(each)


def _is_inside(value: type | ModuleType, owner: type | ModuleType) -> bool:
    """Tell whether a class is defined in a class or a module."""
    if not isinstance(value, type):
        return False
    if isinstance(owner, type):
        return value.__qualname__.startswith(f"{owner.__qualname__}.")
    return value.__module__ == owner.__name__


def _inside(code: CodeType) -> Iterator[CodeType]:
    """Give the functions within a code, however deep; not the bodies of classes."""
    for each in code.co_consts:
        if isinstance(each, CodeType):
            if each.co_flags & inspect.CO_OPTIMIZED:
                yield each
            yield from _inside(each)


def _form(code: CodeType) -> CodeType:
    """Return a code without its lines, and without that of what is within it."""
    consts = tuple(None if isinstance(each, CodeType) else each for each in code.co_consts)
    return code.replace(co_firstlineno=1, co_linetable=b"", co_consts=consts)
