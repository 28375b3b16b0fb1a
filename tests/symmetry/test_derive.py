"""Permutation specs derived from graphs: sound, and as large as a count by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lmctool.errors import UnjudgedError
from lmctool.graph.capture import capture
from lmctool.symmetry import Permutation, PermutationSpec, derive, prove
from lmctool.symmetry.axis_form import Free
from tests.followed import capture_once

Build = Callable[..., nn.Module]
IMAGE = (3, 32, 32)
# word, arguments, input shape, units that may be permuted, counted by hand: an MLP has depth x
# width; VGG11 of width w has w (1 + 2 + 4 + 4 + 8 + 8 + 8 + 8); a ResNet20 has 3 (16 + 32 + 64)
# inside its blocks, and a stream per stage, of which shortcut A (zero padding) passes on the first
CASES: list[tuple[str, dict[str, Any], tuple[int, ...], int]] = [
    ("mlp", {"inputs": 20, "width": 13, "depth": 3, "classes": 5}, (20,), 39),
    ("mlp", {"inputs": 20, "width": 13, "depth": 3, "classes": 5, "norm": "batch"}, (20,), 39),
    ("mlp", {"inputs": 20, "width": 13, "depth": 3, "classes": 5, "norm": "layer"}, (20,), 39),
    ("lenet", {"channels": 1, "classes": 10, "size": 28}, (1, 28, 28), 6 + 16 + 120 + 84),
    ("vgg11", {"width": 4}, IMAGE, 4 * 43),
    ("vgg11", {"width": 4, "size": 64}, (3, 64, 64), 4 * 43),
    ("vgg13_bn", {"width": 4}, IMAGE, 4 * (1 + 1 + 2 + 2 + 4 + 4 + 8 * 4)),
    ("resnet20", {}, IMAGE, 336 + 16 + 32 + 64),
    ("resnet20", {"shortcut": "A"}, IMAGE, 336 + 16 + 16 + 32),
    ("resnet20", {"norm": "layer"}, IMAGE, 336 + 16 + 32 + 64),
    ("resnet20", {"norm": "fixup", "shortcut": "A"}, IMAGE, 336 + 16 + 16 + 32),
]


def spec_of(module: nn.Module, shape: tuple[int, ...]) -> PermutationSpec:
    return derive(capture_once(module, torch.zeros(2, *shape)))


def shuffled(spec: PermutationSpec, seed: int = 0) -> Permutation:
    return Permutation.random(spec, torch.Generator().manual_seed(seed))


def tensors(module: nn.Module) -> dict[str, Tensor]:
    return dict(module.state_dict())


@pytest.mark.parametrize(("word", "arguments", "shape", "units"), CASES)
def test_every_unit_counted_by_hand_moves_and_the_function_stays(
    build: Build, word: str, arguments: dict[str, Any], shape: tuple[int, ...], units: int
) -> None:
    module = build(word, **arguments)
    spec = spec_of(module, shape)
    assert sum(spec.groups.values()) == units
    inputs = torch.randn(4, *shape, generator=torch.Generator().manual_seed(1))
    proof = prove(module, tensors(module), shuffled(spec), inputs)
    assert proof.holds and proof.dtype == "float64"
    assert all(spec.taps[group] for group in spec.groups)


@pytest.mark.parametrize(("word", "arguments", "shape", "units"), CASES[1:8])
def test_leaving_one_tensor_unpermuted_is_noticed(
    build: Build, word: str, arguments: dict[str, Any], shape: tuple[int, ...], units: int
) -> None:
    module = build(word, **arguments)
    spec = spec_of(module, shape)
    inputs = torch.randn(2, *shape, generator=torch.Generator().manual_seed(1))
    moving = [name for name, axes in spec.tensors.items() if any(axes)]
    for name in moving[:: max(1, len(moving) // 5)]:
        broken = PermutationSpec(spec.groups, {k: v for k, v in spec.tensors.items() if k != name})
        with pytest.raises(UnjudgedError, match="changes the network"):
            prove(module, tensors(module), shuffled(broken), inputs)


def test_the_proof_names_the_group_that_is_wrong(build: Build) -> None:
    module = build("mlp", inputs=20, width=13, depth=3, classes=5)
    spec = spec_of(module, (20,))
    wrong = dict(spec.tensors) | {"layers.1.bias": (None,)}
    with pytest.raises(UnjudgedError, match=r"so does group 'layers\.1'$"):
        prove(
            module,
            tensors(module),
            shuffled(PermutationSpec(spec.groups, wrong)),
            torch.randn(4, 20),
        )


def test_a_batch_as_large_as_the_channels_is_not_mistaken_for_them() -> None:
    module = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 4, 16))
    spec = derive(capture(module, torch.zeros(16, 3, 4, 4)))
    assert spec.groups == {"0": 16}


def test_an_operation_without_a_rule_fixes_what_it_touches() -> None:
    class Sorted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(4, 6), nn.Linear(6, 6)
            self.head = nn.Linear(6, 2)

        def forward(self, x: Tensor) -> Tensor:
            values: Tensor = self.head(
                torch.cumsum(torch.relu(self.second(torch.relu(self.first(x)))), 1)
            )
            return values

    spec = spec_of(Sorted(), (4,))
    assert spec.groups == {"first": 6}
    assert "cumsum" in spec.fixed["second.weight", 0]


def test_tied_weights_share_their_permutation() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.head = nn.Linear(6, 6), nn.Linear(6, 2)
            self.first = nn.Linear(4, 6)

        def forward(self, x: Tensor) -> Tensor:
            h = torch.relu(self.first(x))
            for _ in range(3):
                h = torch.relu(self.inner(h))
            out: Tensor = self.head(h)
            return out

    module = Tied().eval()
    spec = spec_of(module, (4,))
    assert sum(spec.groups.values()) == 6
    assert prove(module, tensors(module), shuffled(spec), torch.randn(3, 4)).holds


def test_depthwise_and_grouped_convolutions_move_their_groups() -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 8, 1),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, groups=8),
        nn.ReLU(),
        nn.Conv2d(8, 12, 1),
        nn.ReLU(),
        nn.Conv2d(12, 12, 3, groups=3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(12 * 4, 2),
    ).eval()
    spec = spec_of(module, (3, 6, 6))
    # depthwise: 8 channels; grouped: 3 groups, 4 channels alike in each on the way in and out
    assert sorted(spec.groups.values()) == [3, 4, 4, 8]
    inputs = torch.randn(2, 3, 6, 6)
    assert prove(module, tensors(module), shuffled(spec), inputs).holds


def test_a_plain_layer_is_one_group_of_its_rows(build: Build) -> None:
    spec = spec_of(build("mlp", inputs=20, width=13, depth=1, classes=5), (20,))
    assert spec.tensors["layers.0.weight"] == (Free("layers.0", 13), None)
    assert spec.fixed["layers.0.weight", 1] == "it is the model's input"
    assert list(spec.uses("layers.0"))[-1][0] == "classifier.weight"
