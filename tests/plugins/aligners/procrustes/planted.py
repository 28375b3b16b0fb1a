"""Products of units in which a map was planted."""

from __future__ import annotations

import torch
from torch import Tensor

from lmctool.symmetry.linear.place import Place
from lmctool.symmetry.linear.spec import LinearGroup
from lmctool.symmetry.linear.transform import act, factors
from lmctool.symmetry.unit_index import UnitIndex

COUNT, SIZE, REST = 3, 4, 9
PLANES = torch.tensor([[0, 2], [1, 3]])


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def head_group(kind: str, *, planes: Tensor | None = None) -> LinearGroup:
    """Return the group of heads whose units a tensor ``w`` writes and a tensor ``r`` reads."""
    index = UnitIndex((0,), torch.arange(COUNT * SIZE)[:, None])
    across = UnitIndex((1,), torch.arange(COUNT * SIZE)[:, None])
    places = (Place("w", index, 1), Place("r", across, -1))
    return LinearGroup(kind, SIZE, COUNT, places, outer="heads", planes=planes)  # type: ignore[arg-type]


def heads(seed: int = 0) -> dict[str, Tensor]:
    """Return what writes and what reads the units of heads, of one network."""
    return {
        "w": normal(COUNT * SIZE, REST, seed=seed),
        "r": normal(7, COUNT * SIZE, seed=seed + 50),
    }


def moved(group: LinearGroup, matrices: Tensor, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights on which a map acts."""
    found = factors(group, matrices)
    return {name: act(group, found, name, value) for name, value in weights.items()}
