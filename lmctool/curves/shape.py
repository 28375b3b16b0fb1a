"""The shape of a curve along a path: monotone, plateau or barrier.

Vlaar and Frankle (ICML 2022, section 3.2) see three shapes of the loss from an initial to a final
state: it falls all the way, it stays at its initial level until near the end, or it rises
somewhere, which they call a barrier.  How far it rises is the number of Lucas et al. 2021
(arXiv:2104.11044):

    Delta = max(0, max over i < j of L_j - L_i)

over the points of the grid, the last one included.  The thresholds of ``ShapeRule`` are ours;
neither paper states any.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from lmctool.results.rounding import SHARE, slack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class ShapeRule:
    """What counts as a rise, and as staying at the initial level.

    The first of these that holds is the shape of a curve:

    1. ``barrier``: a value lies above the lowest value before it by more than ``rise`` times
       that lowest value, and by more than ``least_loss`` or ``least_error``.
    2. ``plateau``: the last value lies below the first one by as much as would count as a rise
       from the last, and no value lies below the first one by more than ``plateau_level`` times
       that fall from the first point through some point at ``plateau_until`` or later.
    3. ``monotone``: no rise that counts.  A curve that stays level to its end is monotone too.

    Attributes:
        rise: a share of the lowest value before.
        least_loss: in nats.
        least_error: a share of examples.
        plateau_level: a share of the fall from the first value to the last.
        plateau_until: an alpha.
    """

    rise: float = 0.05
    least_loss: float = 0.01
    least_error: float = 0.005
    plateau_level: float = 0.1
    plateau_until: float = 0.5

    def shapes(self, metric: str, alpha: Array, values: Array) -> Array:
        """Return the shape of each curve as text.

        Args:
            metric: ``loss`` or ``error``.
            alpha: (alpha,) rising from 0 to 1.
            values: (..., alpha) of that metric.

        Returns:
            (...) objects: ``monotone``, ``plateau`` or ``barrier``.
        """
        import numpy as np

        least = self.least_loss if metric == "loss" else self.least_error
        rounding = _rounding(metric)
        first, last = values[..., 0], values[..., -1]
        lowest = np.minimum.accumulate(values, axis=-1)
        rises = values > lowest + np.maximum(self.rise * lowest, least) + rounding
        falls = first > last + np.maximum(self.rise * last, least) + rounding
        stays = self.level_until(metric, alpha, values) >= self.plateau_until
        names = np.where(
            rises.any(axis=-1), "barrier", np.where(falls & stays, "plateau", "monotone")
        )
        return names.astype(object)

    def level_until(self, metric: str, alpha: Array, values: Array) -> Array:
        """Return the alpha up to which each curve stays at its initial level.

        Args:
            metric: ``loss`` or ``error``.
            alpha: (alpha,) rising from 0 to 1.
            values: (..., alpha) of that metric.
        """
        return level_until(alpha, values, self.plateau_level, _rounding(metric))

    def notes(self) -> tuple[str, ...]:
        """Return the rule in words, as notes of a table."""
        return (
            f"barrier: a rise of more than {self.rise:.4g} times the lowest value before it, and"
            f" of more than {self.least_loss:.4g} nats or {self.least_error:.2%}",
            f"plateau: within {self.plateau_level:.4g} of the whole fall below A until alpha"
            f" {self.plateau_until:.4g} or later; monotone: all other curves",
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


def _rounding(metric: str) -> float:
    """Return how far values may be apart by rounding: shares are often equal, losses never."""
    return slack(SHARE) if metric == "error" else 0.0


def level_until(alpha: Array, values: Array, level: float, rounding: float = 0.0) -> Array:
    """Return the alpha up to which each curve stays at its initial level.

    Args:
        alpha: (alpha,) rising from 0 to 1.
        values: (..., alpha).
        level: how far below its first value a curve may go, as a share of the fall from its
            first value to its last; a curve that does not fall may not go below at all.
        rounding: how far below that it may be without being so.

    Returns:
        (...) an alpha of the grid.
    """
    import numpy as np

    fall = np.maximum(values[..., :1] - values[..., -1:], 0)
    least = values[..., :1] - level * fall - rounding
    above = np.logical_and.accumulate(values >= least, axis=-1)
    last: Array = alpha[above.sum(axis=-1) - 1]
    return last


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
            "Greatest fall along a plateau, as a share of the curve's whole fall.",
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
