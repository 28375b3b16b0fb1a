"""What each built-in declares of its metrics, and derives anew, beside what its runs give."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from lmctool.evaluate import device
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.report import figure
from lmctool.results.derived import contradiction
from lmctool.results.file import read
from lmctool.results.metrics import listed
from lmctool.results.rounding import SHARE, slack
from lmctool.results.stored_metrics import metrics_of
from lmctool.testing import invoke, tiny_pair
from tests import every

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lmctool.results.result import Result

    Results = Callable[[str], list[Result]]

SCORES = ("ece", "auc")
ALL = ("loss", "error", *SCORES)
SCORED = ("--score", ",".join(SCORES))
FEW = ("--points", "3", "--limit", "60", *SCORED)
SHARED = ("--points", "3", "--limit", "60", "--within", "50%")
LITTLE = ("--limit", "60", "--calib-size", "60", *SCORED)
FEW_PRODUCTS = ("--curvature-size", "40", "--lanczos", "12", "--probes", "4")
A, B, COPY = "a.safetensors", "b.safetensors", "copy.safetensors"
FORK_A, FORK_B = "fork-0", "fork-40"
RUN_A, RUN_B, RUN_C = "run-a", "run-b", "run-c"
FULL: dict[str, tuple[tuple[str, ...], ...]] = {
    "align": ((A, B, *LITTLE),),
    "barrier": (
        (A, B, *FEW, "--bootstrap", "3", "--by-split", "class", "--per-example", "--baselines"),
        (A, B, *SHARED),
        (A, B, *FEW, "--precision", "bfloat16"),
    ),
    "curve": ((A, B, *FEW, "--curve-steps", "3", "--calib-size", "60"),),
    "distance": ((A, B, "--to", A), (A, B, "--except", "classifier.*")),
    "el2n": ((A, "--limit", "60", "--splits", "2", "--pair", A, B, *SCORED),),
    "graft": ((A, "--from", B, "--layers", "layers.0.*", "--evaluate", "--limit", "60", *SCORED),),
    "instability": ((FORK_A, FORK_B, *FEW),),
    "interpolate": ((A, B, *FEW, "--split", "test", "--by-split", "class", "--save-at", "0.5"),),
    "layerwise": (
        (A, B, *FEW, "--rest", "both", "--cumulative", "backward"),
        (A, B, *SHARED),
    ),
    "matrix": ((A, B, COPY, *FEW), (A, B, COPY, *SHARED)),
    "merge": (
        (A, B, "--alphas", "0.25,0.5", "--calibrate-temperature", *LITTLE),
        (A, B, COPY, "--align", "weight", "--frame", "common", *LITTLE),
    ),
    "plane": (
        (A, B, *LITTLE, "--align", "random", "--points", "5"),
        (B, "--run", RUN_C, *LITTLE, "--points", "3"),
    ),
    "repair": ((A, B, *LITTLE),),
    "sharpness": (
        (A, B, *FEW_PRODUCTS, "--density", "2", *LITTLE),
        (A, B, "--along", "--by", "layer", *FEW_PRODUCTS, *FEW),
    ),
    "similarity": ((A, B, "--limit", "60", "--calib-size", "60"),),
    "trajectory": ((RUN_A, RUN_B, "--by-split", "class", *LITTLE),),
    "variance": ((A, B, "--limit", "60", "--calib-size", "60"),),
}
"""Runs that give every metric of an analysis between them."""
RECOMPUTED = {
    "align": {"align.moved"},
    "barrier": {
        *(f"{name}.{score}" for name in ("barrier", "end") for score in ALL),
        *("barrier.parts.loss", "barrier.parts.error"),
    }
    | {f"barrier.examples.{name}" for name in ("mean", "median", "broken")},
    "curve": {f"curve.{name}.{score}" for name in ("barrier", "delta", "highest") for score in ALL},
    "distance": {
        "distance.compared",
        *(
            f"distance.{level}{name}"
            for level in ("", "kind.", "block.", "layer.")
            for name in (
                *("l2", "relative", "symmetric", "cosine", "growth", "norm_a", "norm_b"),
                *("norm_origin", "travelled", "travelled_relative", "travelled_symmetric"),
                "travelled_cosine",
            )
        ),
    },
    "el2n": {"el2n.score"},
    "graft": {f"graft.rise.{score}" for score in ALL},
    "instability": {
        *(
            f"instability.{name.format(score)}"
            for name in ("{}", "{}.lower95", "{}.upper95", "pair_{}", "end_{}")
            for score in ALL
        ),
        "instability.stable_from",
    },
    "interpolate": {
        *(
            f"interpolate.{name}_{score}"
            for name in ("delta", "highest", "alpha", "level")
            for score in ALL
        ),
        *("interpolate.part_delta_loss", "interpolate.part_delta_error"),
    },
    "layerwise": {
        f"layerwise.{name}_{score}"
        for name in (
            *("barrier", "alpha", "delta", "share", "other"),
            *("full_barrier", "full_alpha", "full_delta"),
        )
        for score in ALL
    },
    "matrix": {
        *(f"matrix.{name}_{score}" for name in ("barrier", "end") for score in ALL),
        *("matrix.clusters", "matrix.connected"),
    },
    "merge": {"merge.alpha"},
    "plane": {
        f"plane.{name}_{score}" for name in ("lowest", "highest", "barrier") for score in ALL
    },
    "repair": set(),
    "sharpness": {"sharpness.trace", "sharpness.rise.loss", "sharpness.rise.error"},
    "similarity": {f"similarity.{name}" for name in ("cka", "lowest_cka", "last_cka")},
    "trajectory": {
        *(f"trajectory.gain.{score}" for score in ALL),
        *("trajectory.part.gain.loss", "trajectory.part.gain.error"),
    },
    "variance": set(),
}
"""The metrics that follow from what a result holds beside them."""
every_built_in = pytest.mark.parametrize("name", sorted(FULL))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Return the results of the runs of an analysis."""
    folder = tmp_path_factory.mktemp("full")
    a, b = tiny_pair(folder, steps=100)
    shutil.copyfile(a, folder / COPY)
    every.place_series(folder, a, b)
    for fork in (FORK_A, FORK_B):  # of two siblings there is no interval
        shutil.copyfile(a, folder / fork / COPY)

    (folder / RUN_C).mkdir()
    for step in range(3):
        tensors = {name: (step + 1) * own for name, own in load_file(a).items()}
        own = tensors if step < 2 else load_file(b)
        save_file(own, folder / RUN_C / f"net-step{step}.safetensors")

    def made(name: str, number: int, words: tuple[str, ...]) -> Result:
        there = {A, B, COPY, RUN_A, RUN_B, RUN_C, FORK_A, FORK_B}
        placed = [folder / word if word in there else word for word in words]
        out: Path = folder / f"{name}{number}.h5"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(figure, "save", lambda *_: None)  # nobody looks at them here
            patch.setattr(device, "has_bfloat16", lambda: True)  # slow, and as exact
            done = invoke(name, *placed, "-o", out, "--quiet")
        assert done.exit_code == 0, done.output
        return read(out)

    return cache(lambda name: [made(name, *each) for each in enumerate(FULL[name])])


def test_every_built_in_has_a_run_here() -> None:
    assert set(FULL) == set(RECOMPUTED)
    assert set(FULL) == {
        entry.name for entry in registry.installed(ANALYSES) if "lmctool_plugins" in entry.value
    }


@every_built_in
def test_an_analysis_declares_exactly_what_it_gives(name: str, results: Results) -> None:
    declared = registry.load(ANALYSES, name).declared(metrics_of(results(name)[0]))
    given = list(chain.from_iterable(map(listed, results(name))))
    assert {metric.name for metric in given} == set(declared)
    for metric in given:
        own = declared[metric.name]
        assert metric.unit == own.unit, metric.full_name
        assert own.meaning
        if metric.value is not None:
            room = slack(SHARE)
            assert own.low - room <= metric.value <= own.high + room, metric.full_name
        assert not own.share or -1 <= own.low < own.high == 1


@every_built_in
def test_what_a_run_writes_follows_from_itself(name: str, results: Results) -> None:
    derived = registry.load(ANALYSES, name).derived
    for result in results(name):
        assert derived is None or contradiction(result, derived(result)) == ""


@every_built_in
def test_each_metric_that_can_be_recomputed_is_found_out_when_it_is_edited(
    name: str, results: Results
) -> None:
    found = set()
    for result in results(name):
        for path, group in result.groups.items():
            for key, variable in group.variables.items():
                if variable.metric:
                    wrong = np.array(variable.values, dtype=np.float64)
                    wrong.flat[-1] = 0.125 if math.isnan(wrong.flat[-1]) else wrong.flat[-1] + 1e-6
                    variables = {**group.variables, key: replace(variable, values=wrong)}
                    edited = {**result.groups, path: replace(group, variables=variables)}
                    if _contradicts(name, replace(result, groups=edited), variable.metric):
                        found.add(variable.metric)
    assert found == RECOMPUTED[name]


def _contradicts(name: str, result: Result, metric: str) -> bool:
    derived = registry.load(ANALYSES, name).derived
    told = contradiction(result, derived(result)) if derived else ""
    if name == "distance" and told:  # a norm that is edited gives another ratio beside it
        return True
    return told.split("[")[0].split(" ")[0] == metric
