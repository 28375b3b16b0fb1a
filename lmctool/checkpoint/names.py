"""Names of tensors: their order, their prefixes, and what training wrappers put into them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WRAPPERS = {
    "_orig_mod",
    "_fsdp_wrapped_module",
    "_fpw_module",
    "_checkpoint_wrapped_module",
    "_forward_module",
}
"""Modules that torch.compile, FSDP, activation checkpointing and Lightning put around others."""
PARALLEL = "module"
"""The module that DataParallel, DistributedDataParallel and AveragedModel are around."""
AVERAGED = "n_averaged"
PROFILED = {"total_ops", "total_params"}
"""What a profiler registers with every module that it counts."""
COUNTERS = {AVERAGED, *PROFILED}


def natural_key(name: str) -> tuple[str | int, ...]:
    """Return a sort key under which the numbers in a name count as numbers."""
    pieces = re.split(r"([0-9]{1,18})", name)
    return tuple(int(piece) if i % 2 else piece for i, piece in enumerate(pieces))


def last(name: str) -> str:
    """Return what a name ends with, after the last dot."""
    return name.rpartition(".")[2]


def prefixes(name: str) -> list[str]:
    """Return the prefixes of a name that end at a dot, the shortest first.

    >>> prefixes("net.0.weight")
    ['net', 'net.0']
    """
    modules = name.split(".")[:-1]
    return [".".join(modules[: end + 1]) for end in range(len(modules))]


def is_under(name: str, prefix: str) -> bool:
    """Tell whether a name begins with a prefix that ends at a dot; every name has the empty one."""
    return not prefix or name.startswith(f"{prefix}.")


def under(name: str, prefix: str) -> str:
    """Return what a name is without a prefix that ends at a dot."""
    return name.removeprefix(f"{prefix}.") if prefix else name


def unwrapped(name: str) -> str:
    """Return a name without the modules that wrappers put anywhere into it."""
    return _without(name, WRAPPERS)


def unparallel(name: str) -> str:
    """Return a name without any module that is called as the one in DataParallel is."""
    return _without(name, {PARALLEL})


def less_parallel(names: Mapping[str, str]) -> dict[str, str]:
    """Return names with ``module.`` taken off as often as all of them begin with it."""
    short = dict(names)
    while short and all(is_under(name, PARALLEL) for name in short.values()):
        short = {name: under(text, PARALLEL) for name, text in short.items()}
    return short


def _without(name: str, left_out: set[str]) -> str:
    *modules, end = name.split(".")
    return ".".join([module for module in modules if module not in left_out] + [end])
