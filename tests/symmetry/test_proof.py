"""The proof: it holds for what keeps the function, within rounding, and for nothing else."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lmctool.errors import UnjudgedError
from lmctool.graph.outputs import Output
from lmctool.symmetry import Permutation, PermutationSpec, prove
from lmctool.symmetry.axis_form import Free
from lmctool.symmetry.comparison import weakest

if TYPE_CHECKING:
    from collections.abc import Callable

SPEC = PermutationSpec(
    {"h": 8},
    {"0.weight": (Free("h", 8), None), "0.bias": (Free("h", 8),), "2.weight": (None, Free("h", 8))},
)
NAMED = {f"net.{name}": axes for name, axes in SPEC.tensors.items()}
ORDER = Permutation(SPEC, {"h": torch.arange(8).roll(3)})


def small(scale: float = 1.0) -> nn.Module:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)).requires_grad_(False)
    module[2].load_state_dict({k: v * scale for k, v in module[2].state_dict().items()})
    return module


def test_the_tolerance_follows_the_scale_of_the_outputs() -> None:
    inputs = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    proofs = [prove(m, m.state_dict(), ORDER, inputs) for m in (small(), small(1e6))]
    assert all(proof.holds for proof in proofs)
    assert proofs[1].tolerance > 1e5 * proofs[0].tolerance


def test_the_identity_proves_itself_without_any_difference() -> None:
    module = small()
    still = Permutation(SPEC, {"h": torch.arange(8)})
    assert prove(module, module.state_dict(), still, torch.randn(6, 4)).difference == 0


def test_a_model_without_float64_is_proved_in_float32() -> None:
    class Single(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = small()

        def forward(self, x: Tensor) -> Tensor:
            if x.dtype != torch.float32:
                raise RuntimeError("this operation has no float64 form")
            values: Tensor = self.net(x)
            return values

    module = Single()
    order = Permutation(PermutationSpec({"h": 8}, NAMED), ORDER.moves)
    proof = prove(module, module.state_dict(), order, torch.randn(6, 4))
    assert proof.holds and proof.dtype == "float32"


def test_an_output_that_is_no_number_proves_nothing() -> None:
    module = small()
    inputs = torch.full((2, 4), float("nan"))
    try:
        prove(module, module.state_dict(), ORDER, inputs)
    except Exception as error:
        assert "changes the network" in str(error)
    else:
        raise AssertionError("NaN was taken for a proof")


class Drawing(nn.Module):
    """Adds numbers that it draws to the inputs."""

    def __init__(self, draw: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.net, self.draw = small(), draw

    def forward(self, x: Tensor) -> Tensor:
        values: Tensor = self.net(x + self.draw(x))
        return values


@pytest.mark.parametrize(
    "draw",
    [
        torch.randn_like,
        lambda x: x.new_full((), random.random()),
        lambda x: torch.from_numpy(np.random.randn(*x.shape)).to(x),
    ],
    ids=["torch", "python", "numpy"],
)
def test_all_compared_runs_draw_the_same_numbers(draw: Callable[[Tensor], Tensor]) -> None:
    module, inputs = Drawing(draw), torch.randn(6, 4)
    order = Permutation(PermutationSpec({"h": 8}, NAMED), ORDER.moves)
    before = torch.get_rng_state(), random.getstate(), str(np.random.get_state())
    proof = prove(module, module.state_dict(), order, inputs)
    assert proof.tolerance < 1e-10 * proof.scale
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (random.getstate(), str(np.random.get_state()))
    forgetful = {name: axes for name, axes in NAMED.items() if name != "net.2.weight"}
    wrong = Permutation(PermutationSpec({"h": 8}, forgetful), ORDER.moves)
    with pytest.raises(UnjudgedError, match="changes the network"):
        prove(module, module.state_dict(), wrong, inputs)


class Full(nn.Module):
    """Needs more memory in float64 than there is."""

    def __init__(self) -> None:
        super().__init__()
        self.net = small()

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype == torch.float64:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        values: Tensor = self.net(x)
        return values


def test_a_lack_of_memory_is_no_lack_of_a_float64_form() -> None:
    order, module = Permutation(PermutationSpec({"h": 8}, NAMED), ORDER.moves), Full()
    with pytest.raises(torch.OutOfMemoryError):
        prove(module, module.state_dict(), order, torch.randn(6, 4))


class Amplifier(nn.Module):
    """Amplifies every rounding of what it computes in some arithmetic."""

    def __init__(self, gain: float, dtype: torch.dtype) -> None:
        super().__init__()
        self.net, self.gain, self.dtype = small(), gain, dtype

    def forward(self, x: Tensor) -> Tensor:
        values: Tensor = torch.sin(self.gain * self.net(x).to(self.dtype).to(x.dtype))
        return values


@pytest.mark.parametrize(
    ("dtype", "sound", "blind"),
    [
        (torch.float64, 1e4, 1e10),
        (torch.float32, 10, 1e5),
        (torch.float16, 0.5, 100),
        (torch.bfloat16, 0.5, 100),
    ],
    ids=str,
)
def test_rounding_that_explains_anything_proves_nothing(
    dtype: torch.dtype, sound: float, blind: float
) -> None:
    order = Permutation(PermutationSpec({"h": 8}, NAMED), ORDER.moves)
    inputs = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    module = Amplifier(sound, dtype)
    proof = prove(module, module.state_dict(), order, inputs)
    assert proof.holds and proof.dtype == str(dtype).removeprefix("torch.")
    module = Amplifier(blind, dtype)
    with pytest.raises(UnjudgedError, match=f"cannot be proved: rounding in {proof.dtype} would"):
        prove(module, module.state_dict(), order, inputs)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_a_wrong_permutation_is_refused_in_every_arithmetic(dtype: torch.dtype) -> None:
    forgetful = {name: axes for name, axes in NAMED.items() if name != "net.2.weight"}
    wrong = Permutation(PermutationSpec({"h": 8}, forgetful), ORDER.moves)
    inputs = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    for gain in (0.5, 1, 10, 1e3, 1e6, 1e9):
        module = Amplifier(gain, dtype)
        with pytest.raises(UnjudgedError, match=r"changes the network|cannot be proved"):
            prove(module, module.state_dict(), wrong, inputs)


class Beside(nn.Module):
    """The small network, and something that it makes of the hidden layer beside its outputs."""

    def __init__(self, aside: Callable[[Tensor], Any], scale: float = 1.0) -> None:
        super().__init__()
        self.net, self.aside = small(scale), aside
        self.hidden = nn.Sequential(*list(self.net.children())[:2])

    def forward(self, x: Tensor) -> Any:
        return {"out": self.net(x), "aside": self.aside(self.hidden(x))}


F32 = torch.float32
BESIDE = Permutation(PermutationSpec({"h": 8}, NAMED), ORDER.moves)
INPUTS = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))


def test_a_small_output_beside_a_great_one_is_held_against_itself() -> None:
    module = Beside(lambda h: 1e-6 * h[:, :3], scale=1e9)
    with pytest.raises(UnjudgedError, match=r"outputs differ by \S+ in output 'aside' where round"):
        prove(module, module.state_dict(), BESIDE, INPUTS)


def test_the_proof_is_that_of_the_output_that_differs_most() -> None:
    def outputs(great: float, small: float) -> list[Output]:
        return [
            Output("great", "0", torch.tensor(great)),
            Output("small", "1", torch.tensor(small)),
        ]

    proof = weakest(outputs(1e3, 1.0), outputs(1e3, 1.0), outputs(1e3, 1 + 1e-6), 1, F32)
    assert (proof.output, proof.scale, proof.tolerance) == ("small", 1, 1e-5)


@pytest.mark.parametrize(
    "aside",
    [
        lambda h: h.argmax(1),
        lambda h: h > 0.3,
        lambda h: torch.complex(h * 0, h),
        lambda h: h[h[:, 0] > 0],
        lambda h: torch.distributions.Normal(h[:, 0], 1.0, validate_args=False),
    ],
    ids=["whole numbers", "truths", "complex", "another shape", "in an object"],
)
def test_what_is_no_tensor_of_floats_by_itself_is_compared_too(aside: Any) -> None:
    module = Beside(aside)
    with pytest.raises(UnjudgedError, match="changes the network"):
        prove(module, module.state_dict(), BESIDE, INPUTS)


@pytest.mark.parametrize(
    "aside", [lambda h: h.sum(1) > 1, lambda h: h[:, :0], lambda h: h.sum(1) - h.sum(1)]
)
def test_truths_that_agree_and_outputs_of_nothing_prove_nothing_wrong(aside: Any) -> None:
    module = Beside(aside)
    assert prove(module, module.state_dict(), BESIDE, INPUTS).holds


def test_what_rounding_alone_leaves_is_no_reason_to_refuse() -> None:
    module = Beside(lambda h: h.sum(1) - h[:, :4].sum(1) - h[:, 4:].sum(1))  # 0 but for rounding
    assert prove(module, module.state_dict(), BESIDE, INPUTS).holds


@pytest.mark.parametrize(("moved", "holds"), [([1, 5], True), ([2, 5], False), ([1, 2], True)])
def test_whole_numbers_are_equal_where_rounding_does_not_decide_them(
    moved: list[int], holds: bool
) -> None:
    def output(*numbers: int) -> list[Output]:
        return [Output("best", "0", torch.tensor(numbers))]

    proof = weakest(output(1, 2), output(1, 3), output(*moved), 2, torch.float64)
    assert (proof.holds, proof.blind) == (holds, False)


def test_another_number_of_outputs_is_told() -> None:
    one = [Output("", "", torch.ones(2))]
    with pytest.raises(UnjudgedError, match="returns another number of tensors"):
        weakest(one, one, one * 2, 2, torch.float64)
