"""A variance result as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Table

if TYPE_CHECKING:
    from lmctool.api import Result


def tabulate(result: Result) -> Table:
    """Show each layer's correlation and its variance ratios."""
    layers, pairs = (result.groups[f"variance/{name}"].variables for name in ("layers", "pairs"))
    variants, alpha = layers["variant"].values, layers["alpha"].values
    own = pairs["variant"].values
    many = len(alpha) > 1
    columns = [f"corr {name}" for name in own]
    columns += [f"{name} {x:g}" if many else str(name) for name in variants for x in alpha]
    columns += [f"goal {x:g}" if many else "goal" for x in alpha]
    rows = []
    for place, layer in enumerate(layers["layer"].values):
        ratios = [*layers["ratio"].values[:, :, place].flat, *pairs["goal"].values[-1, :, place]]
        rows.append(
            (
                *(str(layer), str(layers["units"].values[place])),
                *(f"{value:.3f}" for value in pairs["correlation"].values[:, place]),
                *(f"{value:#.3g}" for value in ratios),  # a collapse spans orders of magnitude
            )
        )
    at = "alpha " + ", ".join(f"{x:g}" for x in alpha)
    notes = (
        "corr: mean correlation of matched units; goal: the ratio that REPAIR sets"
        + (f" on {own[-1]!r}" if len(own) > 1 else ""),
    )
    title = f"Variance over the mean of the ends', {at}"
    return Table(title, ("layer", "channels", *columns), tuple(rows), notes)
