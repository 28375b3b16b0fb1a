"""Match hidden units by the correlation of their activations.

For each permutation group, units of A and B are paired so that the sum of the correlations of
their activations is greatest (Li et al. 2016, arXiv:1511.07543; Jordan et al. 2023, "REPAIR",
equation 2):

    P = argmax_P  sum_i  corr(X_A[i], X_B[P(i)])

a linear assignment.  Activations are taken after the nonlinearity, over the calibration examples
and all positions, at every value that shows the group; where several do (a residual stream), the
correlations are added.  One pass over the data serves all groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Aligner, hookimpl

if TYPE_CHECKING:
    from torch import Tensor

    from lmctool.api import Permutation, PermutationSpec, Run, Weights

SILENT = 1e-5
"""A unit whose standard deviation is below this share of its group's greatest is silent."""


def assignment(similarity: Tensor) -> Tensor:
    """Return (unit of A,) int64: the unit of B for each, by the greatest sum of similarities.

    Args:
        similarity: (unit of A, unit of B) any real numbers.
    """
    import torch
    from scipy.optimize import linear_sum_assignment

    _, columns = linear_sum_assignment(similarity.cpu().numpy(), maximize=True)
    return torch.from_numpy(columns).long()


def settle(
    spec: PermutationSpec,
    a: Weights,
    b: Weights,
    moves: dict[str, Tensor],
    silent: dict[str, tuple[Tensor, Tensor]],
) -> None:
    """Pair silent units with silent ones by their incoming weights, changing ``moves``.

    A unit that never varies on the data correlates with none, so that any order of such units
    is as good as another; their weights still tell them apart.

    Args:
        spec: the permutation spec.
        a: the first network.
        b: the second.
        moves: the permutation of each group, in the order of the graph.
        silent: for each group, which units of A and which of B are silent.
    """
    import torch

    from lmctool.api import Permutation

    for group, (of_a, of_b) in silent.items():
        rows = torch.nonzero(of_a & of_b[moves[group]]).flatten()
        if len(rows) < 2:
            continue
        permuted = Permutation(spec, moves).apply(b)
        similarity = torch.zeros(len(rows), len(rows), dtype=torch.float64)
        for name, axis, block in spec.uses(group):
            if axis == 0:
                mine, theirs = (
                    block.units(weights[name], 0)[rows].double().cpu() for weights in (a, permuted)
                )
                similarity += mine @ theirs.T
        moves[group][rows] = moves[group][rows[assignment(similarity)]]


def align(run: Run, a: Weights, b: Weights) -> Permutation:
    """Return the permutation of B that matches its activations with A's."""
    from lmctool.api import Permutation

    spec = run.permutation_spec
    moments = run.cross_moments(a, b, [tap for taps in spec.taps.values() for tap in taps])
    moves: dict[str, Tensor] = {}
    silent: dict[str, tuple[Tensor, Tensor]] = {}
    for group, taps in spec.taps.items():
        if not taps:
            continue
        found = [moments[tap] for tap in taps]
        correlation = sum((m.correlation() for m in found[1:]), found[0].correlation())
        spread_a = sum((m.variance_a for m in found[1:]), found[0].variance_a).cpu().sqrt()
        spread_b = sum((m.variance_b for m in found[1:]), found[0].variance_b).cpu().sqrt()
        silent[group] = (
            spread_a <= SILENT * spread_a.max(),
            spread_b <= SILENT * spread_b.max(),
        )
        correlation = correlation.cpu()
        correlation[silent[group][0]] = 0
        correlation[:, silent[group][1]] = 0
        moves[group] = assignment(correlation)
    settle(spec, a, b, moves, silent)
    return Permutation(spec, moves)


@hookimpl
def lmctool_aligner() -> Aligner:
    """Add ``--align activation``."""
    return Aligner(align)
