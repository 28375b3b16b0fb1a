"""A similarity result as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Table
from lmctool_plugins.analyses.similarity.networks import PAIRS
from lmctool_plugins.analyses.similarity.summary import LAYERS, LOWEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lmctool.api import Result, Variable

ENDS, MIDPOINT = PAIRS.index("A-B"), PAIRS.index("A-midpoint")


def tabulate(result: Result) -> Table:
    """Show each layer's CKA, correlation and Procrustes distance: of the ends, and of A with it."""
    layers = result.groups[LAYERS].variables
    variants, splits = ([str(name) for name in layers[dim].values] for dim in ("variant", "split"))
    columns = [*_columns(variants)]
    many = len(splits) > 1
    rows = []
    for s, split in enumerate(splits):
        for place, layer in enumerate(layers["layer"].values):
            values = [layers[name].values[v, pair, s, place] for _, name, v, pair in columns]
            row = (str(layer), str(layers["units"].values[place]))
            rows.append(((split,) if many else ()) + row + tuple(f"{x:.3f}" for x in values))
    heads = (*(("split",) if many else ()), "layer", "units", *(head for head, *_ in columns))
    title = "Similarity of layers: CKA (cka), matched units (corr), Procrustes distance (dist)"
    notes = (
        "A-B: the ends; others: A and the midpoint of that path",
        *_lowest(result.groups[LOWEST].variables, variants, splits),
    )
    return Table(title, heads, tuple(rows), notes, keys=2 if many else 1)


def _columns(variants: Sequence[str]) -> Iterator[tuple[str, str, int, int]]:
    """Yield of each column its head, a variable, a variant and a pair.

    Permutations of units change neither CKA nor the distance of the ends, and a correction none of
    all three.
    """
    aligned = [v for v, name in enumerate(variants) if name in {"plain", "align"}]
    for word, name in (("cka", "cka"), ("corr", "correlation"), ("dist", "procrustes")):
        for v in aligned if name == "correlation" else [0]:
            yield f"{word} A-B" + (f" {variants[v]}" if v else ""), name, v, ENDS
        for v, variant in enumerate(variants):
            yield f"{word} {variant}", name, v, MIDPOINT


def _lowest(
    variables: Mapping[str, Variable], variants: Sequence[str], splits: Sequence[str]
) -> Iterator[str]:
    """Yield for each variant where its midpoint is least like A."""
    for s, split in enumerate(splits):
        for v, variant in enumerate(variants):
            value = variables["lowest_cka"].values[v, MIDPOINT, s]
            layer = variables["lowest_layer"].values[v, MIDPOINT, s]
            where = f" on {split}" if len(splits) > 1 else ""
            yield f"midpoint of {variant!r}{where}: CKA with A is lowest at {layer}, {value:.3f}"
