"""Figures of every analysis are legible, however long the names and however many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmctool.report import by_analysis
from lmctool.report.figure import drawing
from lmctool.results.file import read
from tests.report.hard_results import HARD
from tests.report.overlaps import overlaps

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Made = Callable[[str], Path]

PATHS = ("align", "barrier", "graft", "interpolate", "merge", "repair", "variance")
LAYERS = ("distance", "el2n", "layerwise", "matrix", "trajectory")


@pytest.mark.parametrize("hard", HARD)
@pytest.mark.parametrize("name", (*PATHS, *LAYERS))
def test_texts_and_arrows_of_a_figure_lie_apart(name: str, hard: str, made: Made) -> None:
    result = HARD[hard](read(made(name)))
    with drawing(result, by_analysis.drawer(result)) as figure:
        assert overlaps(figure) == []
