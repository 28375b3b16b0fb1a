"""What the names of arrays say: inputs, targets or a mask, and of which split."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Literal

from lmctool.api import LmctoolError
from lmctool.api.advanced import SPLIT_NAMES, split_name

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Role = Literal["x", "y", "mask"]
Claims = dict[str, dict[Role, list[str]]]
"""The names that could be each part of a split, by split."""

WORDS: Mapping[Role, tuple[str, ...]] = {
    "x": (
        *("x", "data", "input", "inputs", "image", "images", "img", "imgs"),
        *("feature", "features", "input_ids", "tokens"),
    ),
    "y": ("y", "target", "targets", "label", "labels", "masks"),
    "mask": ("mask", "attention_mask"),
}
"""What inputs, targets and the mask of padding are called, in any case; x and y go before."""
ANY_SPLIT = ("x", "y", "mask")
"""The words beside which any name is that of a split."""
TOKENS = ("x", "input_ids", "tokens")
"""What token ids may be called that are their own targets."""
KNOWN = "|".join(sorted(SPLIT_NAMES, key=len, reverse=True))
BESIDE_KNOWN = (f"({KNOWN})[-_./]?{{}}", f"{{}}[-_./]?({KNOWN})")
BESIDE_ANY = (r"(\w+)[_/]{}", r"{}_(\w+)")
"""How the name of a split stands beside a word."""
SHOWN = 8
SINGLE = "test"
"""The split of names that name none."""


def read_name(name: str, *, any_split: bool = False) -> tuple[Role, str, str] | None:
    """Return what a name says: the part, the word for it and the split; None if nothing.

    The forms are ``x``, ``x_train``, ``train_x``, ``train/x``, ``trainX`` and ``Xtrain``.

    Args:
        name: of an array.
        any_split: whether what stands beside any word is the name of a split.
    """
    meant = [(role, word) for role, named in WORDS.items() for word in named]
    for role, word in meant:
        if name.lower() == word:
            return role, word, SINGLE
    loose = [each for each in meant if any_split or each[1] in ANY_SPLIT]
    for forms, words in ((BESIDE_KNOWN, meant), (BESIDE_ANY, loose)):
        for form, (role, word) in product(forms, words):
            if match := re.fullmatch(form.format(word), name, re.IGNORECASE):
                return role, word, split_name(match[1])
    return None


def split_of(name: str) -> str:
    """Return the split that the beginning or the end of a name tells, whatever else it says."""
    if said := read_name(name):
        return said[2]
    known = rf"({KNOWN})(?![a-z]).*|.*(?<![a-z])({KNOWN})"
    match = re.fullmatch(known, name, re.IGNORECASE)
    return split_name(match[1] or match[2]) if match else SINGLE


def claims(names: Collection[str], patterns: Mapping[Role, str], place: str) -> Claims:
    """Return the names that could be each part of a split.

    Args:
        names: of all arrays.
        patterns: what the user calls a part: a name, or one with ``*`` in place of the split.
        place: where they are, in words.

    Raises:
        LmctoolError: no name is such a one.
    """
    found: Claims = {}
    for name in sorted(names):
        for role, pattern in patterns.items():
            split = _named(name, pattern)
            if split is not None:
                found.setdefault(split, {}).setdefault(role, []).append(name)
        said = read_name(name)
        if said is not None and said[0] not in patterns:
            found.setdefault(said[2], {}).setdefault(said[0], []).append(name)
    for role, pattern in patterns.items():
        if not any(role in parts for parts in found.values()):
            raise LmctoolError(
                f"'{place}' has no array {pattern!r}, as ?{role}= says; it holds {listed(names)}"
            )
    return found


def _named(name: str, pattern: str) -> str | None:
    """Return the split of a name that a pattern means; None for another name."""
    before, star, after = pattern.partition("*")
    if not star:
        return split_of(name) if name == pattern else None
    match = re.fullmatch(f"{re.escape(before)}(.+){re.escape(after)}", name)
    return split_name(match[1]) if match else None


def only(role: Role, split: str, names: list[str], place: str) -> str:
    """Return the one name that is a part of a split: of x or y itself, where others are too.

    Args:
        role: the part.
        split: the split.
        names: that could be it.
        place: where they are, in words.

    Raises:
        LmctoolError: several are.
    """
    plain = [name for name in names if (read_name(name) or ("", ""))[1] == role]
    chosen = plain or names
    if len(chosen) > 1:
        all_of_them = " and ".join(map(repr, chosen))
        patterns = " or ".join(f"?{role}={_pattern(name)}" for name in chosen)
        raise LmctoolError(
            f"{all_of_them} of '{place}' could each be {role} of split {split!r}; say {patterns}"
        )
    return chosen[0]


def _pattern(name: str) -> str:
    """Return the pattern that means a name in every split."""
    said = read_name(name)
    if said is None or said[1] == name.lower():
        return name
    place = name.lower().rindex(said[1])
    known = re.search(KNOWN, name[:place] or name[place + len(said[1]) :], re.IGNORECASE)
    return name.replace(known[0], "*") if known else name


def listed(names: Collection[str]) -> str:
    """Return names for an error, some of many."""
    more = ", ..." if len(names) > SHOWN else ""
    return ", ".join(sorted(names)[:SHOWN]) + more or "nothing"
