"""The options on which tensors of checkpoints count, and what they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from lmctool.plugin.settings import Naming

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Callback = TypeVar("Callback", bound="Callable[..., Any]")


def _prefixes(_: click.Context, option: click.Parameter, texts: Sequence[str]) -> tuple[str, ...]:
    prefixes = tuple(text.removesuffix(".") for text in texts)
    if not all(prefixes):
        raise click.BadParameter("a prefix is empty", param=option)
    return prefixes


def _renames(
    _: click.Context, option: click.Parameter, texts: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    """Split each ``OLD=NEW`` at its first equals sign, less a dot that both may end with."""
    pairs: dict[str, str] = {}
    for text in texts:
        old, _equals, new = (part.removesuffix(".") for part in text.partition("="))
        if not old or not new:
            remedy = f"; --strip {old} takes a prefix off" if old else ""
            raise click.BadParameter(f"{text!r} is not of the form OLD=NEW{remedy}", param=option)
        if old in pairs:
            raise click.BadParameter(f"{old!r} is given twice", param=option)
        pairs[old] = new
    return tuple(pairs.items())


OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "--key": {
        "metavar": "KEY",
        "help": "Which state dict of a file that holds several: its key ('.' is the top level), or"
        " what the names of its tensors begin with, such as ema_model.",
    },
    "--strip": {
        "metavar": "PREFIX",
        "multiple": True,
        "callback": _prefixes,
        "help": "Take a prefix that ends at a dot off names of tensors (repeatable).",
    },
    "--rename": {
        "metavar": "OLD=NEW",
        "multiple": True,
        "callback": _renames,
        "help": "Put NEW in the place of a name of a tensor, or of a prefix that ends at a dot"
        " (repeatable).",
    },
    "--ignore": {
        "metavar": "GLOB",
        "multiple": True,
        "help": "Leave tensors of these names out, as if no file had them, such as 'criterion.*'"
        " (repeatable).",
    },
}
"""What click is told of each option, which every command that opens checkpoints has."""
EXCEPT: Mapping[str, Any] = {
    "metavar": "GLOB",
    "multiple": True,
    "help": "Tensors or layers that are neither compared nor mixed, and need not fit each other,"
    " such as 'classifier.*' (repeatable).",
}
"""The option of analyses that can leave tensors out."""


def options(*, excepted: bool) -> list[click.Option]:
    """Return the options; with ``--except`` for an analysis that can leave tensors out."""
    names = [click.Option([flag], **said) for flag, said in OPTIONS.items()]
    return [*names, click.Option(["--except", "excepted"], **EXCEPT)] if excepted else names


def with_options(function: Callback) -> Callback:
    """Give the options to the function of a command."""
    for flag in reversed([*OPTIONS]):
        function = click.option(flag, **OPTIONS[flag])(function)
    return function


def naming(values: Mapping[str, Any]) -> Naming:
    """Return what the values of the options ask."""
    return Naming(**{flag.removeprefix("--"): values[flag.removeprefix("--")] for flag in OPTIONS})
