"""The form of an axis as text: ``conv1``, ``(conv1 _4)``, ``a+b``, ``a|b``, ``_`` where fixed.

``{0 4 a; b}`` is an axis that has the units of ``a`` in the first 4 rows of axis 0, and those of
``b`` in the next 4.
"""

from __future__ import annotations

import re
from collections import deque
from itertools import accumulate
from typing import TYPE_CHECKING

from lmctool.symmetry.axis_form import (
    AxisForm,
    Blockwise,
    Concat,
    Fixed,
    Free,
    Interleaving,
    Product,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


DEEPEST = 50
"""Brackets around a part of a form."""


def show(form: AxisForm | None) -> str:
    """Return the text of a form."""
    match form:
        case None:
            return "_"
        case Fixed(size):
            return f"_{size}"
        case Free(group, _):
            return group
        case Product(parts):
            return f"({' '.join(show(part) for part in parts)})"
        case Concat(parts):
            return "+".join(show(part) for part in parts)
        case Interleaving(parts):
            return "|".join(show(part) for part in parts)
        case Blockwise(axis, length, parts):
            return f"{{{axis} {length} {'; '.join(show(part) for part in parts)}}}"


def read(text: str, sizes: Mapping[str, int]) -> AxisForm:
    """Return the form that a text stands for.

    Args:
        text: the text of one axis, with something that moves on it.
        sizes: the size of each group that it may name.

    Raises:
        ValueError: the text isn't understood, names a group without a size, or has brackets
            deeper in each other than any axis needs.
    """
    steps = ({"(": 1, ")": -1}.get(letter, 0) for letter in text)
    if max(accumulate(steps), default=0) > DEEPEST:
        raise ValueError(f"{text[:20]!r}... has brackets too deep in each other")
    return _Reader(text, sizes).form()


def read_axes(
    name: str, texts: Sequence[str], shape: Sequence[int], sizes: Mapping[str, int]
) -> tuple[AxisForm | None, ...]:
    """Return the forms of all axes of a tensor, of which it has to be.

    Args:
        name: the tensor.
        texts: the text of each axis.
        shape: the tensor's shape.
        sizes: the size of each group that a text may name.

    Raises:
        ValueError: a text isn't understood, or they are not of a tensor of this shape.
    """
    if len(texts) != len(shape):
        raise ValueError(f"tensor {name!r} has {len(shape)} axes, but {len(texts)} forms are given")
    try:
        forms = tuple(None if text == "_" else read(text, sizes) for text in texts)
    except ValueError as cause:
        raise ValueError(f"tensor {name!r}: {cause}") from cause
    for axis, (form, size) in enumerate(zip(forms, shape, strict=True)):
        if form is not None and form.size != size:
            raise ValueError(
                f"axis {axis} of tensor {name!r} has {size} units, {show(form)!r} has {form.size}"
            )
        if isinstance(form, Blockwise):
            rows = shape[form.axis] if form.axis < len(shape) and form.axis != axis else 0
            if rows != form.length * len(form.parts):
                raise ValueError(
                    f"axis {axis} of tensor {name!r} is {show(form)!r}, but axis {form.axis} hasn't"
                    f" {len(form.parts)} blocks of {form.length}"
                )
    return forms


class _Reader:
    """Reads one text from left to right: ``|`` binds loosest, then ``+``, then parts in a row."""

    def __init__(self, text: str, sizes: Mapping[str, int]) -> None:
        self.text = text
        self.sizes = sizes
        self.tokens = deque(re.findall(r"[()+|{};]|[^\s()+|{};]+", text))

    def form(self) -> AxisForm:
        """Return the form of the whole text."""
        form = self.blockwise() if self.tokens and self.tokens[0] == "{" else self.interleaving()
        if self.tokens:
            raise ValueError(f"{self.tokens[0]!r} in {self.text!r} is not understood")
        return form

    def blockwise(self) -> AxisForm:
        """Read the axis and length of blocks, and the form in each of them."""
        _, axis, length, *_ = (*self.tokens, "", "")
        if not (re.fullmatch(r"\d+", axis) and re.fullmatch(r"[1-9]\d*", length)):
            raise ValueError(
                f"{self.text!r} doesn't say which axis has blocks, and of which length"
            )
        for _ in range(3):
            self.tokens.popleft()
        parts = [self.interleaving()]
        while self.tokens and self.tokens[0] == ";":
            self.tokens.popleft()
            parts.append(self.interleaving())
        if not self.tokens or self.tokens.popleft() != "}":
            raise ValueError(f"a bracket is not closed in {self.text!r}")
        if any(part.size != parts[0].size for part in parts):
            raise ValueError(f"the blocks of {self.text!r} are of several sizes")
        return Blockwise(int(axis), int(length), tuple(parts))

    def interleaving(self) -> AxisForm:
        """Read parts with a bar between them."""
        parts = [self.concat()]
        while self.tokens and self.tokens[0] == "|":
            self.tokens.popleft()
            parts.append(self.concat())
        return parts[0] if len(parts) == 1 else Interleaving(tuple(parts))

    def concat(self) -> AxisForm:
        """Read parts with a plus between them."""
        parts = [self.product()]
        while self.tokens and self.tokens[0] == "+":
            self.tokens.popleft()
            parts.append(self.product())
        return parts[0] if len(parts) == 1 else Concat(tuple(parts))

    def product(self) -> AxisForm:
        """Read parts beside each other, from outer to inner."""
        parts = []
        while self.tokens and self.tokens[0] not in ("+", "|", ")", ";", "}"):
            parts.append(self.part())
        if not parts:
            raise ValueError(f"a group is missing in {self.text!r}")
        return parts[0] if len(parts) == 1 else Product(tuple(parts))

    def part(self) -> AxisForm:
        """Read a group, a size, or what stands in brackets."""
        token = self.tokens.popleft()
        if token == "(":
            inside = self.interleaving()
            if not self.tokens or self.tokens.popleft() != ")":
                raise ValueError(f"a bracket is not closed in {self.text!r}")
            return inside
        if token in self.sizes:
            return Free(token, self.sizes[token])
        if re.fullmatch(r"_?\d+", token):
            return Fixed(int(token.removeprefix("_")))
        raise ValueError(f"group {token!r} has no size; give it one under [groups]")
