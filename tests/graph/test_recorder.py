"""A model that is recorded shows what the same model shows when it is exported."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from lmctool.graph.capture import capture
from lmctool.graph.module import fresh
from lmctool.graph.recorder import record_graph
from lmctool.graph.recording import Recording
from lmctool.graph.settings import plain_layers
from lmctool.graph.targets import Target, batchnorms, targets
from lmctool.symmetry import PermutationSpec, derive
from tests.plugins.pairs import initial

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmctool.graph.graph import Graph


class Recurrent(nn.Module):
    """A recurrent layer, and a head on what it gives at the last step."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        self.layer = layer
        self.head = nn.Linear((2 if layer.bidirectional else 1) * layer.hidden_size, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.layer(x)[0][:, -1])
        return out


class Patches(nn.Module):
    """A vision transformer of one layer."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(1, 8, 4, 4)
        self.first = nn.Parameter(torch.randn(1, 1, 8))
        self.position = nn.Parameter(torch.randn(1, 5, 8))
        self.layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True, norm_first=True)
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        patches = self.patch(x).flatten(2).transpose(1, 2)
        stream = torch.cat([self.first.expand(x.shape[0], -1, -1), patches], 1) + self.position
        out: Tensor = self.head(self.norm(self.layer(stream))[:, 0])
        return out


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "resnet20": (lambda: initial("resnet-batch", 0), (2, 1, 8, 8)),
    "vgg11_bn": (lambda: initial("vgg-batch", 0), (2, 1, 8, 8)),
    "vit": (Patches, (2, 1, 8, 8)),
    "lstm": (
        lambda: Recurrent(nn.LSTM(6, 4, num_layers=2, batch_first=True)),
        (2, 3, 6),
    ),
    "gru": (lambda: Recurrent(nn.GRU(6, 4, batch_first=True)), (2, 3, 6)),
}


def rows(found: tuple[Target, ...]) -> list[tuple[object, ...]]:
    """Return all of some targets but the node, whose name is the tracer's own, as blocks' are."""
    return [
        (t.kind, t.name, t.axis, t.weight, t.bias, t.batchnorm, t.rows, t.fusable) for t in found
    ]


def where(spec: PermutationSpec) -> set[tuple[object, ...]]:
    """Return where in the tensors the units of each group lie, in whatever form that is said."""
    return {
        (group, name, index.axes, str(index.positions.tolist()))
        for group in spec.groups
        for name, index in spec.uses(group)
    }


def assert_targets_are_the_same(graph: Graph, other: Graph) -> None:
    for kind in ("layers", "blocks"):
        assert rows(targets(graph, kind)) == rows(targets(other, kind))
    assert rows(batchnorms(graph)) == rows(batchnorms(other))


@pytest.mark.parametrize("name", MODELS)
def test_targets_and_symmetry_are_those_of_the_exported_model(name: str) -> None:
    torch.manual_seed(0)
    build, shape = MODELS[name]
    module = build().eval().requires_grad_(False)
    inputs = torch.randn(shape)
    exported = capture(module, inputs)
    recorded = record_graph(fresh(module), (inputs,))
    assert (exported.tracer, recorded.tracer) == ("export", "dispatch")
    assert_targets_are_the_same(recorded, exported)
    spec, expected = derive(recorded), derive(exported)
    assert (spec.groups, spec.per) == (expected.groups, expected.per)
    assert where(spec) == where(expected)
    if name in ("resnet20", "vgg11_bn", "vit"):  # the steps of a recurrent layer have taps each
        for taps, others in ((spec.taps, expected.taps), (spec.pretaps, expected.pretaps)):
            assert {g: len(t) for g, t in taps.items()} == {g: len(t) for g, t in others.items()}


@pytest.mark.parametrize(
    "between",
    [nn.RReLU(), nn.ReflectionPad2d(1), nn.ReplicationPad2d(1), nn.MaxPool2d(2), nn.Upsample(12)],
    ids=lambda layer: type(layer).__name__,
)
def test_channels_may_move_through_what_a_recording_calls_by_another_name(
    between: nn.Module,
) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(2, 5, 3), between, nn.Conv2d(5, 3, 1)).eval()
    spec = derive(record_graph(fresh(module.requires_grad_(False)), (torch.randn(2, 2, 8, 8),)))
    assert list(spec.groups.values()) == [5]


def test_a_block_has_the_name_of_its_module() -> None:
    graph = record_graph(fresh(initial("resnet-batch", 0).eval()), (torch.randn(2, 1, 8, 8),))
    names = [target.name for target in targets(graph, "blocks")]
    assert len(names) == 9 and all(name.startswith("layer") for name in names)


class Normalised(nn.Module):
    """BatchNorms on the inputs, and on what another BatchNorm gives."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.Sequential(nn.BatchNorm1d(4), nn.BatchNorm1d(4))
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.norms(x))
        return out


def test_the_inputs_and_one_of_several_values_are_read_and_edited_too() -> None:
    torch.manual_seed(0)
    module = Normalised().eval().requires_grad_(False)
    inputs = torch.randn(5, 4)
    graph = record_graph(fresh(module), (inputs[:2],))
    first, second = batchnorms(graph)
    seen: dict[str, Tensor] = {}

    def keeping(tap: str) -> Callable[[Tensor], Tensor]:
        def edit(value: Tensor) -> Tensor:
            seen[tap] = value.clone()
            return 2 * value

        return edit

    outputs = graph.run(
        module.state_dict(), inputs, {tap: keeping(tap) for tap in (first.tap, second.tap)}
    )
    one, two = module.norms
    assert torch.equal(seen[first.tap], inputs)
    torch.testing.assert_close(seen[second.tap], one(2 * inputs))
    torch.testing.assert_close(outputs, module.head(two(2 * one(2 * inputs))))


def test_another_way_of_a_device_to_do_the_same_is_the_same_path() -> None:
    torch.manual_seed(0)
    module = Normalised().eval().requires_grad_(False)
    inputs = torch.randn(5, 4)
    graph = record_graph(fresh(module), (inputs,))
    assert isinstance(graph, Recording)
    gpu = torch.ops.aten.cudnn_batch_norm.default
    steps = tuple(
        replace(step, operation=gpu, nodes=(*step.nodes[:1], "", "", ""))
        if step.operation is torch.ops.aten.native_batch_norm.default
        else step
        for step in graph.steps
    )
    assert steps != graph.steps
    (_, second) = batchnorms(graph)
    edits = {second.tap: lambda value: 2 * value}
    outputs = replace(graph, steps=steps).run(module.state_dict(), inputs, edits)
    one, two = module.norms
    torch.testing.assert_close(outputs, module.head(two(2 * one(inputs))))


@pytest.mark.cuda
@pytest.mark.parametrize("name", MODELS)
def test_a_model_shows_on_a_gpu_what_it_shows_on_a_cpu(name: str) -> None:
    torch.manual_seed(0)
    build, shape = MODELS[name]
    module = build().eval().requires_grad_(False)
    inputs = torch.randn(shape)
    here = record_graph(fresh(module), (inputs,))
    expected = module(inputs)
    module, inputs = module.to("cuda"), inputs.to("cuda")
    there = record_graph(fresh(module), (inputs,))
    assert_targets_are_the_same(there, here)
    assert where(derive(there)) == where(derive(here))
    outputs = there.run(module.state_dict(), inputs, {})
    torch.testing.assert_close(outputs.cpu(), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["vit", "lstm"])
def test_a_recording_runs_under_the_settings_that_it_was_made_under(name: str) -> None:
    build, shape = MODELS[name]
    module = build().eval().requires_grad_(False)
    inputs = torch.randn(shape)
    graph = record_graph(fresh(module), (inputs,))
    torch.testing.assert_close(graph.run(module.state_dict(), inputs, {}), module(inputs))


@pytest.mark.parametrize("name", ["resnet20", "vit"])
def test_a_recording_runs_under_autocast_too(name: str) -> None:
    build, shape = MODELS[name]
    module = build().eval().requires_grad_(False)
    inputs = torch.randn(shape)
    graph = record_graph(fresh(module), (inputs,))
    tap = targets(graph, "layers")[0].tap
    seen: list[torch.dtype] = []

    def edit(value: Tensor) -> Tensor:
        seen.append(value.dtype)
        return value

    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = graph.run(module.state_dict(), inputs, {tap: edit})
        torch.testing.assert_close(outputs, module(inputs), rtol=0.05, atol=0.05)  # 8 bits
    assert seen == [torch.bfloat16]


def test_cudnn_is_off_for_recurrent_layers_alone_and_its_arithmetic_is_left() -> None:
    before = torch.backends.cudnn.enabled, torch.backends.cudnn.fp32_precision
    assert before[0]
    with plain_layers(Recurrent(nn.GRU(2, 2))):
        assert not torch.backends.cudnn.enabled and not torch.backends.mkldnn.enabled
        assert torch.backends.cudnn.fp32_precision == before[1]
    with plain_layers(nn.Conv2d(1, 1, 1)):
        assert torch.backends.cudnn.enabled and torch.backends.mkldnn.enabled
    assert torch.backends.cudnn.enabled and torch.backends.mkldnn.enabled
    assert (torch.backends.cudnn.enabled, torch.backends.cudnn.fp32_precision) == before


def shown(graph: Graph) -> list[str]:
    return [str(node.target) for node in graph.nodes if node.op == "call_function"]


def test_what_a_recording_shows_of_a_cell_is_no_layer_or_block() -> None:
    torch.manual_seed(0)
    module = Recurrent(nn.GRU(6, 4, batch_first=True)).eval().requires_grad_(False)
    graph = record_graph(fresh(module), (torch.randn(2, 3, 6),))
    assert shown(graph).count("aten.linear.default") > 1
    assert targets(graph, "both") == ()
