"""The script of examples/averages, word for word, on networks that are hardly trained."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from lmctool.results.file import read
from lmctool.results.metrics import metrics
from lmctool.results.provenance import Provenance
from lmctool.testing import invoke
from tests.training import EXAMPLES, commands, train

SMALL = {"--epochs": "2", "--calib-size": "60"}
BOTH = "variant=align+repair,split=test"


def test_the_average_over_five_pairs_is_that_of_numpy_and_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lmctool.report.figure.image", lambda *_: b"")
    codes = {}
    for program, *given in commands(EXAMPLES / "averages/make.sh", tmp_path):
        words = [SMALL.get(before, word) for before, word in pairwise(["", *given])]
        if program == "python":
            assert words[0] == "../train.py"
            done = train(tmp_path, *words[1:])
        else:
            few = ("--points", "3", "-q") if words[0] == "barrier" else ()
            done = invoke(*words, *few)
        assert done.exit_code in {0, 3}, done.output
        codes[words[words.index("-o") + 1]] = done.exit_code
    pairs = [f"pair{first}.h5" for first in (0, 2, 4, 6, 8)]
    name = f"barrier.error[{BOTH}]"
    each = np.array([metrics(read(Path(pair)))[name] for pair in pairs], dtype=float)
    found = metrics(read(Path("mean.h5")))
    mean, error = each.mean(), each.std(ddof=1) / np.sqrt(5)
    assert error > 0
    assert found[f"barrier.error.mean[{BOTH}]"] == pytest.approx(mean, rel=1e-13)
    reach = (found[f"barrier.error.mean.upper95[{BOTH}]"] or 0.0) - mean
    assert reach / stats.t.ppf(0.975, 4) == pytest.approx(error, rel=1e-9)
    assert codes["mean.h5"] == (0 if mean <= 0.02 else 3)
    assert all(codes[pair] == 0 for pair in pairs)
    draws = read(Path("draws.h5"))
    assert draws.groups["aggregate"].attributes["over"] == "draw"
    assert len(Provenance.of(draws).draws) == 5
