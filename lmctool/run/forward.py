"""The model of a run as a function of its inputs."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError
from lmctool.evaluate.arithmetic import computing
from lmctool.evaluate.function_check import answers_of, check_function
from lmctool.evaluate.subject import Subject
from lmctool.graph.randomness import generator, seeded

if TYPE_CHECKING:
    from torch import Tensor

    from lmctool.evaluate.function_check import Answers
    from lmctool.model.example import Inputs
    from lmctool.run.resources import Resources


class Forward:
    """The forward pass of a model: whether it is a function, what it returns and what it draws.

    Attributes:
        resources: what the run works on.
        answers: what the model answers; None before anybody looked.
    """

    def __init__(self, resources: Resources) -> None:
        """Keep what the run works on; nothing is computed yet."""
        self.resources = resources
        self.answers: Answers | None = None

    @property
    def output(self) -> str | None:
        """The name of the output that is scored, as the user or lmctool.toml says."""
        return self.resources.settings.output or self.resources.model.output

    def check(self, inputs: Inputs, split: str = "") -> bool:
        """Refuse a model that is no function; the first call looks, and all of them tell.

        Whoever computes with the model comes by here first.

        Args:
            inputs: (example, ...) a batch of a few examples for each argument of the model.
            split: where they are from; empty for an example input.

        Returns:
            Whether it answers differently each time, as the user allows.

        Raises:
            UnjudgedError: as ``lmctool.evaluate.function_check`` says.
            LmctoolError: it cannot take the inputs.
        """
        resources = self.resources
        if self.answers is None:
            with computing(resources.settings.precision, resources.device):
                self.answers = self._asked(inputs, split)
            if self.stochastic:
                resources.note(
                    "the model answers differently each time; what it draws is seeded by --seed"
                    f" {resources.settings.seed}, the same for every network"
                )
            if resources.sources.data and self.scored not in {None, "logits"} and not self.output:
                resources.note(
                    f"the model returns {len(self.answers.outputs)} outputs, of which"
                    f" {self.scored!r} is scored; --output chooses another"
                )
        return self.stochastic

    def _asked(self, inputs: Inputs, split: str) -> Answers:
        """Return what the first network answers; a large one that can passes through memory."""
        resources = self.resources
        ask = partial(
            check_function,
            inputs=inputs if isinstance(inputs, tuple) else (inputs,),
            split=split,
            allow_stochastic=resources.settings.allow_stochastic,
            output=self.output,
        )
        if resources.passes:
            with suppress(LmctoolError):  # for the whole network to be asked, and to tell why
                answers = ask(resources.model.module, resources.weights(0))
                if answers.outputs:
                    return answers
            answers = ask(resources.module, resources.weights(0))
            resources.note_held("the model gives no answer as they are made for each operation")
            return answers
        return ask(resources.module, resources.weights(0))

    def check_takes(self, inputs: Tensor, split: str) -> None:
        """Refuse inputs that the model cannot take.

        Args:
            inputs: (example, ...) a few examples.
            split: where they are from.

        Raises:
            LmctoolError: it cannot.
        """
        resources = self.resources
        subject = Subject(resources.module, resources.weights(0), (inputs,), self.output)
        with computing(resources.settings.precision, resources.device), self.seeding():
            answers_of(subject, split)

    @property
    def stochastic(self) -> bool:
        """Whether the model answers differently each time, as far as anybody looked."""
        return self.answers is not None and self.answers.stochastic

    @property
    def scored(self) -> str | None:
        """The name of the scored output of several; None if there is one, or nobody looked."""
        several = self.answers is not None and len(self.answers.outputs) > 1
        return self.answers.scored if self.answers is not None and several else None

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of an example's scored output; None if there is none, or nobody looked."""
        return None if self.answers is None else self.answers.shape

    def seeding(self) -> AbstractContextManager[None]:
        """Return what a pass of one network is done in: random numbers of the run's seed, if any.

        They are the same for every network, so that no number depends on what came before it.
        """
        if not self.stochastic:
            return nullcontext()
        return seeded(generator(self.resources.settings.seed, "forward").initial_seed())
