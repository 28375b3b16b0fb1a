"""Networks between two, each part of them at an alpha of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from lmctool.weights.arithmetic import lerp_each, refuse_differing
from lmctool.weights.recipe import identity, recipe
from lmctool.weights.spectral_norm import spectral_norms, with_spectral_norms

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from lmctool.weights.arithmetic import Weights


class Partwise(Sequence["Weights"]):
    """Networks ``(1 - alpha) A + alpha B`` with an alpha of its own for every part.

    A network is formed each time it is asked for and not kept.  ``Run.evaluate`` reuses what the
    networks of such a sequence have in common.

    Attributes:
        a: the weights at alpha 0.
        b: the weights at alpha 1.
        parts: the names of the tensors of each part; a tensor in no part is A's.
        alphas: (network, part) the alpha of each part.
    """

    def __init__(
        self, a: Weights, b: Weights, parts: Sequence[Sequence[str]], alphas: NDArray[Any]
    ) -> None:
        """Take the two networks, the parts, and where the parts stand: (network, part)."""
        self.a, self.b, self.parts, self.alphas = a, b, parts, alphas

    def __len__(self) -> int:
        """Return the number of networks."""
        return len(self.alphas)

    @overload
    def __getitem__(self, index: int) -> Weights: ...

    @overload
    def __getitem__(self, index: slice) -> Partwise: ...

    def __getitem__(self, index: int | slice) -> Weights | Partwise:
        """Return one network, or some of them.

        Tensors of a part at 0 or 1 are A's or B's own, shared and not copied.  Counters are A's
        unless their part is at 1.  What spectral norm keeps of a weight follows the weight.

        Raises:
            LmctoolError: a tensor is in one of the two only, shapes differ, or whole numbers that
                are no counter differ within a part between 0 and 1.
        """
        if isinstance(index, slice):
            return Partwise(self.a, self.b, self.parts, self.alphas[index])
        weights: dict[str, Tensor] = dict(self.a)
        for names, alpha in zip(self.parts, self.alphas[index], strict=True):
            a, b = ({name: end[name] for name in names} for end in (self.a, self.b))
            weights |= lerp_each(a, b, float(alpha))
        return with_spectral_norms(weights, (self.a, self.b))

    def of(self, a: Weights, b: Weights) -> Partwise:
        """Return the networks that lie so between two others."""
        return Partwise(a, b, self.parts, self.alphas)

    def recipe(self, index: int) -> str:
        """Return the recipe of one network."""
        return recipe("parts", self._ends, self.alphas[index].tolist())

    def tensor(self, index: int, name: str) -> Tensor:
        """Return one tensor of one network, where none of its tensors follows from another."""
        if name not in self._part:
            return self.a[name]
        alpha = float(self.alphas[index, self._part[name]])
        return lerp_each({name: self.a[name]}, {name: self.b[name]}, alpha)[name]

    @property
    def independent(self) -> bool:
        """Whether no tensor follows from another, so that each may be mixed by itself."""
        return not spectral_norms(self.a)

    @cached_property
    def differing(self) -> Mapping[str, int]:
        """The tensors of parts that differ between A and B, each with the number of its part.

        Raises:
            LmctoolError: whole numbers that are no counter differ, and a network mixes them.
        """
        import torch

        found = {
            name: part
            for name, part in self._part.items()
            if not torch.equal(self.a[name], self.b[name])
        }
        for name, part in found.items():
            places = self.alphas[:, part]
            if not self.a[name].is_floating_point() and ((places != 0) & (places != 1)).any():
                refuse_differing(name, (self.a[name], self.b[name]))
        return found

    @cached_property
    def _ends(self) -> str:
        return recipe("ends", identity(self.a), identity(self.b), list(map(list, self.parts)))

    @cached_property
    def _part(self) -> dict[str, int]:
        return {name: part for part, names in enumerate(self.parts) for name in names}
