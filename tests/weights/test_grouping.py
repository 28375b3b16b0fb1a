"""The parts of networks, read off the names and shapes of their tensors."""

from __future__ import annotations

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
    ("pattern", "told"), [("(", "nor a regular expression"), ("zzz", "nor found in the name")]
)
def test_a_pattern_that_is_none_or_fits_nothing_is_refused(pattern: str, told: str) -> None:
    with pytest.raises(LmctoolError, match=told):
        parts({"w.weight": (2, 2)}, pattern)
