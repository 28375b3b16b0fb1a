"""Permuted B of a large network: permuted tensor by tensor whenever a point of a path needs it."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np
import pytest
import torch

from lmctool.plugin.settings import Choice
from lmctool.run import alignment
from lmctool.run.run import Run
from lmctool.weights.recipe import identity
from lmctool.weights.streamed import momentary, streams
from tests.plugins.pairs import run_of, trained

__all__ = ["run_of"]

Runs = Callable[..., Run]
ALPHA = np.array([0.0, 0.3, 0.5, 1.0])


@pytest.mark.parametrize(
    ("key", "batchnorm", "alike"),
    [("mlp", "interpolate", True), ("vgg-batch", "b", True), ("mlp", "interpolate", False)],
    ids=["repair", "running statistics of b", "end is measured"],
)
def test_it_is_not_held_and_gives_the_same_bits(
    run_of: Runs,
    key: str,
    batchnorm: str,
    alike: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Run, "permuted_alike", property(lambda _: alike))
    chosen = {
        "aligner": Choice("weight"),
        "calib_size": 100,
        "correction": Choice("repair", {"targets": "both"}),
    }
    found = []
    for least in (1 << 60, 1):
        monkeypatch.setattr(alignment, "LARGE", least)
        ends = trained(key, 0, 20), trained(key, 1, 20)
        run = run_of(key, *ends, batchnorm=batchnorm, **chosen)
        variants = run.variants()
        curves = run.follow(variants, ALPHA)
        b = variants[1].b
        assert streams(b) == (least == 1)
        found.append((curves.loss, identity(b), variants[2].recipe(0.3), momentary(b)))
        assert streams(b) == (least == 1)
    (held, *names, whole), (passed, *again, momentarily) = found
    np.testing.assert_array_equal(held, passed)
    assert names == again
    assert all(torch.equal(momentarily[name], tensor) for name, tensor in whole.items())
    assert identity(momentarily) == identity(whole) == names[0]


def test_size_is_told_by_shapes(run_of: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = trained("mlp", 0, 20), trained("mlp", 1, 20)
    run = run_of("mlp", *ends, aligner=Choice("weight"), calib_size=100)
    numbers = sum(prod(tensor.shape) for tensor in ends[0].values())
    for least, passes in ((numbers + 1, False), (numbers, True)):
        monkeypatch.setattr(alignment, "LARGE", least)
        assert streams(run.variants()[1].b) == passes
