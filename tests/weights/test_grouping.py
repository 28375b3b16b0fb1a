"""The parts of networks, read off the names and shapes of their tensors."""

from __future__ import annotations

import re

import pytest

from lmctool.errors import LmctoolError
from lmctool.weights.grouping import kind, parts
from tests.plugins.pairs import initial

BLOCKS = [f"layer{stage}.{block}" for stage in (1, 2, 3) for block in range(3)]


def shapes_of(key: str) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in initial(key, 0).state_dict().items()}


def natural(shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    return {name: shapes[name] for name in sorted(shapes)}


@pytest.mark.parametrize("by", ["layer", "block", "group", "kind"])
@pytest.mark.parametrize("key", ["mlp", "vgg-batch", "resnet-batch", "resnet-fixup"])
def test_every_tensor_is_in_one_part(key: str, by: str) -> None:
    shapes = shapes_of(key)
    found = [name for names in parts(shapes, by).values() for name in names]
    assert sorted(found) == sorted(shapes)


@pytest.mark.parametrize("key", ["resnet-batch", "resnet-layer"])
def test_a_residual_network_falls_into_its_stem_its_blocks_and_its_head(key: str) -> None:
    assert list(parts(shapes_of(key), "block")) == ["conv1", *BLOCKS, "fc"]
    assert list(parts(shapes_of(key), "group")) == ["conv1", "layer1", "layer2", "layer3", "fc"]


@pytest.mark.parametrize("key", ["vgg-batch", "resnet-batch", "mlp-batch", "mlp-layer"])
def test_the_order_of_the_names_changes_no_block(key: str) -> None:
    shapes = shapes_of(key)
    there, back = (parts(each, "block") for each in (shapes, natural(shapes)))
    assert {part: set(names) for part, names in back.items()} == {
        part: set(names) for part, names in there.items()
    }


def test_a_normalisation_belongs_to_the_layer_that_feeds_it() -> None:
    found = parts(shapes_of("vgg-batch"), "block")
    assert set(found["features.0"]) >= {"features.0.weight", "features.1.running_var"}
    assert len(found) == 9
    alone = {"blocks.0.fc.weight": (4, 4), "norm.weight": (4,), "head.weight": (2, 4)}
    assert list(parts(alone, "block")) == ["blocks.0", "norm", "head"]


def test_a_plain_sequence_has_no_stages() -> None:
    shapes = shapes_of("mlp")
    assert parts(shapes, "group") == parts(shapes, "layer")


def test_transformer_blocks_are_numbered_modules() -> None:
    shapes = {
        "embed.weight": (9, 4),
        "h.0.attn.qkv.weight": (12, 4),
        "h.0.ln.weight": (4,),
        "h.1.mlp.0.weight": (4, 4),
    }
    assert list(parts(shapes, "block")) == ["embed", "h.0", "h.1"]
    assert list(parts(shapes, "group")) == ["embed", "h"]


def test_kinds_tell_weights_biases_and_the_two_halves_of_a_batchnorm() -> None:
    shapes = shapes_of("resnet-batch")
    assert kind("conv1.weight", shapes) == "weights"
    assert kind("fc.bias", shapes) == "biases"
    assert kind("bn1.bias", shapes) == kind("bn1.weight", shapes) == "norm affine"
    assert kind("bn1.num_batches_tracked", shapes) == "norm statistics"
    assert kind("layer1.0.bias1a", shapes_of("resnet-fixup")) == "biases"


def test_a_pattern_makes_parts_of_what_it_catches() -> None:
    shapes = shapes_of("resnet-batch")
    assert list(parts(shapes, r"layer(\d)")) == ["1", "2", "3"]
    assert list(parts(shapes, r"conv\d\.weight$")) == ["conv1.weight", "conv2.weight"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("layer?", ["layer1", "layer2", "layer3"]),
        ("layer[12]*", ["layer1", "layer2"]),
        ("*.2", ["layer1.2", "layer2.2", "layer3.2"]),
        ("*.1.conv*", ["layer1.1.conv1", "layer1.1.conv2", "layer2.1.conv1", "layer2.1.conv2"]),
        ("fc*", ["fc"]),
        ("fc[.]*", ["fc.weight", "fc.bias"]),
    ],
)
def test_a_shell_pattern_makes_a_part_of_each_outermost_module_that_it_fits(
    pattern: str, found: list[str]
) -> None:
    shapes = shapes_of("resnet-batch")
    made = parts(shapes, pattern)
    assert list(made)[: len(found)] == found
    for part, names in made.items():
        assert list(names) == [n for n in shapes if n == part or n.startswith(f"{part}.")]


@pytest.mark.parametrize(
    "pattern", ["layer1.*", "layer[12].*", r"(layer\d)\.\d", "bn", "conv.", "layer[^1]", ".*bias"]
)
def test_an_expression_makes_the_parts_that_it_always_made(pattern: str) -> None:
    shapes = shapes_of("resnet-batch")
    matches = [(name, re.search(pattern, name)) for name in shapes]
    expected: dict[str, list[str]] = {}
    for name, match in matches:
        if match:
            expected.setdefault(match[1] if match.re.groups else match[0], []).append(name)
    assert {part: list(names) for part, names in parts(shapes, pattern).items()} == expected


def test_a_pattern_that_fits_nothing_is_told_with_names_that_begin_alike() -> None:
    with pytest.raises(LmctoolError, match=r"such as 'layer1\.0\.conv1\.weight', 'layer1"):
        parts(shapes_of("resnet-batch"), "layer4*")


@pytest.mark.parametrize(
    ("pattern", "told"), [("(", "nor a regular expression"), ("zzz", "nor found in the name")]
)
def test_a_pattern_that_is_none_or_fits_nothing_is_refused(pattern: str, told: str) -> None:
    with pytest.raises(LmctoolError, match=told):
        parts({"w.weight": (2, 2)}, pattern)
