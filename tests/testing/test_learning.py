"""Plugins that learn by run.loss, and hold what is asked of all plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lmctool.api import Aligner, Correction, Permutation, lerp, match
from lmctool.api.advanced import SoftPermutation
from lmctool.plugin import registry
from lmctool.plugin.kinds import ALIGNERS, CORRECTIONS
from lmctool.testing import check_aligner, check_correction, metrics, tiny_pair
from lmctool.testing.small_networks import named

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from lmctool.api import Run, Weights

STEPS = 30


def softly_matched(run: Run, a: Weights, b: Weights) -> Permutation:
    """Learn for each pair of plain units how much they mix, so that the midpoint has a low loss."""
    spec = run.permutation_spec
    plain = [g for g in spec.groups if g not in spec.per and not spec.inner(g)]
    scores = {g: torch.zeros([spec.groups[g]] * 2, requires_grad=True) for g in plain}
    optimizer = torch.optim.Adam(scores.values(), lr=0.1)
    soft, split = SoftPermutation(spec), run.calibration.split
    batches = split.shuffled(20, run.dtype, run.generator("softly matched"))
    for _, batch in zip(range(STEPS), batches, strict=False):
        mixed = soft.apply({group: each.softmax(-1) for group, each in scores.items()}, b)
        optimizer.zero_grad()
        run.loss(lerp(a, mixed, 0.5), batch).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    found = {group: each.detach() for group, each in scores.items()}
    return Permutation(spec, match(spec, found))


def learned_scales(
    run: Run, a: Weights, b: Weights, *, storable: bool
) -> Callable[[float], Weights]:
    """Learn a scale and a shift of the channels of every layer, at each alpha anew."""
    sizes = {each.tap: each.channels for each in run.resources.targets("layers")}

    def at(alpha: float) -> Weights:
        between = run.batchnorm.mix(a, b, alpha)
        if storable:
            return between
        learned: dict[str, Tensor] = {f"@{tap}.scale": torch.ones(n) for tap, n in sizes.items()}
        learned |= {f"@{tap}.shift": torch.zeros(n) for tap, n in sizes.items()}
        optimizer = torch.optim.Adam([each.requires_grad_() for each in learned.values()], lr=0.03)
        generator = run.generator(f"scales at {alpha}")
        batches = run.calibration.split.shuffled(20, run.dtype, generator)
        for _, batch in zip(range(STEPS), batches, strict=False):
            optimizer.zero_grad()
            run.loss({**between, **learned}, batch).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        return {**between, **{name: each.detach() for name, each in learned.items()}}

    return at


def best_of_three(
    run: Run, a: Weights, b: Weights, *, storable: bool
) -> Callable[[float], Weights]:
    """Choose among three places by the loss on the calibration examples."""

    def at(alpha: float) -> Weights:
        near = [run.batchnorm.mix(a, b, alpha + step) for step in (-0.1, 0.0, 0.1)]
        losses = run.evaluate(near, [run.calibration.split]).loss[0]
        return near[int(losses.argmin())]

    return at


def test_a_correction_may_evaluate_while_the_path_is_evaluated() -> None:
    assert check_correction(Correction(best_of_three), networks=("mlp", "causal_lm")) == {}


def test_an_aligner_that_learns_passes_on_every_network() -> None:
    assert check_aligner(Aligner(softly_matched), harmless=False) == {}


def test_a_correction_that_learns_passes_on_every_network() -> None:
    assert check_correction(Correction(learned_scales)) == {}


def test_what_a_correction_learns_lowers_the_loss() -> None:
    for network in named(("mlp", "resnet", "vit", "causal_lm")):
        with network.run() as run:
            a, b = run.weights(0), run.weights(1)
            learned = learned_scales(run, a, b, storable=False)(0.5)
            ((before, after),) = run.evaluate(
                [run.batchnorm.mix(a, b, 0.5), learned], [run.calibration.split]
            ).loss
            assert after < before - 0.01


def test_both_learn_within_a_command(tmp_path: Path) -> None:
    a, b = tiny_pair(tmp_path, steps=60)
    with (
        registry.registered(ALIGNERS, "mine", Aligner(softly_matched), __name__),
        registry.registered(CORRECTIONS, "mine", Correction(learned_scales), __name__),
    ):
        found = metrics(
            *("barrier", a, b, "--align", "mine", "--repair", "mine"),
            *("--points", "3", "--allow-chance", "--limit", "200"),
        )
    before, after = (
        found[f"barrier.loss[variant={variant},split=test]"]
        for variant in ("align", "align+repair")
    )
    assert after < before - 0.1  # type: ignore[operator]
