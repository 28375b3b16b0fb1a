"""An alignment: the transform that an aligner found, and what it has to say of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmctool.errors import PluginError
from lmctool.symmetry.permutation import Permutation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.results.result import Group
    from lmctool.symmetry.transform import Transform


@dataclass(frozen=True, slots=True)
class Alignment:
    """What an aligner found.

    Attributes:
        transform: brings B into the frame of A: a ``Permutation``, or a ``LinearTransform`` of B in
            canonical form.
        groups: groups by path, such as the objective of each restart, that join the result of a
            run that is aligned by it.  Of a run that aligns several pairs those of all are kept,
            over a dim ``alignment`` where they are alike; nothing in them has that name.
    """

    transform: Transform
    groups: Mapping[str, Group] = field(default_factory=dict)

    @property
    def permutation(self) -> Permutation:
        """The transform, where it is a permutation and nothing else.

        Raises:
            PluginError: it is more than that.
        """
        if not isinstance(self.transform, Permutation):
            raise PluginError(
                "a permutation was asked for, and the aligner found a"
                f" {type(self.transform).__name__}; name one that finds permutations"
            )
        return self.transform
