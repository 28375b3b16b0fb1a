"""The shape of a curve along a path: monotone, plateau or barrier.

Vlaar and Frankle (ICML 2022, section 3.2) see three shapes of the loss from an initial to a final
state: it falls all the way, it stays at chance, where it starts, until near the end, or it rises
somewhere, which they call a barrier.  How far it rises is the number of Lucas et al. 2021
(arXiv:2104.11044):

    Delta = max(0, max over i < j of L_j - L_i)

over the points of the grid, the last one included.  The thresholds of ``ShapeRule`` are ours;
neither paper states any.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from lmctool.results.rounding import SHARE, slack
from lmctool.results.text import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lmctool.results.score_metric import ScoreMetric

    Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class ShapeRule:
    """What counts as a rise, and as staying at the initial level.

    The first of these that holds is the shape of a curve:

    1. ``barrier``: a value lies above the lowest value before it by more than ``rise`` times
       that lowest value, and by more than ``least_loss`` or ``least_error``.
    2. ``plateau``: the last value lies below the first one by as much as would count as a rise
       from the last, and no value lies below the first one by more than ``plateau_level`` times
       that fall from the first point through some point at ``plateau_until`` or later.  Of a curve
       that starts above chance, the value of the best constant answer, the same with chance in
       the place of the first value is a plateau as well, provided that the curve is down at that
       level by half of the alpha that it stays there until.
    3. ``monotone``: no rise that counts.  A curve that stays level to its end is monotone too.

    Attributes:
        rise: a share of the lowest value before.
        least_loss: in nats.
        least_error: a share of examples.
        plateau_level: a share of the fall from the first value, or from chance, to the last.
        plateau_until: an alpha.
    """

    rise: float = 0.05
    least_loss: float = 0.01
    least_error: float = 0.005
    plateau_level: float = 0.1
    plateau_until: float = 0.5

    def least(self, metric: ScoreMetric) -> float:
        """Return the height that a rise has to exceed to count, in the unit of a metric.

        That of the error goes for every share and whatever else has a greatest value, that of the
        loss for the others.
        """
        return self.least_error if _like_error(metric) else self.least_loss

    def shapes(
        self, metric: ScoreMetric, alpha: Array, values: Array, chance: Array | float = math.nan
    ) -> Array:
        """Return the shape of each curve as text; a rise is one to the worse.

        Args:
            metric: what the values are of.
            alpha: (alpha,) rising from 0 to 1.
            values: (..., alpha).
            chance: (...) or what broadcasts to it: the value of the best constant answer, NaN
                where it isn't known.

        Returns:
            (...) objects: ``monotone``, ``plateau`` or ``barrier``; ``unknown`` where a value is
            no number.
        """
        import numpy as np

        least, rounding = self.least(metric), _rounding(metric)
        values, chance = metric.as_cost(values), metric.as_cost(np.asarray(chance))
        lowest = np.minimum.accumulate(values, axis=-1)
        rises = values > lowest + np.maximum(self.rise * lowest, least) + rounding
        last = values[..., -1]
        bottom = last + np.maximum(self.rise * last, least) + rounding
        plateau = np.zeros(last.shape, dtype=bool)
        for top, until in zip(*self._levels(rounding, alpha, values, chance), strict=True):
            plateau |= (top > bottom) & (until >= self.plateau_until)
        names = np.where(rises.any(axis=-1), "barrier", np.where(plateau, "plateau", "monotone"))
        return np.where(np.isnan(values).any(axis=-1), "unknown", names).astype(object)

    def level_until(
        self, metric: ScoreMetric, alpha: Array, values: Array, chance: Array | float = math.nan
    ) -> Array:
        """Return the alpha up to which each curve stays at its initial level, or at chance.

        Args:
            metric: what the values are of.
            alpha: (alpha,) rising from 0 to 1.
            values: (..., alpha).
            chance: as ``shapes`` takes it.
        """
        import numpy as np

        values, chance = metric.as_cost(values), metric.as_cost(np.asarray(chance))
        _, untils = self._levels(_rounding(metric), alpha, values, chance)
        latest: Array = untils.max(axis=0)
        return latest

    def _levels(
        self, rounding: float, alpha: Array, values: Array, chance: Array
    ) -> tuple[Array, Array]:
        """Return two levels of each curve, and until when it stays there: (level, ...) both.

        The first is its initial level; the second chance, where the curve comes down to it.
        """
        import numpy as np

        first = values[..., 0]
        tops = np.stack([first, np.broadcast_to(chance, first.shape)])
        untils, since = _stays(tops, alpha, values, self.plateau_level, rounding)
        untils[1] *= (first > tops[1]) & (2 * since[1] <= untils[1])
        return tops, untils

    def notes(self, metrics: Sequence[ScoreMetric]) -> tuple[str, ...]:
        """Return the rule in words, as notes of a table of some metrics, of which one is a loss."""
        unit = next(metric.unit for metric in metrics if metric.name == "loss")
        least = f"{self.least_loss:.4g}" + ("" if unit == "1" else f" {unit}s")
        if any(map(_like_error, metrics)):
            least += f" or {percent(self.least_error)}"
        return (
            f"barrier: a rise of more than {self.rise:.4g} times the lowest value before it, and"
            f" of more than {least}",
            f"plateau: within {self.plateau_level:.4g} of the whole fall below A, or from early on"
            f" at chance, until alpha {self.plateau_until:.4g} or later; monotone: any other",
        )


def draw_up(values: Array) -> Array:
    """Return the largest rise of each curve from any point to a later one (Delta), or 0.

    Args:
        values: (..., alpha).

    Returns:
        (...) in the unit of the values.
    """
    import numpy as np

    rise: Array = (values - np.minimum.accumulate(values, axis=-1)).max(axis=-1)
    return rise


def _like_error(metric: ScoreMetric) -> bool:
    return metric.share or math.isfinite(metric.high)


def _rounding(metric: ScoreMetric) -> float:
    """Return how far values may be apart by rounding: shares are often equal, losses never."""
    return slack(SHARE) if _like_error(metric) else 0.0


def _stays(
    top: Array, alpha: Array, values: Array, level: float, rounding: float
) -> tuple[Array, Array]:
    """Return until when each curve does not go below a level, and since when it is down to it.

    Args:
        top: (...) the level.
        alpha: (alpha,) rising from 0 to 1.
        values: (..., alpha), or what broadcasts to it.
        level: how far from it a curve may be, as a share of the fall from it to the last value; a
            curve that does not fall may not go below at all.
        rounding: how much farther it may be.

    Returns:
        (...) an alpha of the grid, the first for a curve that begins below; and (...) one, or
        infinity for a curve that does not come down to it.
    """
    import numpy as np

    reach = level * np.maximum(top - values[..., -1], 0) + rounding
    above = np.logical_and.accumulate(values >= (top - reach)[..., None], axis=-1)
    near = values <= (top + reach)[..., None]
    until = alpha[np.maximum(above.sum(axis=-1) - 1, 0)]
    since = np.where(near.any(axis=-1), alpha[near.argmax(axis=-1)], np.inf)
    return until, since


def shape_options() -> tuple[click.Option, ...]:
    """Return the options of a ``ShapeRule``, which takes their values by name."""
    share, rule = click.FloatRange(0, 1), ShapeRule()
    options: tuple[tuple[str, click.FloatRange, str], ...] = (
        (
            "rise",
            click.FloatRange(min=0),
            "Least rise of a barrier, as a multiple of the lowest value before it.",
        ),
        (
            "least_loss",
            click.FloatRange(min=0),
            "Least rise of a barrier of loss in nats, beside --rise.",
        ),
        (
            "least_error",
            share,
            "Least rise of a barrier of error as a share of examples, beside --rise.",
        ),
        (
            "plateau_level",
            share,
            "Greatest fall along a plateau, as a share of the whole fall from it.",
        ),
        ("plateau_until", share, "Least alpha that a plateau reaches."),
    )
    return tuple(
        click.Option(
            [f"--{name.replace('_', '-')}"],
            type=kind,
            default=getattr(rule, name),
            show_default=True,
            help=text,
        )
        for name, kind, text in options
    )
