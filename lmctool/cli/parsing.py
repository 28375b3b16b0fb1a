"""Parsers of option values, as click callbacks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lmctool.plugin.settings import InputShape
    from lmctool.spread.share import Share


def pairs(_: click.Context, option: click.Parameter, texts: Sequence[str]) -> dict[str, str]:
    """Split each ``K=V`` at its first equals sign."""
    values: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"{text!r} is not of the form K=V", param=option)
        if key in values:
            raise click.BadParameter(f"{key!r} is given twice", param=option)
        values[key] = value
    return values


def words(_: click.Context, option: click.Parameter, texts: Iterable[str]) -> tuple[str, ...]:
    """Split comma-separated names; each name counts once."""
    names = [word.strip() for text in texts for word in text.split(",")]
    if not all(names):
        raise click.BadParameter("a name is empty", param=option)
    return tuple(dict.fromkeys(names))


def numbers(_: click.Context, option: click.Parameter, text: str | None) -> tuple[float, ...]:
    """Parse comma-separated finite numbers; None gives an empty tuple."""
    try:
        values = tuple(float(word) for word in text.split(",")) if text is not None else ()
    except ValueError:
        values = (math.nan,)
    if not all(map(math.isfinite, values)):
        raise click.BadParameter(f"{text!r} is no comma list of numbers", param=option)
    return values


def batch_size(_: click.Context, option: click.Parameter, text: str) -> int | None:
    """Parse a positive number, or ``auto`` as None."""
    if text == "auto":
        return None
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise click.BadParameter(f"{text!r} is neither auto nor a positive number", param=option)
    return int(text)


def share(_: click.Context, option: click.Parameter, text: str | None) -> Share | None:
    """Parse ``I/N``."""
    from lmctool.errors import LmctoolError
    from lmctool.spread.share import Share

    try:
        return None if text is None else Share.read(text)
    except LmctoolError as error:
        raise click.BadParameter(str(error), param=option) from error


def input_shapes(
    _: click.Context, option: click.Parameter, texts: Sequence[str]
) -> tuple[InputShape, ...]:
    """Parse the shape of each input."""
    from lmctool.errors import LmctoolError
    from lmctool.model.example import input_shape

    try:
        return tuple(map(input_shape, texts))
    except LmctoolError as error:
        raise click.BadParameter(str(error), param=option) from error
