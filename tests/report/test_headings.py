"""What results on one page are called: no two alike, by what tells their files apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lmctool.report.headings import LONGEST, NAMED, headings
from lmctool.results.result import Group, Result, Variable


def made(*paths: str, analysis: str = "barrier", variants: str = "", **said: Any) -> Result:
    """Return a result on checkpoints, whose provenance says this, ``__`` standing for a dot."""
    attributes: dict[str, Any] = {f"checkpoint.{n}.path": path for n, path in enumerate(paths)}
    attributes |= {name.replace("__", "."): value for name, value in said.items()}
    names = np.array(variants.split(), dtype=object)
    held = {"variant": Variable(names, ("variant",))} if variants else {}
    return Result(analysis, {"curve": Group(held), "provenance": Group({}, attributes)})


def called(*results: Result) -> list[str]:
    """Return the headings of results in files out-0.h5, out-1.h5 ..."""
    return headings({Path(f"out-{n}.h5"): result for n, result in enumerate(results)})


def test_one_result_is_called_by_its_analysis_and_its_files() -> None:
    assert called(made("x/a.pt", "x/b.pt")) == ["barrier: a and b"]
    assert called(made("x/a.pt", "x/b.pt", "c", analysis="merge")) == ["merge: a, b and c"]
    assert called(Result("barrier", {})) == ["barrier"]


def test_pairs_in_different_folders_are_called_by_their_folders() -> None:
    pairs = [made(f"{n}/a.pt", f"{n}/b.pt") for n in ("run-1", "run-2")]
    assert called(*pairs) == ["barrier: run-1/a and run-1/b", "barrier: run-2/a and run-2/b"]
    seeds = [made(f"{n}/ckpt/last.pt", f"{n + 1}/ckpt/last.pt") for n in (0, 2)]
    assert called(*seeds) == [
        "barrier: 0/ckpt/last and 1/ckpt/last",
        "barrier: 2/ckpt/last and 3/ckpt/last",
    ]


def test_many_files_are_named_by_the_first_and_their_number() -> None:
    paths = [f"net-{n}.pt" for n in range(NAMED + 2)]
    assert called(made(*paths)) == ["barrier: net-0, net-1, net-2 and 2 more"]


def test_training_runs_are_named_before_their_checkpoints_and_earlier_results_last() -> None:
    assert called(made("a.pt", series__0__path="runs/one")) == ["barrier: one"]
    assert called(made(result__0__path="old.h5")) == ["barrier: old"]


def test_results_of_the_same_files_are_told_apart_by_variants_and_settings() -> None:
    found = called(
        made("a", "b", variants="plain"),
        made("a", "b", variants="plain align", aligner="weight", options='{"points": 25}'),
        made("a", "b", variants="plain align", aligner="activation", options='{"points": 25}'),
        made("a", "b", variants="plain align", aligner="activation", options='{"points": 5}'),
        made("a", "b", analysis="distance"),
    )
    assert found == [
        "barrier: a and b (plain, no aligner, no points)",
        "barrier: a and b (plain, align, aligner weight, points 25)",
        "barrier: a and b (plain, align, aligner activation, points 25)",
        "barrier: a and b (plain, align, aligner activation, points 5)",
        "distance: a and b",
    ]


def test_what_differs_in_the_examples_or_a_seed_is_told() -> None:
    few, all_ = (made("a", split__test__examples=n) for n in (40, 449))
    assert called(few, all_) == [
        "barrier: a (test examples 40)",
        "barrier: a (test examples 449)",
    ]
    assert called(made("a", seed=1), made("a", seed=2))[1] == "barrier: a (seed 2)"
    assert called(
        made("a", options='{"refine": true}'), made("a", options='{"refine": false}')
    ) == [
        "barrier: a (refine)",
        "barrier: a (no refine)",
    ]


def test_results_that_differ_in_nothing_else_are_called_by_their_own_files() -> None:
    one = made("a", "b")
    assert headings({Path("run-1/out.h5"): one, Path("run-2/out.h5"): one}) == [
        "barrier: a and b (run-1/out)",
        "barrier: a and b (run-2/out)",
    ]


def test_long_settings_that_end_alike_tell_nothing_apart() -> None:
    same = "x" * LONGEST
    assert called(made("a", note=f"1{same}"), made("a", note=f"2{same}")) == [
        "barrier: a (out-0)",
        "barrier: a (out-1)",
    ]


def test_an_average_is_called_by_what_it_is_over() -> None:
    about: dict[str, Any] = {"of": "barrier", "over": "file", "count": 5}
    assert called(Result("aggregate", {"aggregate": Group({}, about)})) == [
        "average of barrier over 5 results"
    ]
