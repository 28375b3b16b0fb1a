"""The panels of a figure of several results: what each is of, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool.report.curve_panels import SPLIT, VARIANT
from lmctool.report.several.series import FILE, METRIC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.report.several.series import Quantity, Series

KINDS = (VARIANT, SPLIT, METRIC, FILE)
"""What panels can be of."""
DEFAULT = (METRIC, SPLIT)


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        quantity: what its values are of.
        title: what stands above it.
        series: its lines or bars.
    """

    quantity: Quantity
    title: str
    series: tuple[Series, ...]


def panels_of(series: Sequence[Series], kinds: Sequence[str]) -> list[Panel]:
    """Return panels of lines or bars.

    Args:
        series: all of them.
        kinds: what a panel is of, some of ``KINDS``; it is always of one metric.
    """
    dims = [kind for kind in kinds if kind != METRIC]
    by_key: dict[tuple[Quantity, tuple[str, ...]], list[Series]] = {}
    for each in series:
        key = each.quantity, tuple(each.where.get(dim, "") for dim in dims)
        by_key.setdefault(key, []).append(each)
    order = list(dict.fromkeys(each.quantity for each in series))
    keys = sorted(by_key, key=lambda key: order.index(key[0]))
    return [Panel(key[0], _title(by_key[key], dims), tuple(by_key[key])) for key in keys]


def _title(series: Sequence[Series], dims: Sequence[str]) -> str:
    """Return what tells a panel from others: ``align: error on test``."""
    own = [series[0].where.get(dim, "") for dim in dims if dim != SPLIT]
    splits = {each.where.get(SPLIT, "") for each in series}
    quantity = series[0].quantity.title
    if len(splits) == 1 and (split := min(splits)):
        quantity = f"{quantity} on {split}"
    return ": ".join(filter(None, [", ".join(filter(None, own)), quantity]))
