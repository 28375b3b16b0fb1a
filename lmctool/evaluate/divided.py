"""The measurement of fewer networks than there are workers: these share the examples as well."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import torch

from lmctool.errors import out_of_memory
from lmctool.evaluate.measured import arrays
from lmctool.evaluate.parts import MeasuredPart, Part, joined, measured, parts_of
from lmctool.evaluate.verified import retried
from lmctool.weights.lazy_networks import candidates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from torch import Tensor

    from lmctool.data.split import Split
    from lmctool.evaluate.batch_size import BatchSize
    from lmctool.evaluate.functional import Forward, Outputs
    from lmctool.evaluate.measured import Measured
    from lmctool.evaluate.parts import Function
    from lmctool.results.journal import Entries, Entry
    from lmctool.weights.arithmetic import Weights
    from lmctool.weights.lazy_networks import Candidate


@dataclass(frozen=True)
class Measurement:
    """How one network is measured on splits.

    Attributes:
        forward: the outputs of networks.
        splits: the splits.
        function: gives, for the place of a split, ``function(outputs, targets)`` of batches that go
            together.
        joined: makes of the place of a split, and of what its function returned of all its
            batches, what is measured of the network there.
        whole: measures a network on all splits at once, in batches that halve when memory runs out.
        dtype: the dtype of the inputs.
        batch_size: examples at once.
        together: batches go together until their outputs have so many bytes.
    """

    forward: Forward
    splits: Sequence[Split]
    function: Callable[[int], Function]
    joined: Callable[[int, list[Sequence[Tensor]]], Measured]
    whole: Callable[[Mapping[str, Tensor]], Measured]
    dtype: torch.dtype
    batch_size: BatchSize
    together: int


def measured_whole(
    networks: Iterable[Weights],
    measurement: Measurement,
    order: Iterable[int] | None,
    entries: Entries,
) -> list[Measured]:
    """Return what is measured of each network, each on all examples at once.

    Args:
        networks: the networks.
        measurement: how each is measured.
        order: the numbers of the networks in the order to measure them, as ``candidates`` has it.
        entries: keep what is measured of each network, and know what was before.
    """
    rows: dict[int, Measured] = {}
    for number, network in candidates(networks, order):  # whose plugins may learn: with gradients
        rows[number] = _of_network(network, measurement, entries)
        del network  # before the next network is formed
    return [rows[number] for number in sorted(rows)]


def _of_network(network: Candidate, measurement: Measurement, entries: Entries) -> Measured:
    """Return what is measured of a network, from the journal if it is there."""
    entry = entries.entry(network.identity)
    if entry.arrays is not None:
        return {name: torch.from_numpy(array) for name, array in entry.arrays.items()}
    row = measurement.whole(network.weights())
    entry.keep(partial(arrays, row))
    return row


@dataclass(frozen=True)
class Division:
    """Few networks on splits, each split in parts that are measured one by one.

    Attributes:
        networks: the networks.
        splits: the splits.
        size: examples of a batch.
        count: in how many parts each split is divided, if it has as many batches.
        entries: keep what is measured of each part of a split, and know what was before.
    """

    networks: Sequence[Weights]
    splits: Sequence[Split]
    size: int
    count: int
    entries: Entries

    @cached_property
    def items(self) -> list[tuple[int, int, Part]]:
        """The items: the number of a network, the place of a split, and a part of that split."""
        parts = [parts_of(len(split), self.size, self.count) for split in self.splits]
        return [
            (number, place, part)
            for number in range(len(self.networks))
            for place, several in enumerate(parts)
            for part in several
        ]

    @property
    def keys(self) -> list[str]:
        """What the items are called."""
        return [
            f"{number}, {self.splits[place].name} {part.start} to {part.stop}"
            for number, place, part in self.items
        ]

    def measured(
        self, measurement: Measurement, order: Iterable[int], entries: Entries
    ) -> list[Measured]:
        """Return what is measured of each network, as ``measured_whole`` does, bit for bit.

        Args:
            measurement: how each is measured.
            order: the numbers of the items in the order to measure them.
            entries: as ``measured_whole`` takes them.
        """
        found = {n: _InParts(self, n, measurement, entries) for n in range(len(self.networks))}
        last: _InParts | None = None
        for item in order:
            number, place, part = self.items[item]
            if last is not None and last.number != number:
                last.let_go()  # before the next network is formed
            last = found[number]
            last.measure(place, part)
        for each in found.values():
            each.keep()
        rows = [each.row for each in found.values()]
        return [row for row in rows if row is not None]


class _InParts:
    """One network that is measured part by part, until it is whole.

    Attributes:
        number: its number.
        row: what is measured of it, once all its parts are.
    """

    def __init__(
        self, division: Division, number: int, measurement: Measurement, entries: Entries
    ) -> None:
        self.number = number
        self.row: Measured | None = None
        self._division, self._measurement, self._entries = division, measurement, entries
        self._entry: Entry | None = None
        self._parts: dict[tuple[int, Part], MeasuredPart] = {}
        self._of_split: dict[int, Measured] = {}
        self.let_go()

    def let_go(self) -> None:
        """Let its weights go, which are formed again if they are asked for."""
        ((_, self._network),) = candidates(self._division.networks, [self.number])
        self._outputs: Outputs | None = None

    def measure(self, place: int, part: Part) -> None:
        """Measure a part of a split, if the journal has neither it nor the whole network."""
        if self._entry is None:
            self._entry = self._entries.entry(self._network.identity)
            if (arrays_ := self._entry.arrays) is not None:
                self.row = {name: torch.from_numpy(array) for name, array in arrays_.items()}
        if self.row is None:
            found = self._found(place, part)
            if found is None:  # batches become smaller, and parts are of other examples
                self.row = self._measurement.whole(self._network.weights())
                self.let_go()
            else:
                self._parts[place, part] = found
                self._join(place)

    def _found(self, place: int, part: Part) -> MeasuredPart | None:
        """Return what is measured of a part; None where a batch does not fit in memory."""
        division, measurement = self._division, self._measurement
        split = division.splits[place]
        if measurement.batch_size.size != division.size:
            return None

        def what() -> list[object]:
            return [self._network.identity(), split.recipe, part.start, part.stop, division.size]

        entry = division.entries.entry(what)
        if entry.arrays is not None:
            return MeasuredPart.of(entry.arrays, split.targets.device)
        weights = self._network.weights()
        try:
            with torch.no_grad():
                found = retried(partial(self._measured, weights, place, part))
        except Exception as error:
            if not out_of_memory(error):
                raise
        else:
            entry.keep(found.arrays)
            return found
        self._outputs = None
        return None

    def _measured(self, weights: Weights, place: int, part: Part) -> MeasuredPart:
        division, measurement = self._division, self._measurement
        if self._outputs is None:
            self._outputs = measurement.forward(weights)
        return measured(
            self._outputs,
            division.splits[place],
            part,
            measurement.function(place),
            measurement.dtype,
            division.size,
            measurement.together,
        )

    def _join(self, place: int) -> None:
        """Join the parts of a split if all are there, and the splits if all are."""
        division, measurement = self._division, self._measurement
        parts = [
            part for number, at, part in division.items if (number, at) == (self.number, place)
        ]
        if not all((place, part) in self._parts for part in parts):
            return
        split, function = division.splits[place], measurement.function(place)
        with torch.no_grad():
            values = joined(
                [self._parts.pop((place, part)) for part in parts], split, function, division.size
            )
            self._of_split[place] = measurement.joined(place, values)
        if len(self._of_split) == len(division.splits):
            places = range(len(division.splits))
            self.row = {n: v for each in places for n, v in self._of_split[each].items()}
            self.let_go()

    def keep(self) -> None:
        """Keep what is measured of the whole network."""
        if self._entry is not None and self._entry.arrays is None and self.row is not None:
            self._entry.keep(partial(arrays, self.row))
