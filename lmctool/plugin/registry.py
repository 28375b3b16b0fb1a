"""Finding plugins by entry point, and importing one only when it is asked for."""

from __future__ import annotations

import ast
import tokenize
from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from lmctool.errors import PluginError, did_you_mean
from lmctool.plugin.kinds import KINDS
from lmctool.plugin.source_code import locate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmctool.plugin.kinds import Kind, Record

UNKNOWN = "an unknown distribution"

_registered: list[EntryPoint] = []
"""Entry points of plugins that no distribution installed, while they are registered."""


@cache
def installed(kind: Kind[Any]) -> tuple[EntryPoint, ...]:
    """Return every entry point of a kind, sorted by name, importing none.

    A distribution that sys.path holds twice counts once.
    """
    meanwhile = [entry for entry in _registered if entry.group == kind.group]
    entries = [*_scanned().select(group=kind.group), *meanwhile]
    once = {(entry.name, owner(entry), entry.value): entry for entry in entries}
    return tuple(once[key] for key in sorted(once))


@contextmanager
def registered(kind: Kind[Record], name: str, record: Record, module: str) -> Iterator[None]:
    """Let a plugin that is not installed be found by a name inside.

    Args:
        kind: its kind.
        name: the word for it.
        record: what its hook returns.
        module: where it is from, whose docstring says what it is.
    """
    _registered.append(_Registered(name, module, kind.group, record))
    installed.cache_clear()
    try:
        yield
    finally:
        _registered.pop()
        installed.cache_clear()


class _Registered(EntryPoint):
    """An entry point whose module is not needed, for its record is there."""

    def __init__(self, name: str, module: str, group: str, record: object) -> None:
        super().__init__(name, module, group)
        vars(self)["record"] = record

    def load(self) -> Any:
        """Return something that implements the hook."""
        from lmctool.plugin.hookspecs import hookimpl

        (hook,) = (kind.hook for kind in KINDS if kind.group == self.group)
        return SimpleNamespace(**{hook: hookimpl(lambda: vars(self)["record"])})


def owner(entry: EntryPoint) -> str:
    """Return the name of the distribution that installed an entry point."""
    return entry.dist.name if entry.dist else UNKNOWN


def names(kind: Kind[Any]) -> list[str]:
    """Return the installed words of a kind, sorted, importing none."""
    return sorted({entry.name for entry in installed(kind)})


def find(kind: Kind[Any], name: str) -> EntryPoint:
    """Return the one entry point of this name.

    Raises:
        PluginError: nobody installed the name, or two distributions did.
    """
    owned = [entry for entry in installed(kind) if entry.name == name]
    if not owned:
        raise PluginError(f"no {kind.word} is called {name!r}; {_instead(name, names(kind))}")
    if len(owned) > 1:
        owners = " and ".join(f"{owner(entry)} ({entry.value})" for entry in owned)
        raise PluginError(
            f"{kind.word} {name!r} is provided more than once, by {owners}; uninstall one"
        )
    return owned[0]


def summary(kind: Kind[Any], name: str) -> str:
    """Return the first line of the plugin's docstring, read without running any of its code.

    What goes wrong is returned in brackets: a stranger's plugin must not take ``--help`` down.
    """
    try:
        return first_line(find(kind, name).module)
    except Exception as error:
        return f"({error})"


def first_line(module: str) -> str:
    """Return the first line of a module's docstring without importing it or its parents.

    Raises:
        PluginError: there is no such module, or no Python source of it.
    """
    spec = locate(module)
    if spec is None or not spec.has_location or spec.origin is None:
        raise PluginError(f"its module {module!r} is not installed")
    with tokenize.open(spec.origin) as source:
        for token in tokenize.generate_tokens(source.readline):
            if token.type == tokenize.STRING:
                return str(ast.literal_eval(token.string)).strip().partition("\n")[0].strip()
            if token.type not in {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING}:
                break
    return ""


def load(kind: Kind[Record], name: str) -> Record:
    """Import the one plugin of this name, and return the record that its hook gives.

    Raises:
        PluginError: the plugin is not there, cannot be imported, or gives something else.
    """
    entry = find(kind, name)

    def who() -> str:  # the name of a distribution takes longer to find than all the rest
        return f"{kind.word} {name!r} ({entry.value}, from {owner(entry)})"

    try:
        record = _call(entry, kind)
    except (Exception, SystemExit) as cause:
        raise PluginError(f"{who()} cannot be used: {type(cause).__name__}: {cause}") from cause
    if record is None:
        raise PluginError(f"{who()} implements no hook {kind.hook}, or it returned nothing")

    if not isinstance(record, kind.record):
        returned, due = type(record).__name__, kind.record.__name__
        raise PluginError(f"{who()} returned {returned!r} where {due!r} is due")
    return record


@cache
def _scanned() -> Any:
    """Read the metadata of every distribution once, whatever the number of groups."""
    return entry_points()


def _call(entry: EntryPoint, kind: Kind[Any]) -> Any:
    import pluggy

    from lmctool.plugin.hookspecs import hookspec

    manager = pluggy.PluginManager("lmctool")
    for each in KINDS:  # a module may implement the hooks of several kinds
        manager.add_hookspecs(hookspec(each))
    manager.register(entry.load(), entry.name)
    manager.check_pending()
    return getattr(manager.hook, kind.hook)()


def _instead(name: str, known: Sequence[str]) -> str:
    return f"{did_you_mean(name, known)}installed: {', '.join(known) or 'none'}"
