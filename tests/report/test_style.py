"""Matplotlib's settings after lmctool has drawn: those that the user would have had."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import sys
chosen = sys.argv[1]
if chosen:
    import matplotlib
    matplotlib.use(chosen)
from lmctool.report.plot import Plot
from lmctool.results.result import Group, Result, Variable
import numpy as np
result = Result("x", {"g": Group({"v": Variable(np.array(1.0), metric="m")})})
Plot(result, None).figure().png()
assert "matplotlib.pyplot" not in sys.modules
import matplotlib
print(matplotlib.rcParams._get_backend_or_none())
if "nowhere" not in str(matplotlib.rcParams._get_backend_or_none()):
    import matplotlib.pyplot as plt
    print(plt.get_backend())
"""


@pytest.mark.parametrize(
    ("variable", "chosen", "found"),
    [
        (None, "", ["None", "agg"]),
        ("svg", "", ["svg", "svg"]),
        ("module://nowhere.backend", "", ["module://nowhere.backend"]),
        ("svg", "pdf", ["pdf", "pdf"]),
    ],
)
def test_pyplot_has_the_backend_that_it_would_have_had(
    variable: str | None, chosen: str, found: list[str]
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    if variable is not None:
        environment["MPLBACKEND"] = variable
    done = subprocess.run(
        [sys.executable, "-c", CODE, chosen],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == found, done.stderr
