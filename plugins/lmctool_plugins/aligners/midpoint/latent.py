"""Scores of pairs of units, hardened to a permutation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lmctool.api import Permutation, Run, Weights

HEAD_START = 0.3
"""What a pair of the start has over its correlation, so that the start is what is drawn first."""


@dataclass(frozen=True, eq=False)
class Latent:
    """What the search changes: a score for each pair of units.

    Attributes:
        start: the permutation the search starts from.  Groups without scores stay as it has
            them: the outer ones of inner groups.
        scores: for each group (place, unit), of an inner group (outer place, place, unit), the
            units under the outer unit that the start puts there.
    """

    start: Permutation
    scores: Mapping[str, Tensor]

    def hardened(self) -> Permutation:
        """Return the permutation of greatest sum of scores."""
        import torch

        from lmctool.api import Permutation
        from lmctool.api.advanced import assignment

        moves = dict(self.start.moves)
        every = [scores.detach() for scores in self.scores.values()]
        if any(scores.device.type != "cpu" for scores in every):  # a GPU is waited for once
            flat = torch.cat([scores.flatten() for scores in every]).cpu()
            every = list(torch.split(flat, [scores.numel() for scores in every]))
        for (group, scores), here in zip(self.scores.items(), every, strict=True):
            matrices = here.view(-1, *scores.shape[-2:])
            pairs = torch.stack([assignment(each) for each in matrices])
            moves[group] = pairs.view(scores.shape[:-1])
        return Permutation(self.start.spec, moves)


def begin(run: Run, a: Weights, b: Weights, start: Permutation) -> Latent:
    """Return the scores at the start: correlations of activations, higher for the start's pairs.

    Correlations are those of activation matching, averaged over the values that show a group; a
    group that no value shows has those of its start's pairs only.
    """
    import torch

    spec = start.spec
    taps = {group: spec.taps.get(group, ()) for group in spec.groups if not spec.inner(group)}
    uses = Counter(tap for each in taps.values() for tap in each)
    moments = run.calibration.cross_moments(a, b, uses)
    scores = {}
    for group, shown in taps.items():
        size, outer = spec.groups[group], spec.per.get(group)
        places = spec.units(group) // size
        move = start.moves.get(group, torch.arange(size).expand(places, size)).view(places, size)
        pairs = torch.nn.functional.one_hot(move, size) * HEAD_START
        scored = pairs.to(run.dtype).to(run.device)
        for tap in shown:
            uses[tap] -= 1
            of_tap = moments[tap] if uses[tap] else moments.pop(tap)  # they take much memory
            correlation = of_tap.correlation().to(run.dtype)
            del of_tap
            blocks = correlation.view(places, size, places, size)
            units = torch.arange(places)
            # Outer units stay paired as in the start: of all pairs of blocks only these count.
            outer_units = units if outer is None else start.moves.get(outer, units)
            scored += blocks[units, :, outer_units] / len(shown)
            del correlation, blocks
        scores[group] = scored.view(*spec.shape(group), size).requires_grad_()
    return Latent(start, scores)
