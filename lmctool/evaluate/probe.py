"""The probe: the losses of one network on a few examples, to the bit.

Whatever decides a number without being recorded (another kind of processor, a library, a file that
the model reads) is noticed by one forward pass: the probe of a result or of an interrupted run is
computed again and compared before anything relies on both giving the same numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lmctool.evaluate.batch_size import BatchSize
from lmctool.evaluate.other_scores import kept_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.data.split import Split
    from lmctool.evaluate.functional import Network, Weights
    from lmctool.plugin.records import Score, Task

EXAMPLES = 32


def probe(
    network: Network,
    weights: Weights,
    split: Split,
    task: Task,
    dtype: torch.dtype,
    others: Sequence[Score] = (),
) -> tuple[str, ...]:
    """Return the loss of a network on each of the first examples of a split.

    Other scores that cannot be taken of such outputs are refused here, before any long work.

    Args:
        network: the model, which computes as the module itself does.
        weights: of the network.
        split: the examples.
        task: what the loss is.
        dtype: of the inputs.
        others: the other scores that are asked for.

    Returns:
        (example,) float64 in hexadecimal, which keeps every bit, at most ``EXAMPLES`` of them.
    """
    task = task.on(split.targets)
    outputs = network(weights)
    inputs, targets = split.head(EXAMPLES, dtype), split.targets[:EXAMPLES]

    def loss(inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        answers = outputs(inputs)
        split.check_targets(task.check, answers)
        kept_of(answers, targets, task, others, len(split))
        return task.score(answers, targets)[0]

    def losses(size: int) -> torch.Tensor:
        parts = [slice(start, start + size) for start in range(0, len(inputs), size)]
        return torch.cat([loss(inputs[part], targets[part]) for part in parts])

    with torch.no_grad():
        values = BatchSize(None, EXAMPLES).fitting(losses).double().tolist()
    return tuple(value.hex() for value in values)


def greatest_difference(one: Sequence[str], other: Sequence[str]) -> float:
    """Return by how much two probes differ at most: 0 if to no bit, infinity if in length."""
    if len(one) != len(other):
        return float("inf")
    pairs = ((float.fromhex(a), float.fromhex(b)) for a, b in zip(one, other, strict=True))
    return max((abs(a - b) for (a, b) in pairs if a.hex() != b.hex()), default=0.0)
