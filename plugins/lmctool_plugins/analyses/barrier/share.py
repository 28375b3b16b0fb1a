"""The barrier of every variant by a share of the examples, with an interval for all of them."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from lmctool.api import Group, LmctoolError, Result
from lmctool.api.advanced import Growing, Within, bounds, share_attributes, share_group
from lmctool_plugins.analyses.barrier.paths import Paths, attributes_of
from lmctool_plugins.analyses.barrier.summary import barriers, ends

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.api import Array, Run


def sampled_barriers(
    run: Run, alpha: Array, definition: str, within: str, of_all: Mapping[str, object]
) -> Result:
    """Look at the examples until the interval of each variant's barrier is narrow enough.

    Args:
        run: the run.
        alpha: (alpha,) rising from 0 to 1.
        definition: which barrier.
        within: how narrow.
        of_all: options that ask for every example, with their values.

    Raises:
        LmctoolError: one of these is given, or the run has no means over examples.
    """
    for option, value in of_all.items():
        if value:
            raise LmctoolError(
                f"{option} needs all examples at every point, and --within looks at a share of"
                " them; leave one of the two out"
            )
    growing = Growing(run, Within.of(within), definition)
    _, guesses = growing.ends()  # before the alignment, so that a wrong model is reported at once
    variants = run.variants()
    for guess, variant in product(guesses, variants):
        run.doubt(guess.reason, split=guess.split, variant=variant.name)
    curves, sampled = growing.follow(variants, alpha)
    splits = tuple(split.name for split in run.splits)
    paths = Paths(tuple(variant.name for variant in variants), splits, curves, definition)
    attributes = attributes_of(run, definition, [(guess.end, guess.split) for guess in guesses])
    attributes |= share_attributes(growing)
    curve = paths.curve()
    summary = paths.coordinates() | barriers(curve, growing.metrics, definition)
    for number, metric in enumerate(growing.metrics):
        name = metric.name
        summary |= bounds(
            f"barrier_{name}",
            sampled.bounds[:, number],
            ("variant", "split"),
            metric,
            f"barrier of the {name}",
            f"barrier.{name}",
        )
    groups = {"curve": curve, "summary": summary, "ends": ends(curve, growing.metrics)}
    complete = {
        f"barrier/{name}": Group(variables, attributes) for name, variables in groups.items()
    }
    places = paths.coordinates() | paths.alpha()
    complete["barrier/share"] = share_group(growing, places, sampled.counts, sampled.looks)
    return Result("barrier", complete)
