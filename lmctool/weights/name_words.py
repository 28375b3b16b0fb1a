r"""Words that select names of layers, parts or tensors: a name, a shell pattern, an expression.

    layer1.0                          a name
    layer1*   *.bias   layer[12]?     a shell pattern: * stands for anything, dots too
    layer(1|2)\..*   conv\d           a regular expression
    layer1.*                          either, which take the same, or the word is refused

A word means one thing, whichever of the names are there, but for the last kind.
"""

from __future__ import annotations

import re
from collections import Counter
from difflib import get_close_matches
from fnmatch import fnmatchcase
from itertools import takewhile
from typing import TYPE_CHECKING, Literal

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Reading = Literal["pattern", "expression", "either"]

WILDCARD = re.compile(r"[*?\[]")
OF_EXPRESSIONS = re.compile(r"[\\()|^$+{}]")
ANYTHING = re.compile(r"\.[*?]")
"""A dot before a star: anything in an expression, a dot and then anything in a pattern."""


def reading(word: str) -> Reading:
    r"""Return how a word that is no name is read.

    It is a shell pattern if it has ``*``, ``?`` or ``[`` and nothing that only expressions have:
    ``\``, one of ``()|^$+{}``, or a dot before ``*`` or ``?``; with that last alone it may be
    either.  What is no valid expression, as it begins with ``*``, is a pattern at any rate.

    >>> [reading(word) for word in ("layer1*", r"layer\d", "layer1.*", "*.conv1.*", "layer")]
    ['pattern', 'expression', 'either', 'pattern', 'expression']
    """
    if not WILDCARD.search(word):
        return "expression"
    try:
        re.compile(word)
    except re.error:
        return "pattern"
    if OF_EXPRESSIONS.search(word):
        return "expression"
    return "either" if ANYTHING.search(word) else "pattern"


def selected_names(word: str, names: Iterable[str]) -> list[str]:
    """Return the names that a word selects as a whole, in their order; none where it fits none.

    Args:
        word: a name, a shell pattern or a regular expression.
        names: the names.

    Raises:
        LmctoolError: it may be a pattern or an expression, and they select different names.
    """
    names = list(names)
    if word in names:
        return [word]
    kind = reading(word)
    patterned = [name for name in names if kind != "expression" and fnmatchcase(name, word)]
    expressed = [] if kind == "pattern" else _matches(word, names)
    if patterned and expressed and patterned != expressed:
        one_alone = {*patterned} ^ {*expressed}
        apart = [name for name in names if name in one_alone]
        raise LmctoolError(
            f"{word!r} may be a shell pattern or a regular expression, and only one of them takes"
            f" {some(apart)}; write {_as_expression(word)!r} for the pattern or '({word})' for the"
            " expression"
        )
    return patterned or expressed


def nearest_names(word: str, names: Sequence[str], most: int = 3) -> list[str]:
    """Return a few names that a word without a match may have meant.

    Of a pattern or an expression they are those that begin as its plain beginning does, the
    longer the better; of a name those that are spelled like it, or hold it.

    >>> nearest_names("layer4*", ["conv1", "layer1.0", "layer3.1"])
    ['layer1.0', 'layer3.1']
    >>> nearest_names("cnv1", ["conv1", "fc"])
    ['conv1']
    """
    if WILDCARD.search(word) or OF_EXPRESSIONS.search(word):
        beginning = re.split(r"[*?\[()|^$+{}]", word.replace("\\", ""))[0]
        alike = [_shared(beginning, name) for name in names]
        longest = max(alike, default=0)
        return [n for n, own in zip(names, alike, strict=True) if own == longest > 0][:most]
    inside = [name for name in names if word in name][:most]
    return get_close_matches(word, names, most, 0.5) or inside


def some(names: Sequence[str], most: int = 3) -> str:
    """Return the first of several names, and how many more there are.

    >>> some(["a", "b"]), some(["a", "b", "c", "d", "e"])
    ("'a', 'b'", "'a', 'b', 'c' and 2 more")
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more


def _shared(one: str, other: str) -> int:
    """Return with how many of the same characters two texts begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _matches(word: str, names: Iterable[str]) -> list[str]:
    try:
        expression = re.compile(word)
    except re.error:
        return []  # a name that is no expression, and is not there
    return [name for name in names if expression.fullmatch(name)]


def _as_expression(pattern: str) -> str:
    """Return the expression that is a shell pattern."""
    plain = pattern.replace(".", r"\.").replace("[!", "[^")
    return plain.replace("*", ".*").replace("?", ".")


def numbered(names: Sequence[str]) -> list[str]:
    """Return names that differ: those that come more than once get a number behind.

    >>> numbered(["conv1", "block", "block"])
    ['conv1', 'block#1', 'block#2']
    """
    times = Counter(names)
    counts: dict[str, int] = {}
    unique = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        unique.append(f"{name}#{counts[name]}" if times[name] > 1 else name)
    return unique
