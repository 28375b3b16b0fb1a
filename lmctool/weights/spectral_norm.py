"""The buffers of spectral norm, which follow from the weight they belong to.

Spectral norm (Miyato et al. 2018, arXiv:1802.05957) divides a weight W by its greatest singular
value, which torch keeps as two vectors u and v: in evaluation mode it divides by u . W v, and
moves neither.  A mixture of two networks' u and v belongs to no weight, and u . W v comes out far
too small.  So a mixture gets those of its own W, to which torch's power iteration would lead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from torch import Tensor

    Weights = Mapping[str, Tensor]

PARAMETRIZED = re.compile(r"(.*parametrizations\.[^.]+)\.([0-9]+)\._u")
"""What torch.nn.utils.parametrizations.spectral_norm calls u."""


@dataclass(frozen=True, slots=True)
class SpectralNorm:
    """The names of a weight under spectral norm, and of the two buffers that follow from it."""

    weight: str
    u: str
    v: str


def spectral_norms(names: Collection[str]) -> list[SpectralNorm]:
    """Return the spectral norms among the names of tensors, of torch's old and new form.

    Raises:
        LmctoolError: one lies over another parametrization of the same weight.
    """
    norms = []
    for u in names:
        if not u.endswith("_u"):
            continue
        stem, v = u.removesuffix("_u"), f"{u.removesuffix('u')}v"
        match = PARAMETRIZED.fullmatch(u)
        weight = f"{match[1]}.original" if match else f"{stem}_orig"
        if match and v in names and (match[2] != "0" or weight not in names):
            raise LmctoolError(
                f"buffer {u!r} is of a spectral norm over another parametrization of the same"
                " weight, so it cannot be found again between networks; save the networks with"
                " the weight that results (torch.nn.utils.parametrize.remove_parametrizations)"
            )
        if v in names and weight in names:
            norms.append(SpectralNorm(weight, u, v))
    return norms


def following(tensors: Collection[str], names: Collection[str]) -> frozenset[str]:
    """Return chosen tensors such that u and v go where their weight goes.

    Args:
        tensors: the names that are chosen.
        names: the names of all tensors.
    """
    chosen = set(tensors)
    for norm in spectral_norms(names):
        change = chosen.update if norm.weight in chosen else chosen.difference_update
        change((norm.u, norm.v))
    return frozenset(chosen)


def with_spectral_norms(
    mixture: dict[str, Tensor], networks: Sequence[Weights]
) -> dict[str, Tensor]:
    """Return a mixture of networks in which u and v are those of the mixture's own weights.

    Where a weight is one network's to the bit, u and v are that network's.

    Args:
        mixture: tensors, each a mixture of the networks' or one of them.
        networks: the networks.

    Raises:
        LmctoolError: a spectral norm lies over another parametrization of the same weight.
    """
    for norm in spectral_norms(mixture):
        weight = mixture[norm.weight]
        owner = next((own for own in networks if _same(weight, own[norm.weight])), None)
        if owner is not None:
            mixture |= {name: owner[name] for name in (norm.u, norm.v)}
        else:
            mixture |= recomputed(norm, weight, networks)
    return mixture


def recomputed(
    norm: SpectralNorm, weight: Tensor, networks: Sequence[Weights]
) -> dict[str, Tensor]:
    """Return u and v of a weight between networks, by name and in their own dtype.

    They are its singular vectors in float64, by the eigenvectors of the smaller of W W' and W' W.

    Args:
        norm: the names.
        weight: the weight, in any shape.
        networks: what it is a mixture of.
    """
    import torch
    from torch.nn.functional import normalize

    axis = _axis(norm, networks[0])
    if axis is None:  # called as spectral norm calls its tensors, and something else
        return {}
    matrix = _matrix(weight.detach(), axis)
    wide = matrix.shape[0] <= matrix.shape[1]
    square = matrix @ matrix.T if wide else matrix.T @ matrix
    own = torch.linalg.eigh(square).eigenvectors[:, -1]
    other = normalize((matrix.T if wide else matrix) @ own, dim=0)
    u, v = (own, other) if wide else (other, own)
    like = networks[0]
    return {norm.u: u.to(like[norm.u]), norm.v: v.to(like[norm.v])}


def _axis(norm: SpectralNorm, network: Weights) -> int | None:
    """Return the axis of the weight that u runs along, which its shape tells.

    Of a weight with two such axes (a transposed convolution as wide as before), the one along
    which u . W v is greatest, as it is where u and v have settled.
    """
    import torch

    weight, u, v = (network[name].detach() for name in (norm.weight, norm.u, norm.v))
    if u.ndim != 1 or v.ndim != 1 or weight.numel() != len(u) * len(v):
        return None
    axes = [axis for axis, size in enumerate(weight.shape) if size == len(u)]
    if len(axes) < 2:
        return axes[0] if axes else None
    u, v = u.double(), v.double()
    found = [float(torch.dot(u, _matrix(weight, axis) @ v).abs()) for axis in axes]
    return axes[found.index(max(found))]


def _matrix(weight: Tensor, axis: int) -> Tensor:
    """Return a weight in float64 as a matrix, one row for each place along an axis."""
    return weight.double().movedim(axis, 0).flatten(1)


def _same(a: Tensor, b: Tensor) -> bool:
    import torch

    return a is b or (a.shape == b.shape and torch.equal(a, b))
