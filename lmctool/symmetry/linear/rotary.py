"""Queries and keys under rotary position encodings: each plane may be rotated and scaled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmctool.graph.operations import operation
from lmctool.symmetry.axis_form import groups_of, has_fixed
from lmctool.symmetry.linear import structure
from lmctool.symmetry.linear.evaluation import evaluated
from lmctool.symmetry.linear.layer import Layer, layer_of
from lmctool.symmetry.linear.path import (
    NoPathError,
    Path,
    layer_before,
    learned_nodes,
    path_to,
)
from lmctool.symmetry.linear.scores import Scores, scores
from lmctool.symmetry.linear.spec import LinearGroup
from lmctool.symmetry.linear.trace import readings
from lmctool.symmetry.linear.transform import rotations
from lmctool.symmetry.spec import Tap
from lmctool.symmetry.unit_index import UnitIndex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmctool.graph.graph import Graph
    from lmctool.symmetry.spec import PermutationSpec

ROUNDING = 1e-5
"""How far scores may differ, relative to the greatest: models compute angles in float32."""


@dataclass(frozen=True, slots=True, eq=False)
class Heads:
    """The heads of queries or of keys.

    Attributes:
        path: their way from a layer to the scores.
        rows: (head, unit) int64: the rows of the layer that write each head.
        compared: (head of the scores,) int64: which head is compared there.
    """

    path: Path
    rows: Tensor
    compared: Tensor


def rotary_groups(
    graph: Graph, permutations: PermutationSpec
) -> Iterator[tuple[str, LinearGroup | str]]:
    """Give each group of rotations, or why there is none, with the tensor that writes the queries.

    Args:
        graph: the graph.
        permutations: what may be permuted in it.
    """
    learned = learned_nodes(graph)
    for pair in scores(graph, learned):
        try:
            query = _heads(pair, path_to(graph, pair.query, pair.units, learned))
            key = _heads(pair, path_to(graph, pair.key, pair.units, learned))
            planes = _planes(query, key)
            if planes is None:
                continue
            _check_turned(graph, pair, query, key, planes)
            _check_alone(graph, pair, query, key)
            group = _group(graph, permutations, query, key, planes)
            yield group.places[0].tensor, group
        except NoPathError as cause:
            layer = layer_of(graph, layer_before(pair.query, learned))
            name = graph.tensors[layer.weight.name] if layer is not None else ""
            if layer is not None and has_fixed(permutations.tensors[name][layer.rows]):
                yield name, str(cause)


def _heads(pair: Scores, path: Path) -> Heads:
    """Return the heads that an operand of scores holds.

    Raises:
        NoPathError: a vector there is made of several.
    """
    least, greatest = path.labels(path.rows[..., :1].expand(path.rows.shape))
    if not torch.equal(*structure.compact(least, greatest)):
        raise NoPathError("its heads are mixed")
    labels = pair.keys(least) if path.end is pair.key else least
    if structure.varies(labels, -1) or structure.varies(labels, -2):
        raise NoPathError("its heads are mixed")
    (rows,) = structure.compact(path.rows)
    rows = rows.reshape(-1, rows.shape[-1]).unique(dim=0)  # type: ignore[no-untyped-call]
    rows = rows[rows[:, 0].argsort()]
    compared = torch.searchsorted(rows[:, 0].contiguous(), labels[..., 0, 0].contiguous())
    return Heads(path, rows - 1, compared)


def _planes(query: Heads, key: Heads) -> Tensor | None:
    """Return (plane, 2): the units that are mixed with each other; None if none are.

    Raises:
        NoPathError: they are mixed in another way than two by two.
    """
    made: list[Tensor] = []
    for path in (query.path, key.path):
        size = path.rows.shape
        least, greatest = path.labels(structure.along(torch.arange(1, size[-1] + 1), -1, size))
        both = torch.stack(structure.compact(least, greatest)).flatten(1)
        pairs = both.unique(dim=1).T - 1  # type: ignore[no-untyped-call]
        made.append(pairs[pairs[:, 0] < pairs[:, 1]])
    if not any(map(len, made)):
        return None
    planes = made[0]
    if not torch.equal(*made) or len({*planes.flatten().tolist()}) < planes.numel():
        raise NoPathError("its units are mixed by more than rotations of planes")
    return planes


def _check_turned(graph: Graph, pair: Scores, query: Heads, key: Heads, planes: Tensor) -> None:
    """Check that scores stay if planes of queries and of keys are rotated and scaled.

    Raises:
        NoPathError: they don't, or it can't be told.
    """
    generator = torch.Generator().manual_seed(0)
    factors = evaluated(graph, query.path.factors | key.path.factors, generator)
    if factors is None:
        raise NoPathError("examples decide how its units are rotated")

    def normal(*size: int) -> Tensor:
        return torch.randn(size, generator=generator, dtype=torch.float64)

    matrix = torch.eye(pair.units, dtype=torch.float64)
    turned = planes.flatten()
    cosine, sine = normal(2, 1, len(planes))
    order = torch.arange(planes.numel()).view(-1, 2)
    matrix[turned[:, None], turned] = rotations(cosine, sine, order)[0]
    queries, keys = (normal(*each.path.rows.shape) for each in (query, key))
    before, after = (
        pair.products(query.path.value(q, factors), key.path.value(k, factors))
        for q, k in ((queries, keys), (queries @ matrix.T, keys @ torch.linalg.inv(matrix)))
    )
    if not torch.allclose(before, after, 0, ROUNDING * float(before.abs().max())):
        raise NoPathError("what is between its layer and the attention is no rotation of planes")


def _check_alone(graph: Graph, pair: Scores, query: Heads, key: Heads) -> None:
    """Check that nothing but scores reads the heads.

    Raises:
        NoPathError: something else does.
    """
    own = {*query.path.nodes, *key.path.nodes, pair.node}
    for path in (query.path, key.path):
        size = structure.shape(path.layer)
        rows = structure.along(torch.arange(1, size[-1] + 1), len(size) - 1, size)
        mixed = [each for each in path.nodes if not structure.is_structural(each)]
        read = [
            r.node for r in readings(graph.nodes, path.layer, rows * torch.isin(rows, path.rows))
        ]
        later = [user for node in mixed for user in node.users if structure.has_values(user)]
        for node in (*read, *later):
            if node not in own:
                raise NoPathError(f"{operation(node)} reads its units, too ({node.name})")


def _group(
    graph: Graph, permutations: PermutationSpec, query: Heads, key: Heads, planes: Tensor
) -> LinearGroup:
    """Return the group of rotations of the planes of queries and keys.

    Raises:
        NoPathError: something else depends on what they act on.
    """
    units = planes.flatten().sort().values
    sharing = _sharing(query, key)
    written = query.rows[sharing][..., units].movedim(-1, 1).flatten(0, 1)
    read = key.rows[:, units].flatten()[:, None]
    sides = ((query, written, 1), (key, read, -1))
    layers = [_layer(graph, permutations, heads) for heads in (query, key)]
    return LinearGroup(
        kind="rotation",
        size=len(units),
        count=len(key.rows),
        places=tuple(
            place
            for layer, (_, positions, power) in zip(layers, sides, strict=True)
            for place in layer.places(graph, positions, power)
        ),
        outer=_outer(graph, permutations, key, layers[1]),
        planes=torch.searchsorted(units, planes),
        taps=tuple(
            Tap(layer.node.name, UnitIndex((len(structure.shape(layer.node)) - 1,), positions))
            for layer, (_, positions, _) in zip(layers, sides, strict=True)
        ),
    )


def _sharing(query: Heads, key: Heads) -> Tensor:
    """Return (head of keys, place) int64: the heads of queries that share each head of keys.

    Raises:
        NoPathError: one doesn't compare with one alone, or they don't share evenly.
    """
    size = torch.broadcast_shapes(key.compared.shape, query.compared.shape)  # type: ignore[no-untyped-call]
    both = [heads.compared.expand(size).flatten() for heads in (key, query)]
    pairs = torch.stack(both).unique(dim=1)  # type: ignore[no-untyped-call]
    counts = pairs[0].bincount(minlength=len(key.rows))
    if len(pairs[1].unique()) < pairs.shape[1] or (counts != counts[0]).any():
        raise NoPathError("heads of queries and of keys are not compared one by one")
    sharing: Tensor = pairs[1].view(len(key.rows), -1)
    return sharing


def _layer(graph: Graph, permutations: PermutationSpec, heads: Heads) -> Layer:
    """Return the layer of some heads, of which nothing else depends.

    Raises:
        NoPathError: something does.
    """
    layer = layer_of(graph, heads.path.layer)
    if layer is None or not layer.is_alone(graph):
        raise NoPathError("the weight of its layer is computed, or read elsewhere, too")
    return layer


def _outer(graph: Graph, permutations: PermutationSpec, key: Heads, layer: Layer) -> str:
    """Return the permutation group of the heads of keys; empty where they stay."""
    name = graph.tensors[layer.weight.name]
    forms = permutations.tensors[name]
    rows = key.rows.sort().values
    for group, indices in permutations.unit_indices({*groups_of(forms[layer.rows])}, forms).items():
        for index in indices:
            if index.axes == (layer.rows,) and torch.equal(index.positions.sort().values, rows):
                return group
    return ""
