"""From the names that files store to those that count: wrappers off, and as the user asks."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from lmctool.checkpoint.names import (
    COUNTERS,
    is_under,
    last,
    less_parallel,
    natural_key,
    prefixes,
    under,
    unwrapped,
)
from lmctool.errors import LmctoolError
from lmctool.plugin.settings import AS_STORED
from lmctool.weights.name_words import nearest_names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from lmctool.plugin.settings import Naming


@dataclass(frozen=True, slots=True)
class Named:
    """What the tensors of a checkpoint are called.

    Attributes:
        names: the stored name of each tensor by its canonical name, in natural order.
        left_out: the stored names of those that are no part of it.
        unmatched: each of the user's options that says nothing of it, with its text.
    """

    names: Mapping[str, str]
    left_out: tuple[str, ...]
    unmatched: tuple[tuple[str, str], ...]


def canonical_names(stored_names: Iterable[str], path: Path, naming: Naming = AS_STORED) -> Named:
    """Return the stored name of each tensor by its canonical name.

    ``torch.compile``, FSDP and activation checkpointing put their own modules anywhere into a
    name; ``DataParallel`` and ``AveragedModel`` put ``module.`` before every name.  All of these
    are taken off.  The counter ``n_averaged`` of the latter, and what a profiler counts, are left
    out.  What the user asks comes next, in this order: ``ignore`` leaves names out, ``strip``
    takes a prefix off, ``rename`` puts something else in the place of one.  A prefix ends at a
    dot, or is a whole name to be renamed; the last two change a name once, by the longest that it
    begins with.  Natural order has ``layers.2`` before ``layers.10``, whatever the order in the
    file.

    >>> canonical_names(["module.b", "module._orig_mod.a", "n_averaged"], Path("x")).names
    {'a': 'module._orig_mod.a', 'b': 'module.b'}

    Raises:
        LmctoolError: two stored names become one canonical name.
    """
    names = {name: unwrapped(name) for name in stored_names}
    left_out = [name for name, short in names.items() if last(short) in COUNTERS]
    counted = set(left_out)
    names = less_parallel({name: names[name] for name in names if name not in counted})
    ignored = {name for name, short in names.items() if _is_ignored(naming, short)}
    kept = {name: short for name, short in names.items() if name not in ignored}
    stripped = {name: _stripped(naming, short) for name, short in kept.items()}
    renamed = {name: _renamed(naming, short) for name, short in stripped.items()}
    return Named(
        _by_canonical_name(less_parallel(renamed), path),
        (*left_out, *sorted(ignored, key=natural_key)),
        tuple(_unmatched(naming, names.values(), stripped.values())),
    )


def refuse_unmatched(option: str, text: str, names: Iterable[str]) -> None:
    """Refuse an option on names that says nothing of any checkpoint: it was mistyped.

    Args:
        option: the option.
        text: its prefix or pattern.
        names: those that it could speak of.

    Raises:
        LmctoolError: always; names the nearest prefix or name.
    """
    every = list(dict.fromkeys(part for name in names for part in (*prefixes(name), name)))
    near = nearest_names(text, every)
    hint = f"; the nearest is {near[0]!r}" if near else ""
    raise LmctoolError(f"{option} {text!r} fits no tensor of any checkpoint{hint}")


def _by_canonical_name(names: Mapping[str, str], path: Path) -> dict[str, str]:
    canonical: dict[str, str] = {}
    for name, short in names.items():
        if short in canonical:
            raise LmctoolError(
                f"tensors {canonical[short]!r} and {name!r} of '{path}' both become {short!r} when"
                " prefixes are taken off; leave one of them out with --ignore, or save the inner"
                " model's state dict alone"
            )
        canonical[short] = name
    return {short: canonical[short] for short in sorted(canonical, key=natural_key)}


def _is_ignored(naming: Naming, name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in naming.ignore)


def _stripped(naming: Naming, name: str) -> str:
    return under(name, max((p for p in naming.strip if is_under(name, p)), key=len, default=""))


def _renamed(naming: Naming, name: str) -> str:
    table = dict(naming.rename)
    old = max((old for old in table if _begins(name, old)), key=len, default="")
    return table[old] + name.removeprefix(old) if old else name


def _begins(name: str, old: str) -> bool:
    return name == old or is_under(name, old)


def _unmatched(
    naming: Naming, names: Collection[str], stripped: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Give each option, and its text, that says nothing of the names before it was followed."""
    kept = [name for name in names if not _is_ignored(naming, name)]
    for pattern in naming.ignore:
        if not any(fnmatchcase(name, pattern) for name in names):
            yield "--ignore", pattern
    for prefix in naming.strip:
        if not any(is_under(name, prefix) for name in kept):
            yield "--strip", prefix
    for old, _ in naming.rename:
        if not any(_begins(name, old) for name in stripped):
            yield "--rename", old
