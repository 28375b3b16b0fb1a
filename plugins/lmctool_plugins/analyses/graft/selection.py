"""The parts of a network that a user names, and a network made of parts of two."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from lmctool.api import LmctoolError
from lmctool.api.advanced import nearest_names, selected_names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

Value = TypeVar("Value")

LISTED = 40
"""The most names that an error lists."""


def chosen(parts: Sequence[str], words: Iterable[str], by: str) -> tuple[str, ...]:
    """Return the parts that words name, in the order of the network.

    Args:
        parts: the names of all parts.
        words: names, shell patterns, or regular expressions that match whole names; several may
            stand in one with commas between.
        by: what a part is, for the error.

    Raises:
        LmctoolError: a word names no part, or can be read in two ways.
    """
    names: set[str] = set()
    for word in (word for text in words for word in text.split(",") if word):
        matches = selected_names(word, parts)
        if not matches:
            raise _unknown(parts, word, by)
        names.update(matches)
    return tuple(part for part in parts if part in names)


def taken(parts: Mapping[str, Collection[str]], names: Collection[str]) -> frozenset[str]:
    """Return the tensors of the parts that are named."""
    return frozenset(tensor for name in names for tensor in parts[name])


def grafted(
    base: Mapping[str, Value], other: Mapping[str, Value], tensors: Collection[str]
) -> dict[str, Value]:
    """Return ``base`` with these tensors from ``other``: none copied, none changed."""
    return {name: (other if name in tensors else base)[name] for name in base}


def _unknown(parts: Sequence[str], word: str, by: str) -> LmctoolError:
    near = nearest_names(word, parts)
    hint = f"; nearest: {', '.join(map(repr, near))}" if near else ""
    more = f" and {len(parts) - LISTED} more" if len(parts) > LISTED else ""
    listed = ", ".join(parts[:LISTED])
    return LmctoolError(
        f"--layers names {word!r}, but no part of the network by {by!r} is called so or matches"
        f" it{hint}; there are: {listed}{more}"
    )
