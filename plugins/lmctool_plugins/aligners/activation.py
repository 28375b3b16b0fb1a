"""Match hidden units by the correlation of their activations.

For each permutation group, units of A and B are paired so that the sum of the correlations of
their activations is greatest (Li et al. 2016, arXiv:1511.07543; Jordan et al. 2023, "REPAIR",
equation 2):

    P = argmax_P  sum_i  corr(X_A[i], X_B[P(i)])

a linear assignment.  Attention heads are paired by what the best assignments of the units within
them reach.  Activations are taken after the nonlinearity (``--tap pre``: before it), over the
calibration examples and all positions, at every value that shows the group; where several do (a
residual stream, queries and keys), the correlations are added.  One pass over the data serves all
groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from lmctool.api import Aligner, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor

    from lmctool.api import Permutation, PermutationSpec, Run, Weights
    from lmctool.api.advanced import CrossMoments, Tap

SILENT = 1e-5
"""A unit whose standard deviation is below this share of its group's greatest is silent."""
ONE_PASS = 1 << 25
"""Products of units that are summed in one pass, however few weights there are."""


def compared(moments: Sequence[CrossMoments]) -> tuple[Tensor, Tensor, Tensor]:
    """Return how similar the units of a group are, and which of A and of B are silent.

    Args:
        moments: the cross-moments at each value that shows the group.

    Returns:
        (unit of A, unit of B) summed correlations, 0 for silent units; (unit of A,) and
        (unit of B,) bool; on the CPU.
    """
    import torch

    similarity = sum((m.correlation() for m in moments[1:]), moments[0].correlation()).cpu()
    variances = [torch.stack([m.variance_a, m.variance_b]) for m in moments]
    spreads = sum(variances[1:], variances[0]).cpu().sqrt()
    of_a, of_b = (spread <= SILENT * spread.max() for spread in spreads)
    similarity[of_a] = 0
    similarity[:, of_b] = 0
    return similarity, of_a, of_b


def blocks(
    spec: PermutationSpec, seen: Mapping[str, Sequence[Tap]], weights: int
) -> Iterator[list[str]]:
    """Yield the groups that one pass over the data compares, in their order.

    It is all of them, unless their products would take more memory than is worth another pass:
    then as many as have half as many products as the network has weights, which is as much memory.
    A group and its inner ones are compared together.

    Args:
        spec: the permutation spec.
        seen: the values that show each group.
        weights: how many weights the network has.
    """
    families = [[g, *spec.inner(g)] for g in spec.groups if g not in spec.per]
    shown = [own for family in families if (own := [g for g in family if g in seen])]
    products = [sum(spec.units(g) ** 2 * len(set(seen[g])) for g in own) for own in shown]
    most = weights // 2 if sum(products) > ONE_PASS else sum(products)
    block: list[str] = []
    held = 0
    for own, count in zip(shown, products, strict=True):
        if block and held + count > most:
            yield block
            block, held = [], 0
        block, held = block + own, held + count
    if block:
        yield block


def settle(
    spec: PermutationSpec,
    a: Weights,
    b: Weights,
    moves: dict[str, Tensor],
    silent: Mapping[str, tuple[Tensor, Tensor]],
) -> None:
    """Pair silent units with silent ones by their weights, changing ``moves``.

    A unit that never varies on the data, or that no value shows, correlates with none, so that
    any order of such units is as good as another; their weights still tell them apart.  Only
    weights count that hold no silent units of later groups, which are in no order yet.

    Args:
        spec: the permutation spec.
        a: the first network.
        b: the second.
        moves: the permutation of each group.
        silent: for each group, which units of A and which of B are silent.
    """
    import torch

    from lmctool.api import Permutation
    from lmctool.api.advanced import assignment, origins

    paired = {group: torch.zeros(spec.units(group), dtype=torch.bool) for group in spec.groups}
    for group, (of_a, of_b) in silent.items():
        paired[group] = of_a & of_b[origins(spec, moves, group)]
    a = spec.stacked(a)
    open_groups = [group for group in spec.groups if paired[group].sum() > 1]
    for place, group in enumerate(open_groups):
        unknown = {name for later in open_groups[place + 1 :] for name, _ in spec.uses(later)}
        permuted = spec.stacked(Permutation(spec, moves).apply_lazily(b))
        silent_units = torch.nonzero(paired[group]).flatten()
        pairs = [
            (where.units(a[name]).cpu(), where.units(permuted[name]).cpu())
            for name, where in spec.uses(group)
            if name in a and name not in unknown
        ]
        size = spec.groups[group]
        for start in range(0, spec.units(group), size):
            within = (silent_units >= start) & (silent_units < start + size)
            rows = silent_units[within]
            similarity = torch.zeros(len(rows), len(rows), dtype=torch.float64)
            for mine, theirs in pairs:
                similarity += mine[rows].double() @ theirs[rows].double().T
            if len(rows) > 1 and similarity.any():
                flat = moves[group].view(-1)
                flat[rows] = flat[rows[assignment(similarity)]]


def align(run: Run, a: Weights, b: Weights, tap: Literal["pre", "post"] = "post") -> Permutation:
    """Return the permutation of B that matches its activations with A's.

    Args:
        run: the run.
        a: the first network.
        b: the second.
        tap: whether units are seen before or after their nonlinearity.
    """
    import torch

    from lmctool.api import Permutation, match

    spec = run.permutation_spec
    seen = {g: taps for g, taps in (spec.taps if tap == "post" else spec.pretaps).items() if taps}
    moves: dict[str, Tensor] = {}
    silent: dict[str, tuple[Tensor, Tensor]] = {}
    weights = sum(tensor.numel() for tensor in a.values())
    for block in blocks(spec, seen, weights):
        places = [each for group in block for each in seen[group]]
        moments = run.calibration.cross_moments(a, b, places)
        similarity: dict[str, Tensor] = {}
        for group in block:
            taps = seen[group]
            similarity[group], *quiet = compared([moments[each] for each in taps])
            silent[group] = (quiet[0], quiet[1])
            for each in set(taps):  # as large as the weights, and of no use to other groups
                del moments[each]
        moves |= match(spec, similarity)
        del similarity
    for group in spec.groups:
        if group not in moves:  # no value shows it: the hidden units of experts, say
            moves[group] = torch.arange(spec.groups[group]).expand(spec.shape(group)).clone()
            silent[group] = (torch.ones(spec.units(group), dtype=torch.bool),) * 2
    settle(spec, a, b, moves, silent)
    return Permutation(spec, moves)


@hookimpl
def lmctool_aligner() -> Aligner:
    """Add ``--align activation``."""
    tap = click.Option(
        ["--tap"],
        type=click.Choice(["pre", "post"]),
        default="post",
        show_default=True,
        help="Compare activations before or after the nonlinearity.",
    )
    return Aligner(align, options=(tap,), metrics=(), partial=True)
