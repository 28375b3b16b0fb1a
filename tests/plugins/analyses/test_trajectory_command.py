"""Trajectories: what comes before and after the runs, what is refused, and whole commands."""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from lmctool.errors import ExitCode, LmctoolError, UnjudgedError
from lmctool.results.file import read
from lmctool.results.metrics import metrics
from lmctool.testing import invoke
from tests.plugins import pairs
from tests.plugins.pairs import initial, plain_loss, save, trained
from tests.plugins.runs import STEPS, child, doubles, held

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugins.runs import Follow


def test_steps_that_not_all_runs_have_are_left_out_and_told(follow: Follow) -> None:
    a, b = child("mlp", 0), child("mlp", 1)
    notes: list[str] = []
    result = follow("mlp", a | {5: a[0]}, {0: b[0], 40: b[40], 50: b[40]}, notes=notes)
    assert held(result, "curve", "step").tolist() == [0, 40]
    told = "left out, for not every run has a checkpoint there: steps 5, 50, 120"
    assert notes == [told, "every run answers at chance on split 'test' at steps 0"]
    with pytest.raises(LmctoolError, match=r"no step in common \('.*run0' has 0 to 120, '.*run1'"):
        follow("mlp", a, {7: b[0]})


def test_a_parent_is_placed_before_its_children(follow: Follow) -> None:
    parent = {step: trained("mlp", 0, step) for step in (0, 10, 20, 40)}
    begun = parent[20]
    a, b = ({0: begun, 100: trained("mlp", seed)} for seed in (1, 2))
    result = follow("mlp", a, b, parent=parent)  # the parent at 20 is the children at 0
    assert held(result, "curve", "network").tolist() == ["parent", "a", "b", "plain"]
    assert held(result, "curve", "step").tolist() == [0, 10, 20, 120]
    assert result.groups["trajectory/curve"].attributes["fork"] == 20
    known = ~np.isnan(held(result, "curve", "loss")[:, 0])
    assert known.tolist() == [[True, True, True, False], *[[False, False, True, True]] * 3]
    loss = held(result, "curve", "loss")[0, 0, 1]
    assert loss == pytest.approx(plain_loss("mlp", doubles(parent[10])), rel=1e-10)


@pytest.mark.parametrize(
    ("fork", "steps"), [(None, [0, 10, 40, 140, 160]), (15, [0, 10, 40, 115, 135])]
)
def test_children_that_share_no_checkpoint_with_the_parent_follow_its_last_or_as_told(
    follow: Follow, fork: int | None, steps: list[int]
) -> None:
    parent = {step: trained("mlp", 0, step) for step in (0, 10, 40)}
    a, b = ({100: trained("mlp", seed), 120: trained("mlp", seed, 40)} for seed in (1, 2))
    result = follow("mlp", a, b, parent=parent, fork=fork)
    assert held(result, "curve", "step").tolist() == steps


def test_a_parent_that_comes_after_the_children_is_refused(follow: Follow) -> None:
    a, b = ({0: trained("mlp", seed)} for seed in (1, 2))
    with pytest.raises(LmctoolError, match="has steps 30 to 40, all after the children's first"):
        follow("mlp", a, b, parent={30: a[0], 40: b[0]}, fork=7)


def test_a_run_that_goes_on_from_the_interpolant_gains_over_the_children(follow: Follow) -> None:
    a, b = child("mlp", 0), child("mlp", 1)
    middle = {name: (a[40][name] + b[40][name]) / 2 for name in a[40]}
    then = {0: middle, 80: trained("mlp", 2), 90: trained("mlp", 2)}
    result = follow("mlp", a, b, then=then, then_at=40)
    assert held(result, "gain", "variant").tolist() == ["plain", "then"]
    assert held(result, "curve", "step").tolist() == [0, 40, 120, 130]
    plain, after = held(result, "gain", "gain_loss")[:, 0, 0]
    assert after[1] == pytest.approx(plain[1], rel=1e-5)  # the middle was stored in float32
    assert np.isnan(after).tolist() == [True, False, False, True]
    children = [plain_loss("mlp", doubles(run[120])) for run in (a, b)]
    own = plain_loss("mlp", doubles(then[80]))
    assert after[2] == pytest.approx(np.mean(children) - own, rel=1e-9)
    assert metrics(result)["trajectory.gain.loss[variant=then,over=mean,split=test,at=last]"] == (
        pytest.approx(after[2])
    )
    with pytest.raises(LmctoolError, match=r"--then-at 41 is none of the steps .*: 0, 40, 120"):
        follow("mlp", a, b, then=then, then_at=41)


def test_chance_is_told_early_and_refused_only_throughout(follow: Follow) -> None:
    a, b = ({0: initial("mlp", seed).state_dict()} for seed in (0, 1))
    with pytest.raises(UnjudgedError, match=r"every run answers at chance .* at every step"):
        follow("mlp", a, b)
    notes: list[str] = []
    follow("mlp", a, b, allow_chance=True, notes=notes)
    assert notes == ["every run answers at chance on split 'test' at steps 0"]


def test_a_loss_that_is_no_number_is_not_judged(follow: Follow) -> None:
    good, bad = trained("mlp", 0), dict(trained("mlp", 1))
    bad = {name: tensor * 1e25 for name, tensor in bad.items()}
    with pytest.raises(UnjudgedError, match=r"net-step40\.safetensors' has loss (inf|nan) on spl"):
        follow("mlp", {0: good, 40: good}, {0: good, 40: bad}, dtype="float32")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"fork": 3}, "--fork is a step of the parent; give --parent too"),
        ({"then_at": 3}, "--then-at is where the run of --then began; give --then too"),
        ({"alpha": (0.5, 0.5)}, "--alpha names the same place twice; leave one out"),
        ({"by_split": "el2n"}, "--by-split el2n needs --scores FILE"),
    ],
)
def test_options_that_go_with_nothing_are_refused(
    follow: Follow, given: dict[str, Any], told: str
) -> None:
    run = {120: trained("mlp", 0)}
    with pytest.raises(LmctoolError, match=told):
        follow("mlp", run, run, **given)


def test_more_runs_have_no_alpha(follow: Follow) -> None:
    with pytest.raises(LmctoolError, match="--alpha is a place between two runs, and of 3 each"):
        follow("mlp", *[{120: trained("mlp", 0)}] * 3, alpha=(0.3,))


def stamp_steps(path: Path, key: str, seed: int) -> None:
    """Save a run whose steps the metadata tells, and whose names do not."""
    path.mkdir()
    for number, (step, weights) in enumerate(child(key, seed).items()):
        file = save(path / f"{'xyz'[number]}.safetensors", key, weights)
        word, arguments = pairs.MODELS[key]
        told = {"lmctool.model": word, "lmctool.model_arguments": json.dumps(arguments)}
        told |= {"lmctool.data": "digits", "lmctool.training": json.dumps({"step": step})}
        save_file(load_file(file), file, told)


def test_a_whole_run_shows_and_stores_the_gains_on_easy_and_hard_examples(tmp_path: Path) -> None:
    for seed, name in enumerate("ab"):
        stamp_steps(tmp_path / name, "mlp", seed)
    early = tmp_path / "a" / "y.safetensors"
    scored = invoke("el2n", early, "--split", "train", "--limit", "200", "-o", tmp_path / "e.h5")
    assert scored.exit_code == 0, scored.output
    done = invoke(
        "trajectory", tmp_path / "a", tmp_path / "b", "--by-split", "el2n", "--scores",
        tmp_path / "e.h5", "--split", "train", "--limit", "200", "-o", tmp_path / "out",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "Trajectory of 2 runs (alpha 0.5, BatchNorm interpolate)" in done.output
    result = read(tmp_path / "out.h5")
    assert held(result, "curve", "step").tolist() == list(STEPS)
    assert held(result, "parts/gain", "part").tolist() == ["1", "2", "3", "4"]
    errors = held(result, "parts/curve", "error")[0, 0, :, 1]
    assert errors[0] < errors[3]
    named = metrics(result)
    for over, at in product(("mean", "best"), ("last", "best")):
        assert f"trajectory.gain.error[variant=plain,over={over},split=train,at={at}]" in named
    assert (tmp_path / "out.png").stat().st_size > 0
    shown = invoke("show", tmp_path / "out.h5")
    assert shown.exit_code == 0
    assert "gain in error" in shown.output


def test_one_checkpoint_is_no_run(tmp_path: Path) -> None:
    path = save(tmp_path / "a-step1.safetensors", "mlp", trained("mlp", 0))
    done = invoke("trajectory", path, path, "-o", tmp_path / "out")
    assert done.exit_code == ExitCode.USAGE
    assert f"Error: '{path}' is one checkpoint, but a run over steps is due" in done.output
    done = invoke("trajectory", tmp_path, "-o", tmp_path / "out")
    assert done.exit_code == ExitCode.USAGE
    assert "trajectory takes two runs or more" in done.output
