"""The barriers of parts by shares of the examples, each with an interval for all of them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api.advanced import bounds, share_attributes, share_group
from lmctool_plugins.analyses.layerwise.networks import refuse_nan
from lmctool_plugins.analyses.layerwise.summary import FULL, OVER, WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lmctool.api import Array, Group, Scores, Split
    from lmctool.api.advanced import Growing, Sampled
    from lmctool_plugins.analyses.layerwise.networks import Networks


def grown(growing: Growing, networks: Networks) -> Sampled:
    """Return what shares of the examples tell of the curve of each part, and of the full path.

    Raises:
        UnjudgedError: a loss on the way isn't a number.
    """
    members = list(networks.member.reshape(-1, len(networks.alpha)))
    return growing.grown(networks.alpha, members, partial(_measure, growing, networks))


def _measure(
    growing: Growing, networks: Networks, numbers: NDArray[np.intp], block: Split
) -> Scores:
    """Return the scores of networks by number on a block, per example."""
    run, variant, name = growing.run, networks.variant, block.name
    ends, end = run.scores(variant.ends, [block]), networks.end[numbers]
    scores, new = ends, np.flatnonzero(end < 0)
    losses, errors = ends.losses[name][end], ends.errors[name][end]
    if len(new):
        others = networks.of(numbers[new])
        what = f"parts {variant.name}"
        scores = run.evaluate(others, [block], per_example=True, description=what)
        losses[new], errors[new] = scores.losses[name], scores.errors[name]
        refuse_nan(scores.loss[0], variant, name)
    return replace(scores, losses={name: losses}, errors={name: errors})


def curves_of(sampled: Sampled, growing: Growing, rests: int) -> dict[str, tuple[Array, Array]]:
    """Return the metrics of each part's curve (rest, split, part, alpha), and (split, alpha)."""
    return {
        metric.name: (_parts(values[:-1], rests), values[-1])
        for metric, values in zip(growing.metrics, sampled.values, strict=True)
    }


def add_share(groups: dict[str, Group], samples: Sequence[Sampled], growing: Growing) -> None:
    """Add the bounds of barriers, and of how many examples they are, to the groups of a result.

    Args:
        groups: the groups.
        samples: what was found of each variant.
        growing: what found it.
    """
    attributes = share_attributes(growing)
    for path in ("layerwise/curve", "layerwise/full", "layerwise/summary"):
        group = groups[path]
        groups[path] = replace(group, attributes={**group.attributes, **attributes})
    curve = groups["layerwise/curve"].variables
    rests = len(curve["rest"].values)
    for path, dims, (whose, public), part in (
        ("summary", OVER, ("the part's", "layerwise."), True),
        ("full", WHOLE, FULL, False),
    ):

        def of(values: Sequence[NDArray[Any]], part: bool = part) -> NDArray[Any]:
            """Return values (curve, split, ...) of each variant at the places of the dims."""
            chosen = [_parts(each[:-1], rests) if part else each[-1] for each in values]
            return np.stack(chosen)

        variables = dict(groups[f"layerwise/{path}"].variables)
        for number, metric in enumerate(growing.metrics):
            both = np.stack([of([each.bounds[end, number] for each in samples]) for end in (0, 1)])
            variables |= bounds(
                f"barrier_{metric.name}",
                both,
                dims,
                metric,
                f"barrier of {whose} {metric.name}",
                f"{public}barrier_{metric.name}",
            )
        whole = groups[f"layerwise/{path}"]
        groups[f"layerwise/{path}"] = replace(whole, variables=variables)
        coordinates = {name: curve[name] for name in (*dims, "alpha")}
        counts, looks = (of([getattr(s, what) for s in samples]) for what in ("counts", "looks"))
        name = "share" if part else "full_share"
        groups[f"layerwise/{name}"] = share_group(growing, coordinates, counts, looks)


def _parts(values: NDArray[Any], rests: int) -> NDArray[Any]:
    """Return values (rest * part, split, ...) as (rest, split, part, ...)."""
    return values.reshape(rests, -1, *values.shape[1:]).swapaxes(1, 2)
