"""The built-in families: shapes, published sizes, and what each promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.errors import LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS

if TYPE_CHECKING:
    from torch import nn

    from lmctool.plugin.records import Argument


def built(word: str, **arguments: Argument) -> nn.Module:
    """Return a model of a registered word, in evaluation mode."""
    return registry.load(MODELS, word).build(word, **arguments).eval()


def parameters(word: str, **arguments: Argument) -> int:
    """Return how many parameters a model of a registered word has."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in built(word, **arguments).parameters())


@pytest.mark.parametrize(
    ("word", "arguments", "count"),
    [
        # 28*28 * 128 + 128, twice 128 * 128 + 128, 128 * 10 + 10
        ("mlp", {}, 134_794),
        # LeCun et al. 1998, with conv2 and the head dense: 156 + 2416 + 48120 + 10164 + 850
        ("lenet", {"channels": 1}, 61_706),
        ("vgg11_bn", {}, 9_231_114),
        # less the 2 * 2752 weights and biases of BatchNorm
        ("vgg11", {}, 9_231_114 - 5_504),
        ("vgg13_bn", {}, 9_416_010),
        ("vgg16_bn", {}, 14_728_266),
        ("vgg19_bn", {}, 20_040_522),
        # He et al. 2016, table 6: 0.27M, 0.46M, 0.66M, 0.85M, 1.7M
        ("resnet20", {"shortcut": "A"}, 269_722),
        ("resnet32", {"shortcut": "A"}, 464_154),
        ("resnet44", {"shortcut": "A"}, 658_586),
        ("resnet56", {"shortcut": "A"}, 853_018),
        ("resnet110", {"shortcut": "A"}, 1_727_962),
        # two projections: 16 * 32 + 64 and 32 * 64 + 128 more than with shortcut A
        ("resnet20", {}, 272_474),
    ],
)
def test_number_of_parameters_is_the_published_one(
    word: str, arguments: dict[str, Argument], count: int
) -> None:
    assert parameters(word, **arguments) == count


@pytest.mark.parametrize(
    ("word", "arguments", "shape"),
    [
        ("mlp", {"inputs": 16, "width": 8}, (1, 4, 4)),
        ("mlp", {"inputs": 16, "width": 8, "norm": "batch"}, (16,)),
        ("mlp", {"inputs": 16, "width": 8, "norm": "layer"}, (16,)),
        ("lenet", {}, (1, 28, 28)),
        ("lenet", {"channels": 3, "size": 32}, (3, 32, 32)),
        ("vgg11", {"width": 2}, (3, 32, 32)),
        ("vgg11", {"width": 2, "channels": 1}, (1, 28, 28)),
        ("vgg11_bn", {"width": 2, "channels": 1}, (1, 8, 8)),
        ("vgg19_bn", {"width": 2, "size": 64}, (3, 64, 64)),
        ("resnet20", {}, (3, 32, 32)),
        ("resnet20", {"channels": 1, "shortcut": "A"}, (1, 28, 28)),
        ("resnet20", {"norm": "layer", "width": 2}, (3, 16, 16)),
        ("resnet20", {"norm": "fixup", "shortcut": "A"}, (3, 8, 8)),
        ("resnet20", {"norm": "fixup", "shortcut": "B"}, (3, 8, 8)),
    ],
)
def test_forward_gives_a_logit_for_each_class(
    word: str, arguments: dict[str, Argument], shape: tuple[int, ...]
) -> None:
    outputs = built(word, classes=7, **arguments)(torch.zeros(2, *shape))
    assert outputs.shape == (2, 7)


@pytest.mark.parametrize("shortcut", ["A", "B"])
def test_fixup_answers_zero_before_training(shortcut: str) -> None:
    model = built("resnet20", norm="fixup", shortcut=shortcut)
    assert model(torch.randn(2, 3, 8, 8)).abs().max() == 0


def test_fixup_blocks_start_as_their_shortcuts() -> None:
    block = built("resnet20", norm="fixup").get_submodule("layer1.0")
    inputs = torch.rand(2, 16, 4, 4)
    assert torch.equal(block(inputs), inputs)


def test_fixup_scales_the_first_convolution_of_each_block() -> None:
    torch.manual_seed(0)
    weight = built("resnet20", norm="fixup").get_parameter("layer3.2.conv1.weight").detach()
    # He: sqrt(2 / fan-in), times 9 blocks to the power of -1/2; 36,864 draws give it to 1 %
    assert float(weight.std()) == pytest.approx((2 / (64 * 9)) ** 0.5 / 3, rel=0.02)


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_shortcut_a_takes_every_second_position_and_pads_with_zeros(norm: str) -> None:
    shortcut = built("resnet20", shortcut="A", norm=norm).get_submodule("layer2.0.shortcut")
    inputs = torch.rand(1, 16, 4, 4)
    outputs = shortcut(inputs)
    assert outputs.shape == (1, 32, 2, 2)
    assert torch.equal(outputs[:, 8:24], inputs[:, :, ::2, ::2])
    assert outputs[:, :8].abs().sum() == outputs[:, 24:].abs().sum() == 0


@pytest.mark.parametrize(
    ("norm", "names"),
    [
        ("none", set()),
        ("layer", {"norms.0.weight", "norms.0.bias"}),
        (
            "batch",
            {
                "norms.0.weight",
                "norms.0.bias",
                "norms.0.running_mean",
                "norms.0.running_var",
                "norms.0.num_batches_tracked",
            },
        ),
    ],
)
def test_mlp_names_its_tensors_plainly(norm: str, names: set[str]) -> None:
    model = built("mlp", inputs=4, width=3, depth=1, norm=norm)
    plain = {"layers.0.weight", "layers.0.bias", "classifier.weight", "classifier.bias"}
    assert set(model.state_dict()) == plain | names


@pytest.mark.parametrize(
    ("word", "arguments", "said"),
    [
        ("mlp", {"norm": "group"}, "norm batch, layer, none, not 'group'"),
        ("lenet", {"size": 64}, "28 or 32, not 64"),
        ("resnet20", {"norm": "none"}, "batch, layer or fixup, not 'none'"),
        ("resnet20", {"shortcut": "C"}, "A or B, not 'C'"),
    ],
)
def test_values_that_mean_nothing_are_refused(
    word: str, arguments: dict[str, Argument], said: str
) -> None:
    with pytest.raises(LmctoolError, match=said):
        built(word, **arguments)
