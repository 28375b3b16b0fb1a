"""The solver of linear assignments: scipy's own, with and without the rest of its package."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

from lmctool.symmetry import assignment_solver
from lmctool.symmetry.assignment_solver import solver

if TYPE_CHECKING:
    import pytest

ALONE = """
import sys
import numpy as np
from lmctool.symmetry.assignment_solver import solver
cost = np.random.default_rng(0).random((9, 9)).round(1)
alone = solver()(cost)
if "scipy.optimize" in sys.modules: raise SystemExit("the package was imported")
from scipy.optimize import linear_sum_assignment
np.testing.assert_array_equal(alone, linear_sum_assignment(cost))
"""


def test_it_is_scipys_and_leaves_its_package_alone() -> None:
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_package_is_asked_where_a_version_has_no_such_module(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(assignment_solver, "MODULE", "scipy.optimize._elsewhere")
    monkeypatch.setattr(assignment_solver, "PACKAGE", "scipy.not_loaded")
    solver.cache_clear()
    try:
        cost = np.array([[4.0, 1.0], [2.0, 8.0]])
        np.testing.assert_array_equal(solver()(cost), linear_sum_assignment(cost))
    finally:
        solver.cache_clear()
