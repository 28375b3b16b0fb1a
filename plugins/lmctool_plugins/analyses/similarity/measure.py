"""Comparing what networks put out at their layers, in one pass over each split."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lmctool.api import Group, LmctoolError, Result, Variable
from lmctool.api.advanced import (
    exact_products,
    indivisible,
    nearest_names,
    numbered,
    selected_names,
)
from lmctool_plugins.analyses.similarity.alignments import OfAllExamples, OfMinibatches
from lmctool_plugins.analyses.similarity.kernel import LEAST
from lmctool_plugins.analyses.similarity.networks import PAIRS, compared
from lmctool_plugins.analyses.similarity.summary import GRID, LAYERS, LOWEST, alike, lowest
from lmctool_plugins.analyses.similarity.units import MatchedUnits, narrow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from torch import Tensor

    from lmctool.api import Array, Run, Split, Weights
    from lmctool.api.advanced import Target
    from lmctool_plugins.analyses.similarity.alignments import KernelAlignments, Pair

MINIBATCH = 128
"""Examples of a minibatch where nobody says how many."""
FEATURES = 2048
"""Features of all layers of a network up to which HSIC is taken of all examples at once."""
DIMS = ("variant", "pair", "split", "layer")


class Place(NamedTuple):
    """A layer that is compared: its name, and where it is."""

    name: str
    target: Target


def measure(run: Run, layers: Sequence[str], pool: bool, minibatch: int | None) -> Result:
    """Compare the ends, and each path's midpoint with its ends, on every split.

    Raises:
        LmctoolError: there is no such layer, or a split has too few examples.
    """
    for split in run.splits:
        if len(split) < LEAST:
            raise LmctoolError(
                f"similarity needs {LEAST} examples or more, but of split {split.name!r} there are"
                f" {len(split)}; raise --limit or name another --split"
            )
    targets = run.resources.layer_outputs()
    places = _chosen([*map(Place, numbered([target.name for target in targets]), targets)], layers)
    taken = narrow([place.target.channels for place in places], len(PAIRS) * len(run.variant_names))
    _tell(run, places, taken)
    networks, pairs = compared(run.variants())
    every = list(dict.fromkeys(pair for own in pairs for pair in own))
    of = [[place.target.tap for place in places], pool, minibatch or 0, every]

    def found(split: Split) -> Mapping[str, Array]:
        def compute() -> dict[str, Array]:
            with indivisible(minibatch or MINIBATCH, "--minibatch"):
                return _compared(run, networks, every, places, taken, split, pool, minibatch)

        return run.kept("similarity", compute, networks=networks, splits=[split], of=of)

    each = run.map(run.splits, found, key=lambda split: split.name, description="splits")
    rows = [[every.index(pair) for pair in own] for own in pairs]
    return _result(run, places, each, rows, pool)


def _chosen(places: Sequence[Place], words: Iterable[str]) -> list[Place]:
    """Return the layers that words name, in the order of the network; all without a word.

    Raises:
        LmctoolError: a word names none, or can be read in two ways.
    """
    names = [place.name for place in places]
    several = [word for text in words for word in text.split(",") if word]
    chosen: set[str] = set()
    for word in several:
        found = selected_names(word, names)
        if not found:
            near = nearest_names(word, names)
            hint = f"; nearest: {', '.join(map(repr, near))}" if near else ""
            raise LmctoolError(
                f"--layers names {word!r}, but no layer or block is called so or matches it{hint};"
                f" there are: {', '.join(names)}"
            )
        chosen.update(found)
    return [place for place in places if not several or place.name in chosen]


def _tell(run: Run, places: Sequence[Place], taken: Sequence[bool]) -> None:
    """Say which layers have no Procrustes distance."""
    without = [place.name for place, own in zip(places, taken, strict=True) if not own]
    if without:
        run.note(
            f"covariances of all units would not fit in 2 GiB: {len(without)} of the widest layers"
            f" have no Procrustes distance ({', '.join(without[:4])}"
            f"{', ...' if len(without) > 4 else ''}); choose fewer with --layers"
        )


def _compared(
    run: Run,
    networks: Sequence[Weights],
    pairs: Sequence[Pair],
    places: Sequence[Place],
    taken: Sequence[bool],
    split: Split,
    pool: bool,
    minibatch: int | None,
) -> dict[str, Array]:
    """Return the numbers of every pair on a split.

    ``cka`` is (pair, layer, other), ``correlation`` and ``procrustes`` (pair, layer); ``features``
    (layer,) says how many numbers an example has there, ``at_once`` () of how many examples one
    HSIC is.
    """
    targets = [place.target for place in places]
    units = MatchedUnits(pairs, taken)
    alignments: KernelAlignments | None = None
    features: list[int] = []
    at_once = minibatch or MINIBATCH
    for batch in run.activations(networks, targets, split, at_once):
        for network, shown in enumerate(batch):
            values = [_pooled(shown[target.tap], pool) for target in targets]
            if alignments is None:
                features = [value[0].numel() for value in values]
                whole = minibatch is None and sum(features) <= FEATURES
                alignments = OfAllExamples(pairs) if whole else OfMinibatches(pairs)
                at_once = len(split) if whole else min(at_once, len(split))
            with exact_products(run.device):
                alignments.show(network, [value.flatten(1) for value in values])
                units.show(network, [value.flatten(0, 1) for value in values])
        if alignments is not None:
            with exact_products(run.device):
                alignments.add_batch()
    if alignments is None:
        raise ValueError("a split without examples")
    correlations, distances = zip(*map(units.of, pairs), strict=True)
    return {
        "cka": np.stack([alignments.of(pair).cpu().numpy() for pair in pairs]),
        "correlation": np.array(correlations),
        "procrustes": np.array(distances),
        "features": np.array(features),
        "at_once": np.array(at_once),
    }


def _pooled(value: Tensor, pool: bool) -> Tensor:
    """Return (example, position, unit), if asked with the mean over positions as the only one."""
    return value.mean(1, keepdim=True) if pool else value


def _result(
    run: Run,
    places: Sequence[Place],
    each: Sequence[Mapping[str, Array]],
    rows: Sequence[Sequence[int]],
    pool: bool,
) -> Result:
    """Return the result.

    Args:
        run: the run.
        places: the layers.
        each: the numbers of each split.
        rows: (variant, pair) the number of each pair among those of a split.
        pool: whether units were averaged over positions.
    """
    grid, correlation, procrustes = (
        np.moveaxis(np.stack([own[name][np.array(rows)] for own in each]), 0, 2)
        for name in ("cka", "correlation", "procrustes")
    )
    dims = {
        "variant": _names("variant", run.variant_names),
        "pair": _names("pair", PAIRS),
        "split": _names("split", [split.name for split in run.splits]),
    }
    layer = _names("layer", [place.name for place in places])
    depth = Variable(np.arange(1, len(places) + 1), ("layer",), long_name="depth")
    kinds = _names("layer", [place.target.kind for place in places], "what puts it out")
    units = np.array([place.target.channels for place in places])
    at_once = np.array([int(own["at_once"]) for own in each])
    attributes = {"pooled": int(pool), "batchnorm": run.settings.batchnorm}
    squares = Variable(grid, (*DIMS, "other"), long_name="CKA of a layer with another's")
    own = {
        "kind": kinds,
        "units": Variable(units, ("layer",), long_name="units"),
        "features": Variable(each[0]["features"], ("layer",), long_name="numbers of an example"),
        "at_once": Variable(at_once, ("split",), long_name="examples of an HSIC at most"),
        "correlation": Variable(
            correlation,
            DIMS,
            long_name="mean correlation of matched units",
            metric="similarity.correlation",
        ),
        "procrustes": Variable(
            procrustes,
            DIMS,
            long_name="orthogonal Procrustes distance",
            metric="similarity.procrustes",
        ),
    }
    along = {**dims, "layer": layer, "layer_position": depth}
    same = alike(grid)
    return Result(
        "similarity",
        {
            LAYERS: Group({**along, **own, "cka": same}, attributes),
            GRID: Group({**along, "cka": squares}, attributes),
            LOWEST: Group({**dims, **lowest(same, layer)}, attributes),
        },
    )


def _names(dim: str, names: Sequence[str], meaning: str = "") -> Variable:
    return Variable(np.array(names, dtype=object), (dim,), long_name=meaning or dim)
