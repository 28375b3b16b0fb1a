"""Canonical names: what tensors are called once training wrappers are taken off."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

COMPILED = "_orig_mod"
PARALLEL = "module."
COUNTER = "n_averaged"


def canonical_names(
    stored_names: Iterable[str], path: Path
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the stored name of each tensor by its canonical name, and of each dropped one.

    ``torch.compile`` puts ``_orig_mod.`` anywhere into a name; ``DataParallel`` and
    ``AveragedModel`` put ``module.`` before every name, and the latter adds ``n_averaged``,
    which is no tensor of the model and is dropped.  The first mapping is in natural order
    (``layers.2`` before ``layers.10``), whatever the order in the file.

    >>> canonical_names(["module.b", "module._orig_mod.a", "n_averaged"], Path("x"))
    ({'a': 'module._orig_mod.a', 'b': 'module.b'}, {'n_averaged': 'n_averaged'})

    Raises:
        LmctoolError: two stored names become one canonical name.
    """
    names = {name: _uncompiled(name) for name in stored_names}
    while _all_wrapped(names.values()):
        names = {name: short.removeprefix(PARALLEL) for name, short in names.items()}
    canonical: dict[str, str] = {}
    dropped: dict[str, str] = {}
    for name, short in names.items():
        target = dropped if short == COUNTER else canonical
        if short in target:
            raise LmctoolError(
                f"tensors {target[short]!r} and {name!r} of '{path}' both become {short!r} when"
                " wrapper prefixes are taken off; save the inner model's state dict instead"
            )
        target[short] = name
    return {short: canonical[short] for short in sorted(canonical, key=natural_key)}, dropped


def natural_key(name: str) -> tuple[str | int, ...]:
    """Return a sort key under which the numbers in a name count as numbers."""
    pieces = re.split(r"([0-9]{1,18})", name)
    return tuple(int(piece) if i % 2 else piece for i, piece in enumerate(pieces))


def _uncompiled(name: str) -> str:
    *modules, last = name.split(".")
    return ".".join([module for module in modules if module != COMPILED] + [last])


def _all_wrapped(names: Iterable[str]) -> bool:
    wrapped = [name.startswith(PARALLEL) for name in names if name != COUNTER]
    return bool(wrapped) and all(wrapped)
