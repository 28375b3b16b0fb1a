"""A copy of a network that is asked about a batch, again and beside other examples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lmctool.errors import LmctoolError, UnjudgedError, first_line, machine_failure
from lmctool.evaluate.arithmetic import rounding
from lmctool.evaluate.difference import difference
from lmctool.graph.casts import Casts
from lmctool.graph.module import copy_with_weights, fresh
from lmctool.graph.outputs import Output, outputs_of, scored_place
from lmctool.graph.training_mode import Leftovers
from lmctool.weights.fleeting import FleetingTensor, fleeting
from lmctool.weights.streamed import passing, streams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import nn

AGAIN = {torch.float64: 1e-13, torch.float32: 1e-5, torch.float16: 1e-2}
"""The greatest difference between two answers to one batch, relative to the greatest output, that
is rounding: a GPU may add in another order.  For narrower dtypes 5 %."""
BESIDE = {torch.float64: 1e-9, torch.float32: 1e-3, torch.float16: 5e-2}
"""The same of an example in another batch, where products are split in other ways; else 20 %."""
Inputs = tuple[Tensor, ...]
ERRORS = (RuntimeError, ValueError, TypeError, IndexError, KeyError, AttributeError)
"""What the code of a model raises for inputs that it cannot take."""


@dataclass(frozen=True)
class Subject:
    """A copy of a network, whose tensors are its own, and a batch.

    Attributes:
        module: the model, in evaluation mode.
        weights: a network's tensors by name; they are never written to.
        inputs: (example, ...) a batch of a few examples for each argument of ``forward``.
        output: the name of the output that is scored; None as ``scored_output`` has it.
    """

    module: nn.Module
    weights: Mapping[str, Tensor]
    inputs: Inputs
    output: str | None

    @cached_property
    def _copies(self) -> dict[str, Tensor]:
        if streams(self.weights):
            own = dict(chain(*_stored(self.module)))
            return fleeting(self.weights, own, partial(passing, self.weights))
        return {name: tensor.clone() for name, tensor in self.weights.items()}

    @cached_property
    def _carrier(self) -> nn.Module | None:
        return None if streams(self.weights) else copy_with_weights(self.module, self._copies)

    @cached_property
    def _own(self) -> nn.Module:
        return fresh(self.module) if self._carrier is None else self._carrier

    @cached_property
    def leftovers(self) -> Leftovers:
        """The parts that were computed in training mode."""
        return Leftovers(self._own)

    @cached_property
    def _call(self) -> Callable[[Inputs], Any]:
        module, _ = self._own, self.leftovers  # which watch from the first call on
        if self._carrier is not None:
            return lambda inputs: module(*inputs)
        return lambda inputs: torch.func.functional_call(module, self._copies, inputs)

    def answers(self, places: Tensor | None = None) -> list[Output]:
        """Return every output for some of the examples, all by default."""
        batch = tuple(x.clone() if places is None else x[places] for x in self.inputs)
        with torch.no_grad():
            outputs = self._call(batch)
        return outputs_of(outputs)

    def scored(self, answers: list[Output]) -> int | None:
        """Return which answer is scored; None if nobody asks for one and none can be."""
        try:
            return scored_place(answers, self.output)
        except LmctoolError:
            if self.output is not None:
                raise
            return None

    def repeats(self, first: list[Output]) -> bool:
        """Tell whether the same batch has the same answers again."""
        try:
            again = self.answers()
        except ERRORS as cause:
            if machine_failure(cause):
                raise
            raise UnjudgedError(
                "the model cannot be asked twice; the second time the same batch gives:"
                f" {first_line(cause)}"
            ) from cause
        return self._same(_tensors(again), _tensors(first), AGAIN, 0.05)

    def is_apart(self, first: list[Output]) -> bool:
        """Tell whether each example has the same answer in a larger and in a smaller batch.

        Both are in reverse order.  A model may be made for one size of batches; then the order
        alone is another one.
        """
        count = len(self.inputs[0])
        backwards = torch.arange(count - 1, -1, -1, device=self.inputs[0].device)
        larger, smaller = torch.cat([backwards, backwards[-1:]]), backwards[: (count + 1) // 2]
        return self._alike(first, (larger, backwards)) and self._alike(first, (smaller,))

    def _alike(self, first: list[Output], choices: tuple[Tensor, ...]) -> bool:
        """Tell whether the first of the batches that the model takes has the same scored answer."""
        count = len(self.inputs[0])
        for places in choices:
            try:
                others = self.answers(places)
            except ERRORS as cause:
                if machine_failure(cause):
                    raise
                if not self.repeats(first):  # it keeps something of the batch that it refused
                    return False
                continue
            scored = self.scored(first)
            if scored is None or scored >= len(others):
                return True
            answer, other = first[scored].tensor, others[scored].tensor
            comparable = (
                answer.is_floating_point()  # classes may change where two are as likely
                and (answer.ndim and len(answer) == count and other.shape[1:] == answer.shape[1:])
            )
            return not comparable or self._same([other], [answer[places]], BESIDE, 0.2)
        return True

    def _same(
        self,
        answers: list[Tensor],
        expected: list[Tensor],
        tolerances: Mapping[torch.dtype, float],
        widest: float,
    ) -> bool:
        """Tell whether answers differ by no more than rounding in the arithmetic of the model."""
        if len(answers) != len(expected):
            return False
        ratio = max(map(difference, answers, expected), default=0.0)
        dtypes = {x.dtype for x in expected if x.is_floating_point()}
        narrowest = max(dtypes, key=lambda dtype: torch.finfo(dtype).eps, default=torch.float32)
        return ratio <= tolerances.get(narrowest, widest) or ratio <= tolerances.get(
            self._narrowest, widest
        )

    @cached_property
    def _narrowest(self) -> torch.dtype:
        """The least exact arithmetic in the model, looked for where answers differ by more."""
        casts = Casts()
        with casts:
            self.answers()
        products = rounding(torch.float32, self.inputs[0].device)
        return casts.narrowest(torch.float64 if products == torch.float32 else products)

    @property
    def written(self) -> str | None:
        """The name of a tensor that is no longer what it was."""
        own = () if self._carrier is None else chain(*_stored(self._carrier))
        now = {**self._copies, **dict(own)}
        lasting = (n for n in self.weights if not isinstance(now[n], FleetingTensor))
        return next((n for n in lasting if not _equal(now[n], passing(self.weights, n))), None)


def _tensors(outputs: list[Output]) -> list[Tensor]:
    return [output.tensor for output in outputs]


def _stored(module: nn.Module) -> tuple[Iterator[tuple[str, Tensor]], ...]:
    return module.named_parameters(), module.named_buffers()


def _equal(tensor: Tensor, other: Tensor) -> bool:
    return tensor.shape == other.shape and torch.equal(tensor, other)
