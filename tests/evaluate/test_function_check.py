"""Networks that are no function, and data that a model cannot take: one sentence each."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lmctool.errors import LmctoolError, UnjudgedError
from lmctool.evaluate.function_check import Answers, check_function
from lmctool.testing import invoke, tiny_pair

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LABELS = np.arange(20) % 10
MORE = ("--split", "test", "--allow-chance")
OTHER = r"is it trained on other data\?"


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        (
            np.zeros((20, 63), np.uint8),
            rf"float32 of shape \(63,\) .mat1 and mat2 shapes.*{OTHER}",
        ),
        (np.zeros((20, 2, 2, 2), np.uint8), rf"float32 of shape \(2, 2, 2\).*{OTHER}"),
        (np.zeros(20, np.uint8), rf"float32 of shape \(\) .*{OTHER}"),
        (np.zeros((20, 64), np.int64), r"int64 of shape \(64,\).*store measurements as floats"),
    ],
    ids=["short", "volumes", "single values", "whole numbers"],
)
def test_inputs_that_the_model_cannot_take_are_told(
    inputs: NDArray[Any], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("data.npz", allow_pickle=False, x=inputs, y=LABELS)
    pair = tiny_pair(tmp_path)
    done = invoke("interpolate", *pair, "--data", "data.npz", "--points", "3", *MORE)
    assert done.exit_code == 2
    assert "Traceback" not in done.stderr
    assert re.search(
        f"^Error: the model cannot take the inputs of split 'test', {told}",
        done.stderr,
        re.MULTILINE,
    )


Hidden = Callable[["Net", Tensor], Tensor]


class Net(nn.Module):
    """Linear, what a test makes of the hidden units, linear."""

    steps: Tensor
    table: Tensor
    drop: nn.Module

    def __init__(self, hidden: Hidden) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(6, 8), nn.Linear(8, 3)
        self.register_buffer("steps", torch.zeros(()))
        self.register_buffer("table", torch.zeros(8), persistent=False)
        self.kept: list[Tensor] = []
        self.parts: list[nn.Module] = []
        self.calls = 0
        self.hidden = hidden

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.hidden(self, self.first(x).relu()))
        return out


def counts(net: Net, h: Tensor) -> Tensor:
    net.calls += 1
    return h * net.calls


def rebinds(net: Net, h: Tensor) -> Tensor:
    net.first.weight.data = net.first.weight.data * 1.01
    return h


def replaces(net: Net, h: Tensor) -> Tensor:
    net.first.weight = nn.Parameter(net.first.weight * 1.01)
    return h


def by_numpy(net: Net, h: Tensor) -> Tensor:
    net.first.bias.detach().numpy()[:] += 1
    return h


def sets(net: Net, h: Tensor) -> Tensor:
    net.head.bias.data.fill_(0.5)
    return h


def steps(net: Net, h: Tensor) -> Tensor:
    net.steps += 1
    return h


def first_part(net: Net, h: Tensor) -> Tensor:
    out: Tensor = net.parts[0](h)
    return out


def remembers(net: Net, h: Tensor) -> Tensor:
    net.kept.append(h.mean(1))
    return h + torch.stack(net.kept).mean(0)[:, None]


def seeds(_: Net, h: Tensor) -> Tensor:
    torch.manual_seed(0)
    return functional.dropout(h, 0.3)


def keeps_a_bias(net: Net, h: Tensor) -> Tensor:
    net.kept = net.kept or [net.first.bias.softmax(0)]
    return h + net.kept[0]


def fills_its_table(net: Net, h: Tensor) -> Tensor:
    if not net.table.any():
        net.table.copy_(torch.arange(8) / 8)
    return h * net.table


def made(hidden: Hidden) -> Net:
    torch.manual_seed(0)
    return Net(hidden).eval().requires_grad_(False)


def asked(module: nn.Module, *, allow: bool = False, dtype: torch.dtype = torch.float32) -> bool:
    module = module.to(dtype)
    inputs = torch.randn(4, 6, generator=torch.Generator().manual_seed(0)).to(dtype)
    weights = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    before = {name: tensor.clone() for name, tensor in weights.items()}
    try:
        return check_function(
            module, weights, (inputs,), split="test", allow_stochastic=allow
        ).stochastic
    finally:
        assert all(torch.equal(weights[name], before[name]) for name in weights)


DRAWN: dict[str, Hidden] = {
    "functional dropout": lambda _, h: functional.dropout(h, 0.3),
    "dropout made in forward": lambda _, h: nn.Dropout(0.3)(h),
    "noise": lambda _, h: h + 1e-3 * torch.randn_like(h),
    "python": lambda _, h: h * random.random(),
    "numpy": lambda _, h: h * np.random.rand(),
}
REMEMBERED: dict[str, Hidden] = {
    "counter": counts,
    "clock": lambda _, h: h * (time.perf_counter_ns() / 1e6 % 1e3),
    "own generator": lambda _, h: h * (1 + int.from_bytes(os.urandom(4), "big")),
}
WRITTEN = {
    "first.weight": [rebinds, replaces],
    "first.bias": [by_numpy],
    "head.bias": [sets],
    "steps": [steps],
}
MIXED: dict[str, Hidden] = {
    "batch mean": lambda _, h: h - h.mean(0),
    "first example": lambda _, h: h - h[:1],
    "order": lambda _, h: h.cumsum(0),
    "few examples": lambda _, h: h if len(h) > 2 else 2 * h,
    "many examples": lambda _, h: h if len(h) < 5 else 2 * h,
    "batch norm": lambda _, h: functional.batch_norm(h, None, None, training=True),
    "its own seed": seeds,
}
HONEST: dict[str, Hidden] = {
    "plain": lambda _, h: h,
    "in place": lambda _, h: h.mul_(2),
    "kept for the next call": keeps_a_bias,
    "table filled by the first call": fills_its_table,
    "bfloat16 within": lambda _, h: (h.bfloat16() @ torch.ones(8, 8).bfloat16()).float(),
    "half within": lambda _, h: (h.half() @ torch.ones(8, 8).half()).float(),
    "masked": lambda _, h: h.masked_fill(h > 0.5, -1e9),
    "not a number": lambda _, h: h / 0,
    "zeros": lambda _, h: h * 0,
    "one size of batches": lambda _, h: h.view(4, 8),
}


@pytest.mark.parametrize("hidden", DRAWN.values(), ids=DRAWN)
def test_random_numbers_are_told_and_may_be_allowed(hidden: Hidden) -> None:
    with pytest.raises(UnjudgedError, match="answers differently each time: dropout outside"):
        asked(made(hidden))
    assert asked(made(hidden), allow=True)


@pytest.mark.parametrize("hidden", REMEMBERED.values(), ids=REMEMBERED)
def test_what_no_seed_decides_cannot_be_allowed(hidden: Hidden) -> None:
    with pytest.raises(UnjudgedError, match="answers differently each time, from the same random"):
        asked(made(hidden), allow=True)


@pytest.mark.parametrize(
    ("name", "hidden"), [(name, each) for name, several in WRITTEN.items() for each in several]
)
@pytest.mark.parametrize("allow", [False, True])
def test_a_forward_that_writes_is_told_by_the_tensor(
    name: str, hidden: Hidden, allow: bool
) -> None:
    with pytest.raises(UnjudgedError, match=f"forward writes tensor '{name}'"):
        asked(made(hidden), allow=allow)


@pytest.mark.parametrize("allow", [False, True])
@pytest.mark.parametrize("hidden", MIXED.values(), ids=MIXED)
def test_answers_that_depend_on_the_batch_are_told(hidden: Hidden, allow: bool) -> None:
    with pytest.raises(UnjudgedError, match="depend on the other examples of the batch: batch st"):
        asked(made(hidden), allow=allow)


def test_what_is_kept_of_a_batch_and_fits_no_other_is_told() -> None:
    with pytest.raises(UnjudgedError, match="cannot be asked twice"):
        asked(made(remembers))


def test_a_part_that_eval_does_not_reach_is_named() -> None:
    for rate in (0.3, 1e-9):  # so rarely that no answer shows it
        net = made(first_part)
        net.parts = [nn.Dropout(rate)]
        with pytest.raises(UnjudgedError, match=r"Dropout 'parts\[0\]', which no attribute reg"):
            asked(net)
        assert asked(net, allow=True)
    net.parts = [nn.BatchNorm1d(8)]
    with pytest.raises(UnjudgedError, match=r"depend on the other .* BatchNorm1d 'parts\[0\]'"):
        asked(net, allow=True)


def test_a_part_that_stays_in_training_mode_is_named() -> None:
    class Stubborn(nn.Dropout):
        def train(self, mode: bool = True) -> Stubborn:
            return self

    net = made(lambda net, h: net.drop(h))
    net.drop = Stubborn(0.3)
    with pytest.raises(UnjudgedError, match="Stubborn 'drop' is in training mode"):
        asked(net.eval())


@pytest.mark.parametrize("hidden", HONEST.values(), ids=HONEST)
def test_what_is_a_function_passes(hidden: Hidden) -> None:
    assert not asked(made(hidden))


def test_the_tolerance_follows_the_arithmetic() -> None:
    def mixes(_: Net, h: Tensor) -> Tensor:
        return h + 1e-6 * h.mean(0)

    assert not asked(made(mixes))
    with pytest.raises(UnjudgedError, match="depend on the other examples"):
        asked(made(mixes), dtype=torch.float64)


def test_a_part_in_training_mode_that_is_not_computed_says_nothing() -> None:
    net = made(lambda net, h: h)
    net.parts = [nn.Dropout(0.5), nn.BatchNorm1d(8)]
    assert not asked(net)


def test_ends_in_registered_parts_that_are_held_in_lists_too() -> None:
    net = made(first_part)
    net.drop = nn.Dropout(0.5)
    net.parts = [net.drop]
    assert not asked(net.eval())


class Several(Net):
    """The network, and beside its answer something that it makes of it."""

    def __init__(self, aside: Callable[[Tensor], Tensor]) -> None:
        super().__init__(lambda _, h: h)
        self.aside = aside

    def forward(self, x: Tensor) -> Any:
        answer = super().forward(x)
        return {"aside": self.aside(answer), "count": len(x), "out": answer}


def several(
    aside: Callable[[Tensor], Tensor], output: str | None, *, allow: bool = False
) -> Answers:
    torch.manual_seed(0)
    module = Several(aside).eval().requires_grad_(False)
    inputs = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    return check_function(
        module,
        module.state_dict(),
        (inputs,),
        split="test",
        allow_stochastic=allow,
        output=output,
    )


def test_the_outputs_and_the_scored_one_are_told() -> None:
    assert several(torch.relu, None) == Answers(False, ("aside", "out"), "aside", (3,))
    assert several(torch.relu, "out").scored == "out"
    assert several(lambda x: x.argmax(1), None).scored == "out"
    with pytest.raises(LmctoolError, match="no output 'outt'; did you mean 'out'"):
        several(torch.relu, "outt")


def test_only_the_scored_output_must_not_depend_on_the_batch() -> None:
    def mixes(answer: Tensor) -> Tensor:
        return answer - answer.mean(0)

    assert several(mixes, "out").scored == "out"
    with pytest.raises(UnjudgedError, match="depend on the other examples"):
        several(mixes, "aside")


def test_every_output_must_be_the_same_again() -> None:
    with pytest.raises(UnjudgedError, match="answers differently each time"):
        several(torch.rand_like, "out")
    assert several(torch.rand_like, "out", allow=True).stochastic
