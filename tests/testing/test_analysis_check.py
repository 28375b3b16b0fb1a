"""What check_analysis lets pass, and what it says of analyses that break a promise."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import pytest

from lmctool.api import Analysis, DeclaredMetric, Group, LmctoolError, Result, Table, Variable
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.testing import check_analysis

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmctool.api import Run

PAIRED = "Error: --align and --repair are for the pair of --pair A B; give that too"
NO_CLASSES = (
    "Error: EL2N scores are of examples that have one class each, which task 'causal-lm' does not"
    " tell"
)
BUILT_IN: dict[str, dict[str, Any]] = {
    "align": {},
    "barrier": {"points": 3},
    "curve": {"points": 3, "curve_steps": 3},
    "distance": {},
    "el2n": {},
    "graft": {"source": 1, "evaluate": True},
    "instability": {"points": 3},
    "interpolate": {"points": 3},
    "layerwise": {"points": 3},
    "matrix": {"points": 3},
    "merge": {},
    "plane": {"random": True, "points": 3},
    "repair": {},
    "sharpness": {"lanczos": 4, "probes": 2, "curvature_size": 8},
    "similarity": {},
    "trajectory": {},
    "variance": {},
}
SPANNED = (
    "Error: a plane is spanned by three checkpoints, by two and --align, or by one and either"
    " --random or --run FOLDER; given: {} --random"
)
ALONG = "Error: --align is for the path of --along; give that too"
REFUSED = {
    "el2n": {
        **{f"{key}, corrected": PAIRED for key in ("mlp", "resnet", "vit")},
        "causal_lm": NO_CLASSES,
    },
    "plane": {
        f"{key}, {how}": SPANNED.format(given)
        for key in ("mlp", "resnet", "vit", "causal_lm")
        for how, given in (
            ("corrected", "1 checkpoint and --align and"),
            ("more", "2 checkpoints and"),
        )
    },
    "sharpness": {f"{key}, corrected": ALONG for key in ("mlp", "resnet", "vit", "causal_lm")},
}
QUICK = {"distance": ("mlp", "vit"), "barrier": ("resnet",)}


@pytest.mark.parametrize("word", QUICK)
def test_a_quick_built_in_analysis_passes(word: str) -> None:
    assert check_analysis(word, networks=QUICK[word], **BUILT_IN[word]) == {}


@pytest.mark.slow
@pytest.mark.parametrize("word", BUILT_IN)
def test_a_built_in_analysis_passes_on_every_network(word: str) -> None:
    assert check_analysis(word, **BUILT_IN[word]) == REFUSED.get(word, {})


def test_they_are_all_of_them() -> None:
    installed = registry.names(ANALYSES)
    own = {w for w in installed if registry.owner(registry.find(ANALYSES, w)) == "lmctool"}
    assert own == set(BUILT_IN)


def result(value: float, metric: str = "mine.value") -> Result:
    return Result("mine", {"mine": Group({"value": Variable(np.array(value), (), metric=metric)})})


def middle(run: Run) -> Result:
    """Measure how far the middle of each path is, as an MLP alone lets one: by every name."""
    a = run.weights(0)
    networks = [variant.at(0.5) for variant in run.variants()]
    distances = [
        sum(float((tensor - a[name]).double().norm()) for name, tensor in network.items())
        for network in networks
    ]
    return result(sum(distances))


def test_an_analysis_that_takes_every_name_for_a_tensor_is_told_of_taps() -> None:
    analysis = Analysis(middle, aligner="optional", correction="optional")
    with pytest.raises(AssertionError) as told:
        check_analysis(analysis, networks=("resnet",))
    text = str(told.value)
    assert text.startswith(
        "analysis 'under-check' on a BatchNorm ResNet with --align --repair failed: KeyError: '@"
    )
    assert ".scale'; while analysis 'under-check' of an unknown distribution was computing" in text
    assert text.endswith("hold it for: pass on what begins with '@'")


def whole(run: Run, above: float) -> Result:
    return result(sum(float(tensor.double().norm()) for tensor in run.weights(0).values()))


def test_a_whole_analysis_that_is_not_installed_passes() -> None:
    above = click.Option(["--above"], type=float, default=0.0, help="Count no smaller weights.")
    analysis = Analysis(
        whole,
        arity="n",
        needs=frozenset(),
        options=(above,),
        table=lambda result: Table("Mine", ("value",), (("1",),)),
        figure=lambda result, figure: None,
        metrics=(DeclaredMetric("mine.value", "norm", low=0),),
        derived=lambda result: {"mine": result.groups["mine"]},
    )
    assert check_analysis(analysis, networks=("causal_lm",), above=0.5) == {}
    with pytest.raises(AssertionError, match="declares no option 'below'; it has: above"):
        check_analysis(analysis, networks=("causal_lm",), below=0.5)


def by_chance(run: Run) -> Result:
    return result(random.random())


def at_loss(run: Run) -> Result:
    return result(float("nan"), metric="mine.other")


def too_much(run: Run) -> Result:
    return result(2.0)


def refusing(run: Run) -> Result:
    raise LmctoolError("this is for nobody")


def broken(run: Run) -> Result:
    return result(1 / 0)


def empty(run: Run) -> Result:
    return Result("mine", {"mine": Group({"value": Variable(np.array(1.0), ())})})


def swallowing(run: Run) -> Result:
    try:
        return result(float(run.evaluate([run.weights(0)]).error.sum()))
    except KeyboardInterrupt:
        return result(0.0)


def fine(run: Run) -> Result:
    return result(0.5)


def too_few_cells(_: Result) -> Table:
    return Table("Mine", ("value", "unit"), (("1",),))


@pytest.mark.parametrize(
    ("compute", "more", "told"),
    [
        (by_chance, {}, "gives other numbers each time; draw what is random from .*'value'"),
        (at_loss, {}, r"gives metric 'mine.other', which Analysis\(metrics=...\) does not declare"),
        (too_much, {}, "gives mine.value = 2.0, but declares it between 0 and 1"),
        (refusing, {}, "refused every network: {'mlp': 'Error: this is for nobody'}"),
        (broken, {}, "on an MLP failed: ZeroDivisionError: division by zero"),
        (empty, {}, "has no metric, so that nothing of it can be listed or required"),
        (swallowing, {}, "goes on though it was interrupted; let KeyboardInterrupt pass"),
        (fine, {"table": too_few_cells}, "the table has row .* under .*; give a text for each"),
        (
            fine,
            {"derived": lambda _: {"mine": result(0.25).groups["mine"]}},
            "derives from its result what is not stored there: mine.value is 0.5, but 0.25 follows",
        ),
        (
            fine,
            {"options": (click.Option(["--above"], default=1),)},
            "option '--above' of analysis 'under-check' has no help; say in a sentence",
        ),
    ],
)
def test_a_broken_promise_is_told(
    compute: Callable[..., Result], more: dict[str, Any], told: str
) -> None:
    declared = (DeclaredMetric("mine.value", "a value", low=0, high=1),)
    with pytest.raises(AssertionError, match=told):
        check_analysis(
            Analysis(compute, metrics=declared, **more),
            networks=("mlp",),
        )


def test_options_that_clash_with_those_of_a_built_in_aligner_are_told() -> None:
    def compute(run: Run, steps: str) -> Result:
        raise NotImplementedError

    clashing = Analysis(compute, aligner="optional", options=(click.Option(["--steps"], help="s"),))
    with pytest.raises(
        AssertionError, match="'--steps' of aligner 'learned' clashes with analysis"
    ):
        check_analysis(clashing)
