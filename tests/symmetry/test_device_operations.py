"""Operations that only a GPU, or only another library of a CPU, has: their rules, without one."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, fx, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from lmctool.graph.graph import Graph
from lmctool.graph.recorder import record_graph
from lmctool.graph.targets import batchnorms, targets
from lmctool.symmetry import derive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lmctool.symmetry import PermutationSpec

aten = torch.ops.aten
BATCH, IN, UNITS, OUT = 3, 4, 5, 2


class Drawn:
    """A graph that is drawn by hand: ``x`` is its input, all other placeholders are weights."""

    def __init__(self, *inputs: int, **weights: tuple[int, ...]) -> None:
        self.graph = fx.Graph()
        self.x = self._placeholder("x", inputs)
        self.weights = {name: self._placeholder(name, shape) for name, shape in weights.items()}

    def _placeholder(self, name: str, shape: tuple[int, ...]) -> fx.Node:
        node = self.graph.placeholder(name)
        node.meta["val"] = torch.empty(shape, device="meta")
        return node

    def call(self, target: Any, *args: Any, shapes: Any = None) -> fx.Node:
        """Add an operation, whose values are as its meta kernel says or have these shapes."""
        node = self.graph.call_function(target, args)
        if shapes is None:
            node.meta["val"] = target(*fx.map_arg(args, lambda operand: operand.meta["val"]))
        else:
            node.meta["val"] = tuple(torch.empty(shape, device="meta") for shape in shapes)
        return node

    def pick(self, node: fx.Node, place: int = 0) -> fx.Node:
        picked = self.graph.call_function(operator.getitem, (node, place))
        picked.meta["val"] = node.meta["val"][place]
        return picked

    def done(self, output: fx.Node, *buffers: str) -> Graph:
        self.graph.output((output,))
        return Graph(
            module=fx.GraphModule(nn.Module(), self.graph),
            tensors={name: name for name in self.weights},
            buffers=frozenset(buffers),
            constants={},
            inputs=("x",),
            aliases={},
        )


def units(spec: PermutationSpec) -> Mapping[str, list[int]]:
    """Return in which axes of each tensor something may move."""
    return {
        name: [place for place, form in enumerate(forms) if form is not None]
        for name, forms in spec.tensors.items()
    }


@pytest.mark.parametrize(
    ("target", "rest"),
    [
        (aten.cudnn_batch_norm.default, (False, 0.1, 1e-3)),
        (aten.miopen_batch_norm.default, (False, 0.1, 1e-3)),
        (aten.native_batch_norm.default, (False, 0.1, 1e-3)),
        (aten._batch_norm_no_update.default, (0.1, 1e-3)),
    ],
)
def test_a_batch_norm_of_a_device_is_one(target: Any, rest: tuple[object, ...]) -> None:
    drawn = Drawn(
        *(BATCH, IN, 6, 6),
        **{"conv": (UNITS, IN, 3, 3), "weight": (UNITS,), "bias": (UNITS,)},
        **{"mean": (UNITS,), "variance": (UNITS,), "last": (OUT, UNITS, 4, 4)},
    )
    conv, weight, bias, mean, variance, last = drawn.weights.values()
    one = ([1, 1], [0, 0], [1, 1], False, [0, 0], 1)
    before = drawn.call(aten.convolution.default, drawn.x, conv, None, *one)
    shapes = [(BATCH, UNITS, 4, 4), (0,), (0,), (0,)]
    norm = drawn.call(target, before, weight, bias, mean, variance, *rest, shapes=shapes)
    after = drawn.call(aten.relu.default, drawn.pick(norm))
    graph = drawn.done(
        drawn.call(aten.convolution.default, after, last, None, *one), "mean", "variance"
    )
    (found,) = batchnorms(graph)
    assert found.tap == before.name and found.batchnorm is not None
    assert (found.batchnorm.mean, found.batchnorm.variance) == ("mean", "variance")
    assert found.batchnorm.epsilon == 1e-3
    (layer,) = targets(graph, "layers")
    assert layer.batchnorm == found.batchnorm and layer.fusable
    spec = derive(graph)
    assert spec.groups == {"conv": UNITS}
    assert units(spec) == {
        **{"conv": [0], "weight": [0], "bias": [0], "mean": [0], "variance": [0], "last": [1]}
    }


HEADS, HEAD, PLACES = 2, 4, 6
ATTENTION: dict[str, Callable[..., tuple[Any, ...]]] = {
    "_scaled_dot_product_efficient_attention": lambda mask, causal: (mask, True, 0.0, causal),
    "_scaled_dot_product_cudnn_attention": lambda mask, causal: (mask, True, 0.0, causal),
    "_scaled_dot_product_fused_attention_overrideable": lambda mask, causal: (mask, 0.0, causal),
    "_scaled_dot_product_flash_attention": lambda mask, causal: (0.0, causal),
    "_scaled_dot_product_flash_attention_for_cpu": lambda mask, causal: (0.0, causal),
}


def attending(name: str, *, causal: bool) -> Graph:
    """Return attention of a model whose positions could move: they are summed over at the end."""
    shape = (HEADS, PLACES, HEAD)
    drawn = Drawn(BATCH, 1, **dict.fromkeys(("query", "key", "value"), shape))
    # (batch, head, place, unit), each a product of the input with a stored tensor
    x = drawn.call(aten.view.default, drawn.x, [BATCH, 1, 1, 1])
    operands = [drawn.call(aten.mul.Tensor, x, weight) for weight in drawn.weights.values()]
    silent = [(0,)] * (8 if "cudnn" in name or "override" in name else 3)
    shapes = [(BATCH, *shape), *silent]
    target = getattr(aten, name).default
    node = drawn.call(target, *operands, *ATTENTION[name](None, causal), shapes=shapes)
    return drawn.done(drawn.call(aten.sum.dim_IntList, drawn.pick(node), [1, 2]))


@pytest.mark.parametrize("name", ATTENTION)
def test_attention_of_a_device_moves_as_attention_does(name: str) -> None:
    spec = derive(attending(name, causal=False))
    assert units(spec) == {"query": [0, 1, 2], "key": [0, 1, 2], "value": [0, 1]}
    # heads, places of queries, units of queries with keys, places of keys with values
    assert sorted(spec.groups.values()) == sorted([HEADS, PLACES, HEAD, PLACES])


@pytest.mark.parametrize("name", ATTENTION)
def test_a_causal_mask_of_a_device_fixes_the_positions(name: str) -> None:
    spec = derive(attending(name, causal=True))
    assert units(spec) == {"query": [0, 2], "key": [0, 2], "value": [0]}


def packed(gates: int, **others: tuple[int, ...]) -> Drawn:
    return Drawn(
        *(BATCH, 7, IN),
        **{"w_ih": (gates * UNITS, IN), "w_hh": (gates * UNITS, UNITS)},
        **{"b_ih": (gates * UNITS,), "b_hh": (gates * UNITS,), "head": (OUT, UNITS)},
        **others,
    )


def recurrent(kind: str, mode: int, gates: int) -> Graph:
    """Return a recurrent layer in one operation of a device, and a head on its last value."""
    drawn = packed(gates)
    *weights, head = drawn.weights.values()
    state = drawn.call(aten.zeros.default, [1, BATCH, UNITS])
    memory = state if gates == 4 else None
    out, last = (BATCH, 7, UNITS), (1, BATCH, UNITS)
    rest: tuple[Any, ...]
    shapes = [out, last, last if gates == 4 else (0,), (0,), (0,)]
    if kind == "cudnn":
        rest = (mode, UNITS, 0, 1, True, 0.0, False, False, [], None)
        target = aten._cudnn_rnn.default
        node = drawn.call(target, drawn.x, weights, 4, None, state, memory, *rest, shapes=shapes)
    elif kind == "miopen":
        rest = (mode, UNITS, 1, True, 0.0, False, False, [], None)
        target = aten.miopen_rnn.default
        node = drawn.call(target, drawn.x, weights, 4, state, memory, *rest, shapes=shapes)
    else:
        rest = (False, [], mode, UNITS, 1, True, False, True, False)
        target = aten.mkldnn_rnn_layer.default
        node = drawn.call(target, drawn.x, *weights, state, state, *rest, shapes=shapes[:4])
    taken = drawn.call(aten.select.int, drawn.pick(node), 1, -1)
    return drawn.done(drawn.call(aten.linear.default, taken, head))


@pytest.mark.parametrize(("mode", "gates"), [(0, 1), (1, 1), (2, 4), (3, 3)])
@pytest.mark.parametrize("kind", ["cudnn", "miopen", "mkldnn"])
def test_a_recurrent_layer_in_one_operation_has_one_group(kind: str, mode: int, gates: int) -> None:
    spec = derive(recurrent(kind, mode, gates))
    assert list(spec.groups.values()) == [UNITS]
    (group,) = spec.groups
    assert units(spec) == {**{"w_ih": [0], "w_hh": [0, 1], "b_ih": [0], "b_hh": [0], "head": [1]}}
    positions = {name: index.positions.ravel() for name, index in spec.uses(group)}
    assert torch.equal(positions["w_ih"] % UNITS, torch.arange(UNITS))


def test_a_fused_gru_cell_has_one_group() -> None:
    drawn = packed(3, start=(1, UNITS))  # units of a start that is zero would move by themselves
    w_ih, w_hh, b_ih, b_hh, head, start = drawn.weights.values()
    x = drawn.call(aten.select.int, drawn.x, 1, 0)
    state = drawn.call(aten.expand.default, start, [BATCH, UNITS])
    gates = [
        drawn.call(aten.mm.default, value, drawn.call(aten.t.default, weight))
        for value, weight in ((x, w_ih), (state, w_hh))
    ]
    shapes = [(BATCH, UNITS), (BATCH, 5 * UNITS)]
    target = aten._thnn_fused_gru_cell.default
    node = drawn.call(target, *gates, state, b_ih, b_hh, shapes=shapes)
    spec = derive(drawn.done(drawn.call(aten.linear.default, drawn.pick(node), head)))
    assert list(spec.groups.values()) == [UNITS]
    assert units(spec)["w_hh"] == [0, 1] and units(spec)["b_ih"] == [0]
    assert units(spec)["start"] == [1]


def on_gpu(module: nn.Module, inputs: Tensor) -> Graph:
    """Return the recording of a model on a GPU that isn't there: of shapes, without content."""
    module = module.eval().requires_grad_(False)
    with FakeTensorMode():
        for part in module.modules():
            for name, tensor in [*part._parameters.items()]:
                if tensor is not None:
                    new = torch.empty(tensor.shape, device="cuda")
                    part._parameters[name] = nn.Parameter(new, requires_grad=False)
            for name, buffer in [*part._buffers.items()]:
                if buffer is not None:
                    new = torch.empty(buffer.shape, dtype=buffer.dtype, device="cuda")
                    part._buffers[name] = new
        return record_graph(module, (torch.empty(inputs.shape, device="cuda"),))


class Residual(nn.Module):
    """Convolutions with BatchNorms, and a block."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.conv = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, padding=1)
        self.first, self.second = nn.BatchNorm2d(4), nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.first(self.stem(x)))
        h = torch.relu(h + self.second(self.conv(h)))
        out: Tensor = self.head(h.mean((2, 3)))
        return out


class Cell(nn.Module):
    """One step of an LSTM, which a GPU fuses."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.LSTMCell(4, 5), nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.cell(x)[0])
        return out


class Attention(nn.Module):
    """Attention, which shapes without content show in its parts."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.head = nn.Linear(8, 24, bias=False), nn.Linear(8, 2)
        self.norm = nn.LayerNorm(8)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm(x)).view(2, 5, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        h = nn.functional.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.head(h.transpose(1, 2).flatten(2))
        return out


@pytest.mark.parametrize(
    ("build", "shape"),
    [(Residual, (2, 1, 6, 6)), (Cell, (2, 4)), (Attention, (2, 5, 8))],
    ids=["residual", "cell", "attention"],
)
def test_a_model_shows_on_a_gpu_what_it_shows_on_a_cpu(
    build: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    inputs = torch.randn(shape)
    here = record_graph(build().eval().requires_grad_(False), (inputs,))
    there = on_gpu(build(), inputs)

    def found(graph: Graph) -> list[tuple[object, ...]]:
        every = (*targets(graph, "both"), *batchnorms(graph))
        return [(t.kind, t.axis, t.weight, t.bias, t.batchnorm, t.name) for t in every]

    assert found(there) == found(here)
    expected, spec = derive(here), derive(there)
    assert spec.groups == expected.groups and units(spec) == units(expected)
