"""Copies of the caller's modules: hooks, wrappers of weights, and what cannot be copied."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from lmctool.errors import LmctoolError
from lmctool.model.own_copy import own_copy

Hook = Callable[..., Any]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4)
        self.gain = 2.0
        self.fc.register_forward_hook(self.scaled)

    def scaled(self, _: nn.Module, __: Any, output: Tensor) -> Tensor:
        return output * self.gain

    def forward(self, inputs: Tensor) -> Tensor:
        answer: Tensor = self.fc(inputs)
        return answer


class Collector:
    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.last: Any = None

    def collect(self, _: nn.Module, __: Any, output: Tensor) -> None:
        self.seen.append(output)
        self.last = output

    def __call__(self, module: nn.Module, inputs: Any, output: Tensor) -> None:
        self.collect(module, inputs, output)


INPUTS = torch.linspace(-1, 1, 6).reshape(2, 3)


def collectors() -> list[tuple[list[Any], Hook]]:
    """Return ways to collect activations, each with what it collects in."""
    seen: list[list[Any]] = [[], []]

    def closure(_: nn.Module, __: Any, output: Tensor) -> None:
        if len(output):
            seen[0].append(output.detach())

    def named(found: list[Any], _: nn.Module, __: Any, output: Tensor) -> None:
        found.append(output)
        return

    method, called = Collector(), Collector()
    return [
        (seen[0], closure),
        (seen[1], partial(named, seen[1])),
        (method.seen, method.collect),
        (called.seen, called),
    ]


def test_hooks_that_look_on_see_nothing_of_a_copy_and_stay_where_they_are() -> None:
    for found, hook in collectors():
        net = Net()
        net.fc.register_forward_hook(hook)
        copied = own_copy(net, "A")
        expected = net(INPUTS)
        assert len(found) == 1
        assert torch.equal(copied(INPUTS), expected)
        assert len(found) == 1
        assert len(net.fc._forward_hooks) == 2


def test_a_method_of_the_network_stays_a_hook_of_the_copy_alone() -> None:
    net = Net()
    copied = own_copy(net, "A")
    net.gain = 0.0
    assert torch.equal(copied(INPUTS), copied.fc(INPUTS))  # type: ignore[operator]
    assert not torch.equal(copied(INPUTS), net(INPUTS))


def changing() -> list[Hook]:
    """Return hooks that change what a network computes, or may."""

    def returns(_: nn.Module, __: Any, output: Tensor) -> Tensor:
        return output * 2

    def sometimes(_: nn.Module, __: Any, output: Tensor) -> Tensor | None:
        return output * 2 if len(output) > 100 else None

    def writes(_: nn.Module, __: Any, output: Tensor) -> None:
        output.mul_(2)

    def sets(module: Any, _: Any, __: Tensor) -> None:
        module.weight = nn.Parameter(module.weight * 2)

    def sets_by_name(module: nn.Module, _: Any, __: Tensor) -> None:
        setattr(module, "weight", nn.Parameter(torch.zeros(4, 3)))  # noqa: B010

    return [returns, sometimes, writes, sets, sets_by_name, lambda _, __, out: out, partial(print)]


def test_a_hook_that_may_change_the_function_is_refused() -> None:
    for hook in changing():
        net = Net()
        net.fc.register_forward_hook(hook)
        with pytest.raises(LmctoolError, match="a hook on 'fc' of A returns a value or writes"):
            own_copy(net, "A")
        copied: Any = own_copy(net, "A", whole=True)
        assert len(copied.fc._forward_hooks) == 2


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
def test_what_torch_hooks_on_a_weight_is_copied_after_a_training_step() -> None:
    for wrap in (nn.utils.weight_norm, nn.utils.spectral_norm, pruned):
        net = Net()
        wrap(net.fc)
        net(INPUTS).sum().backward()
        copied = own_copy(net, "A").eval()
        expected = net.eval()(INPUTS)
        assert torch.equal(copied(INPUTS), expected)
        assert all(parameter.grad is None for parameter in copied.parameters())
        with torch.no_grad():
            for parameter in copied.parameters():
                parameter.mul_(3)
        assert not torch.equal(copied(INPUTS), expected)
        assert torch.equal(net(INPUTS), expected)


def pruned(module: nn.Module) -> None:
    prune.l1_unstructured(module, "weight", amount=0.5)  # type: ignore[no-untyped-call]


def test_what_a_copy_would_share_or_cannot_have_is_refused() -> None:
    net: Any = Net()
    net.fc.forward = lambda inputs: inputs
    with pytest.raises(LmctoolError, match="'forward' of 'fc' of A was replaced by a function"):
        own_copy(net, "A")
    net = Net()
    net.lock = threading.Lock()
    with pytest.raises(LmctoolError, match=r"A cannot be copied \(TypeError: .*lock"):
        own_copy(net, "A")


def test_a_method_in_place_of_forward_is_the_copys_own() -> None:
    def doubled(self: Any, inputs: Tensor) -> Any:
        return 2 * inputs @ self.weight.T

    net: Any = Net()
    net.fc.forward = MethodType(doubled, net.fc)
    copied: Any = own_copy(net, "A")
    with torch.no_grad():
        net.fc.weight.zero_()
    assert copied(INPUTS).any()
