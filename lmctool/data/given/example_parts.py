"""What an example, or a batch of them, is made of: an input and its target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Collection

TOKENS = "input_ids"
MASK = "attention_mask"
INPUTS = (
    *("x", "input", "inputs", "image", "images", "img", "pixel_values", TOKENS, "input_values"),
    *("features", "data"),
)
TARGETS = ("y", "target", "targets", "label", "labels", "class")
"""The names that inputs and targets go by."""
MASKS = ("mask", "masks", "annotation")
"""Those of targets that are masks, where there is no other one."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of an example, or the columns of several.

    Attributes:
        input: what a model takes.
        target: what it is to answer; None where tokens alone are given.
        mask: 1 for a token and 0 for padding; None for no such thing.
        input_name: what the input goes by; empty where the place tells.
        target_name: what the target goes by.
    """

    input: object
    target: object
    mask: object = None
    input_name: str = ""
    target_name: str = ""


def is_example(names: Collection[object]) -> bool:
    """Tell whether a mapping with these names is one example, or one split in columns."""
    known = {name.lower() for name in names if isinstance(name, str)}
    return TOKENS in known or not (known.isdisjoint(INPUTS) or known.isdisjoint(TARGETS + MASKS))


def parts_of(value: object, what: str) -> Parts:
    """Return the parts of an example: of a pair, or of a mapping with names that are known.

    Args:
        value: what somebody's code gave.
        what: what to call it in an error.

    Raises:
        LmctoolError: it is neither, has no input or no target, or has two of them.
    """
    if isinstance(value, Mapping):
        return _named(value, what)
    if isinstance(value, tuple | list) and len(value) == 2:
        return Parts(value[0], value[1])
    kind = type(value).__name__
    size = f" of {len(value)}" if isinstance(value, tuple | list) else ""
    raise LmctoolError(
        f"{what} is {kind!r}{size}, not a pair of an input and its target, nor a mapping such as"
        " {'image': ..., 'label': ...}"
    )


def _named(value: Mapping[object, object], what: str) -> Parts:
    by_word = {name.lower(): name for name in value if isinstance(name, str)}
    given = _only(by_word, INPUTS, "inputs", what)
    if given is None:
        raise LmctoolError(
            f"{what} has {_listed(value)}, none of which is an input: call it x, image,"
            " pixel_values or input_ids"
        )
    wanted = _only(by_word, TARGETS, "targets", what) or _only(by_word, MASKS, "targets", what)
    if wanted is None and given != TOKENS:
        raise LmctoolError(
            f"{what} has {_listed(value)}, none of which is a target: call it y, label or target"
        )
    return Parts(
        value[by_word[given]],
        None if wanted is None else value[by_word[wanted]],
        value.get(MASK),
        by_word[given],
        "" if wanted is None else by_word[wanted],
    )


def _only(
    by_word: Mapping[str, object], words: tuple[str, ...], kind: str, what: str
) -> str | None:
    """Return the one of some words that is there, if one is."""
    found = [word for word in words if word in by_word]
    if len(found) > 1:
        raise LmctoolError(
            f"{what} has {' and '.join(found)}, which could both be its {kind}; leave one out"
        )
    return found[0] if found else None


def _listed(names: Collection[object]) -> str:
    return ", ".join(map(str, names)) or "nothing"
