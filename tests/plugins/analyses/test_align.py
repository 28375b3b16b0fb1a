"""The figure of an alignment: what moved, what each network answers, and the first filters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from lmctool.api import Group, Permutation, Result, Run, Variable
from lmctool_plugins.analyses.align.filters import FILTERS, SHOWN, WHITEST, filters, images, mosaic
from lmctool_plugins.analyses.align.view import MOST, SCORES, draw, table
from tests.plugins.pairs import trained

if TYPE_CHECKING:
    from collections.abc import Callable


def held(sizes: list[int]) -> Group:
    names = np.array([f"layer{number}" for number in range(len(sizes))], dtype=object)
    units = np.array(sizes)
    return Group(
        {
            "group": Variable(names, ("group",)),
            "size": Variable(units, ("group",)),
            "units": Variable(units, ("group",)),
            "moved": Variable(units // 2, ("group",)),
        }
    )


def scores() -> Group:
    return Group(
        {
            "network": Variable(np.array(["a", "b"], dtype=object), ("network",)),
            "split": Variable(np.array(["test", "train"], dtype=object), ("split",)),
            "error": Variable(np.array([[0.1, 0.2], [0.3, 0.4]]), ("network", "split")),
        }
    )


def test_without_scores_each_group_has_its_units_and_those_that_moved() -> None:
    figure = Figure()
    draw(Result("align", {"permutations": held([4, 8])}), figure)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["layer0", "layer1"]
    assert [bar.get_width() for bar in axes.patches] == [4, 8, 2, 4]  # type: ignore[attr-defined]


def test_of_many_groups_the_largest_are_named_in_their_order() -> None:
    figure = Figure()
    draw(Result("align", {"permutations": held([*range(1, MOST + 3)])}), figure)
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == [f"layer{number}" for number in range(2, MOST + 2)]


def test_with_scores_each_network_has_its_error_on_each_split() -> None:
    figure = Figure()
    draw(Result("align", {"permutations": held([4]), SCORES: scores()}), figure)
    axes = figure.axes[1]
    widths = [bar.get_width() for bar in axes.patches]  # type: ignore[attr-defined]
    assert widths == [0.1, 0.3, 0.2, 0.4]
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["test", "train"]


def seen(units: int, side: int = 3) -> Group:
    values = np.random.default_rng(0).normal(size=(3, units, 1, side, side)).astype(np.float32)
    return Group(
        {
            "network": Variable(np.array(["A", "aligned B", "B"], dtype=object), ("network",)),
            "filter": Variable(values, ("network", "unit", "channel", "row", "column")),
        },
        {"layer": "features.0", "units": 64},
    )


@pytest.mark.parametrize("more", [{}, {SCORES: scores()}], ids=["alone", "with scores"])
def test_filters_stand_below_in_the_order_of_the_paper(more: dict[str, Group]) -> None:
    figure = Figure()
    draw(Result("align", {"permutations": held([4]), FILTERS: seen(24), **more}), figure)
    panels = figure.axes[-3:]
    assert [axes.get_title() for axes in panels] == ["A", "aligned B", "B"]
    assert len(figure.axes) == 4 + len(more)
    shapes = {np.asarray(axes.images[0].get_array()).shape for axes in panels}
    assert shapes == {(3 * 26 - 2, 8 * 26 - 2, 3)}  # 24 tiles of 24 pixels, eight in a row


def test_a_tile_is_scaled_by_itself_around_grey() -> None:
    pair = np.array([[[[-2.0, 0.0], [1.0, 2.0]]], [[[0.0, 0.0], [0.0, 0.0]]]], dtype=np.float32)
    picture = mosaic(pair, 2)
    assert picture.shape == (24, 50, 3)
    assert picture[[0, 0, 12, 12], [0, 12, 0, 12], 0].tolist() == pytest.approx(
        [0, WHITEST / 2, WHITEST * 0.75, WHITEST]
    )
    assert (picture[:, 24:26] == 1).all()
    np.testing.assert_allclose(picture[:, 26:], WHITEST / 2, rtol=1e-6)


def test_colours_are_those_of_the_channels() -> None:
    filters = np.zeros((1, 3, 2, 2), dtype=np.float32)
    filters[0, 1] = 1
    assert mosaic(filters, 1)[0, 0].tolist() == pytest.approx([WHITEST / 2, WHITEST, WHITEST / 2])


PHOTOS, FLAT, TABLE = torch.zeros(2, 3, 8, 8), torch.zeros(2, 784), torch.zeros(2, 25)
TOKENS = torch.zeros(2, 64, dtype=torch.int64)


@pytest.mark.parametrize(
    ("weight", "inputs", "shape"),
    [
        ((16, 3, 7, 7), PHOTOS, (16, 3, 7, 7)),
        ((16, 1, 3, 3), PHOTOS, (16, 1, 3, 3)),
        ((5, 192), PHOTOS, (5, 3, 8, 8)),
        ((5, 784), FLAT, (5, 1, 28, 28)),
        ((5, 25), TABLE, None),  # a square number of features need be no image
        ((5, 64), PHOTOS, None),  # what it reads is not the image
        ((5, 64), TOKENS, None),
        ((16, 3, 1, 1), PHOTOS, None),
        ((16, 2, 3, 3), PHOTOS, None),
        ((16, 3, 9), PHOTOS, None),
        ((16, 3, 224, 224), PHOTOS, None),
    ],
    ids=lambda part: "none" if part is None else "x".join(map(str, getattr(part, "shape", part))),
)
def test_what_is_an_image(
    weight: tuple[int, ...], inputs: torch.Tensor, shape: tuple[int, ...] | None
) -> None:
    found = images(torch.ones(weight), (inputs,))
    assert (None if found is None else tuple(found.shape)) == shape


@pytest.mark.parametrize(("key", "image"), [("mlp", (1, 8, 8)), ("vgg", (1, 3, 3))])
def test_matched_units_of_a_shuffled_copy_have_the_same_filters(
    run_of: Callable[..., Run], key: str, image: tuple[int, ...]
) -> None:
    weights = trained(key, 0, 60)
    run = run_of(key, weights, weights, dtype="float32")
    a = run.weights(0)
    b = Permutation.random(run.permutation_spec, torch.Generator().manual_seed(1)).apply(a)
    group = filters(run, {"A": a, "aligned B": run.align(a, b).apply(b), "B": b})
    assert group is not None
    first = a[f"{group.attributes['layer']}.weight"].flatten(1)
    values = group.variables["filter"].values
    assert values.shape == (3, min(SHOWN, len(first)), *image)
    np.testing.assert_array_equal(values[1], values[0])
    assert (values[2] != values[0]).any()
    places = [int(place) for place in group.variables["unit"].values]
    np.testing.assert_array_equal(values[0].reshape(len(places), -1), first[places].numpy())
    norms = first.norm(dim=1)
    assert [float(norms[place]) for place in places] == sorted(norms.tolist(), reverse=True)[:SHOWN]


def mapped() -> dict[str, Group]:
    """Return the groups of an alignment with two linear maps, one of units that stay."""
    names, kinds, units = (
        np.array(each, dtype=object)
        for each in (["stream", "layer1"], ["orthogonal", "invertible"], ["", "layer1"])
    )
    numbers = {"size": [4, 3], "count": [1, 2], "distance": [1.25, 0.5], "condition": [1.0, 7.5]}
    maps = {
        "group": Variable(names, ("group",)),
        "kind": Variable(kinds, ("group",)),
        "units": Variable(units, ("group",)),
        "centred": Variable(np.array([1, 0]), ("group",)),
        **{name: Variable(np.array(values), ("group",)) for name, values in numbers.items()},
    }
    proof = {n: Variable(np.array([1e-9]), ("alignment",)) for n in ("difference", "tolerance")}
    return {
        "permutations": held([4, 8]),
        "transforms": Group(maps),
        "proof": Group(proof),
    }


def test_each_linear_map_stands_beside_its_units_or_by_itself() -> None:
    shown = table(Result("align", mapped()))
    assert shown.columns == ("group", "units", "moved", "map", "distance", "condition")
    assert shown.rows == (
        ("layer0", "4", "2", "-", "-", "-"),
        ("layer1", "8", "4", "invertible", "0.500", "7.5"),
        ("stream", "-", "-", "orthogonal", "1.250", "1"),
    )
    assert "linear maps on 1 orthogonal, 1 invertible groups; condition numbers up to 7.5" in (
        shown.notes
    )
    assert any(note.endswith("lmctool convert A --fold-norms") for note in shown.notes)


def test_a_panel_has_the_distance_of_each_map_by_its_kind() -> None:
    figure = Figure()
    draw(Result("align", mapped()), figure)
    _, axes = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["stream", "layer1"]
    assert [bar.get_width() for bar in axes.patches] == [1.25, 0.5]  # type: ignore[attr-defined]
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["orthogonal", "invertible"]
