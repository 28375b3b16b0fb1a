"""How alike units and heads are: what no map or scale changes."""

from __future__ import annotations

import pytest
import torch

from lmctool.symmetry.linear.place import Place
from lmctool.symmetry.linear.transform import drawn
from lmctool.symmetry.unit_index import UnitIndex
from lmctool_plugins.aligners.procrustes.likeness import head_cosines, unit_cosines
from tests.plugins.aligners.procrustes.planted import (
    COUNT,
    PLANES,
    SIZE,
    head_group,
    heads,
    moved,
    normal,
)

ROWS = UnitIndex((0,), torch.arange(SIZE)[:, None])


def test_heads_are_compared_by_what_they_read_through_what_they_write() -> None:
    group, a, b = head_group("invertible"), heads(1), heads(2)
    found = head_cosines(group, group.places, a, b, {})
    assert found is not None
    for i in range(COUNT):
        for j in range(COUNT):
            made = []
            for weights, head in ((a, i), (b, j)):
                here = slice(head * SIZE, (head + 1) * SIZE)
                made.append((weights["w"][here].T @ weights["r"][:, here].T).flatten())
            expected = float(made[0] @ made[1] / made[0].norm() / made[1].norm())
            assert float(found[i, j]) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("kind", ["invertible", "rotation", "orthogonal"])
def test_no_map_of_a_group_changes_how_alike_heads_are(kind: str) -> None:
    group = head_group(kind, planes=PLANES if kind == "rotation" else None)
    a, b = heads(1), heads(2)
    generator = torch.Generator().manual_seed(0)
    mine, theirs = (moved(group, drawn(group, generator), each) for each in (a, b))
    before = head_cosines(group, group.places, a, b, {})
    after = head_cosines(group, group.places, mine, theirs, {})
    torch.testing.assert_close(after, before, rtol=1e-9, atol=1e-9)
    own = head_cosines(group, group.places, a, mine, {})
    assert own is not None
    torch.testing.assert_close(own.diagonal(), torch.ones(COUNT).double())


def test_queries_that_share_a_key_are_compared_one_by_one() -> None:
    copies = 2
    finer = UnitIndex((0,), torch.arange(COUNT * copies * SIZE).view(COUNT * copies, SIZE))
    rows = finer.positions.view(COUNT, copies, SIZE).mT.reshape(COUNT * SIZE, copies)
    group = head_group("invertible")
    places = (Place("q", UnitIndex((0,), rows), 1), group.places[1])
    a, b = ({"q": normal(COUNT * copies * SIZE, 5, seed=s), "r": heads(s)["r"]} for s in (1, 2))
    found = head_cosines(group, places, a, b, {places[0]: finer})
    assert found is not None
    for i in range(COUNT * copies):
        for j in range(COUNT * copies):
            made = []
            for weights, query in ((a, i), (b, j)):
                key = slice(query // copies * SIZE, (query // copies + 1) * SIZE)
                mine = weights["q"][query * SIZE : (query + 1) * SIZE]
                made.append((mine.T @ weights["r"][:, key].T).flatten())
            expected = float(made[0] @ made[1] / made[0].norm() / made[1].norm())
            assert float(found[i, j]) == pytest.approx(expected, abs=1e-12)


def test_no_scale_changes_how_alike_units_are() -> None:
    up, bias, down = normal(SIZE, 3, seed=1), normal(SIZE, seed=2), normal(SIZE, 5, seed=3)
    scale = normal(SIZE, seed=4).exp()
    a = {"up": up, "bias": bias, "down": down}
    b = {"up": up * scale[:, None], "bias": bias * scale, "down": down / scale[:, None]}
    places = [("up", ROWS, 1), ("bias", ROWS, 1), ("down", ROWS, -1)]
    own, scaled = unit_cosines(places, a, a), unit_cosines(places, a, b)
    assert own is not None
    torch.testing.assert_close(scaled, own)
    torch.testing.assert_close(own.diagonal(), torch.ones(SIZE).double())
    sides = torch.cat([up, bias[:, None]], 1), down
    expected = sum(float(torch.cosine_similarity(side[0], side[1], 0)) for side in sides) / 2
    assert float(own[0, 1]) == pytest.approx(expected, abs=1e-12)


def test_units_of_zeros_are_like_none() -> None:
    zeros = {"up": torch.zeros(SIZE, 3)}
    found = unit_cosines([("up", ROWS, 0)], zeros, {"up": normal(SIZE, 3)})
    assert found is not None
    assert not found.any()
    assert unit_cosines([], zeros, zeros) is None
