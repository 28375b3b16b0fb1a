"""The gradient of soft matrices by their scores, which is taken for that of a permutation's.

Straight through: the value is that of the permutation, the derivative by the scores that of
exp(scores / temperature), Sinkhorn-normalised (Mena et al. 2018, arXiv:1802.08665).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

ROUNDS = 20
"""Normalisations of rows and columns in all."""
FOLLOWED = 3
"""The last of them, which the gradient follows; the others it takes for constant factors."""
AXES = (-1, -2) * FOLLOWED
"""What is normalised in them: rows, then columns, in turn."""
TOGETHER = 1 << 20
"""Scores that are softened together, if those of one group are not more."""


def softened_gradients(
    loss: Tensor, scores: Sequence[Tensor], temperature: float
) -> Iterator[tuple[int, Tensor]]:
    """Yield the gradient of a loss by the scores of each group, with its place among them.

    Args:
        loss: its gradient by scores is that by the matrices of their permutation.
        scores: (..., place, unit) of each group; they may change once they were yielded.
        temperature: as below.
    """
    import torch

    given = torch.autograd.grad(loss, list(scores), allow_unused=True, materialize_grads=True)
    left = dict(enumerate(given))
    del given  # so that each goes once it was used
    for places in together(scores):
        size = scores[places[0]].shape[-1]
        rows = _joined([scores[place].detach().view(-1, size, size) for place in places])
        gradient = _joined([left.pop(place).view(-1, size, size) for place in places])
        found = softened_gradient(rows, temperature, gradient)
        del rows, gradient
        counts = [scores[place].numel() // size**2 for place in places]
        for place, part in zip(places, torch.split(found, counts), strict=True):
            yield place, part.view(scores[place].shape)


def together(scores: Sequence[Tensor]) -> Iterator[list[int]]:
    """Yield the places of groups that are softened together: those of one size, if not large.

    Small ones by themselves would keep neither a CPU nor a GPU busy.
    """
    sizes: dict[int, list[int]] = {}
    for place, each in enumerate(scores):
        sizes.setdefault(each.shape[-1], []).append(place)
    for places in sizes.values():
        some: list[int] = []
        held = 0
        for place in places:
            count = scores[place].numel()
            if some and held + count > TOGETHER:
                yield some
                some, held = [], 0
            some.append(place)
            held += count
        yield some


def softened_gradient(scores: Tensor, temperature: float, gradient: Tensor) -> Tensor:
    """Return the gradient by scores of what has another by their soft matrices.

    Back through a normalisation of logits to y, the gradient g becomes g - exp(y) sum(g).  The
    logits of all rounds are made again from the first ones, each time that one of them is asked
    for, so that four matrices are held at once, the gradient among them, and not one a round.

    Args:
        scores: (..., place, unit).
        temperature: what they are divided by; the lower, the nearer to a permutation.
        gradient: (..., place, unit) by the soft matrices, whose columns sum to one, and rows
            nearly so.
    """
    import torch

    first = _prepared(scores, temperature)
    logits = first.clone()
    sums = []
    for axis in AXES:
        sums.append(logits.logsumexp(axis, keepdim=True))
        logits -= sums[-1]
    found = logits.exp_() * gradient
    for done in range(len(AXES), 0, -1):
        torch.sub(first, sums[0], out=logits)
        for each in sums[1:done]:
            logits -= each
        found += logits.exp_().mul_(-found.sum(AXES[done - 1], keepdim=True))
    return found.div_(temperature)


def _prepared(scores: Tensor, temperature: float) -> Tensor:
    """Return logits that were normalised often, in a way that the gradient doesn't follow.

    Far from the end, rounds do little but scale rows and columns; to follow all of them would
    only take memory and time.
    """
    logits = scores / temperature
    factors = normalised(logits, ROUNDS - FOLLOWED).sub_(logits)
    return logits.add_(factors)


def normalised(logits: Tensor, rounds: int) -> Tensor:
    """Return the logarithms of matrices whose rows, then columns, are normalised in turn.

    On logarithms, so that no low temperature makes a row of zeros (Sinkhorn's algorithm).

    Args:
        logits: (..., place, unit) the logarithms of positive matrices.
        rounds: how often; columns then sum to one exactly, rows ever more nearly.
    """
    logits = logits.clone()
    for _ in range(rounds):
        logits -= logits.logsumexp(-1, keepdim=True)
        logits -= logits.logsumexp(-2, keepdim=True)
    return logits


def _joined(matrices: list[Tensor]) -> Tensor:
    """Return matrices one after the other; one alone isn't copied."""
    import torch

    return matrices[0] if len(matrices) == 1 else torch.cat(matrices)
