"""The texts of options, turned into values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lmctool.plugin.settings import InputShape


def pairs(_: click.Context, option: click.Parameter, texts: Sequence[str]) -> dict[str, str]:
    """Split each ``K=V`` at its first equals sign."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"{text!r} is not of the form K=V", param=option)
        if key in found:
            raise click.BadParameter(f"{key!r} is given twice", param=option)
        found[key] = value
    return found


def words(_: click.Context, option: click.Parameter, texts: Iterable[str]) -> tuple[str, ...]:
    """Split comma lists of names; each name counts once."""
    found = [word.strip() for text in texts for word in text.split(",")]
    if not all(found):
        raise click.BadParameter("a name is empty", param=option)
    return tuple(dict.fromkeys(found))


def numbers(_: click.Context, option: click.Parameter, text: str | None) -> tuple[float, ...]:
    """Read a comma list of finite numbers; none was given means an empty one."""
    try:
        found = tuple(float(word) for word in text.split(",")) if text is not None else ()
    except ValueError:
        found = (math.nan,)
    if not all(map(math.isfinite, found)):
        raise click.BadParameter(f"{text!r} is no comma list of numbers", param=option)
    return found


def batch_size(_: click.Context, option: click.Parameter, text: str) -> int | None:
    """Read a positive number, or ``auto`` as None."""
    if text == "auto":
        return None
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise click.BadParameter(f"{text!r} is neither auto nor a positive number", param=option)
    return int(text)


def input_shapes(
    _: click.Context, option: click.Parameter, texts: Sequence[str]
) -> tuple[InputShape, ...]:
    """Read the description of each input."""
    from lmctool.errors import LmctoolError
    from lmctool.model.example import input_shape

    try:
        return tuple(map(input_shape, texts))
    except LmctoolError as error:
        raise click.BadParameter(str(error), param=option) from error
