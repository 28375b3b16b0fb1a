"""Scales of units keep the function, and are those that a person counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from lmctool.graph.capture import capture
from lmctool.symmetry import Permutation, PermutationSpec, derive
from lmctool.symmetry.linear.canonical_spec import CanonicalSpec
from lmctool.symmetry.linear.scales import scale_groups
from lmctool.symmetry.linear.spec import LinearGroup, LinearSpec
from lmctool.symmetry.linear.transform import LinearTransform, drawn
from tests.symmetry.conftest import randomise

if TYPE_CHECKING:
    from lmctool.graph.graph import Graph

Activation = Callable[[Tensor], Tensor]


class Computed(nn.Module):
    """A model whose forward is a function of its modules, given by name."""

    def __init__(self, forward: Callable[[Any, Tensor], Tensor], **modules: nn.Module) -> None:
        super().__init__()
        self.computed = forward
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x: Tensor) -> Tensor:
        return self.computed(self, x)


def dense(activation: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(4, 6), activation, nn.Linear(6, 5), activation, nn.Linear(5, 3))


def gated(activation: Activation) -> nn.Module:
    return Computed(
        lambda m, x: m.down(activation(m.gate(x)) * m.up(x)),
        gate=nn.Linear(4, 6),
        up=nn.Linear(4, 6),
        down=nn.Linear(6, 3),
    )


def packed() -> nn.Module:
    """Gate and value are rows of one weight."""
    return Computed(
        lambda m, x: m.down(nn.functional.glu(m.both(x))),
        both=nn.Linear(4, 12),
        down=nn.Linear(6, 3),
    )


def chunked() -> nn.Module:
    def forward(m: Any, x: Tensor) -> Tensor:
        gate, up = m.both(x).chunk(2, -1)
        out: Tensor = m.down(nn.functional.silu(gate) * up)
        return out

    return Computed(forward, both=nn.Linear(4, 12), down=nn.Linear(6, 3))


def conv(before: int, after: int, **options: Any) -> nn.Module:
    return nn.Conv2d(before, after, 3, padding=1, **options)


def residual(activation: nn.Module, norm: Callable[[int], nn.Module] = nn.BatchNorm2d) -> nn.Module:
    """A stem and two blocks, each a hidden layer beside the stream."""

    def forward(m: Any, x: Tensor) -> Tensor:
        x = activation(m.norm(m.stem(x)))
        for first, second, n1, n2 in ((m.a1, m.a2, m.an1, m.an2), (m.b1, m.b2, m.bn1, m.bn2)):
            x = activation(x + n2(second(activation(n1(first(x))))))
        out: Tensor = m.head(x.mean((2, 3)))
        return out

    layers = {name: conv(5, 5, bias=False) for name in ("a1", "a2", "b1", "b2")}
    norms = {name: norm(5) for name in ("norm", "an1", "an2", "bn1", "bn2")}
    return Computed(forward, stem=conv(3, 5, bias=False), head=nn.Linear(5, 2), **layers, **norms)


def widened() -> nn.Module:
    """A shortcut that lays zeros beside the channels, and takes every second position."""
    return Computed(
        lambda m, x: m.head(
            torch.relu(
                m.second(torch.relu(s := torch.relu(m.first(x))))
                + pad(s[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2))
            ).amax((2, 3))
        ),
        first=conv(3, 4),
        second=conv(4, 8, stride=2),
        head=nn.Linear(8, 2),
    )


def joined() -> nn.Module:
    """Two layers' channels side by side, read as one."""
    return Computed(
        lambda m, x: m.head(torch.cat((torch.relu(m.a(x)), torch.relu(m.b(x))), 1).flatten(1)),
        a=conv(3, 2),
        b=conv(3, 3),
        head=nn.Linear(5 * 16, 2),
    )


def images(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers)


FEATURES, IMAGE = (4,), (3, 4, 4)
# a model, the shape of an example, and the power at each tensor of each group, counted by hand
TWO = {
    "0": {"0.weight": 1, "0.bias": 1, "2.weight": -1},
    "2": {"2.weight": 1, "2.bias": 1, "4.weight": -1},
}
UP_DOWN = {"gate": {"up.weight": 1, "up.bias": 1, "down.weight": -1}}
CASES: dict[str, tuple[nn.Module, tuple[int, ...], dict[str, dict[str, int]]]] = {
    "ReLU": (dense(nn.ReLU()), FEATURES, TWO),
    "leaky ReLU": (dense(nn.LeakyReLU(0.2)), FEATURES, TWO),
    "one slope": (
        nn.Sequential(nn.Linear(4, 6), nn.PReLU(), nn.Linear(6, 3)),
        FEATURES,
        {"0": {"0.weight": 1, "0.bias": 1, "2.weight": -1}},
    ),
    "a slope for each channel": (
        images(conv(3, 6), nn.PReLU(6), conv(6, 2), nn.Flatten()),
        IMAGE,
        {"0": {"0.weight": 1, "0.bias": 1, "2.weight": -1}},
    ),
    "dropout, clamp and identity": (
        nn.Sequential(nn.Linear(4, 6), nn.Dropout(0.5), nn.Identity(), nn.ReLU(), nn.Linear(6, 3)),
        FEATURES,
        {"0": {"0.weight": 1, "0.bias": 1, "4.weight": -1}},
    ),
    "pooling and a flatten of positions": (
        images(
            conv(3, 6),
            nn.ReLU(),
            nn.MaxPool2d(2),
            conv(6, 5),
            nn.ReLU(),
            nn.AvgPool2d(1),
            nn.Flatten(),
            nn.Linear(20, 2),
        ),
        IMAGE,
        {
            "0": {"0.weight": 1, "0.bias": 1, "3.weight": -1},
            "3": {"3.weight": 1, "3.bias": 1, "7.weight": -1},
        },
    ),
    "BatchNorm": (
        nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3)),
        FEATURES,
        {"0": {"1.weight": 1, "1.bias": 1, "3.weight": -1}},
    ),
    "LayerNorm and ReLU": (
        nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.ReLU(), nn.Linear(6, 3)),
        FEATURES,
        {"0": {"1.weight": 1, "1.bias": 1, "3.weight": -1}},
    ),
    "SwiGLU": (gated(nn.functional.silu), FEATURES, UP_DOWN),
    "ReGLU": (gated(torch.relu), FEATURES, UP_DOWN),
    "GEGLU": (gated(nn.functional.gelu), FEATURES, UP_DOWN),
    "squared ReLU": (
        Computed(
            lambda m, x: m.down(torch.relu(m.up(x)).square()),
            up=nn.Linear(4, 6),
            down=nn.Linear(6, 3),
        ),
        FEATURES,
        {"up": {"up.weight": 1, "up.bias": 1, "down.weight": -2}},
    ),
    "a value times itself": (
        Computed(
            lambda m, x: m.down((h := torch.relu(m.up(x))) * h / 2),
            up=nn.Linear(4, 6),
            down=nn.Linear(6, 3),
        ),
        FEATURES,
        {"up": {"up.weight": 1, "up.bias": 1, "down.weight": -2}},
    ),
    "a packed gate": (
        packed(),
        FEATURES,
        {"both": {"both.weight": 1, "both.bias": 1, "down.weight": -1}},
    ),
    "a gate in chunks": (
        chunked(),
        FEATURES,
        {"both": {"both.weight": 1, "both.bias": 1, "down.weight": -1}},
    ),
    "a residual stream": (
        residual(nn.ReLU()),
        IMAGE,
        {
            "stem": dict.fromkeys(
                (
                    f"{name}.{part}"
                    for name in ("norm", "an2", "bn2")
                    for part in ("weight", "bias")
                ),
                1,
            )
            | dict.fromkeys(("a1.weight", "b1.weight", "head.weight"), -1),
            "a1": {"an1.weight": 1, "an1.bias": 1, "a2.weight": -1},
            "b1": {"bn1.weight": 1, "bn1.bias": 1, "b2.weight": -1},
        },
    ),
    "a depthwise convolution": (
        images(conv(3, 6), nn.ReLU(), conv(6, 6, groups=6), nn.ReLU(), conv(6, 2), nn.Flatten()),
        IMAGE,
        {"0": {"2.weight": 1, "2.bias": 1, "4.weight": -1}},
    ),
    "concatenated channels": (
        joined(),
        IMAGE,
        {
            "a": {"a.weight": 1, "a.bias": 1, "head.weight": -1},
            "b": {"b.weight": 1, "b.bias": 1, "head.weight": -1},
        },
    ),
    "a linear bottleneck": (
        images(
            conv(3, 4),
            nn.BatchNorm2d(4),
            conv(4, 6),
            nn.BatchNorm2d(6),
            nn.ReLU6(),
            conv(6, 2),
            nn.Flatten(),
        ),
        IMAGE,
        {"0": {"1.weight": 1, "1.bias": 1, "2.weight": -1}},
    ),
    "a transposed convolution": (
        images(
            conv(3, 4), nn.ReLU(), nn.ConvTranspose2d(4, 5, 2), nn.ReLU(), conv(5, 2), nn.Flatten()
        ),
        IMAGE,
        {
            "0": {"0.weight": 1, "0.bias": 1, "2.weight": -1},
            "2": {"2.weight": 1, "2.bias": 1, "4.weight": -1},
        },
    ),
    "zeros beside a stream": (
        widened(),
        IMAGE,
        {
            "second[0]": {"second.weight": 1, "second.bias": 1, "head.weight": -1},
            "first": {  # the middle rows of the second layer write them, too
                "first.weight": 1,
                "first.bias": 1,
                "second.weight": -1,
                "second.bias": 1,
                "head.weight": -1,
            },
            "second[2]": {"second.weight": 1, "second.bias": 1, "head.weight": -1},
        },
    ),
    "groups of a convolution": (
        images(
            conv(3, 6),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            conv(6, 4, groups=2),
            nn.ReLU(),
            conv(4, 2),
            nn.Flatten(),
        ),
        IMAGE,
        {
            "0[1]": {"1.weight": 1, "1.bias": 1, "3.weight": -1},
            "3[1]": {"3.weight": 1, "3.bias": 1, "5.weight": -1},
        },
    ),
}
STOPPED: dict[str, tuple[nn.Module, tuple[int, ...], str]] = {
    "GELU": (dense(nn.GELU()), FEATURES, "gelu"),
    "tanh": (dense(nn.Tanh()), FEATURES, "tanh"),
    "ReLU6": (dense(nn.ReLU6()), FEATURES, "hardtanh"),
    "softmax": (dense(nn.Softmax(-1)), FEATURES, "softmax"),
    "a number alike for all": (
        Computed(
            lambda m, x: m.down(torch.relu(m.up(x)) + 1), up=nn.Linear(4, 6), down=nn.Linear(6, 3)
        ),
        FEATURES,
        "add",
    ),
    "a norm by hand": (
        Computed(
            lambda m, x: m.down((h := torch.relu(m.up(x))) / (h.mean(-1, keepdim=True) + 1)),
            up=nn.Linear(4, 6),
            down=nn.Linear(6, 3),
        ),
        FEATURES,
        "mean",
    ),
    "LayerNorm without a gain": (
        nn.Sequential(
            nn.Linear(4, 6), nn.LayerNorm(6, elementwise_affine=False), nn.ReLU(), nn.Linear(6, 3)
        ),
        FEATURES,
        "layer_norm",
    ),
    "powers that differ": (
        Computed(
            lambda m, x: m.down((h := torch.relu(m.up(x))) + h * h),
            up=nn.Linear(4, 6),
            down=nn.Linear(6, 3),
        ),
        FEATURES,
        "what combines them",
    ),
}


@cache
def derived(name: str) -> tuple[Graph, PermutationSpec, dict[str, LinearGroup], dict[str, str]]:
    module, shape, _ = (CASES | STOPPED)[name]
    graph = capture(module.eval(), torch.zeros(2, *shape))
    spec = derive(graph)
    return graph, spec, *scale_groups(graph, spec)


def inputs(shape: tuple[int, ...]) -> Tensor:
    return torch.randn(5, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def outputs(module: nn.Module, weights: dict[str, Tensor], shape: tuple[int, ...]) -> Tensor:
    out: Tensor = torch.func.functional_call(module, weights, (inputs(shape),))
    return out


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    return {
        name: tensor.double() if tensor.is_floating_point() else tensor
        for name, tensor in randomise(module).state_dict().items()
    }


def change(
    module: nn.Module, groups: dict[str, LinearGroup], shape: tuple[int, ...], sign: float = 1.0
) -> float:
    """Return how much outputs change under random scales, relative to the greatest."""
    weights = weights_of(module)
    generator = torch.Generator().manual_seed(0)
    before = outputs(module, weights, shape)
    for group in groups.values():
        scales = sign * drawn(group, generator)
        for place in group.places:
            name = place.tensor
            weights[name] = place.scaled(weights[name], scales**place.power)
    after = outputs(module, weights, shape)
    return ((after - before).abs().max() / before.abs().max()).item()


@pytest.mark.parametrize("name", CASES)
def test_the_powers_are_those_counted_by_hand(name: str) -> None:
    expected = CASES[name][2]
    groups = derived(name)[2]
    found = {
        group: {place.tensor: place.power for place in each.places}
        for group, each in groups.items()
    }
    assert found == expected


@pytest.mark.parametrize("name", CASES)
def test_scales_keep_the_function(name: str) -> None:
    module, shape, _ = CASES[name]
    groups = derived(name)[2]
    assert change(module, groups, shape) < 1e-10


@pytest.mark.parametrize("name", CASES)
def test_a_place_left_out_changes_the_function(name: str) -> None:
    module, shape, _ = CASES[name]
    groups = derived(name)[2]
    for group, each in groups.items():
        for place in each.places:
            kept = tuple(other for other in each.places if other is not place)
            assert change(module, {group: replace(each, places=kept)}, shape) > 1e-6


@pytest.mark.parametrize("name", ["ReLU", "leaky ReLU", "a residual stream", "BatchNorm"])
def test_a_negative_scale_changes_the_function(name: str) -> None:
    module, shape, _ = CASES[name]
    groups = derived(name)[2]
    assert change(module, groups, shape, sign=-1) > 1e-3


@pytest.mark.parametrize("name", STOPPED)
def test_where_no_scale_acts_the_reason_is_told(name: str) -> None:
    reason = STOPPED[name][2]
    _, spec, groups, blocked = derived(name)
    assert not groups
    assert blocked.keys() == spec.groups.keys()
    assert all(f"no scale of its units passes {reason}" in each for each in blocked.values())


def test_scales_of_relu_units_break_a_network_of_gelu_units() -> None:
    groups = derived("ReLU")[2]
    assert change(dense(nn.GELU()), groups, FEATURES) > 1e-3


@pytest.mark.parametrize("name", CASES)
def test_a_transform_of_permutations_and_scales_keeps_the_function(name: str) -> None:
    module, shape, _ = CASES[name]
    _, spec, groups, _ = derived(name)
    linear = LinearSpec(spec, groups, CanonicalSpec())
    t = LinearTransform.random(linear, torch.Generator().manual_seed(2))
    weights = weights_of(module)
    before = outputs(module, weights, shape)
    moved = t.apply(weights)
    assert torch.allclose(
        outputs(module, moved, shape), before, 0, 1e-10 * before.abs().max().item()
    )
    back = t.inverse().apply(moved)
    assert all(torch.allclose(back[n], weights[n], 1e-12, 1e-12) for n in weights)


def test_units_that_other_maps_act_on_and_folded_tensors_do_not_scale() -> None:
    graph, spec, _, _ = derived("BatchNorm")
    assert scale_groups(graph, spec, taken=("0",)) == ({}, {})
    groups, blocked = scale_groups(graph, spec, folded=("1.weight",))
    assert not groups and "batch_norm" in blocked["0"]


def test_the_places_of_a_spec_file_are_no_others() -> None:
    graph, found, _, _ = derived("ReLU")
    spec = derive(graph, fixed=["2.bias"])
    groups, blocked = scale_groups(graph, spec)
    assert groups.keys() == {"0"}
    assert "2" not in spec.groups and not blocked
    moved = replace(found, tensors={**found.tensors, "0.bias": (None,)})
    groups, blocked = scale_groups(graph, moved)
    assert "spec file" in blocked["0"]


def test_conjugated_scales_go_along_with_their_units() -> None:
    module, _, _ = CASES["groups of a convolution"]
    _, spec, groups, _ = derived("groups of a convolution")
    linear = LinearSpec(spec, groups, CanonicalSpec())
    t, u = (LinearTransform.random(linear, torch.Generator().manual_seed(seed)) for seed in (3, 4))
    assert isinstance(t.permutation, Permutation)
    weights = weights_of(module)
    one, other = t.then(u).apply(weights), u.apply(t.apply(weights))
    assert all(torch.allclose(one[name], other[name], 1e-12, 1e-12) for name in weights)
