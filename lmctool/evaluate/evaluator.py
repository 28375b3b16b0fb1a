"""The evaluator of a run: one pass over a split for each network, and each checkpoint only once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING

from torch import Tensor

from lmctool.evaluate import shared_prefix
from lmctool.evaluate.arithmetic import Precision, arithmetic, computing
from lmctool.evaluate.autotune import fastest
from lmctool.evaluate.divided import Division, measured_whole
from lmctool.evaluate.engine import UNKEPT, VALUES, evaluate, reading
from lmctool.evaluate.function_check import EXAMPLES
from lmctool.evaluate.repetition import repeated
from lmctool.evaluate.scores import Scores, joined
from lmctool.evaluate.strategy import Strategy, Word, chosen, on_metal, one_after_the_other
from lmctool.plugin.progress import in_all
from lmctool.plugin.spreading import Serial
from lmctool.weights.lazy_networks import LazyNetworks
from lmctool.weights.partwise import Partwise
from lmctool.weights.recipe import identity
from lmctool.weights.streamed import momentary

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from lmctool.data.split import Split
    from lmctool.evaluate.batch_size import BatchSize
    from lmctool.evaluate.functional import Network
    from lmctool.graph.graph import Graph
    from lmctool.plugin.progress import Advance, Progress
    from lmctool.plugin.records import Score, Task
    from lmctool.plugin.settings import Repetition
    from lmctool.plugin.spreading import Spreading
    from lmctool.results.journal import Entries, Journal

Weights = Mapping[str, Tensor]


@dataclass
class Evaluator:
    """Measures networks in the arithmetic of a run.

    Attributes:
        network: the model.
        word: the strategy that the user asked for.
        metal: whether networks are evaluated on the GPU of an Apple machine.
        task: what loss and error mean.
        task_name: the registered word of the task.
        device: where the work is done.
        dtype: the dtype of the inputs.
        precision: the precision of matrix products and convolutions.
        batch_size: examples at once.
        progress: tells the user how far it is.
        journal: knows what was measured before, and keeps what is measured now.
        spread: says which networks this process measures, and when.
        check: refuses a network that is no function, asked about examples of a split, and tells
            whether it answers differently each time, as the user allows.
        seeding: sets the random numbers that one pass of such a network draws.
        repeats: how an earlier run evaluated networks, which is done again.
        others: other scores than loss and error.
        strategy: how networks are evaluated, once one was.
    """

    network: Network
    word: Word
    metal: bool
    task: Task
    task_name: str
    device: torch.device
    dtype: torch.dtype
    precision: Precision
    batch_size: BatchSize
    progress: Progress
    journal: Journal
    spread: Spreading
    check: Callable[[Tensor, str], bool]
    seeding: Callable[[], AbstractContextManager[None]]
    repeats: Repetition | None = None
    others: Sequence[Score] = ()
    strategy: Strategy | None = None
    _checkpoints: dict[tuple[int, Split], Scores] = field(default_factory=dict)
    _foreseen: tuple[Strategy, int] | None = None

    def afresh(self) -> Evaluator:
        """Return this evaluator, settled as it is, as it was before it measured any checkpoint."""
        return replace(self, _checkpoints={})

    def evaluate(
        self,
        networks: Iterable[Weights],
        splits: Sequence[Split],
        *,
        count: int | None,
        per_example: bool,
        description: str,
    ) -> Scores:
        """Return the scores of every network on every split; see ``engine.evaluate``.

        What networks given as ``Partwise`` have in common is computed once for all of them, where
        that pays and loss and error are all that is asked for.

        Args:
            networks: weights of each network.
            splits: the splits.
            count: how many networks there are, where they are no sequence.
            per_example: keep the loss and error of each example.
            description: what the progress bar says.
        """
        strategy = self.settled(splits[0])
        alone = per_example or strategy.stochastic or self.others
        if isinstance(networks, Partwise) and not alone:
            graph = shared_prefix.reusable(
                self.network.graph, networks, splits, self.word, self.precision
            )
            if graph is not None:
                return self._shared(graph, networks, splits, description)
        total = len(networks) if isinstance(networks, Sequence) else count or 0
        others = [score.metric.name for score in self.others]
        about = (per_example, others) if others else (per_example,)
        with (
            self.entries("evaluate", splits, *about) as entries,
            self._divided(networks, splits, "evaluate part", *about) as division,
            self.progress(total * len(splits), description, networks=True) as advance,
            computing(self.precision, self.device),
            self._ordered(networks, description, splits, advance, division=division) as order,
        ):
            return evaluate(
                strategy.forward,
                networks,
                splits,
                self.task,
                dtype=self.dtype,
                batch_size=self.batch_size,
                per_example=per_example,
                order=order,
                entries=entries,
                seeding=self.seeding,
                others=self.others,
                division=division,
            )

    @contextmanager
    def _divided(
        self, networks: Iterable[Weights], splits: Sequence[Split], kind: str, *about: object
    ) -> Iterator[Division | None]:
        """Open the division of splits between workers where networks are fewer than these.

        None where they are not, and where a pass draws random numbers: it draws them in order.

        Args:
            networks: the networks.
            splits: the splits, of which the first was settled.
            kind: what the measurement of a part is called in the journal.
            about: as ``entries`` takes it.
        """
        count = len(networks) * len(splits) if isinstance(networks, Sequence) else 0
        drawn = self.strategy is not None and self.strategy.stochastic
        workers = self.spread.at_once
        if drawn or not isinstance(networks, Sequence) or not 0 < len(networks) < workers:
            yield None
            return
        with self.entries(kind, splits, *about) as entries:
            parts = -(-workers // count)
            division = Division(networks, splits, self.batch_size.size, parts, entries)
            yield division if len(division.items) > len(networks) else None

    def _shared(
        self, graph: Graph, networks: Partwise, splits: Sequence[Split], description: str
    ) -> Scores:
        """Return loss and error of networks whose common work is done once for all of them."""
        strategy = self.settled(splits[0])
        shared = shared_prefix.Shared(graph, networks, strategy.layout, strategy.workers)
        with (
            self.entries("shared", splits, len(networks)) as entries,
            self.progress(len(networks) * len(splits), description, networks=True) as advance,
            arithmetic(self.precision, self.device),
        ):
            return shared_prefix.evaluate(
                shared,
                splits,
                self.task,
                dtype=self.dtype,
                batch_size=self.batch_size,
                advance=advance,
                entries=entries,
                spread=self.spread,
            )

    def entries(
        self, kind: str, splits: Sequence[Split], *about: object
    ) -> AbstractContextManager[Entries]:
        """Open the entries of measurements on splits, in this task and this arithmetic.

        Args:
            kind: what is measured.
            splits: on which examples.
            about: what else the numbers depend on, but for the networks.
        """
        way = [str(self.strategy), str(self.dtype), self.precision, self.device.type]
        examples = [split.recipe for split in splits]
        return self.journal.entries(kind, self.task_name, way, examples, *about)

    def settled(self, split: Split) -> Strategy:
        """Return how networks are evaluated, which the first split decides.

        Raises:
            LmctoolError: the strategy that the user asked for cannot be had.
        """
        if self.strategy is None:
            strategy, size = self.foreseen(split)
            self.strategy = strategy
            self.batch_size.settle(size)
            self.batch_size.on_halving.append(strategy.free)
        return self.strategy

    def foreseen(self, split: Split) -> tuple[Strategy, int]:
        """Return how networks will be evaluated, if any are, and how many examples at once.

        Raises:
            LmctoolError: the strategy that the user asked for cannot be had.
        """
        if self.strategy is not None:
            return self.strategy, self.batch_size.size
        if self._foreseen is None:
            with computing(self.precision, self.device):
                strategy = self._strategy_for(split)
            threads = strategy.workers
            share = -(-len(split) // threads.count) if threads else len(split)
            self._foreseen = strategy, self.batch_size.foreseen(min(strategy.size, share))
        return self._foreseen

    def _strategy_for(self, split: Split) -> Strategy:
        if self.check(split.head(EXAMPLES, self.dtype), split.name):
            return one_after_the_other(self.word, self.network, split.head(2, self.dtype))
        if self.repeats is not None:
            return repeated(self.repeats, self.network)
        if self.metal:
            return on_metal(self.word, self.network, split.head(2, self.dtype), self.precision)
        if self.word == "measure":
            size = self.batch_size.size if self.batch_size.fixed else None
            return fastest(self.network, split, self.dtype, size)
        head = split.head(2, self.dtype)
        return chosen(self.word, self.network, head, self.precision, len(split))

    def of_checkpoints(
        self,
        weights: Callable[[int], Weights],
        indices: Sequence[int],
        splits: Sequence[Split],
    ) -> Scores:
        """Return the scores of checkpoints, per example too; each is evaluated only once.

        Args:
            weights: the weights of a checkpoint by its index.
            indices: which checkpoints.
            splits: the splits.
        """
        for split in splits:
            new = [n for n in dict.fromkeys(indices) if (n, split) not in self._checkpoints]
            if not new:
                continue
            scores = self.evaluate(
                LazyNetworks(
                    lambda index: momentary(weights(index)),
                    new,
                    lambda index: identity(weights(index)),
                ),
                [split],
                count=None,
                per_example=True,
                description="ends",
            )
            for place, index in enumerate(new):
                self._checkpoints[index, split] = scores.only(place)
        return joined([[self._checkpoints[index, split] for index in indices] for split in splits])

    def read(
        self,
        networks: Iterable[Weights],
        split: Split,
        function: Callable[[Tensor, Tensor], Tensor],
        *,
        count: int | None,
        description: str,
        check: Callable[[Tensor, Tensor], None] | None = None,
    ) -> list[NDArray[np.float64]]:
        """Return what a function makes of each network's outputs, (example, ...) each.

        The values are kept in the journal where the function's name says what it is: that of a
        lambda, or of a function within another, does not.
        """
        total = len(networks) if isinstance(networks, Sequence) else count or 0
        forward = self.settled(split).forward
        name = _name(function)
        measurement = reading(
            forward, split, function, self.dtype, self.batch_size, self.seeding, check
        )
        divisible = networks if name else ()
        with (
            self.entries("read", [split], name) as entries,
            self._divided(divisible, [split], "read part", name) as division,
            self.progress(total, description, networks=True) as advance,
            computing(self.precision, self.device),
            self._ordered(
                networks, description, [split], advance, kept=bool(name), division=division
            ) as order,
        ):
            known = entries if name else UNKEPT
            if division is None:
                rows = measured_whole(networks, measurement, order, known)
            else:
                rows = division.measured(measurement, order, known)
        return [row[VALUES].numpy() for row in rows]

    @contextmanager
    def _ordered(
        self,
        networks: Iterable[Weights],
        what: str,
        splits: Sequence[Split],
        advance: Advance,
        *,
        kept: bool = True,
        division: Division | None = None,
    ) -> Iterator[Iterator[int]]:
        """Give the numbers of networks in the order to measure them, and tell how far that is.

        Of a division they are those of its items.  Networks of a generator, and what the journal
        does not keep, are nothing for others.
        """

        def measured(number: int) -> None:
            advance(number * len(splits))

        order: Generator[int, None, None]
        if division is not None:
            shown = in_all(advance, len(division.networks) * len(splits), len(division.items))
            order = self.spread.order(what, division.keys, shown)
        elif isinstance(networks, Sequence):
            keys = [str(number) for number in range(len(networks))]
            order = (self.spread if kept else Serial()).order(what, keys, measured)
        else:
            order = _each(measured)
        with closing(order):
            yield order


def _each(advance: Advance) -> Generator[int, None, None]:
    """Give the numbers from 0 up; each is done when the next one is asked for."""
    for number in count():
        yield number
        advance(1)


def _name(function: Callable[..., object]) -> str:
    """Return the full name of a function of a module, or nothing for any other."""
    module, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", "<")
    return "" if "<" in name or not module else f"{module}.{name}"
