"""Graphs that are kept for later runs: the same as made anew, or passed over."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from lmctool.files.cache import Cache
from lmctool.graph import export
from lmctool.graph.capture import capture
from lmctool.graph.document import UnreadableError, read
from lmctool.graph.kept import KIND, KeptGraph
from lmctool.graph.module import fresh
from lmctool.graph.targets import targets
from lmctool.symmetry import derive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lmctool.graph.graph import Graph

INPUTS = torch.linspace(-1, 1, 2 * 3 * 6 * 6).reshape(2, 3, 6, 6)


class Residual(nn.Module):
    """A convolution, a block with BatchNorm, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> Any:
        x = torch.relu(self.first(x))
        x = torch.relu(self.norm(self.second(x)) + x)
        return self.head(x.mean((2, 3)).reshape(x.shape[0], -1))


MODULE = Residual().eval()


@pytest.fixture(scope="module", autouse=True)
def exported() -> Iterator[Graph]:
    """The graph of ``MODULE`` by torch.export, which takes a second; all tests share it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch.export about its own parts
        graph = export.export_graph(fresh(MODULE), (INPUTS,))

    def export_graph(module: nn.Module, _: object) -> Graph:
        assert type(module) is Residual
        return graph

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "export_graph", export_graph)
        yield graph


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> KeptGraph:
    """A cache in which the graph of ``MODULE`` is kept."""
    place = KeptGraph(Cache(tmp_path_factory.mktemp("cache")), "residual")
    capture(MODULE, INPUTS, kept=place)
    return place


def found(place: KeptGraph) -> Graph:
    """Return the graph that is kept."""
    graph = place.found(MODULE, (INPUTS,))
    assert graph is not None
    return graph


def told(graph: Graph) -> list[object]:
    """Return all that a graph says of its nodes."""
    return [
        (n.name, n.op, str(n.target), str(n.args), str(n.kwargs), str(n.meta.get("val")),
         list(n.meta["nn_module_stack"]), n.meta.get("stack_trace"))
        for n in graph.nodes
    ]  # fmt: skip


def document(place: KeptGraph) -> Any:
    """Return the document that is kept."""
    content = place.cache.entry(KIND, place._key(MODULE, (INPUTS,)))
    assert content is not None
    return json.loads(content)


def test_a_graph_is_the_same_whether_it_was_kept_or_made(place: KeptGraph) -> None:
    made, kept = capture(MODULE, INPUTS), found(place)
    assert told(made) == told(kept) and made.fingerprint == kept.fingerprint
    assert repr(derive(made)) == repr(derive(kept))
    assert targets(made, "both") == targets(kept, "both") != ()


def test_symbols_of_torch_export_tell_the_same_permutations(
    place: KeptGraph, exported: Graph
) -> None:
    assert repr(derive(exported)) == repr(derive(found(place)))


def test_a_kept_graph_computes_what_the_model_does_for_any_batch(place: KeptGraph) -> None:
    inputs = torch.cat([INPUTS, INPUTS.flip(3), INPUTS[:1]])
    weights = {name: tensor.detach() for name, tensor in MODULE.state_dict().items()}
    with torch.no_grad():
        assert torch.equal(found(place).run(weights, inputs, {}), MODULE(inputs))


def test_the_model_is_not_exported_again(place: KeptGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("it was exported")

    monkeypatch.setattr(export, "export_graph", refuse)
    capture(MODULE, INPUTS, kept=place)


def node(content: Any, name: str) -> list[Any]:
    """Return a node of a document."""
    return next(each for each in content["nodes"] if each[0] == name)


def other_operation(content: Any) -> None:
    node(content, "relu")[2] = "aten.tanh.default"


def other_tensors(content: Any) -> None:
    tensors = content["tensors"]
    tensors["p_first_bias"], tensors["p_second_bias"] = "second.bias", "first.bias"


def other_module(content: Any) -> None:
    node(content, "conv2d")[6] = ["", "second"]


def other_number(content: Any) -> None:
    node(content, "conv2d")[3][4] = [2, 2]


def batch_of_two(content: Any) -> None:
    shape = node(content, "view")[3][1]
    shape[0] = 2


def size_of_small_batches(content: Any) -> None:
    """Let a size be what it has to be in batches of 2 and of 3, but 5 in one of 4."""
    *before, view, linear, output = content["nodes"]
    examples = view[3][1][0]
    place = len(before)
    fourth: list[Any] = ["fourth", "call_function", "floordiv", [examples, 4], {}, None, []]
    total: list[Any] = ["total", "call_function", "add", [examples, {"node": place}], {}, None, []]
    view[3][1][0], linear[3][0] = {"node": place + 1}, {"node": place + 2}
    output[3] = [{"tuple": [{"node": place + 3}]}]
    content["nodes"] = [*before, fourth, total, view, linear, output]


def no_such_tensor(content: Any) -> None:
    content["tensors"]["p_first_bias"] = "third.bias"


def returns_another_value(content: Any) -> None:
    content["nodes"][-1][3] = [{"tuple": [{"node": len(content["nodes"]) - 3}]}]


@pytest.mark.parametrize(
    "change",
    [other_operation, other_tensors, other_module, other_number, batch_of_two, no_such_tensor,
     returns_another_value, size_of_small_batches],
)  # fmt: skip
def test_a_document_that_says_anything_else_is_passed_over(
    place: KeptGraph, change: Callable[[Any], None], tmp_path: Path
) -> None:
    wrong = document(place)
    change(wrong)
    assert wrong != document(place)
    other = KeptGraph(Cache(tmp_path), "residual")
    other.keep(MODULE, (INPUTS,), json.dumps(wrong).encode())
    assert other.found(MODULE, (INPUTS,)) is None
    assert told(capture(MODULE, INPUTS, kept=other)) == told(found(place))
    assert found(other)  # it took its place


@pytest.mark.parametrize(
    "target",
    ["aten.from_file.default", "aten.add_.Tensor", "os.system", "aten.__class__.mro",
     "aten.relu.__call__", "prims.add.default", "eval", "aten.rand.default"],
)  # fmt: skip
def test_nothing_is_called_that_the_model_does_not_call(
    place: KeptGraph, target: str, tmp_path: Path
) -> None:
    wrong = document(place)
    node(wrong, "relu")[2:4] = [target, [str(tmp_path / "made")]]
    other = KeptGraph(Cache(tmp_path / "cache"), "residual")
    other.keep(MODULE, (INPUTS,), json.dumps(wrong).encode())
    assert other.found(MODULE, (INPUTS,)) is None
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\x80\x04.", b'{"nodes":[[1]]}'])
def test_what_is_no_document_is_none(content: bytes) -> None:
    with pytest.raises(UnreadableError):
        read(content, MODULE)


def test_a_model_that_does_something_else_by_now_has_a_graph_of_its_own(
    place: KeptGraph,
) -> None:
    class Other(Residual):
        def forward(self, x: torch.Tensor) -> Any:
            return super().forward(x.flip(3))

    other = Other().eval()
    assert place._key(other, (INPUTS,)) == place._key(MODULE, (INPUTS,))
    assert place.found(other, (INPUTS,)) is None
