"""What a network in training is measured by against its twin: barrier, distance and gain."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.errors import LmctoolError, UnjudgedError, first_line
from lmctool.notebook.training.twin import twin_of
from lmctool.notebook.training.undisturbed import undisturbed
from lmctool.results.metrics import Metric, listed
from lmctool.results.stored_metrics import metrics_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import nn

    from lmctool.results.result import Result

SHARED = frozenset({"device", "dtype", "except_", "ignore", "key", "quiet", "rename", "strip"})
"""The options of a barrier that a distance has too, with the same meaning."""
DISTANCES = frozenset({"distance.l2", "distance.relative", "distance.cosine"})
LOG = logging.getLogger("lmctool")


class Connectivity:
    """Measures a network every so many steps of its training, and leaves the training alone.

    What is wrong with the options, the data or the twin is an error before the first step.  Later
    nothing stops the training: a step that cannot be measured, such as one at which both networks
    answer at chance, is left out, and logged as a warning of ``lmctool``.

    Attributes:
        history: what was measured, by step.
    """

    def __init__(self, twin: Any, *, every: int, network: str, options: Mapping[str, Any]) -> None:
        """Find the twin.

        Args:
            twin: see ``twin_of``.
            every: how many steps lie between two measurements.
            network: which part of the module in training is the network, such as ``model``; empty
                for the module itself.
            options: the keywords of ``lmctool.barrier``.

        Raises:
            LmctoolError: ``every`` is less than 1, ``out`` is among the options, or the twin cannot
                be found.
        """
        if every < 1:
            raise LmctoolError(f"every is a number of steps, 1 or more, not {every}")
        if options.get("out") is not None:
            raise LmctoolError("a callback takes no out: each of its measurements would write it")
        self.history: dict[int, dict[str, float]] = {}
        self._twin = twin_of(twin)
        self._every = every
        self._network = network
        self._options = {"quiet": True, **options}
        self._last: int | None = None

    def begin(self, module: nn.Module, step: int) -> dict[str, float]:
        """Measure before the first step, and see that later measurements can work.

        Raises:
            LmctoolError: they cannot.
        """
        self._last, found = step, self._twin.at(step)
        try:
            measured = self._measured(module, found[1] if found else self._twin.first)
        except UnjudgedError as error:
            self._warn(step, error)
            return {}
        return self._kept(step, found[0], measured) if found else {}

    def after(self, module: nn.Module, step: int, *, end: bool = False) -> dict[str, float]:
        """Measure after a step, if it is one of those to measure at; else return nothing.

        Args:
            module: the module in training.
            step: how many steps were done.
            end: whether the training ends with it.
        """
        found = self._twin.at(step)
        if found is None or step == self._last or not (end or step % self._every == 0):
            return {}
        self._last = step
        try:
            return self._kept(step, found[0], self._measured(module, found[1]))
        except Exception as error:
            self._warn(step, error)
            return {}

    def _measured(self, module: nn.Module, twin: Any) -> dict[str, float]:
        lmctool: Any = import_module("lmctool")
        network = module.get_submodule(self._network)
        shared = {name: value for name, value in self._options.items() if name in SHARED}
        with undisturbed():
            barrier = lmctool.barrier(network, twin, **self._options).record
            distance = lmctool.distance(network, twin, **shared).record
        return {
            **logged([each for each in listed(barrier) if each.name.startswith("barrier.")]),
            **logged(list(gains(barrier))),
            **logged([each for each in listed(distance) if each.name in DISTANCES]),
        }

    def _kept(self, step: int, twin: int | None, measured: dict[str, float]) -> dict[str, float]:
        self.history[step] = {**measured, **({} if twin is None else {"lmc/twin_step": twin})}
        return dict(self.history[step])

    def _warn(self, step: int, error: Exception) -> None:
        LOG.warning("not measured at step %d: %s", step, first_line(error))


def gains(barrier: Result) -> Iterator[Metric]:
    """Yield what the average of the two ends of a path gains over the better one, per metric.

    It is min(L(A), L(B)) - L((A + B) / 2), as ``lmctool trajectory`` defines it: positive where
    the average is better.  Nothing where the path has no point at 0.5.

    Args:
        barrier: the result of ``lmctool barrier``.
    """
    curve = barrier.groups["barrier/curve"].variables
    for middle in np.flatnonzero(curve["alpha"].values == 0.5):
        for metric in metrics_of(barrier):
            costs = metric.as_cost(curve[metric.name].values)
            gain = np.minimum(costs[..., 0], costs[..., -1]) - costs[..., middle]
            for (v, s), value in np.ndenumerate(gain):
                variant, split = curve["variant"].values[v], curve["split"].values[s]
                where = {"variant": str(variant), "split": str(split)}
                number = float(value) if np.isfinite(value) else None
                yield Metric(f"gain.{metric.name}", where, number, metric.unit, "higher")


def logged(metrics: Sequence[Metric]) -> dict[str, float]:
    """Return the values of metrics by short names that every logger allows.

    Behind ``lmc/`` and the name stand the coordinates in which they differ:
    ``lmc/barrier.error``, or ``lmc/barrier.error.align_repair`` among several variants.
    """
    dims = {dim for each in metrics for dim in each.where}
    values = {dim: {each.where.get(dim) for each in metrics} for dim in dims}
    named: dict[str, float] = {}
    for each in metrics:
        differing = [place for dim, place in each.where.items() if len(values[dim]) > 1]
        if each.value is not None:
            named[".".join([f"lmc/{each.name}", *differing]).replace("+", "_")] = each.value
    return named
