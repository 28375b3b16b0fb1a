"""How near the networks came, group by group, as a group of the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Group, Variable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lmctool.api import LinearSpec, LinearTransform


def record(
    found: LinearTransform, a: Mapping[str, Tensor], b: Mapping[str, Tensor], sweeps: int
) -> Group:
    """Return how near A and the transformed B are in the tensors that hold each group.

    Args:
        found: the transform.
        a: the tensors of A that count.
        b: those of B.
        sweeps: how many sweeps it took.
    """
    import numpy as np

    spec, moved = found.spec, found.apply_lazily(b)
    names = list(dict.fromkeys([*spec.groups, *spec.permutations.groups]))
    sums = {name: _sums(a[name], moved[name]) for name in sorted(_tensors(spec, names) & a.keys())}
    held = [_tensors(spec, [name]) & sums.keys() for name in names]
    totals = [np.sum([sums[tensor] for tensor in sorted(each)], 0) for each in held]
    apart, product, of_a, of_b = np.array(totals).T
    return Group(
        {
            "group": Variable(np.array(names, object), ("group",), long_name="group"),
            "residual": Variable(
                np.sqrt(apart / of_a), ("group",), "1", "|A - T(B)| / |A| of the group's tensors"
            ),
            "cosine": Variable(
                product / np.sqrt(of_a * of_b), ("group",), "1", "cosine of A and T(B) there"
            ),
            "condition": Variable(
                np.array([_condition(found, name) for name in names]),
                ("group",),
                "1",
                "greatest condition number of the group's maps",
            ),
        },
        {"sweeps": sweeps},
    )


def _tensors(spec: LinearSpec, names: list[str]) -> set[str]:
    """Return the names of the tensors that hold any of some groups."""
    mapped = (spec.groups[name] for name in names if name in spec.groups)
    places = {place.tensor for group in mapped for place in group.places}
    permuted = [name for name in names if name in spec.permutations.groups]
    return places | {tensor for name in permuted for tensor, _ in spec.permutations.uses(name)}


def _sums(a: Tensor, b: Tensor) -> list[float]:
    """Return the sums of (a - b)^2, a b, a^2 and b^2."""
    import torch

    a, b = a.double(), b.double()
    parts = ((a - b).square(), a * b, a.square(), b.square())
    found: list[float] = torch.stack([part.sum() for part in parts]).tolist()
    return found


def _condition(found: LinearTransform, name: str) -> float:
    """Return the greatest condition number of the maps of a group, 1 where none acts."""
    import torch

    if name not in found.maps:
        return 1.0
    maps = found.maps[name]
    matrices = torch.diag_embed(maps) if found.spec.groups[name].kind == "scale" else maps
    return float(torch.linalg.cond(matrices).max())
