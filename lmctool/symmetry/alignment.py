"""An alignment: the permutation that an aligner found, and what it has to say of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.results.result import Group
    from lmctool.symmetry.permutation import Permutation


@dataclass(frozen=True, slots=True)
class Alignment:
    """What an aligner found.

    Attributes:
        permutation: brings B's units into A's order.
        groups: groups by path, such as the objective of each restart, that join the result of a
            run that is aligned by it.  Of a run that aligns several pairs those of all are kept,
            over a dim ``alignment`` where they are alike; nothing in them has that name.
    """

    permutation: Permutation
    groups: Mapping[str, Group] = field(default_factory=dict)
