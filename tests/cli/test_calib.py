"""``--calib``: what a command takes statistics on, what its result says of that, and repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmctool.report import figure
from lmctool.results.file import read
from lmctool.results.provenance import Provenance
from lmctool.results.value_diff import deviations
from lmctool.testing import invoke, tiny_pair
from lmctool_plugins.datasets import digits

if TYPE_CHECKING:
    from pathlib import Path

TRAIN, TEST = digits.load(train=True), digits.load(train=False)
CODE = "import numpy as np\ndef make():\n    d = np.load('other.npz')\n    return d['x'], d['y']\n"
FEW = ("--points", "3", "--allow-chance", "--limit", "40", "--calib-size", "50")
WORDS = ("barrier", "a.safetensors", "b.safetensors", "--align", "--repair", *FEW)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work beside two networks, data and two calibration sets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(figure, "image", lambda *_: b"")  # it takes a second
    tiny_pair(tmp_path)
    np.savez("data.npz", x=TEST.inputs[:60], y=TEST.targets[:60])
    np.savez("other.npz", x=TRAIN.inputs[:90], y=TRAIN.targets[:90])
    (tmp_path / "mine.py").write_text(CODE)


def test_a_result_says_what_its_statistics_are_of_and_is_repeated(tmp_path: Path) -> None:
    done = invoke(*WORDS, "--data", "data.npz", "--calib", "mine.py:make", "-o", "code.h5")
    assert done.exit_code == 0, done.output
    assert "calibration set  mine.py:make, from --calib: mine.py:make" in done.stderr
    note = "activation statistics are taken on split 'test' of the calibration set, the only one"
    assert note in done.stderr
    record = Provenance.of(read(tmp_path / "code.h5"))
    assert record.calib is not None and record.calib.spec == "mine.py:make"
    assert record.settings["calibration.split"] == "test"
    assert "mine.py" in record.code

    refused = invoke("rerun", "code.h5")
    assert refused.exit_code == 2 and "names code, --calib mine.py:make" in refused.stderr
    again = invoke("rerun", "code.h5", "--trust", "-q")
    assert again.exit_code == 0, again.output
    assert "agree bit for bit" in again.stdout

    np.savez("other.npz", x=TRAIN.inputs[9:99], y=TRAIN.targets[9:99])
    resumed = invoke(
        *(*WORDS, "--data", "data.npz", "--calib", "mine.py:make", "-o", "code.h5", "--resume")
    )
    assert resumed.exit_code == 2
    assert "the content of the data has changed: calibration.digest was" in resumed.stderr

    assert "calib.source: mine.py:make" in invoke("show", "code.h5", "-v").stdout
    assert invoke("report", "code.h5", "-o", "page.html").exit_code == 0
    assert "mine.py:make, from --calib: mine.py:make" in (tmp_path / "page.html").read_text()


def test_results_on_two_calibration_sets_are_told_apart(tmp_path: Path) -> None:
    for spec in ("digits", "other.npz"):
        done = invoke(*WORDS, "--data", "data.npz", "--calib", spec, "-q", "-o", f"{spec}.h5")
        assert done.exit_code == 0, done.output
    compared = invoke("compare", "digits.h5", "other.npz.h5").stdout
    assert "calibration.digest" in compared and "calibration.split" in compared
    one, other = (read(tmp_path / f"{spec}.h5") for spec in ("digits", "other.npz"))
    assert deviations(one, other)
    records = [Provenance.of(each) for each in (one, other)]
    assert records[0].splits == records[1].splits
    assert records[0].key != records[1].key
    assert "calibration.preprocessing" in records[0].settings


def test_the_help_says_which_split_it_is_by_itself() -> None:
    shown = " ".join(invoke("barrier", "--help-all").stdout.split())
    assert "--calib SPEC Dataset of the calibration set, on which activation statistics" in shown
    assert "Split of the calibration set. [default: train, or the only one]" in shown
