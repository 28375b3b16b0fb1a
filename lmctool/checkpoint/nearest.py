"""The nearest name where one is missing, and the option that would make it fit."""

from __future__ import annotations

import difflib
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LEAST_LIKE = 0.5
"""How like a name must be, by difflib's ratio, before it is named."""


def hint(name: str, shape: tuple[int, ...], there: Mapping[str, tuple[int, ...]]) -> str:
    """Return what a missing tensor may be called, and how to say so; empty if nothing is near.

    >>> hint("layers.1.weight", (2,), {"layer.1.weight": (2,), "layer.2.weight": (2, 2)})
    "; the nearest there is 'layer.1.weight': --rename layer=layers"

    Args:
        name: the name that is missing.
        shape: its shape, which the nearest name has too if any has it.
        there: name -> shape of what could be meant, which nothing else needs.
    """
    alike = [other for other, own in there.items() if own == shape] or [*there]
    near = difflib.get_close_matches(name, alike, n=1, cutoff=LEAST_LIKE)
    return f"; the nearest there is {near[0]!r}: {remedy(near[0], name)}" if near else ""


def remedy(old: str, new: str) -> str:
    """Return the option that turns a name into another one, as short as it can be.

    >>> remedy("net.0.weight", "0.weight"), remedy("0.weight", "net.0.weight")
    ('--strip net', '--strip net')
    """
    own, other = old.split("."), new.split(".")
    while own and other and own[-1] == other[-1]:
        del own[-1], other[-1]
    if own and other:
        return f"--rename {shlex.quote('.'.join(own) + '=' + '.'.join(other))}"
    return f"--strip {shlex.quote('.'.join(own or other))}"
