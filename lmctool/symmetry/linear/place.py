"""Where a linear map acts on a tensor, and what it does there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from lmctool.symmetry.unit_index import UnitIndex


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where the units of a linear group lie in a tensor, and how its maps act there.

    Attributes:
        tensor: the name of the tensor.
        index: where the units lie, those under all outer units one after the other.
        power: 1 where the tensor writes the units, which a map M then acts on as M; -1 where it
            reads them: M^-T.  Of a group of scales the power of the scale.
    """

    tensor: str
    index: UnitIndex
    power: int = 1

    def moved(self, value: Tensor, matrices: Tensor) -> Tensor:
        """Return a tensor with matrices acting on its units; gradients flow to both.

        Args:
            value: the tensor.
            matrices: (outer unit, unit, unit): what acts here, in the dtype of the tensor and on
                its device.
        """
        units = self.index.units(value)
        count, size = matrices.shape[:2]
        moved = matrices @ units.view(count, size, -1)
        return self.index.replaced(value, moved.view_as(units))

    def scaled(self, value: Tensor, factors: Tensor) -> Tensor:
        """Return a tensor with each unit times its factor; gradients flow to both.

        Args:
            value: the tensor.
            factors: (outer unit, unit): what each unit is multiplied by here.
        """
        units = self.index.units(value)
        return self.index.replaced(value, units * factors.reshape(-1, 1))
