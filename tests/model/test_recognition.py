"""Recognising a model by names and shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lmctool.errors import LmctoolError
from lmctool.model.recognition import recognise
from lmctool.plugin.records import ModelFamily
from lmctool_plugins.models import mlp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import nn

    from lmctool.plugin.records import Argument

VGG = {"channels": 1, "width": 4, "classes": 5, "size": 64}
CIFAR = {"channels": 1, "classes": 5, "width": 2}
MODELS: list[tuple[str, dict[str, Any]]] = [
    ("mlp", {"inputs": 2, "width": 3, "depth": 4, "classes": 5, "norm": "none"}),
    ("mlp", {"inputs": 9, "width": 9, "depth": 1, "classes": 9, "norm": "batch"}),
    ("mlp", {"inputs": 2, "width": 3, "depth": 12, "classes": 5, "norm": "layer"}),
    ("lenet", {"channels": 1, "classes": 5, "size": 28}),
    ("lenet", {"channels": 3, "classes": 5, "size": 32}),
    *((f"vgg{depth}{norm}", VGG) for depth in (11, 13, 16, 19) for norm in ("", "_bn")),
    *(
        ("resnet20", {**CIFAR, "norm": norm, "shortcut": shortcut})
        for norm in ("batch", "layer", "fixup")
        for shortcut in "AB"
    ),
    *(
        (f"resnet{depth}", {**CIFAR, "norm": "batch", "shortcut": "B"})
        for depth in (32, 44, 56, 110)
    ),
]


@pytest.mark.parametrize(("word", "arguments"), MODELS)
def test_every_word_is_recognised_with_exactly_its_arguments(
    saved: Callable[..., Any], word: str, arguments: dict[str, Any]
) -> None:
    found = recognise(saved(word, **arguments).shapes)
    assert found.candidates == [(word, arguments)]
    assert found.broken == []


def test_a_file_without_batch_counters_is_recognised(saved: Callable[..., Any]) -> None:
    shapes = saved("resnet20").shapes
    kept = {name: shape for name, shape in shapes.items() if "num_batches" not in name}
    assert len(kept) < len(shapes)
    assert recognise(kept).only()[0] == "resnet20"


def test_one_shape_that_differs_is_named_with_the_nearest_word(saved: Callable[..., Any]) -> None:
    shapes = {**saved("resnet20").shapes, "layer2.1.conv2.weight": (32, 32, 5, 5)}
    with pytest.raises(LmctoolError) as caught:
        recognise(shapes).only()
    assert str(caught.value) == (
        "no registered model has tensors of these names and shapes (nearest is resnet20: tensor"
        " 'layer2.1.conv2.weight' has shape (32, 32, 5, 5) in the checkpoint, the model needs"
        " (32, 32, 3, 3)); pass --model WORD, timm:NAME or ./file.py:factory"
    )


def test_one_tensor_too_many_is_named(saved: Callable[..., Any]) -> None:
    with pytest.raises(LmctoolError, match=r"nearest is mlp: tensor 'more' of the checkpoint"):
        recognise({**saved("mlp").shapes, "more": (1,)}).only()


def test_tensors_of_no_registered_kind_are_refused() -> None:
    with pytest.raises(LmctoolError, match=r"no registered model .* shapes; pass --model"):
        recognise({"embedding.weight": (3, 4)}).only()


def test_two_families_that_fit_are_listed_with_their_arguments(
    saved: Callable[..., Any], install: Callable[..., None]
) -> None:
    install("twin", ModelFamily(mlp.build, mlp.read))
    arguments = "(inputs=784, width=128, depth=3, classes=10, norm=none)"
    with pytest.raises(LmctoolError) as caught:
        recognise(saved("mlp").shapes).only()
    assert f"several models: mlp{arguments}; twin{arguments}; pass --model" in str(caught.value)


def test_a_broken_family_stops_no_other_and_is_told_when_none_fits(
    saved: Callable[..., Any], install: Callable[..., None]
) -> None:
    def read(word: str, shapes: Mapping[str, tuple[int, ...]]) -> Mapping[str, Argument] | None:
        raise ZeroDivisionError("oh")

    install("broken", ModelFamily(mlp.build, read))
    assert recognise(saved("mlp").shapes).only()[0] == "mlp"
    with pytest.raises(LmctoolError, match=r"not asked: broken: ZeroDivisionError\('oh'\)"):
        recognise({"embedding.weight": (3, 4)}).only()


def test_a_family_that_would_build_for_ever_is_stopped(
    saved: Callable[..., Any], install: Callable[..., None]
) -> None:
    def build(spec: str) -> nn.Module:
        return mlp.build(spec, depth=10**12, width=1)

    install("endless", ModelFamily(build, lambda word, shapes: {}))
    found = recognise(saved("mlp").shapes)
    assert [word for word, _ in found.candidates] == ["mlp"]
    assert "endless() has far more parameters than the 8 tensors" in found.broken[0]


@pytest.mark.parametrize(
    "shapes",
    [
        {"features.0.weight": (0, 0, 0, 0), "classifier.weight": (0, 0)},
        {"layers.0.weight": (10**18, 0), "classifier.weight": (0, 10**18)},
        {"conv1.weight": (0, 3, 3, 3), "fc.weight": (1, 0), "layer1.0.conv1.weight": ()},
    ],
)
def test_absurd_shapes_are_answered_in_one_sentence(shapes: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(LmctoolError, match="pass --model"):
        recognise(shapes).only()
