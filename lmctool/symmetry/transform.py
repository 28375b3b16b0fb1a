"""A change of a network's weights that keeps its function: what an aligner returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lmctool.weights.arithmetic import LazyWeights


class Transform(ABC):
    """A change of a network's weights that keeps its function.

    It brings B's units into the frame of A's.  A ``Permutation`` is one, and acts on any network
    of its model; a ``LinearTransform`` acts on networks in canonical form.
    """

    @property
    @abstractmethod
    def is_identity(self) -> bool:
        """Whether it changes nothing."""

    @property
    @abstractmethod
    def changed(self) -> tuple[str, ...]:
        """The names of the groups that it changes something of."""

    @abstractmethod
    def apply_lazily(self, weights: Mapping[str, Tensor]) -> LazyWeights:
        """Return the changed weights, each tensor made when it is asked for."""

    def apply(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the changed weights; tensors that stay are passed on, not copied."""
        return dict(self.apply_lazily(weights))

    @abstractmethod
    def identity(self) -> Self:
        """Return the transform of the same networks that changes nothing."""

    @abstractmethod
    def inverse(self) -> Self:
        """Return the transform that undoes this one."""

    @abstractmethod
    def then(self, other: Self) -> Self:
        """Return the transform that does this one, and ``other`` after it."""

    @abstractmethod
    def only(self, group: str) -> Self:
        """Return this transform for one group, with all others left alone."""
