"""What check_merge lets pass, and what it says of ways to merge that break a promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.api import Merge
from lmctool.plugin import registry
from lmctool.plugin.kinds import MERGES
from lmctool.testing import check_merge

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from lmctool.api import TensorsToMerge

BUILT_IN = ("dare", "fisher", "greedy-soup", "mean", "slerp", "task-arithmetic", "ties", "wise-ft")


@pytest.mark.parametrize("word", BUILT_IN)
def test_a_built_in_way_to_merge_passes(word: str) -> None:
    assert check_merge(word, networks=("mlp", "resnet")) == {}


def test_they_are_all_of_them() -> None:
    installed = registry.names(MERGES)
    own = {w for w in installed if registry.owner(registry.find(MERGES, w)) == "lmctool"}
    assert own == set(BUILT_IN)


def first(part: TensorsToMerge) -> Tensor:
    return part.tensors[0]


def noisy(part: TensorsToMerge) -> Tensor:
    generator = torch.Generator()
    generator.seed()
    return part.tensors[0] + torch.rand(part.tensors[0].shape, generator=generator)


def doubled(part: TensorsToMerge) -> Tensor:
    return 2 * part.tensors[0]


def written(part: TensorsToMerge) -> Tensor:
    return part.tensors[0].add_(1)


def divided(part: TensorsToMerge) -> Tensor:
    return part.tensors[0] / 0


def centred(part: TensorsToMerge) -> Tensor:
    own = part.tensors[0]
    return own if own.std() == 0 else own - own.mean() + own.mean().round()


def half(part: TensorsToMerge) -> Tensor:
    return part.tensors[0].half()


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (noisy, "gives other weights each time"),
        (doubled, "makes something else of equal networks"),
        (written, "wrote to tensor"),
        (divided, "returns NaN or infinity"),
        (half, "made torch.float16"),
    ],
    ids=["random", "harmful", "writes", "not finite", "dtype"],
)
def test_a_broken_promise_is_said(function: Callable[[TensorsToMerge], Tensor], told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        check_merge(Merge(function), networks=("mlp",))


def test_what_is_not_elementwise_is_not_taken_for_it() -> None:
    with pytest.raises(AssertionError, match="leave elementwise=True out"):
        check_merge(Merge(centred, elementwise=True), harmless=False, networks=("mlp",))
    check_merge(Merge(centred), harmless=False, networks=("mlp",))


def test_a_record_has_one_function() -> None:
    told = "either a function 'tensor' or a function 'network'"
    with pytest.raises(ValueError, match=told):
        Merge()
    with pytest.raises(ValueError, match=told):
        Merge(first, lambda _run, part: part.networks[0])
