"""What docs/python.md says runs, and means what it says."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

import lmctool
from lmctool.cli.analysis import AnalysisCommand
from lmctool.notebook.handed import handed_over
from lmctool.notebook.keywords import keywords
from lmctool.plugin import registry
from lmctool.plugin.kinds import ALIGNERS, ANALYSES, CORRECTIONS
from tests.notebook.networks import DIGITS, digits

PAGE = (Path(__file__).parents[1] / "docs/python.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(--[^`]+)`[^|]*\| `([^`]+)`", PAGE, re.MULTILINE)


def test_the_examples_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = digits(tmp_path)
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    shutil.copy(DIGITS / "a.safetensors", "runs/a.safetensors")
    (net_a, net_b), (x, y) = kept.modules, kept.data["test"]
    names: dict[str, Any] = {"net_a": net_a, "net_b": net_b, "x": x, "y": y}
    names["x_test"], names["y_test"] = x, y
    names["x_train"], names["y_train"] = kept.data["train"]
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 5
    for block in blocks:
        exec(block, names)
    assert isinstance(names["found"], lmctool.Result)
    assert Path("barrier.h5").exists()


@pytest.mark.parametrize(("said", "written"), ROWS[:-1], ids=[row[0] for row in ROWS[:-1]])
def test_a_keyword_is_the_option_beside_it(said: str, written: str) -> None:
    command = AnalysisCommand("merge", registry.load(ANALYSES, "merge"))
    if "scores" in written or "points" in written:
        command = AnalysisCommand("barrier", registry.load(ANALYSES, "barrier"))
    plugins = [
        *registry.load(ALIGNERS, "activation").options,
        *registry.load(CORRECTIONS, "closed-form").options,
    ]
    values = eval(f"dict({written})")
    words = handed_over((), values, keywords(command, plugins)).words
    assert words == shlex.split(said.replace("-o FILE", "--out barrier.h5"))


def test_every_result_member_that_the_page_names_is_there() -> None:
    table = PAGE.partition("| `found.` | is |")[2].partition("\n\n")[0]
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    names = {name for cell in cells for name in re.findall(r"`(\w+)", cell)} - {"print"}
    assert {"metrics", "plot", "save", "require", "notes"} <= names
    assert names <= {*dir(lmctool.Result), "record", "path", "notes"}
