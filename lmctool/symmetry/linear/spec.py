"""Which linear maps act on the axes of a model in canonical form, and what blocks larger groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lmctool.symmetry.linear.canonical_spec import CanonicalSpec
    from lmctool.symmetry.linear.place import Place
    from lmctool.symmetry.spec import PermutationSpec, Tap

Kind = Literal["orthogonal", "invertible", "rotation", "scale"]
"""What the maps of a group are: all orthogonal matrices, all invertible ones, a rotation and scale
of each plane, or a positive scale of each unit."""


@dataclass(frozen=True, slots=True, eq=False)
class LinearGroup:
    """The linear maps of the units of one axis that keep a model's function.

    A map M acts on what writes the units as M and on what reads them as M^-T.  There is one of its
    own for each outer unit (attention head), ``count`` in all.

    Attributes:
        kind: what maps there are.
        size: how many units a map acts on.
        count: how many maps there are, one under each outer unit; 1 where there is none.
        places: where it acts.
        units: the permutation group of the same units, whose moves are among the maps; empty
            where none of them may be permuted, as under rotary position encodings.  Of a plain
            permutation group ``count`` is 1, of an inner one the size of its outer group.
        outer: the permutation group of the outer units, which move with their maps; empty for
            none.
        keeps_ones: whether orthogonal maps keep the vector of ones, as LayerNorm asks for.
        planes: (plane, 2) int64: the units of each plane, of rotations alone.
        taps: the values that show the units, before any nonlinearity.
    """

    kind: Kind
    size: int
    count: int
    places: tuple[Place, ...]
    units: str = ""
    outer: str = ""
    keeps_ones: bool = False
    planes: Tensor | None = None
    taps: tuple[Tap, ...] = ()

    @property
    def all_units(self) -> int:
        """How many units it has under all outer units."""
        return self.count * self.size

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of its map: (outer unit, unit, unit), of scales (outer unit, unit)."""
        square = (self.size,) if self.kind == "scale" else (self.size, self.size)
        return (self.count, *square)


@dataclass(frozen=True, slots=True, eq=False)
class LinearSpec:
    """What keeps the function of a model whose networks are in canonical form.

    Attributes:
        permutations: what may be permuted.
        groups: the linear groups by name, in the order of the graph.
        canonical: how a network is brought into canonical form.
        blocked: for each permutation group, and each fixed axis of heads, on which no larger group
            than scales acts, why.
    """

    permutations: PermutationSpec
    groups: Mapping[str, LinearGroup]
    canonical: CanonicalSpec
    blocked: Mapping[str, str] = field(default_factory=dict)
