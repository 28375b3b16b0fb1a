"""Choosing the networks of a soup by their error on the calibration examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, Merged, UnjudgedError, Variable
from lmctool.api.advanced import letters, weighted_mean
from lmctool_plugins.merges.greedy_soup.kernel import greedy
from lmctool_plugins.merges.greedy_soup.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.api import Array, NetworksToMerge, Run, Weights
    from lmctool_plugins.merges.greedy_soup.kernel import Choice

TRAINING = "train"


def merged(run: Run, part: NetworksToMerge) -> Merged:
    """Return the mean of the networks that a greedy soup has.

    Raises:
        UnjudgedError: no network's error on the calibration examples is a number.
    """
    _, error, *_ = run.metrics
    if run.settings.calib is None and run.calibration.split.name == TRAINING:
        run.note(
            f"the soup is chosen on split {TRAINING!r}, where networks that were trained on it do"
            " better than elsewhere; --calib or --calib-split names other examples"
        )

    def costs(networks: Sequence[Weights]) -> Array:
        scores = run.evaluate(networks, [run.calibration.split], description="soup")
        return error.as_cost(scores.values(error)[0])

    def soup(chosen: Sequence[int]) -> tuple[list[Weights], list[float]]:
        return [part.networks[n] for n in chosen], [part.counts[n] for n in chosen]

    alone = costs(part.networks)
    if not np.isfinite(alone).any():
        raise UnjudgedError("of no network is the error on the calibration examples a number")
    choice = greedy(alone, lambda chosen: float(costs([run.batchnorm.mean(*soup(chosen))])[0]))
    chosen, counts = soup(choice.included)
    names = [letters(run.count)[index] for index in part.indices]
    group = _group(names, error.as_cost(alone), choice)
    weights = chosen[0] if len(chosen) == 1 else weighted_mean(chosen, counts)
    counted = [0.0] * run.count
    for number in choice.included:
        counted[part.indices[number]] = part.counts[number]
    return Merged(weights, {"merge/soup": group}, counts=tuple(counted))


def _group(names: Sequence[str], alone: Array, choice: Choice) -> Group:
    """Return the networks in the order they were tried, and which of them are in."""
    included, soup = METRICS
    tried = [names[number] for number in choice.order]
    return Group(
        {
            "network": Variable(np.array(tried, dtype=object), ("network",), long_name="network"),
            "alone": Variable(
                alone[list(choice.order)],
                ("network",),
                long_name="error on the calibration examples",
            ),
            "tried": Variable(
                choice.tried, ("network",), long_name="that error of the soup with the network"
            ),
            "included": Variable(
                np.array([int(number in choice.included) for number in choice.order]),
                ("network",),
                long_name=included.meaning,
                metric=included.name,
            ),
            "size": Variable(
                np.array(len(choice.included)), long_name=soup.meaning, metric=soup.name
            ),
        }
    )
