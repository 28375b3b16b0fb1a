"""Language modelling: cross-entropy of the next token in nats, and the share of wrong tokens.

Every mean is one over tokens: an example weighs as much as it has tokens that count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from lmctool.api import LmctoolError, Task, hookimpl
from lmctool.api.advanced import IGNORE_INDEX, majority_error, majority_loss

if TYPE_CHECKING:
    from numpy.typing import NDArray


def score(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean loss and error of the tokens of each example.

    Args:
        outputs: (example, position, token) logits; half precision is computed in float32.
        targets: (example, position) int64: the token that follows each position, or -100.

    Returns:
        (example,) float64 cross-entropy in nats per token, NaN where a logit that counts is, and
        (example,) float64 share of tokens whose logit isn't the greatest (the first of equals is
        the answer, and NaN is wrong); both are 0 for an example without tokens that count.

    Raises:
        LmctoolError: the outputs aren't logits of these positions.
        IndexError: a target is none of the tokens; on a GPU, an error of the device.  ``check``
            says it in a sentence.
    """
    _check_shapes(outputs, targets)
    logits = outputs if outputs.dtype == torch.float64 else outputs.float()
    counted = targets != IGNORE_INDEX
    wrong = ((logits.argmax(dim=2) != targets) | logits.isnan().any(dim=2)) & counted
    losses = functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), reduction="none", ignore_index=IGNORE_INDEX
    ).view_as(targets)
    tokens = weight(targets).clamp(min=1)
    return losses.double().sum(dim=1) / tokens, wrong.double().sum(dim=1) / tokens


def check(outputs: Tensor, targets: Tensor) -> None:
    """Check that a model tells the tokens of a split apart; waits for the device.

    Args:
        outputs: (example, position, token) logits of a batch.
        targets: (example, position) int64 tokens of the split, or -100.

    Raises:
        LmctoolError: a token is none of the model's.
    """
    if outputs.ndim != 3 or not targets.numel():
        return  # refused by score, if at all
    counted = targets.masked_fill(targets == IGNORE_INDEX, 0)
    lowest, highest = torch.stack(counted.aminmax()).tolist()
    if lowest < 0:
        raise LmctoolError(f"the data has target {lowest}, but tokens count from 0")
    if highest >= outputs.shape[2]:
        raise LmctoolError(
            f"the data has token {highest} but the model tells {outputs.shape[2]} tokens apart; is"
            " it trained on other data?"
        )


def answers(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits (item, token) and the token (item,) of each position that counts.

    Raises:
        LmctoolError: as ``score``.
    """
    _check_shapes(outputs, targets)
    counted = targets != IGNORE_INDEX
    return outputs[counted], targets[counted]


def weight(targets: Tensor) -> Tensor:
    """Return how many tokens of each example count: (example, position) -> (example,) float64.

    Raises:
        LmctoolError: the targets are no tokens of positions.
    """
    if targets.ndim != 2 or targets.is_floating_point():
        raise LmctoolError(
            "causal-lm needs whole targets of shape (example, position), not"
            f" {str(targets.dtype).removeprefix('torch.')} of shape {tuple(targets.shape)}"
        )
    return (targets != IGNORE_INDEX).sum(dim=1).double()


def chance(targets: NDArray[Any]) -> float:
    """Return the error of always answering the most frequent of the tokens that count."""
    return majority_error(targets[targets != IGNORE_INDEX])


def chance_loss(targets: NDArray[Any]) -> float:
    """Return the loss of always answering the frequencies of the tokens that count."""
    return majority_loss(targets[targets != IGNORE_INDEX])


def _check_shapes(outputs: Tensor, targets: Tensor) -> None:
    if outputs.ndim != 3 or outputs.shape[:2] != targets.shape:
        raise LmctoolError(
            "causal-lm needs outputs of shape (example, position, token) for targets of shape"
            f" (example, position) {tuple(targets.shape)}, not {tuple(outputs.shape)}"
        )


@hookimpl
def lmctool_task() -> Task:
    """Add ``--task causal-lm``."""
    return Task(score, chance, weight, chance_loss, check, answers)
