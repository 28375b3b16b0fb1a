"""Whether a network is a function of its inputs, told before anything is measured on it.

A number says something of a network only if each example has one answer: the same one when it is
asked again, whatever stands beside it in the batch, and with the weights left as they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError, UnjudgedError, machine_failure
from lmctool.evaluate.misfit import misfit
from lmctool.evaluate.subject import Subject
from lmctool.graph.randomness import seeded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from lmctool.graph.outputs import Output

    Inputs = tuple[Tensor, ...]

EXAMPLES = 4
"""How many examples are looked at."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a network answers.

    Attributes:
        stochastic: whether it answers differently each time.
        outputs: what the model calls its outputs, one empty name where it returns a tensor alone;
            none where the model cannot take the inputs.
        scored: which of them is scored; None where none can be.
        shape: the shape of an example's scored output; None where none can be scored.
    """

    stochastic: bool = False
    outputs: tuple[str, ...] = ()
    scored: str | None = None
    shape: tuple[int, ...] | None = None


def check_function(
    module: nn.Module,
    weights: Mapping[str, Tensor],
    inputs: Inputs,
    *,
    split: str = "",
    allow_stochastic: bool = False,
    output: str | None = None,
) -> Answers:
    """Ask a network about a few examples, again and in another batch, and compare its answers.

    All outputs are to be the same again; the other examples of a batch must not change the scored
    one, on which alone numbers depend.

    Args:
        module: the model, in evaluation mode.
        weights: a network's tensors by name; they are never written to.
        inputs: (example, ...) a batch of a few examples for each argument of ``forward``.
        split: where they are from; empty for an example input, which whoever follows the model
            will refuse in better words if it cannot be taken.
        allow_stochastic: a network may answer differently each time, from the generators of
            torch, numpy and python.
        output: the name of the output that is scored; None as ``scored_output`` has it.

    Raises:
        LmctoolError: the model cannot take the inputs, or has no such output.
        UnjudgedError: the network is no function; says why.
    """
    subject = Subject(module, weights, inputs, output)
    first = answers_of(subject, split)
    if first is None:
        return Answers()
    scored = subject.scored(first)
    stochastic = not subject.repeats(first) or True in subject.leftovers.ran.values()
    if stochastic and subject.written is None:
        _refuse_unless(allow_stochastic, subject)
    if False in subject.leftovers.ran.values() or not (stochastic or subject.is_apart(first)):
        raise UnjudgedError(
            "answers depend on the other examples of the batch"
            f"{subject.leftovers.blame or ': batch statistics in forward?'}"
        )
    if subject.written is not None:
        raise UnjudgedError(
            f"forward writes tensor {subject.written!r}, so that the network is another one after"
            " each batch; it must leave weights and buffers as they are"
        )
    names = tuple(each.name for each in first)
    if scored is None:
        return Answers(stochastic, names)
    return Answers(stochastic, names, names[scored], tuple(first[scored].tensor.shape[1:]))


def answers_of(subject: Subject, split: str) -> list[Output] | None:
    """Return what a network answers to a batch.

    Args:
        subject: the network and the batch.
        split: where the batch is from; empty for an example input.

    Returns:
        Its outputs; None where it cannot take an example input.

    Raises:
        LmctoolError: it cannot take the inputs of a split.
    """
    try:
        return subject.answers()
    except LmctoolError:
        raise
    except Exception as cause:  # whatever the model's own code raises
        if machine_failure(cause):
            raise
        if not split:
            return None
        raise LmctoolError(misfit(subject.inputs, split, cause)) from cause


def _refuse_unless(allowed: bool, subject: Subject) -> None:
    """Refuse answers that differ each time, unless they are allowed and a seed decides them."""
    if not allowed:
        why = subject.leftovers.blame or ": dropout outside of eval, noise or a counter in forward?"
        raise UnjudgedError(
            f"the model answers differently each time{why}; --allow-stochastic measures it"
            " nevertheless, with seeded random numbers"
        )
    with seeded(0):
        first = subject.answers()
    with seeded(0):
        again = subject.repeats(first)
    if not again:
        raise UnjudgedError(
            "the model answers differently each time, from the same random numbers too: a counter"
            " or another memory of earlier calls?"
        )
