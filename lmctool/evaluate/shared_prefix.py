"""The evaluation of networks that differ in parts: what they have in common is computed once."""

from __future__ import annotations

from contextlib import closing
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from lmctool.errors import LmctoolError
from lmctool.evaluate.engine import UNKEPT
from lmctool.evaluate.scores import Scores
from lmctool.evaluate.shared_plan import plan
from lmctool.graph.layout import laid_out
from lmctool.graph.operations import aten
from lmctool.graph.tap_affine import corrected_taps
from lmctool.plugin.progress import in_all
from lmctool.weights.recipe import recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import fx

    from lmctool.data.split import Split
    from lmctool.evaluate.arithmetic import Precision
    from lmctool.evaluate.batch_size import BatchSize
    from lmctool.evaluate.shared_plan import Route
    from lmctool.evaluate.strategy import Word
    from lmctool.evaluate.threads import Workers
    from lmctool.graph.graph import Graph
    from lmctool.plugin.progress import Advance
    from lmctool.plugin.records import Task
    from lmctool.plugin.spreading import Spreading
    from lmctool.results.journal import Entries, Entry
    from lmctool.weights.partwise import Partwise

Values = dict["fx.Node", Any]

RUNS = 4
"""Runs of batches for each worker: one that is slow holds up the others less."""
WORK = 2e10
"""Weights times networks times examples above which reuse is worth tracing, which takes seconds."""


def reusable(
    graph: Callable[[], Graph],
    networks: Partwise,
    splits: Sequence[Split],
    strategy: Word,
    precision: Precision,
) -> Graph | None:
    """Return the graph through which networks reuse each other's work.

    Args:
        graph: follows the model, which takes seconds.
        networks: the networks.
        splits: the splits that they are to be evaluated on.
        strategy: the strategy that the user asked for.
        precision: the precision of matrix products and convolutions.

    Returns:
        None where each network is better evaluated alone: there is little to do, the model cannot
        be traced or its path depends on the data, weights carry corrections, lack a buffer or
        follow from one another (spectral norm), operations choose their precision themselves
        (``bfloat16``), or the user asked for ``--strategy`` ``graphs`` or ``compile``.
    """
    numbers = sum(tensor.numel() for tensor in networks.a.values())
    little = numbers * len(networks) * sum(map(len, splits)) < WORK
    whole = strategy in {"graphs", "compile"}  # these launch whole networks
    if little or whole or precision == "bfloat16":
        return None
    if corrected_taps(networks.a) or corrected_taps(networks.b) or not networks.independent:
        return None
    try:
        followed = graph()
        _ = followed.output
    except LmctoolError:
        return None
    names = (followed.aliases.get(name, name) for name in followed.tensors.values())
    fits = (
        followed.tracer == "export"
        and len(followed.inputs) == 1
        and networks.a.keys() >= set(names)
        and not any(node.op == "get_attr" and node.users for node in followed.nodes)
        and not any(node.target is aten.as_strided.default for node in followed.nodes)
    )
    return followed if fits else None


class Shared:
    """Computes the outputs of networks that differ in parts, batch by batch."""

    def __init__(
        self,
        graph: Graph,
        networks: Partwise,
        layout: torch.memory_format = torch.contiguous_format,
        threads: Workers | None = None,
    ) -> None:
        """Plan once how each network is computed.

        Args:
            graph: the graph of the networks, followed by torch.export.
            networks: the networks.
            layout: the memory format that images are brought into; convolutions hand it on.
            threads: what computes several batches at once, if anything does.
        """
        self.layout = layout
        self.threads = threads
        self.graph = graph
        self.networks = networks
        self.routes = plan(graph, networks)
        self._formed = networks
        if layout != torch.contiguous_format:
            self._formed = networks.of(*map(self._laid_out, (networks.a, networks.b)))

    @cached_property
    def recipe(self) -> str:
        """What tells the networks, and their order, from all others."""
        return recipe("shared", [self.networks.recipe(row) for row in range(len(self.networks))])

    def outputs(self, inputs: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Give each network's number and its outputs of a batch, in whatever order they come.

        Args:
            inputs: (example, ...) a batch.
        """
        inputs = laid_out(inputs, self.layout)
        ends = (self._formed.a, self._formed.b)
        for end, routes in self.routes.items():
            values: Values = dict(self.graph.bound(ends[end], inputs))
            for route in routes:
                route.reached.run(values)
                yield from self._along(route, values, ends[1 - end])
                for node in route.spent:
                    del values[node]

    def _along(
        self, route: Route, values: Values, other: Mapping[str, Tensor]
    ) -> Iterator[tuple[int, Tensor]]:
        """Give the outputs of the networks of one route."""
        taken = {node: values[node] for node in route.shared}
        there = taken | {node: other[self._name(node)] for node in route.ends}
        route.across.run(there)
        for row, share in zip(route.rows, route.shares, strict=True):
            own = taken.copy()
            for node in route.varied:
                own[node] = self._formed.tensor(row, self._name(node))
            for node in route.mixed:
                # torch.lerp turns -0.0 into 0.0 at its ends
                near, far = values[node], there[node]
                own[node] = far if share == 1 else torch.lerp(near, far, share)
            route.steps.run(own)
            yield row, own[self.graph.output]

    def _laid_out(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return images and weights in the memory format, which convolutions bring them into."""
        return {name: laid_out(tensor, self.layout) for name, tensor in tensors.items()}

    def _name(self, node: fx.Node) -> str:
        return self.graph.stored_name(self.graph.tensors[node.name], self.networks.a)


def evaluate(
    shared: Shared,
    splits: Sequence[Split],
    task: Task,
    *,
    dtype: torch.dtype,
    batch_size: BatchSize,
    advance: Advance = lambda _: None,
    entries: Entries = UNKEPT,
    spread: Spreading | None = None,
) -> Scores:
    """Return loss and error of every network on every split, each batch once for all networks.

    Args:
        shared: the networks.
        splits: the splits.
        task: what loss and error mean.
        dtype: the dtype of the inputs.
        batch_size: how many examples at once; halves itself when memory runs out.
        advance: called with how many networks' worth of a split was done since the last call.
        entries: keep what is measured on each batch, and know what was before.
        spread: says which batches this process measures, and when; by default all, here.

    Returns:
        The means of ``engine.evaluate`` up to rounding; NaN where no example has any weight.

    Raises:
        LmctoolError: a batch does not fit in memory.
    """
    count = len(shared.networks)
    rows = [
        batch_size.fitting(partial(_pass, shared, split, task, dtype, advance, entries, spread))
        for split in splits
    ]
    loss, error = np.array(rows).reshape(len(splits), 2, count).swapaxes(0, 1)
    names = tuple(split.name for split in splits)
    return Scores(names, loss, error, {}, {}, metrics=(task.loss, task.error))


def _pass(
    shared: Shared,
    split: Split,
    task: Task,
    dtype: torch.dtype,
    advance: Advance,
    entries: Entries,
    spread: Spreading | None,
    size: int,
) -> NDArray[np.float64]:
    """Return (metric, network) means of loss and error over a split, by the examples' weights."""
    count = len(shared.networks)
    task = task.on(split.targets)

    def of_batch(numbered: tuple[Entry, tuple[Tensor, Tensor]]) -> Tensor:
        """Return the weighted sums of a batch and its weight, (metric or weight, network)."""
        entry, (inputs, targets) = numbered
        if entry.arrays is not None:
            return _sums(entry.arrays, targets.device)
        weights = torch.ones(len(targets), dtype=torch.float64, device=targets.device)
        if task.weight is not None:
            weights = task.weight(targets).double()
        sums = weights.new_zeros(3, count)
        sums[2] = weights.sum()
        with torch.no_grad():
            for row, outputs in shared.outputs(inputs):
                split.check_targets(task.check, outputs)
                values = torch.stack([each.double() for each in task.score(outputs, targets)])
                # a value without weight counts for nothing, whatever it is
                sums[:2, row] = torch.where(weights > 0, values * weights, 0.0).sum(1)
        entry.keep(partial(_arrays, sums))
        return sums

    def entry_of(batch: int) -> Entry:
        return entries.entry(lambda: [shared.recipe, split.recipe, size, batch])

    def of_run(run: range) -> Iterator[Tensor]:
        """Give the sums of some batches; inputs are looked at only if one is not there yet."""
        found = [entry_of(batch) for batch in run]
        if all(entry.arrays is not None for entry in found):
            yield from (_sums(entry.arrays or {}, split.targets.device) for entry in found)
            return
        batches = split.batches(size, dtype, run.start * size, min(run.stop * size, len(split)))
        over = shared.threads.map if shared.threads else map
        yield from over(of_batch, zip(found, batches, strict=True))

    whole = range(-(-len(split) // size))
    parts: dict[int, Tensor] = {}
    if spread is None or spread.at_once == 1:
        shown = in_all(advance, count, len(whole))
        for batch, part in zip(whole, of_run(whole), strict=True):
            parts[batch] = part
            shown(1)
    else:
        runs = _runs(len(whole), spread.at_once, shared.threads.count if shared.threads else 1)
        shown = in_all(advance, count, len(runs))
        keys = [f"{split.name} {run.start} to {run.stop}" for run in runs]
        with closing(spread.order("batches", keys, shown)) as order:
            for number in order:
                parts |= zip(runs[number], of_run(runs[number]), strict=True)
    sums = sum(
        (parts[batch] for batch in sorted(parts)), start=split.targets.new_zeros(()).double()
    )
    return (sums[:2] / sums[2]).cpu().numpy()


def _runs(batches: int, workers: int, at_once: int) -> list[range]:
    """Return batches in runs of which each worker has several.

    Args:
        batches: how many.
        workers: how many.
        at_once: batches that a worker computes at once; a run has a multiple of them.
    """
    length = -(-batches // (RUNS * workers * at_once)) * at_once
    return [range(n, min(n + length, batches)) for n in range(0, batches, length)]


def _sums(arrays: Mapping[str, NDArray[np.float64]], device: torch.device) -> Tensor:
    return torch.from_numpy(arrays["sums"]).to(device)


def _arrays(sums: Tensor) -> dict[str, NDArray[np.float64]]:
    return {"sums": sums.cpu().numpy()}
