"""The proof: it holds for what keeps the function, within rounding, and for nothing else."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lmctool.symmetry import Permutation, PermutationSpec, prove
from lmctool.symmetry.axis_form import Free

SPEC = PermutationSpec(
    {"h": 8},
    {"0.weight": (Free("h", 8), None), "0.bias": (Free("h", 8),), "2.weight": (None, Free("h", 8))},
)
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
    named = {f"net.{name}": axes for name, axes in SPEC.tensors.items()}
    order = Permutation(PermutationSpec({"h": 8}, named), ORDER.moves)
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
