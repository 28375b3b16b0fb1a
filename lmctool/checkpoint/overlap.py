"""What checkpoints have in common where some of their tensors don't fit each other."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import prod
from typing import TYPE_CHECKING

from lmctool.checkpoint.adapters import factor_names
from lmctool.checkpoint.compare import check_same
from lmctool.checkpoint.names import natural_key
from lmctool.checkpoint.nearest import hint
from lmctool.errors import LmctoolError
from lmctool.weights.name_words import nearest_names, some

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lmctool.checkpoint.checkpoint import Checkpoint
    from lmctool.plugin.records import Partial

LEAST = 0.5
"""The share of each checkpoint's parameters that must fit, and of all tensors that must be in each,
those apart that the user names."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A tensor that is not compared.

    Attributes:
        reason: why, in a few words.
        excepted: whether the user named it.
        numbers: how many parameters each checkpoint has in it.
    """

    reason: str
    excepted: bool
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Overlap:
    """The tensors that several checkpoints have in common, and the others.

    Attributes:
        checkpoints: the checkpoints.
        left_out: the tensors that are not compared, by name in natural order.
    """

    checkpoints: tuple[Checkpoint, ...]
    left_out: Mapping[str, LeftOut]

    @property
    def misfits(self) -> tuple[str, ...]:
        """The tensors that don't fit and that the user did not name."""
        return tuple(name for name, each in self.left_out.items() if not each.excepted)

    @property
    def unnamed_share(self) -> float:
        """The greatest share of a checkpoint's parameters, less the excepted, that doesn't fit."""
        excepted = self._numbers(n for n, each in self.left_out.items() if each.excepted)
        counts = [checkpoint.parameter_count for checkpoint in self.checkpoints]
        asked = [count - less for count, less in zip(counts, excepted, strict=True)]
        misfits = self._numbers(self.misfits)
        return max(own / max(1, of) for own, of in zip(misfits, asked, strict=True))

    @property
    def alike(self) -> bool:
        """Whether at least half of what is not excepted fits: of the names, and the parameters."""
        names = {name for checkpoint in self.checkpoints for name in checkpoint.names}
        named = {name for name, each in self.left_out.items() if each.excepted}
        alone = [n for n in self.misfits if any(n not in c.shapes for c in self.checkpoints)]
        return self.unnamed_share <= 1 - LEAST and len(alone) <= (1 - LEAST) * len(names - named)

    def nearest(self, name: str) -> str:
        """Return what a tensor may be called where it is lacking, as ``nearest.hint`` does."""
        has = next(each for each in self.checkpoints if name in each.shapes)
        lack = [each for each in self.checkpoints if name not in each.shapes]
        there = {
            other: each.shapes[other]
            for each in lack
            for other in self.misfits
            if other in each.shapes and other not in has.shapes
        }
        return hint(name, has.shapes[name], there)

    def _numbers(self, names: Iterable[str]) -> list[int]:
        """Return how many parameters of each checkpoint are in tensors that are left out."""
        numbers = [self.left_out[name].numbers for name in names]
        return [sum(each[place] for each in numbers) for place in range(len(self.checkpoints))]


def overlap(checkpoints: Sequence[Checkpoint], excepted: Sequence[str] = ()) -> Overlap:
    """Return what checkpoints have in common.

    Args:
        checkpoints: the checkpoints.
        excepted: patterns of tensors, and of layers, that are not compared whether they fit or not.

    Raises:
        LmctoolError: a pattern is of no tensor.
    """
    names = dict.fromkeys(name for checkpoint in checkpoints for name in checkpoint.names)
    named = matching(excepted, names)
    reasons = {
        name: misfit(checkpoints, name) or ("fits, and is excepted" if name in named else "")
        for name in sorted(names, key=natural_key)
    }
    left_out = {
        name: LeftOut(reason, name in named, tuple(_numbers(each, name) for each in checkpoints))
        for name, reason in reasons.items()
        if reason
    }
    return Overlap(tuple(checkpoints), left_out)


def check_fit(checkpoints: Sequence[Checkpoint], excepted: Sequence[str], partial: Partial) -> None:
    """Check that checkpoints fit each other as far as an analysis needs.

    Args:
        checkpoints: the checkpoints.
        excepted: patterns of tensors, and of layers, that need not fit.
        partial: what the analysis does of tensors that don't fit.

    Raises:
        LmctoolError: they don't, or a pattern is of no tensor; the sentence says what to do.
    """
    if partial == "excepted":  # the ranks of adapters may differ: their updates have one shape
        factors = {name for c in checkpoints for pair in factor_names(c.shapes) for name in pair}
        lacking = {name for name in factors for c in checkpoints if name not in c.shapes}
        checkpoints = [checkpoint.without(factors - lacking) for checkpoint in checkpoints]
    named = matching(excepted, [name for checkpoint in checkpoints for name in checkpoint.names])
    first, *others = (checkpoint.without(named) for checkpoint in checkpoints)
    try:
        for other in others:
            check_same(first, other)
    except LmctoolError as error:
        found = overlap(checkpoints, excepted)
        if partial == "fitting" and found.alike:
            return
        if found.unnamed_share == 1 or (partial == "never" and not found.alike):
            raise
        layer, dot, _ = found.misfits[0].rpartition(".")
        pattern = repr(f"{layer}.*" if dot else found.misfits[0])
        remedy = f"leave out what doesn't fit with --except {pattern}"
        if partial == "never":
            remedy = (
                f"align and merge leave out what doesn't fit with --except {pattern}, graft takes"
                " and distance measures what fits"
            )
        raise LmctoolError(f"{error}; {remedy}") from error


def matching(patterns: Iterable[str], names: Iterable[str]) -> frozenset[str]:
    """Return the names that patterns match: whole, or a layer that a name belongs to.

    >>> sorted(matching(["head", "*.bias"], ["a.bias", "head.weight", "header.weight"]))
    ['a.bias', 'head.weight']

    Args:
        patterns: as a shell's, of tensors or layers.
        names: names of tensors.

    Raises:
        LmctoolError: one matches none.
    """
    parts = {name: _layers(name) for name in names}
    found: set[str] = set()
    for pattern in patterns:
        own = {n for n, of in parts.items() if any(fnmatchcase(part, pattern) for part in of)}
        if not own:
            known = list(dict.fromkeys(part for of in parts.values() for part in of))
            near = nearest_names(pattern, known)
            hint = f"nearest: {some(near)}" if near else f"such is {known[0]!r}"
            raise LmctoolError(f"--except {pattern!r} names no tensor and no layer; {hint}")
        found |= own
    return frozenset(found)


def _layers(name: str) -> list[str]:
    """Return a name, and that of every layer it belongs to."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def misfit(checkpoints: Sequence[Checkpoint], name: str) -> str:
    """Return in a few words why a tensor can't be compared, or nothing."""
    letters = [chr(ord("A") + place % 26) for place in range(len(checkpoints))]
    there = [c for c in checkpoints if name in c.shapes]
    if len(there) < len(checkpoints):
        holders = [letter for letter, c in zip(letters, checkpoints, strict=True) if c in there]
        return f"only in {' and '.join(holders)}"
    for forms in (
        [str(c.shapes[name]) for c in checkpoints],
        ["floats" if "F" in c.dtypes[name] else "whole numbers" for c in checkpoints],
    ):
        if len(set(forms)) > 1:
            return ", ".join(f"{f} in {letter}" for f, letter in zip(forms, letters, strict=True))
    return ""


def _numbers(checkpoint: Checkpoint, name: str) -> int:
    return prod(checkpoint.shapes[name]) if name in checkpoint.parameters else 0
