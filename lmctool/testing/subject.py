"""The plugin that is checked: an installed one by its word, or the record of one that isn't."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from lmctool.plugin import registry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lmctool.plugin.kinds import Kind, Record

MEANWHILE = "under-check"
"""The word for a plugin that is not installed."""


@contextmanager
def found(kind: Kind[Record], plugin: str | Record) -> Iterator[tuple[str, Record]]:
    """Give the word and the record of a plugin, which is registered inside.

    Raises:
        AssertionError: the record is of another kind.
        PluginError: no plugin is installed under the word, or it cannot be used.
    """
    if isinstance(plugin, str):
        yield plugin, registry.load(kind, plugin)
        return
    if not isinstance(plugin, kind.record):
        raise AssertionError(
            f"{kind.word} to check: {type(plugin).__name__!r}, not the word of an installed one or"
            f" an lmctool.api.{kind.record.__name__}"
        )
    with registry.registered(kind, MEANWHILE, plugin, home(plugin)):
        yield MEANWHILE, plugin


def home(record: Any) -> str:
    """Return the module that a record's function is from."""
    names = ("compute", "align", "prepare", "tensor", "network")
    function = next(each for name in names if (each := getattr(record, name, None)) is not None)
    reference = getattr(function, "reference", "")  # of a Lazy one
    module: str = reference.partition(":")[0] or getattr(function, "__module__", __name__)
    return module


def values(options: Sequence[click.Option], given: Mapping[str, Any], who: str) -> dict[str, Any]:
    """Return the value of each option: the given one, else its default.

    Raises:
        AssertionError: there is no such option, or one has no usable default.
    """
    names = [str(option.name) for option in options]
    if unknown := given.keys() - set(names):
        raise AssertionError(
            f"{who} declares no option {min(unknown)!r}; it has: {', '.join(names) or 'none'}"
        )
    needed = [option for option in options if option.name not in given]
    try:
        defaults = click.Command(who, params=list(needed)).make_context(who, []).params
    except click.UsageError as cause:
        raise AssertionError(f"{who} cannot be used without options: {cause.message}") from cause
    return {**defaults, **given}
