"""Figures of every analysis are legible, however long the names and however many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmctool.report import by_analysis
from lmctool.report.figure import drawing
from lmctool.results.file import read
from lmctool.testing import invoke
from tests import every
from tests.report.hard_results import HARD, with_long_paths, with_parts
from tests.report.overlaps import overlaps

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Made = Callable[[str], Path]

ENDS = (every.A, every.B)
FEWEST = ("--points", "3", "--by-split", "class", "--split", "test")
PATHS = (
    "align",
    "barrier",
    "curve",
    "graft",
    "instability",
    "interpolate",
    "merge",
    "repair",
    "variance",
)
LAYERS = (
    "distance",
    "el2n",
    "layerwise",
    "matrix",
    "plane",
    "sharpness",
    "similarity",
    "trajectory",
)
CURVATURE = ("--curvature-size", "20", "--lanczos", "4", "--probes", "2", "--points", "3")
FORMS = {
    "parts-and-baselines": ("barrier", *ENDS, *FEWEST, "--baselines"),
    "parts-of-paths": ("interpolate", *ENDS, "--also", every.B, *FEWEST),
    "one-layer-grafted": ("graft", every.A, "--from", every.B, "--layers", "layers.0.*"),
    "planes": ("plane", *ENDS, "--align", "--points", "5"),
    "surfaces": ("plane", every.A, "--random", "--points", "5", "--surface"),
    "alphas": ("merge", *ENDS, "--align", "--alphas", "0.3,0.7"),
    "curvature-of-parts": ("sharpness", *ENDS, "--by", "layer", *CURVATURE),
    "curvature-of-a-path": ("sharpness", *ENDS, "--along", "--by", "layer", *CURVATURE),
    "channels": ("variance", *ENDS, "--alphas", "0.3,0.7", "--layer", "layers.1"),
}
"""Figures of other forms, which options ask for."""


@pytest.mark.parametrize(
    "hard",
    [pytest.param(name, marks=pytest.mark.slow if "many" in name else ()) for name in HARD],
)
@pytest.mark.parametrize("name", (*PATHS, *LAYERS))
def test_texts_and_arrows_of_a_figure_lie_apart(name: str, hard: str, made: Made) -> None:
    result = HARD[hard](read(made(name)))
    with drawing(result, by_analysis.drawer(result)) as figure:
        assert overlaps(figure) == []


@pytest.mark.parametrize("form", FORMS)
def test_texts_of_figures_of_other_forms_lie_apart(form: str, tmp_path: Path) -> None:
    done = invoke(*FORMS[form], *every.FEW, "-o", tmp_path / f"{form}.h5")
    assert done.exit_code == 0, done.output
    own = read(tmp_path / f"{form}.h5")
    for result in (own, with_parts(with_long_paths(own), 60)):
        with drawing(result, by_analysis.drawer(result)) as figure:
            assert overlaps(figure) == []
