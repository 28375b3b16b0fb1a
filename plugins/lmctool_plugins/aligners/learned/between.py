"""The network between A and a transformed B, as a function of the maps that are learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from torch import Tensor

    from lmctool.api import LinearTransform, Weights
    from lmctool_plugins.aligners.learned.maps import LearnedMap


class Between:
    """Networks on the straight path from A to B under a transform, whose gradients flow to maps.

    Attributes:
        a: the first network.
        b: the second, permuted as the start has it, with those of its maps that stay.
        maps: the maps that are learned, by group.
    """

    def __init__(
        self, a: Weights, b: Weights, start: LinearTransform, maps: Mapping[str, LearnedMap]
    ) -> None:
        """Apply once what stays of the start, and see which tensors the maps act on."""
        from lmctool.api import LinearTransform

        kept = {group: moved for group, moved in start.maps.items() if group not in maps}
        self.a, self.maps = a, maps
        self.b: Weights = LinearTransform(start.spec, start.permutation, kept).apply(b)
        self._groups: dict[str, list[str]] = {}
        for group, learned in maps.items():
            for name in dict.fromkeys(place.tensor for place in learned.group.places):
                self._groups.setdefault(name, []).append(group)

    def at(
        self, alphas: Iterable[float], numbers: Mapping[str, Tensor]
    ) -> Iterator[dict[str, Tensor]]:
        """Give the network at each alpha.

        Args:
            alphas: from 0, A, to 1, B under the transform.
            numbers: what the map of each group is made of.
        """
        from lmctool.api import lerp
        from lmctool.api.advanced import act, factors

        acting = {
            group: factors(learned.group, learned(numbers[group]))
            for group, learned in self.maps.items()
        }
        b = dict(self.b)
        for name, groups in self._groups.items():
            for group in groups:
                b[name] = act(self.maps[group].group, acting[group], name, b[name])
        for alpha in alphas:
            yield lerp(self.a, b, alpha)
