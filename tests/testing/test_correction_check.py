"""What check_correction lets pass, and what it says of corrections that break a promise."""

from __future__ import annotations

import traceback
from functools import partial
from typing import TYPE_CHECKING, Any

import click
import pytest
import torch

from lmctool.api import Correction
from lmctool.api.advanced import renormalised_path
from lmctool.plugin import registry
from lmctool.plugin.kinds import CORRECTIONS
from lmctool.testing import check_correction, invoke, tiny_pair

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lmctool.api import Run, Weights

    Between = Callable[[float], Weights]

NO_STATISTICS = ["causal_lm", "mlp", "vit"]
BUILT_IN = {"closed-form": [], "repair": [], "rescale": [], "reset": NO_STATISTICS, "shift": []}
"""The networks that each refuses."""


@pytest.mark.parametrize("word", BUILT_IN)
def test_a_built_in_correction_passes(word: str) -> None:
    assert sorted(check_correction(word)) == BUILT_IN[word]


def test_they_are_all_of_them() -> None:
    installed = registry.names(CORRECTIONS)
    own = {w for w in installed if registry.owner(registry.find(CORRECTIONS, w)) == "lmctool"}
    assert own == set(BUILT_IN)


def halfway(run: Run, a: Weights, b: Weights, *, storable: bool) -> Between:
    """Go half of the way that REPAIR goes, as an MLP alone lets one: each name is a tensor's."""
    repaired = renormalised_path(run, a, b, storable=storable, targets="both")

    def at(alpha: float) -> Weights:
        mixed = run.batchnorm.mix(a, b, alpha)
        return {
            name: (mixed[name] + tensor) / 2 if tensor.is_floating_point() else tensor
            for name, tensor in repaired(alpha).items()
        }

    return at


def test_a_correction_that_takes_every_name_for_a_tensor_is_told_of_taps() -> None:
    correction = Correction(halfway)
    assert check_correction(correction, networks=("mlp",)) == {}
    with pytest.raises(AssertionError) as told:
        check_correction(correction)
    text = str(told.value)
    assert text.startswith("correction 'under-check' on a BatchNorm ResNet failed: KeyError: '@")
    assert text.endswith(
        ".scale'; weights on a path may hold '@TAP.scale' and '@TAP.shift' beside the model's"
        " tensors, where a correction stands at a value that no tensor can hold it for: pass on"
        " what begins with '@'"
    )


def with_entries(**entries: Any) -> Correction:
    """Return a correction that adds entries to weights, or takes some away (None)."""

    def prepare(run: Run, a: Weights, b: Weights, *, storable: bool) -> Between:
        tap = run.resources.targets("layers")[0].tap
        named = {name.replace("TAP", tap): value for name, value in entries.items()}

        def at(alpha: float) -> Weights:
            weights = {**run.batchnorm.mix(a, b, alpha), **named}
            return {name: tensor for name, tensor in weights.items() if tensor is not None}

        return at

    return Correction(prepare)


def writing(run: Run, a: Weights, b: Weights, *, storable: bool) -> Between:
    return lambda alpha: {name: tensor.mul_(alpha) for name, tensor in b.items()}


def counting(run: Run, a: Weights, b: Weights, *, storable: bool) -> Between:
    asked: list[float] = []

    def at(alpha: float) -> Weights:
        asked.append(alpha)
        return {name: tensor / len(asked) for name, tensor in a.items()}

    return at


ONES = torch.ones(8)


@pytest.mark.parametrize(
    ("correction", "told"),
    [
        (Correction(writing), "wrote to tensor '1.bias' of its input, which others share"),
        (Correction(counting), "gives other weights at alpha .* let no alpha depend on those"),
        (with_entries(extra=ONES), "returns 'extra', which is neither a tensor of the model nor"),
        (with_entries(**{"@gone.scale": ONES}), "no correction can stand at 'gone'; name the tap"),
        (with_entries(**{"@TAP.scale": ONES}), "hold '@linear.scale' without '@linear.shift'"),
        (
            with_entries(**{"@TAP.scale": ONES[:2], "@TAP.shift": ONES}),
            r"has the shape \(2,\), but the tap has the channels \(8,\)",
        ),
        (
            with_entries(**{"@TAP.scale": ONES, "@TAP.shift": ONES}),
            "storable at alpha 0.5 returns '@linear.scale', which no file of the model has a place",
        ),
        (with_entries(**{"1.bias": ONES / 0}), "returns NaN or infinity in '1.bias'"),
        (
            with_entries(**{"1.bias": ONES[:3]}),
            r"\(3,\); it is torch.float32 \(8,\)",
        ),
        (with_entries(**{"1.bias": ONES.double()}), r"as torch.float64 \(8,\); it is"),
        (with_entries(**{"1.bias": None}), r"leaves out tensor \['1.bias'\]; return all"),
        (with_entries(**{"1.bias": ONES.clone().requires_grad_()}), "'1.bias' with a gradient"),
    ],
)
def test_a_broken_promise_is_told(correction: Correction, told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        check_correction(correction, networks=("mlp",))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["--steps"],
            "option '--steps' of correction 'under-check' clashes with aligner 'learned'",
        ),
        (
            ["--scale-steps", "steps"],
            r"'--scale-steps' of .* aligner 'learned', whose '--steps' has .* in Python, 'steps'",
        ),
        (["--points"], "'--points' of correction 'under-check' clashes with analysis '"),
        (["--seed"], "'--seed' of correction 'under-check' clashes with lmctool itself"),
    ],
)
def test_options_that_clash_with_those_of_built_ins_are_told(words: list[str], told: str) -> None:
    def prepare(run: Run, a: Weights, b: Weights, *, storable: bool, **_: Any) -> Between:
        return partial(run.batchnorm.mix, a, b)

    clashing = Correction(prepare, (click.Option(words, default="1"),))
    with pytest.raises(AssertionError, match=told):
        check_correction(clashing, networks=("mlp",))
    scale_steps = Correction(prepare, (click.Option(["--scale-steps"], default="1"),))
    assert check_correction(scale_steps, networks=("mlp",)) == {}


def test_it_asks_for_networks_as_commands_do(tmp_path: Path) -> None:
    asked: list[list[str]] = []

    def prepare(run: Run, a: Weights, b: Weights, *, storable: bool) -> Between:
        def at(alpha: float) -> Weights:
            frames = traceback.extract_stack()
            asked.append([each.name for each in frames if "/lmctool/evaluate/" in each.filename])
            return run.batchnorm.mix(a, b, alpha)

        return at

    check_correction(Correction(prepare), networks=("mlp",))
    a, b = tiny_pair(tmp_path)
    with registry.registered(CORRECTIONS, "mine", Correction(prepare), __name__):
        words = ("--repair", "mine", "--points", "3", "--allow-chance")
        assert invoke("barrier", a, b, *words, "-o", tmp_path / "mine.h5").exit_code == 0
    *checked, commanded = asked
    assert "evaluate" in commanded and all(each == commanded for each in checked)
