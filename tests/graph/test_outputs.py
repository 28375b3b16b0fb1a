"""The tensors among what a model returns: all of them, and the one that is scored."""

from __future__ import annotations

from collections import UserDict, deque, namedtuple
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lmctool.errors import LmctoolError
from lmctool.graph.capture import capture
from lmctool.graph.outputs import outputs_of, scored_output, tensors_of

X, OTHER, COUNT = torch.ones(2, 3), torch.zeros(2), torch.tensor(4)
LOSS = torch.tensor(0.5)
Named = namedtuple("Named", "loss logits")


@dataclass
class Heads:
    pi: Any
    v: Any


class Slotted:
    __slots__ = ("pi", "v")

    def __init__(self, pi: Any, v: Any) -> None:
        self.pi, self.v = pi, v


class Lazy:
    def __init__(self, hidden: Tensor) -> None:
        self.hidden = hidden

    @property
    def logits(self) -> Tensor:
        return self.hidden + 1


class DynamicCache:
    def __init__(self, *keys: Tensor) -> None:
        self.keys = keys


@pytest.mark.parametrize(
    "value",
    [
        X,
        {"hidden": OTHER, "logits": X},
        {"count": COUNT, "out": X},
        {"out": X, "aux": OTHER},
        (X, OTHER),
        [COUNT, X, OTHER],
        (LOSS, X),
        (X, (OTHER, OTHER)),
        ((X, OTHER), OTHER),
        Named(OTHER, X),
        Named(None, X),
        Heads(X, OTHER),
        SimpleNamespace(loss=None, logits=X),
    ],
)
def test_without_a_name_logits_are_meant_else_the_first(value: Any) -> None:
    assert scored_output(value) is X


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (X, [""]),
        ((OTHER, X), ["0", "1"]),
        ({"a": OTHER, "n": 3, "b": {"c": [X]}}, ["a", "b.c.0"]),
        (UserDict({1: X}), ["1"]),
        (deque([X]), ["0"]),
        (Named(None, X), ["logits"]),
        (Heads(OTHER, Slotted(X, "text")), ["pi", "v.pi"]),
        ({"heads": SimpleNamespace(pi=X, v=COUNT)}, ["heads.pi", "heads.v"]),
        (torch.distributions.Normal(OTHER, OTHER + 1), ["loc", "scale"]),
        (
            {"logits": X, "past_key_values": ((OTHER, OTHER),), "states": DynamicCache(X)},
            ["logits"],
        ),
    ],
)
def test_every_tensor_has_the_name_that_leads_to_it(value: Any, names: list[str]) -> None:
    assert [output.name for output in outputs_of(value, whole=True)] == names


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ((OTHER, X), "1"),
        ({"aux": OTHER, "out": X}, "out"),
        ({"aux": OTHER, "out": X}, "1"),
        (Named(OTHER, X), "1"),
        ({"logits": OTHER, "heads": Heads(X, OTHER)}, "heads.pi"),
        ({"logits": OTHER, "heads": Heads(X, OTHER)}, "1.0"),
        ({"deep.er": X, "deep": OTHER}, "deep.er"),
        ({1: X, 0: OTHER}, "1"),
        ([[OTHER], [OTHER, X]], "1.1"),
    ],
)
def test_a_name_or_a_place_chooses(value: Any, name: str) -> None:
    assert scored_output(value, name) is X


def test_an_object_may_make_its_logits_when_they_are_asked_for() -> None:
    assert torch.equal(scored_output(Lazy(X)), X + 1)


@pytest.mark.parametrize(
    ("value", "name", "told"),
    [
        ({}, None, "none of what the model returns can be scored: it returns no tensor, and"),
        ((COUNT, "cat"), None, "it returns 0 (int64 scalar), and a tensor of floats for each"),
        ({"loss": LOSS}, None, "it returns loss (float32 scalar), and"),
        (None, None, "it returns no tensor, and"),
        (3.0, None, "it returns no tensor, and"),
        ((X, OTHER), "2", "the model has no output '2'; it returns 0 (float32 2x3), 1 (float32 2)"),
        (
            {"policy": X, "v": OTHER},
            "polcy",
            "no output 'polcy'; did you mean 'policy'? it returns",
        ),
        (
            {"pi": X, "best": COUNT},
            "best",
            "output 'best' of the model is best (int64 scalar), and",
        ),
        (
            {"heads": {"pi": X}},
            "heads",
            "no output 'heads'; did you mean 'heads.pi'? it returns heads.pi",
        ),
        (
            X,
            "out.h5",
            "the model returns one tensor, so that --output out.h5 has nothing to choose",
        ),
        (tuple([X] * 10), "a", "7 (float32 2x3) and 2 more"),
    ],
)
def test_what_cannot_be_scored_is_told_with_all_that_is_there(
    value: Any, name: str | None, told: str
) -> None:
    with pytest.raises(LmctoolError) as raised:
        scored_output(value, name)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ((X, {"f": len}), "returns 'builtin_function_or_method' as '1.f', in which no tensors can"),
        ((X, iter([X])), "'list_iterator' as '1'"),
        (X.numpy(), "returns 'ndarray', in which"),
        ({"pi": None}, "the model returns no tensor"),
    ],
)
def test_where_tensors_may_hide_is_no_place_for_a_proof(value: Any, told: str) -> None:
    with pytest.raises(LmctoolError) as raised:
        tensors_of(value)
    assert told in str(raised.value)


def test_an_output_that_holds_itself_is_looked_at_once() -> None:
    value = SimpleNamespace(logits=X)
    value.whole = value
    assert [output.name for output in outputs_of(value)] == ["logits"]


class Several(nn.Module):
    def __init__(self, traced: bool, kind: Any) -> None:
        super().__init__()
        self.a, self.b, self.traced, self.kind = nn.Linear(3, 2), nn.Linear(3, 4), traced, kind

    def forward(self, x: Tensor) -> Any:
        if not self.traced and x.sum() > 1e9:
            x = -x
        return self.kind(2 * self.a(x), self.b(x))


KINDS = {
    "tuple": (lambda a, b: (a, b), "1"),
    "dict": (lambda a, b: {"a": a, "n": 3, "b": b}, "b"),
    "dataclass": (Heads, "v"),
    "nested": (lambda a, b: {"first": [a], "heads": Slotted(None, b)}, "heads.v"),
}


@pytest.mark.parametrize("traced", [True, False])
@pytest.mark.parametrize(("kind", "name"), KINDS.values(), ids=KINDS)
def test_a_graph_gives_the_output_that_is_meant(kind: Any, name: str, traced: bool) -> None:
    module = Several(traced, kind)
    for output, expected in ((None, 2 * module.a(X)), (name, module.b(X))):
        graph = capture(module, X, output)
        assert graph.tracer == ("export" if traced else "dispatch")
        with torch.no_grad():
            torch.testing.assert_close(graph.run(module.state_dict(), X, {}), expected)
        assert tuple(graph.output.meta["val"].shape)[1:] == expected.shape[1:]
        assert len(graph.outputs) == 2 and graph.outputs[1] == name


def test_a_graph_without_an_output_to_score_still_shows_its_operations() -> None:
    module = Several(True, lambda a, b: {"best": a.argmax(1), "sum": b.sum()})
    graph = capture(module, X)
    assert graph.outputs == ("best", "sum")
    with pytest.raises(LmctoolError, match="none of the tensors that the model returns can be"):
        _ = graph.output
    with pytest.raises(LmctoolError, match="the model has no output 'a'"):
        capture(module, X, "a")


def test_a_model_whose_tensors_hide_is_not_traced() -> None:
    with pytest.raises(LmctoolError, match="returns 'function' as '1', in which no tensors can"):
        capture(Several(True, lambda a, b: (a, lambda: b)), X)
