"""The captured graph: the same function, read and edited at its taps."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from lmctool.errors import LmctoolError
from lmctool.graph.capture import capture
from lmctool.graph.fuse import fuse
from lmctool.graph.tap_affine import affine
from lmctool.graph.targets import batchnorms, targets


class Block(nn.Module):
    """A residual block between a stem with BatchNorm and a head, with one of everything."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.conv = nn.Conv2d(
            8, 8, 3, padding=2, dilation=2, groups=4, padding_mode="reflect", bias=True
        )
        self.bare = nn.Conv2d(8, 8, 1, bias=False)
        self.scale = nn.Parameter(torch.ones(1))
        self.hidden = nn.Linear(8, 6)
        self.head = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.norm(self.stem(x)))
        h = torch.relu_(h + self.bare(torch.relu(self.conv(h))) * self.scale)
        out: Tensor = self.head(torch.relu(self.hidden(h.mean((2, 3)))))
        return out


@pytest.fixture(scope="module")
def module() -> nn.Module:
    torch.manual_seed(0)
    block = Block().double().eval().requires_grad_(False)
    block.norm.running_mean.normal_()  # type: ignore[union-attr]
    block.norm.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
    return block


INPUTS = torch.randn(5, 3, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_the_graph_computes_what_the_module_does_for_any_batch_size(module: nn.Module) -> None:
    graph = capture(module, INPUTS[:2])
    for size in (1, 2, 5):
        outputs = graph.run(module.state_dict(), INPUTS[:size], {})
        torch.testing.assert_close(outputs, module(INPUTS[:size]), rtol=1e-12, atol=1e-14)


def test_weights_are_arguments(module: nn.Module) -> None:
    graph = capture(module, INPUTS[:2])
    weights = {name: tensor * 2 for name, tensor in module.state_dict().items()}
    other = Block().double().eval()
    other.load_state_dict(weights)
    torch.testing.assert_close(graph.run(weights, INPUTS, {}), other(INPUTS))


def test_targets_are_layers_and_block_outputs_but_not_the_head(module: nn.Module) -> None:
    graph = capture(module, INPUTS[:2])
    assert [t.name for t in targets(graph, "layers")] == ["stem", "conv", "bare", "hidden"]
    (block,) = targets(graph, "blocks")
    assert (block.kind, block.axis) == ("block", 1)
    assert [t.kind for t in targets(graph, "both")].count("layer") == 4
    assert [t.fusable for t in targets(graph, "both")] == [True, True, False, False, True]
    (norm,) = batchnorms(graph)
    assert norm.batchnorm is not None and norm.batchnorm.mean == "norm.running_mean"


def test_fusing_equals_an_affine_layer_behind_the_target(module: nn.Module) -> None:
    graph = capture(module, INPUTS[:2])
    weights = dict(module.state_dict())
    for target in targets(graph, "layers"):
        channels = weights[target.weight].shape[0]
        scale, shift = torch.rand(channels).double() + 0.5, torch.randn(channels).double()
        fused = fuse(weights, target, scale, shift)
        edit = partial(affine, axis=target.axis, scale=scale, shift=shift)
        expected = graph.run(weights, INPUTS, {target.tap: edit})
        if target.fusable:
            got = module.__class__().double().eval()
            got.load_state_dict(fused)
            torch.testing.assert_close(got(INPUTS), expected, rtol=1e-10, atol=1e-12)
        else:
            assert f"@{target.tap}.scale" in fused
            assert fused[target.weight] is weights[target.weight]


def test_layers_whose_weights_hold_the_channels_in_columns_are_targets_too() -> None:
    class Columns(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up = nn.ConvTranspose2d(3, 4, 2)
            self.weight, self.bias = nn.Parameter(torch.randn(4, 5)), nn.Parameter(torch.randn(5))
            self.head = nn.Linear(5, 2)

        def forward(self, x: Tensor) -> Tensor:
            h = torch.relu(self.up(x)).mean((2, 3))
            out: Tensor = self.head(torch.relu(torch.addmm(self.bias, h, self.weight)))
            return out

    torch.manual_seed(0)
    module = Columns().double().eval().requires_grad_(False)
    graph = capture(module, INPUTS[:2])
    weights = dict(module.state_dict())
    found = targets(graph, "layers")
    assert [(target.name, target.rows, target.fusable) for target in found] == [
        ("up", 1, True),
        ("weight", 1, True),
    ]
    for target in found:
        channels = len(weights[target.bias])
        scale, shift = torch.rand(channels).double() + 0.5, torch.randn(channels).double()
        edit = partial(affine, axis=target.axis, scale=scale, shift=shift)
        expected = graph.run(weights, INPUTS, {target.tap: edit})
        fused = fuse(weights, target, scale, shift)
        torch.testing.assert_close(graph.run(fused, INPUTS, {}), expected, rtol=1e-10, atol=1e-12)


def test_a_region_under_another_setting_lies_in_the_graph_like_all_else() -> None:
    class Frozen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            with torch.set_grad_enabled(not torch.is_grad_enabled()):
                h = torch.relu(self.first(x))
            out: Tensor = self.second(h)
            return out

    module = Frozen().eval()
    graph = capture(module, torch.zeros(2, 3))
    names = [node.target for node in graph.nodes if node.op == "call_function"]
    assert names.count(torch.ops.aten.linear.default) == 2
    inputs = torch.randn(5, 3)
    torch.testing.assert_close(graph.run(module.state_dict(), inputs, {}), module(inputs))


def test_a_model_that_no_run_can_follow_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError("this model has no forward")

    with pytest.raises(LmctoolError, match=r"by torch\.export: .*; nor by running it: this model"):
        capture(Broken(), torch.zeros(2, 3))
    assert capfd.readouterr() == ("", "")


def test_channels_of_a_block_are_those_of_the_layers_in_it() -> None:
    class ChannelsLast(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 8, 1)
            self.mix, self.head = nn.Linear(8, 8), nn.Linear(8, 2)

        def forward(self, x: Tensor) -> Tensor:
            h = self.stem(x).permute(0, 2, 3, 1)
            h = h + torch.relu(self.mix(h))
            out: Tensor = self.head((h + self.mix(h).roll(1, 1)).mean((1, 2)))
            return out

    graph = capture(ChannelsLast(), torch.zeros(2, 3, 4, 4))
    found = targets(graph, "blocks")
    # four axes, and yet the last holds the channels
    assert [target.axis for target in found] == [-1, -1]


class Halving(nn.Module):
    """Writes its inputs, before and after a layer."""

    def __init__(self, *, last: bool) -> None:
        super().__init__()
        self.layer, self.last = nn.Linear(3, 2), last

    def forward(self, x: Tensor) -> Tensor:
        x.mul_(0.5)
        answer: Tensor = self.layer(x)
        if self.last:
            x.add_(1)
        return answer


@pytest.mark.parametrize("last", [False, True])
def test_what_a_model_writes_into_its_inputs_is_no_output(last: bool) -> None:
    model = Halving(last=last)
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    graph = capture(model, x.clone())
    given = x.clone()
    answer = graph.run(dict(model.state_dict()), given, {})
    assert graph.tracer == "export"
    assert torch.equal(answer, model(x.clone()))
    assert torch.equal(given, x)
