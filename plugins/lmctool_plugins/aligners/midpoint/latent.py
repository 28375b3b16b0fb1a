"""Scores of pairs of units, hardened to a permutation whose gradient is that of a soft one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lmctool.api import Permutation, Run, Weights

HEAD_START = 0.3
"""What a pair of the start has over its correlation, so that the start is what is drawn first."""
ROUNDS = 20
"""Normalisations of rows and columns in all."""
FOLLOWED = 3
"""The last of them, which the gradient follows; the others it takes for constant factors."""


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
        flat = torch.cat([scores.detach().flatten() for scores in self.scores.values()])
        sizes = [scores.numel() for scores in self.scores.values()]
        every = torch.split(flat.cpu(), sizes)  # of all groups at once: a GPU is waited for once
        for (group, scores), here in zip(self.scores.items(), every, strict=True):
            matrices = here.view(-1, *scores.shape[-2:])
            pairs = torch.stack([assignment(each) for each in matrices])
            moves[group] = pairs.view(scores.shape[:-1])
        return Permutation(self.start.spec, moves)

    def matrices(self, temperature: float) -> dict[str, Tensor]:
        """Return the matrices of the hardened permutation, with the gradient of soft ones.

        Straight through: their value is that of the permutation, their derivative by the scores
        that of the Sinkhorn-normalised scores (Mena et al. 2018, arXiv:1802.08665).

        Args:
            temperature: what the scores are divided by; the lower, the nearer to a permutation.
        """
        from lmctool.api.advanced import permutation_matrices

        some = next(iter(self.scores.values()))
        hard = permutation_matrices(self.hardened(), some)
        soft = softened(self.scores, temperature)
        return hard | {
            group: hard[group] + (matrix - matrix.detach()) for group, matrix in soft.items()
        }


def begin(run: Run, a: Weights, b: Weights, start: Permutation) -> Latent:
    """Return the scores at the start: correlations of activations, higher for the start's pairs.

    Correlations are those of activation matching, averaged over the values that show a group; a
    group that no value shows has those of its start's pairs only.
    """
    import torch

    spec = start.spec
    taps = {group: spec.taps.get(group, ()) for group in spec.groups if not spec.inner(group)}
    moments = run.calibration.cross_moments(a, b, [tap for each in taps.values() for tap in each])
    scores = {}
    for group, shown in taps.items():
        size, outer = spec.groups[group], spec.per.get(group)
        places = spec.units(group) // size
        move = start.moves.get(group, torch.arange(size).expand(places, size)).view(places, size)
        pairs = torch.nn.functional.one_hot(move, size) * HEAD_START
        scored = pairs.to(run.dtype).to(run.device)
        for tap in shown:
            blocks = moments[tap].correlation().view(places, size, places, size)
            units = torch.arange(places)
            # Outer units stay paired as in the start: of all pairs of blocks only these count.
            outer_units = units if outer is None else start.moves.get(outer, units)
            scored += blocks[units, :, outer_units].to(run.dtype) / len(shown)
        scores[group] = scored.view(*spec.shape(group), size).requires_grad_()
    return Latent(start, scores)


def softened(scores: Mapping[str, Tensor], temperature: float) -> dict[str, Tensor]:
    """Return matrices whose rows and columns sum to about one, in the shapes of the scores.

    Matrices of one size are normalised together.
    """
    import torch

    sizes: dict[int, list[str]] = {}
    for group, matrix in scores.items():
        sizes.setdefault(matrix.shape[-1], []).append(group)
    matrices: dict[str, Tensor] = {}
    for size, groups in sizes.items():
        rows = torch.cat([scores[group].view(-1, size, size) for group in groups])
        # Far from the end, rounds do little but scale rows and columns; to follow all of them
        # would only take memory and time.
        with torch.no_grad():
            factors = normalised(rows / temperature, ROUNDS - FOLLOWED) - rows / temperature
        left = normalised(rows / temperature + factors, FOLLOWED).exp()
        for group in groups:
            count = scores[group].numel() // size**2
            matrices[group], left = left[:count].view(scores[group].shape), left[count:]
    return matrices


def normalised(logits: Tensor, rounds: int) -> Tensor:
    """Return the logarithms of matrices whose rows, then columns, are normalised in turn.

    On logarithms, so that no low temperature makes a row of zeros (Sinkhorn's algorithm).

    Args:
        logits: (..., place, unit) the logarithms of positive matrices.
        rounds: how often; columns then sum to one exactly, rows ever more nearly.
    """
    for _ in range(rounds):
        logits = logits - logits.logsumexp(-1, keepdim=True)
        logits = logits - logits.logsumexp(-2, keepdim=True)
    return logits
