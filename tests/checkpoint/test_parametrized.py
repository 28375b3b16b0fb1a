"""Weight norm and spectral norm under torch's old names and its new ones, against torch itself."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from lmctool.checkpoint.parametrized import as_wanted

if TYPE_CHECKING:
    from collections.abc import Callable


def old_weight_norm(module: nn.Module, name: str) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        made: nn.Module = nn.utils.weight_norm(module, name)
    return made


def old_spectral_norm(module: nn.Module, name: str) -> nn.Module:
    return nn.utils.spectral_norm(module, name)


CASES = [
    (lambda: nn.Linear(4, 3), "weight", old_weight_norm, parametrizations.weight_norm),
    (lambda: nn.LSTM(4, 3), "weight_ih_l0", old_weight_norm, parametrizations.weight_norm),
    (lambda: nn.Conv2d(2, 3, 2), "weight", old_spectral_norm, parametrizations.spectral_norm),
    (
        lambda: nn.ConvTranspose2d(2, 3, 2),
        "weight",
        old_spectral_norm,
        parametrizations.spectral_norm,
    ),
]


@pytest.mark.parametrize(("make", "name", "old", "new"), CASES)
def test_a_module_of_one_form_computes_the_same_with_the_tensors_of_the_other(
    make: Callable[[], nn.Module],
    name: str,
    old: Callable[[nn.Module, str], nn.Module],
    new: Callable[[nn.Module, str], nn.Module],
) -> None:
    torch.manual_seed(0)
    forms = [nn.Sequential(build(make(), name)).eval() for build in (old, new)]
    inputs = (
        torch.randn(2, 2, 5, 5)
        if isinstance(make(), nn.modules.conv._ConvNd)
        else torch.randn(2, 4)
    )

    def output(module: nn.Module) -> torch.Tensor:
        result = module(inputs)
        first: torch.Tensor = result[0] if isinstance(result, tuple) else result
        return first

    for one, other in (forms, forms[::-1]):
        stored = one.state_dict()
        changed = as_wanted(stored, other.state_dict())
        assert len(changed) in (2, 3)
        other.load_state_dict({changed.get(key, key): value for key, value in stored.items()})
        torch.testing.assert_close(output(other), output(one))


def test_the_correspondence_is_that_of_torchs_own_hook() -> None:
    old, new = (nn.Linear(4, 3) for _ in range(2))
    stored = old_weight_norm(old, "weight").state_dict()
    parametrizations.weight_norm(new)
    changed = as_wanted(stored, new.state_dict())
    new.load_state_dict(stored)
    assert changed and all(
        torch.equal(new.state_dict()[name], stored[own]) for own, name in changed.items()
    )


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["w_g"], ["parametrizations.w.original0", "parametrizations.w.original1"]),
        (["w_g", "w_v"], ["parametrizations.w.original0"]),
        (["w_g", "w_v"], ["w_g", "w_v"]),
        (
            ["w_g", "w_v", "parametrizations.w.original0"],
            ["parametrizations.w.original0", "parametrizations.w.original1"],
        ),
        (["w_orig", "w_mask"], ["parametrizations.w.original"]),
        (["a.w_g", "a.w_v"], ["parametrizations.w.original0", "parametrizations.w.original1"]),
    ],
)
def test_a_weight_is_renamed_as_a_whole_or_not_at_all(names: list[str], wanted: list[str]) -> None:
    assert as_wanted(names, wanted) == {}
