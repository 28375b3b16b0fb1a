"""The reproductions of the papers: their steps, their pages, and their drivers."""

from __future__ import annotations

import importlib
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmctool.errors import LmctoolError

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDER = EXAMPLES / "reproduce"

# stands for the training: notes that it was called, and writes what it was told to the output
TRAINER = """
import sys
from pathlib import Path
with open("calls", "a") as calls:
    calls.write(sys.argv[1] + "\\n")
if "--fail" in sys.argv:
    sys.exit("what is it that failed\\nError: there is a reason")
Path(sys.argv[sys.argv.index("-o") + 1]).write_text(" ".join(sys.argv[1:]))
print("epoch 1/2  test error 50.00%\\nepoch 2/2  test error 12.50%")
"""


@pytest.fixture(autouse=True)
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the modules of the reproductions be found, as a driver does."""
    monkeypatch.syspath_prepend(str(FOLDER))


def imported(name: str) -> Any:
    return importlib.import_module(name)


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return steps in an empty folder, which a stand-in does in place of the training."""
    trainer = tmp_path / "trainer.py"
    trainer.write_text(TRAINER)
    module = imported("steps")
    monkeypatch.setattr(module, "TRAIN", trainer)
    return module.Steps(tmp_path / "folder")


def calls(steps: Any) -> list[str]:
    """Return the first word of each call of the stand-in."""
    return str((steps.folder / "calls").read_text()).split()


def test_a_step_is_done_once_and_again_when_its_words_change(steps: Any) -> None:
    for words in (("first",), ("first",), ("second",)):
        made = steps.train("net", *words)
    assert made == steps.folder / "net.safetensors"
    assert calls(steps) == ["first", "second"]


@pytest.mark.parametrize("word", ["parent.safetensors", "parent*"])
def test_a_step_is_done_again_when_a_file_that_it_names_changes(steps: Any, word: str) -> None:
    parent = steps.train("parent", "old")
    for options in ("old", "new"):
        steps.train("parent", options)
        steps.train("child", "child", "--init", word if "*" in word else parent)
    assert calls(steps) == ["old", "child", "new", "child"]


def test_a_path_in_the_folder_is_told_by_its_name(steps: Any) -> None:
    steps.folder.mkdir()
    made = steps.train("net", "first", steps.folder / "images.npz", 0.5)
    assert made.read_text() == "first images.npz 0.5 -o net.safetensors --force"


def test_force_does_every_step_once_more(steps: Any) -> None:
    steps.train("net", "first")
    forced = imported("steps").Steps(steps.folder, force=True)
    forced.train("net", "first")
    forced.train("net", "first")
    assert calls(steps) == ["first", "first"]


def test_a_step_that_fails_tells_why_and_is_tried_again(steps: Any) -> None:
    for _ in range(2):
        with pytest.raises(
            LmctoolError, match=r"'net.safetensors' cannot be made: Error: there is a reason"
        ):
            steps.train_all({"net": ("first", "--fail"), "other": ("second", "--fail")})
    assert calls(steps).count("first") == 2


def test_the_test_error_is_that_of_the_last_epoch(steps: Any) -> None:
    assert steps.test_error(steps.train("net", "first")) == 0.125


def test_what_no_step_made_has_nothing_to_tell(steps: Any) -> None:
    with pytest.raises(LmctoolError, match="no step made"):
        steps.said(steps.folder / "net.safetensors")


def test_a_measurement_is_told_as_it_is_typed_and_read_by_names(tmp_path: Path) -> None:
    steps, reading = imported("steps").Steps(tmp_path), imported("reading")
    digits = [EXAMPLES / "digits" / f"{name}.safetensors" for name in "ab"]
    result = steps.measure("far", "distance", *digits)
    assert steps.command(result) == f"lmctool distance {digits[0]} {digits[1]} -o far.h5"
    whole = reading.value(result, "distance/whole/l2")
    layers = reading.pick(result, "distance/layer/l2")
    assert layers.ndim == 1
    assert math.hypot(*layers) == pytest.approx(whole)
    first = reading.pick(result, "distance/layer/layer")[0]
    assert reading.value(result, "distance/layer/l2", layer=first) == layers[0]
    with pytest.raises(LmctoolError, match="layer 'none' is not among"):
        reading.value(result, "distance/layer/l2", layer="none")
    with pytest.raises(LmctoolError, match="has no variable 'distance/whole/none'"):
        reading.value(result, "distance/whole/none")
    with pytest.raises(LmctoolError, match=r"numbers there, not one"):
        reading.value(result, "distance/layer/l2")


def test_a_pattern_is_typed_in_quotes(steps: Any) -> None:
    made = steps.train("net", "trajectory", "a-step*")
    assert steps.command(made) == "lmctool trajectory 'a-step*' -o net.safetensors"


def test_means_closer_than_two_standard_errors_are_undecided() -> None:
    verdict = imported("verdict")
    lower, upper = [1.0, 1.2], [2.0, 2.2]
    assert verdict.below(lower, upper, noise=0.1) is verdict.Outcome.AGREES
    assert verdict.below(upper, lower, noise=0.1) is verdict.Outcome.DIFFERS
    assert verdict.below(lower, upper, noise=0.5) is verdict.Outcome.UNDECIDED  # 2 x 0.5 x 1


def test_pooled_noise_leaves_out_what_groups_differ_by() -> None:
    pooled = imported("verdict").pooled
    assert pooled([[0.0, 2.0], [100.0, 102.0], [7.0]]) == pytest.approx(math.sqrt(2))
    assert math.isnan(pooled([[1.0]]))


def test_typical_noise_is_that_of_most_groups_and_right_for_normal_values() -> None:
    typical = imported("verdict").typical
    groups = np.random.default_rng(0).normal(5, 3, size=(4001, 2))
    assert typical(groups) == pytest.approx(3, rel=0.05)
    groups[:400] *= 1000  # a tenth of them is unsteady
    assert typical(groups) == pytest.approx(3, rel=0.2)
    assert math.isnan(typical([[1.0]]))


def test_a_shrunk_image_is_the_means_of_its_squares() -> None:
    images = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    expected = [[[[2.5, 4.5], [10.5, 12.5]]]]
    np.testing.assert_array_equal(imported("images").shrunk(images, 2), expected)


def test_a_part_of_a_dataset_is_normalised_as_the_dataset_is(tmp_path: Path) -> None:
    path = tmp_path / "part.npz"
    imported("images").part_of(path, "digits", slice(100, 1300), slice(50))
    with np.load(path) as stored:
        assert stored["x_train"].shape == (1200, 1, 8, 8)
        assert abs(float(stored["x_train"].mean())) < 0.1
        assert float(stored["x_train"].std()) == pytest.approx(1, abs=0.1)
        assert len(stored["y_test"]) == 50


def test_a_table_has_a_line_for_its_header_and_each_row() -> None:
    page = imported("page")
    assert page.table(("k", "error"), [(1, page.percent([0.1, 0.2]))]) == (
        "| k | error |\n| --- | --- |\n| 1 | 15.0 ± 5.0 % |"
    )


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("paper", ["iyer", "repair", "vlaar-frankle"])
def test_a_driver_makes_its_page(tmp_path: Path, paper: str) -> None:
    command = [sys.executable, str(FOLDER / paper / "make.py"), "--size", "tiny", "--jobs", "2"]
    page = tmp_path / "page"
    places = ["--folder", str(tmp_path / "folder"), "--page", str(page)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([*command, *places], env=environment, check=True, capture_output=True)
    text = (page / "README.md").read_text()
    committed = (FOLDER / paper / "README.md").read_text()
    for written in (text, committed):
        assert written.startswith("# ")
        assert "| **agrees** |" in written
    assert headings(text) == headings(committed)
    shown = {line.partition("(")[2].rstrip(")") for line in text.splitlines() if line[:1] == "!"}
    assert {path.name for path in page.glob("*.png")} == shown


def headings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("## ")]


@pytest.mark.parametrize("paper", ["iyer", "repair", "vlaar-frankle"])
def test_a_driver_names_its_parts(paper: str) -> None:
    command = [sys.executable, str(FOLDER / paper / "make.py"), "--help"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "--size [tiny|small|large]" in done.stdout
    assert "--only [" in done.stdout
