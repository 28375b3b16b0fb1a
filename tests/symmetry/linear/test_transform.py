"""Transforms of networks in canonical form: applied, inverted, composed, and told apart."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from lmctool.symmetry import Permutation, PermutationSpec
from lmctool.symmetry.axis_form import Fixed, Free, Product
from lmctool.symmetry.linear.canonical_spec import CanonicalSpec
from lmctool.symmetry.linear.place import Place
from lmctool.symmetry.linear.spec import LinearGroup, LinearSpec
from lmctool.symmetry.linear.transform import (
    LinearTransform,
    across_ones,
    act,
    conjugated,
    drawn,
    factors,
    identity_map,
    rotations,
    turned,
    unfit,
)
from lmctool.symmetry.unit_index import UnitIndex

HEADS, WIDTH, STREAM, UNITS = 3, 2, 4, 5
VALUES = Product((Free("heads", HEADS), Free("values", WIDTH)))
QUERIES = Product((Free("heads", HEADS), Fixed(4)))
PERMUTATIONS = PermutationSpec(
    groups={"stream": STREAM, "heads": HEADS, "values": WIDTH, "units": UNITS},
    per={"values": "heads"},
    tensors={
        "embed": (None, Free("stream", STREAM)),
        "query": (QUERIES, Free("stream", STREAM)),
        "key": (QUERIES, Free("stream", STREAM)),
        "value": (VALUES, Free("stream", STREAM)),
        "value_bias": (VALUES,),
        "out": (Free("stream", STREAM), VALUES),
        "up": (Free("units", UNITS), Free("stream", STREAM)),
        "down": (Free("stream", STREAM), Free("units", UNITS)),
        "head": (None, Free("stream", STREAM)),
    },
)
SHAPES = {
    "embed": (6, STREAM),
    "query": (HEADS * 4, STREAM),
    "key": (HEADS * 4, STREAM),
    "value": (HEADS * WIDTH, STREAM),
    "value_bias": (HEADS * WIDTH,),
    "out": (STREAM, HEADS * WIDTH),
    "up": (UNITS, STREAM),
    "down": (STREAM, UNITS),
    "head": (7, STREAM),
}
WRITERS = {"embed", "value", "value_bias", "up"}
ROWS = UnitIndex((0,), torch.arange(HEADS * 4)[:, None])
PLANES = torch.tensor([[0, 2], [1, 3]])


def places(group: str, powers: dict[str, int]) -> tuple[Place, ...]:
    return tuple(
        Place(name, index, powers[name])
        for name, index in PERMUTATIONS.uses(group)
        if name in powers
    )


GROUPS = {
    "stream": LinearGroup(
        "orthogonal",
        STREAM,
        1,
        places(
            "stream",
            dict.fromkeys(("embed", "out", "down"), 1)
            | dict.fromkeys(("query", "key", "value", "up", "head"), -1),
        ),
        units="stream",
    ),
    "values": LinearGroup(
        "invertible",
        WIDTH,
        HEADS,
        places("values", {"value": 1, "value_bias": 1, "out": -1}),
        units="values",
        outer="heads",
    ),
    "query": LinearGroup(
        "rotation",
        4,
        HEADS,
        (Place("query", ROWS, 1), Place("key", ROWS, -1)),
        outer="heads",
        planes=PLANES,
    ),
    "units": LinearGroup("scale", UNITS, 1, places("units", {"up": 1, "down": -2}), units="units"),
}
SPEC = LinearSpec(PERMUTATIONS, GROUPS, CanonicalSpec())


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


WEIGHTS = {name: numbers(*shape, seed=len(name)) for name, shape in SHAPES.items()}


def transform(seed: int) -> LinearTransform:
    return LinearTransform.random(SPEC, torch.Generator().manual_seed(seed))


def largest(a: dict[str, Tensor], b: dict[str, Tensor]) -> float:
    assert a.keys() == b.keys()
    return max((a[name] - b[name]).abs().max().item() for name in a)


def by_loops(t: LinearTransform) -> dict[str, Tensor]:
    """Transform the weights, one number after the other: the permutation first, then the maps."""
    stream, heads = t.permutation.moves["stream"], t.permutation.moves["heads"]
    values, units = t.permutation.moves["values"], t.permutation.moves["units"]
    q, n, m, s = (t.maps[name] for name in ("stream", "values", "query", "units"))
    k = torch.linalg.inv(m).mT
    inverse = torch.linalg.inv(n)

    def streamed(row: Tensor) -> Tensor:
        """Turn numbers along the stream; an orthogonal map reads as it writes."""
        rows = [
            torch.stack([q[0, i, j] * row[stream[j]] for j in range(STREAM)]).sum()
            for i in range(STREAM)
        ]
        return torch.stack(rows)

    def at(head: int, unit: int) -> int:
        """Return the value unit that goes to a place."""
        return int(heads[head]) * WIDTH + int(values[head, unit])

    new = {name: torch.zeros(shape, dtype=torch.float64) for name, shape in SHAPES.items()}
    for name in ("embed", "head"):
        for row, numbers in enumerate(WEIGHTS[name]):
            new[name][row] = streamed(numbers)
    for h in range(HEADS):
        for i in range(4):
            old = range(int(heads[h]) * 4, int(heads[h]) * 4 + 4)
            for name, matrices in (("query", m), ("key", k)):
                for j in range(4):
                    new[name][h * 4 + i] += matrices[h, i, j] * streamed(WEIGHTS[name][old[j]])
        for i in range(WIDTH):
            for j in range(WIDTH):
                new["value"][h * WIDTH + i] += n[h, i, j] * streamed(WEIGHTS["value"][at(h, j)])
                new["value_bias"][h * WIDTH + i] += n[h, i, j] * WEIGHTS["value_bias"][at(h, j)]
                new["out"][:, h * WIDTH + i] += inverse[h, j, i] * streamed(
                    WEIGHTS["out"][:, at(h, j)]
                )
    for u in range(UNITS):
        new["up"][u] = s[0, u] * streamed(WEIGHTS["up"][units[u]])
        new["down"][:, u] = streamed(WEIGHTS["down"][:, units[u]]) / s[0, u] ** 2
    return new


@pytest.mark.parametrize("seed", range(1, 4))
def test_a_transform_is_what_loops_over_every_number_make(seed: int) -> None:
    t = transform(seed)
    moved = t.apply(WEIGHTS)
    assert largest(moved, by_loops(t)) < 1e-13
    assert largest(moved, WEIGHTS) > 0.1


def test_what_a_head_computes_stays() -> None:
    t = transform(1)
    moved = t.apply(WEIGHTS)

    def circuits(weights: dict[str, Tensor]) -> list[Tensor]:
        embedded = weights["embed"]
        q, k, v = (embedded @ weights[name].T for name in ("query", "key", "value"))
        scores = [a @ b.T for a, b in zip(q.chunk(HEADS, 1), k.chunk(HEADS, 1), strict=True)]
        read = weights["out"].T @ weights["head"].T
        outs = [a @ b for a, b in zip(v.chunk(HEADS, 1), read.chunk(HEADS), strict=True)]
        return [torch.cat((a, b), 1) for a, b in zip(scores, outs, strict=True)]

    before, after = circuits(WEIGHTS), circuits(moved)
    order = t.permutation.moves["heads"]
    assert order.tolist() != list(range(HEADS))
    for head in range(HEADS):
        assert torch.allclose(after[head], before[order[head]], 0, 1e-12)


@pytest.mark.parametrize("seed", range(1, 4))
def test_the_inverse_undoes_a_transform(seed: int) -> None:
    t = transform(seed)
    assert largest(t.inverse().apply(t.apply(WEIGHTS)), WEIGHTS) < 1e-12
    assert largest(t.apply(t.inverse().apply(WEIGHTS)), WEIGHTS) < 1e-12


@pytest.mark.parametrize("seed", range(1, 4))
def test_then_is_one_after_the_other(seed: int) -> None:
    t, u = transform(seed), transform(seed + 9)
    assert largest(t.then(u).apply(WEIGHTS), u.apply(t.apply(WEIGHTS))) < 1e-12
    alone = LinearTransform(SPEC, Permutation(PERMUTATIONS, {}), {"values": u.maps["values"]})
    assert largest(t.then(alone).apply(WEIGHTS), alone.apply(t.apply(WEIGHTS))) < 1e-12
    assert largest(alone.then(t).apply(WEIGHTS), t.apply(alone.apply(WEIGHTS))) < 1e-12


def test_a_transform_and_its_inverse_are_the_identity() -> None:
    t = transform(1)
    both = t.then(t.inverse())
    assert both.permutation.is_identity
    for name, group in GROUPS.items():
        assert torch.allclose(both.maps[name], identity_map(group), 0, 1e-12)


def test_then_is_associative() -> None:
    t, u, v = transform(1), transform(2), transform(3)
    left, right = t.then(u).then(v), t.then(u.then(v))
    for name in GROUPS:
        assert torch.allclose(left.maps[name], right.maps[name], 0, 1e-12)
    for name, move in left.permutation.moves.items():
        assert torch.equal(move, right.permutation.moves[name])


@pytest.mark.parametrize("name", GROUPS)
def test_only_one_group_acts(name: str) -> None:
    t = transform(1)
    only = t.only(name)
    assert only.changed == (name,)
    touched = {place.tensor for place in GROUPS[name].places}
    moved = only.apply(WEIGHTS)
    assert {each for each in WEIGHTS if moved[each] is not WEIGHTS[each]} == touched
    expected = LinearTransform(
        SPEC,
        Permutation(PERMUTATIONS, {k: v for k, v in t.permutation.moves.items() if k == name}),
        {name: t.maps[name]},
    )
    assert largest(moved, expected.apply(WEIGHTS)) == 0


def test_groups_one_after_the_other_are_the_whole_transform() -> None:
    t = transform(1)
    # heads move first, for a map of a head goes by the place that the head comes to
    steps = [t.only(name) for name in ("heads", "stream", "values", "query", "units")]
    whole = steps[0]
    for step in steps[1:]:
        whole = whole.then(step)
    assert largest(whole.apply(WEIGHTS), t.apply(WEIGHTS)) < 1e-12


def test_maps_that_are_permutation_matrices_do_what_the_permutation_does() -> None:
    generator = torch.Generator().manual_seed(3)
    stream = torch.randperm(STREAM, generator=generator)
    values = torch.stack([torch.randperm(WIDTH, generator=generator) for _ in range(HEADS)])
    eye = torch.eye(STREAM, dtype=torch.float64)[stream]
    small = torch.eye(WIDTH, dtype=torch.float64)[values]
    by_maps = LinearTransform(
        SPEC, Permutation(PERMUTATIONS, {}), {"stream": eye[None], "values": small}
    )
    moves = Permutation(PERMUTATIONS, {"stream": stream, "values": values})
    assert largest(by_maps.apply(WEIGHTS), moves.apply(WEIGHTS)) == 0
    assert largest(LinearTransform(SPEC, moves).apply(WEIGHTS), moves.apply(WEIGHTS)) == 0


@pytest.mark.parametrize("name", GROUPS)
def test_a_conjugated_map_does_after_a_permutation_what_it_does_before(name: str) -> None:
    group = GROUPS[name]
    matrices = drawn(group, torch.Generator().manual_seed(0))
    p = Permutation.random(PERMUTATIONS, torch.Generator().manual_seed(1))
    before = LinearTransform(SPEC, Permutation(PERMUTATIONS, {}), {name: matrices})
    after = LinearTransform(
        SPEC, Permutation(PERMUTATIONS, {}), {name: conjugated(group, matrices, p)}
    )
    expected = p.apply(before.apply(WEIGHTS))
    assert largest(after.apply(p.apply(WEIGHTS)), expected) < 1e-13


def test_the_identity_changes_nothing_and_copies_nothing() -> None:
    none = LinearTransform(SPEC, Permutation(PERMUTATIONS, {}))
    ones = replace(none, maps={name: identity_map(group) for name, group in GROUPS.items()})
    assert none.is_identity and ones.is_identity
    assert all(value is WEIGHTS[name] for name, value in none.apply(WEIGHTS).items())
    assert largest(ones.apply(WEIGHTS), WEIGHTS) == 0
    assert not transform(1).is_identity


def test_weights_keep_their_dtype_and_are_transformed_in_float64() -> None:
    t = transform(1)
    single = {name: value.float() for name, value in WEIGHTS.items()}
    moved = t.apply(single)
    exact = t.apply({name: value.double() for name, value in single.items()})
    assert all(torch.equal(moved[name], exact[name].float()) for name in moved)


@pytest.mark.parametrize(
    ("name", "matrices", "complaint"),
    [
        ("nobody", torch.ones(1, 2), "no linear group is called 'nobody'"),
        ("stream", torch.eye(STREAM, dtype=torch.float64), r"has shape \(4, 4\), not \(1, 4, 4\)"),
        ("stream", torch.eye(STREAM)[None], "is not of finite float64 numbers"),
        ("values", torch.full((HEADS, WIDTH, WIDTH), math.nan, dtype=torch.float64), "finite"),
        ("stream", 1.001 * torch.eye(STREAM, dtype=torch.float64)[None], "is not orthogonal"),
        ("units", -torch.ones(1, UNITS, dtype=torch.float64), "a scale that is not positive"),
        ("units", torch.zeros(1, UNITS, dtype=torch.float64), "a scale that is not positive"),
        ("query", numbers(HEADS, 4, 4), "does more than rotate and scale each plane"),
    ],
)
def test_what_is_no_map_of_its_group_is_refused(
    name: str, matrices: Tensor, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        LinearTransform(SPEC, Permutation(PERMUTATIONS, {}), {name: matrices})


def test_a_map_that_moves_the_vector_of_ones_is_told() -> None:
    group = replace(GROUPS["stream"], keeps_ones=True)
    assert unfit(group, drawn(GROUPS["stream"], torch.Generator())) == "moves the vector of ones"
    kept = drawn(group, torch.Generator().manual_seed(0))
    assert unfit(group, kept) == ""
    ones = torch.ones(STREAM, dtype=torch.float64)
    assert torch.allclose(kept[0] @ ones, ones, 0, 1e-14)
    assert torch.allclose(kept[0].T @ ones, ones, 0, 1e-14)


@pytest.mark.parametrize("name", GROUPS)
def test_drawn_maps_are_of_their_group_and_well_conditioned(name: str) -> None:
    group = GROUPS[name]
    for seed in range(20):
        matrices = drawn(group, torch.Generator().manual_seed(seed))
        assert unfit(group, matrices) == ""
        square = torch.diag_embed(matrices) if group.kind == "scale" else matrices
        assert torch.linalg.cond(square).max() < 100
    assert not torch.equal(matrices, identity_map(group))


def test_each_plane_is_multiplied_by_a_complex_number() -> None:
    cosine, sine = numbers(HEADS, 2), numbers(HEADS, 2, seed=1)
    matrices = rotations(cosine, sine, PLANES)
    vector = numbers(4, seed=2)
    for head in range(HEADS):
        turned_vector = matrices[head] @ vector
        for plane, (first, second) in enumerate(PLANES.tolist()):
            number = complex(cosine[head, plane], sine[head, plane])
            expected = number * complex(vector[first], vector[second])
            assert turned_vector[first].item() == pytest.approx(expected.real, abs=1e-14)
            assert turned_vector[second].item() == pytest.approx(expected.imag, abs=1e-14)
    assert torch.allclose(turned(matrices, PLANES), matrices, 0, 1e-15)


def test_what_is_turned_is_nearest() -> None:
    matrices = numbers(HEADS, 4, 4)
    best = (turned(matrices, PLANES) - matrices).square().sum()
    for seed in range(20):
        step = rotations(0.01 * numbers(HEADS, 2, seed=seed), 0.01 * numbers(HEADS, 2), PLANES)
        assert (turned(matrices, PLANES) + step - matrices).square().sum() > best


def test_vectors_across_ones_are_an_orthonormal_basis_that_sums_to_nothing() -> None:
    basis = across_ones(STREAM)
    assert torch.allclose(basis.T @ basis, torch.eye(STREAM - 1, dtype=torch.float64), 0, 1e-14)
    assert torch.allclose(basis.sum(0), torch.zeros((), dtype=torch.float64), 0, 1e-14)


@pytest.mark.parametrize("name", GROUPS)
def test_gradients_flow_through_a_transform_to_its_maps(name: str) -> None:
    group = GROUPS[name]
    matrices = drawn(group, torch.Generator().manual_seed(0)).requires_grad_()
    tensor = group.places[-1].tensor

    def acted(matrices: Tensor) -> Tensor:
        return act(group, factors(group, matrices), tensor, WEIGHTS[tensor])

    assert torch.autograd.gradcheck(acted, (matrices,))
    assert torch.autograd.gradcheck(
        lambda cosine, sine: turned(rotations(cosine, sine, PLANES), PLANES),
        (numbers(2, 2).requires_grad_(), numbers(2, 2, seed=1).requires_grad_()),
    )
