"""lmctool compare: two results side by side."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import pytest

from lmctool.results.file import write
from lmctool.results.pairing import Pair, pairs
from lmctool.results.result import Group, Result, Variable
from lmctool.testing import invoke

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.figure import Figure


@pytest.fixture
def other(curved: Result, tmp_path: Path) -> Path:
    """The file of the same result with another seed, two other barriers and one other loss."""
    groups = dict(curved.groups)
    held = dict(groups["summary"].variables)
    values = held["barrier_error"].values.copy()
    values[2, 1] += 0.5
    values[0, 0] = np.nan
    held["barrier_error"] = replace(held["barrier_error"], values=values)
    groups["summary"] = Group(held)
    groups["provenance"] = Group(
        {}, {"seed": 1, "versions.torch": "2.9", "options": '{"points": 5}'}
    )
    write(Result(curved.analysis, groups), tmp_path / "other.h5")
    return tmp_path / "other.h5"


def compared(*words: str | Path, code: int = 0) -> str:
    """Run the command, check its exit code, and return what it prints."""
    done = invoke("compare", *words)
    assert done.exit_code == code, done.output
    return done.output


def rows(output: str) -> dict[str, list[str]]:
    """Return the cells of each line by the first of them."""
    split = [line.split() for line in output.splitlines() if line]
    return {first: rest for first, *rest in split}


def test_metrics_that_differ_are_shown_with_their_difference(
    curved_file: Path, other: Path
) -> None:
    output = compared(curved_file, other)
    found = rows(output)
    assert found["barrier.error[variant=align+repair,split=test]"] == ["0.075", "0.575", "+0.5"]
    assert found["barrier.error[variant=plain,split=train]"] == ["0.55", "-", "-"]
    assert "2 of 12 metrics differ" in output
    assert not [name for name in found if name.startswith("barrier.loss")]


def test_all_shows_the_same_ones_too(curved_file: Path, other: Path) -> None:
    found = rows(compared(curved_file, other, "--all"))
    assert found["barrier.loss[variant=plain,split=train]"] == ["2.2", "2.2", "+0", "nat"]


def test_what_may_be_why_is_told_by_kind(curved_file: Path, other: Path) -> None:
    output = compared(curved_file, other)
    found = rows(output)
    assert found["versions.torch"] == ["nothing", "2.9"]
    assert found["seed"] == ["0", "1"]
    assert found["options.points"] == ["nothing", "5"]
    assert "command" not in found
    assert output.index("Versions that differ") < output.index("Settings that differ")
    assert found["summary/barrier_error"][:3] == ["2", "of", "6"]


def test_a_result_is_equal_to_itself(curved_file: Path) -> None:
    output = compared(curved_file, curved_file)
    assert "0 of 12 metrics differ" in output
    assert "Inputs, versions and settings are the same" in output
    assert "All values are the same bit for bit" in output


def test_json_is_as_its_schema_says(curved_file: Path, other: Path, tmp_path: Path) -> None:
    schema = json.loads((files("lmctool") / "report/schemas/compare-1.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    held = json.loads(compared(curved_file, other, "--json", "-", "-o", tmp_path / "a.svg"))
    jsonschema.validate(held, schema)
    assert set(schema["required"]) == set(held)
    assert held["results"] == [str(curved_file), str(other)]
    assert held["metrics"]["barrier.error[variant=align+repair,split=test]"] == {
        "one": 0.075,
        "other": 0.575,
        "difference": pytest.approx(0.5),
        "unit": "1",
        "better": "lower",
    }
    for pair in held["metrics"].values():
        del pair["better"]  # as older versions wrote it
    jsonschema.validate(held, schema)
    assert held["metrics"]["barrier.error[variant=plain,split=train]"]["other"] is None
    assert held["causes"][0]["name"] == "versions.torch"
    assert [found["variable"] for found in held["deviations"]] == ["summary/barrier_error"]
    assert held["files"] == {"figure": str(tmp_path / "a.svg")}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(held | {"more": 1}, schema)


def test_a_metric_that_only_one_has_is_missing(curved: Result, tmp_path: Path) -> None:
    more = Variable(np.array(1.0), metric="barrier.more")
    groups = {**curved.groups, "more": Group({"more": more})}
    left, right = curved, Result(curved.analysis, groups)
    (pair,) = [pair for pair in pairs(left, right) if not pair.same]
    assert (pair.name, pair.one, pair.difference) == ("barrier.more", None, None)
    write(left, tmp_path / "a.h5")
    write(right, tmp_path / "b.h5")
    output = compared(tmp_path / "b.h5", tmp_path / "a.h5")
    assert "0 of 12 metrics differ\n1 more are only in the first result" in output
    assert "1 more arrays are in one of the two results only" in output
    assert "barrier.more" not in output
    found = rows(compared(tmp_path / "b.h5", tmp_path / "a.h5", "--all"))
    assert found["barrier.more"] == ["1", "missing", "-"]


def test_a_pair_of_nothing_is_not_the_same() -> None:
    assert not Pair("a", None, None).same


def lines_of(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Keep the lines that the figures of this test are drawn with."""
    from lmctool.report.comparison import Overlay

    drawn: list[Any] = []
    draw: Callable[[Overlay, Result, Figure], None] = Overlay.__call__

    def kept(self: Overlay, one: Result, figure: Figure) -> None:
        draw(self, one, figure)
        drawn.extend(line for axes in figure.axes for line in axes.lines)

    monkeypatch.setattr(Overlay, "__call__", kept)
    return drawn


def test_the_figure_has_the_curves_of_both(
    curved_file: Path, other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = lines_of(monkeypatch)
    compared(curved_file, other, "-o", tmp_path / "both.png")
    assert (tmp_path / "both.png").read_bytes().startswith(b"\x89PNG")
    labels = [line.get_label() for line in drawn]
    assert labels[:6] == [
        f"{file}: {variant}"
        for file in ("curved", "other")
        for variant in ("plain", "align", "align+repair")
    ]
    assert len(drawn) == 2 * 2 * 6
    first, second = drawn[0], drawn[3]
    assert first.get_color() == second.get_color()
    assert first.get_linestyle() != second.get_linestyle()


def test_results_without_a_common_curve_cannot_be_drawn(
    curved: Result, curved_file: Path, tmp_path: Path
) -> None:
    write(Result(curved.analysis, {}), tmp_path / "bare.h5")
    figure = tmp_path / "a.png"
    told = compared(curved_file, tmp_path / "bare.h5", "-o", figure, code=2)
    assert told == "Error: the results have no curve in common that could be drawn\n"
    assert not figure.exists()


def test_results_of_two_analyses_cannot_be_compared(curved_file: Path, tmp_path: Path) -> None:
    write(Result("another", {}), tmp_path / "b.h5")
    told = compared(curved_file, tmp_path / "b.h5", code=2)
    assert "is a result of 'unheard-of', but" in told
    assert "compare two results of one analysis" in told


def test_existing_files_and_two_with_one_name_are_refused(
    curved_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_text("mine")
    assert "exists" in compared(curved_file, curved_file, "-o", tmp_path / "a.png", code=2)
    both = tmp_path / "b.png"
    told = compared(curved_file, curved_file, "-o", both, "--json", both, code=2)
    assert "names" in told
    assert (tmp_path / "a.png").read_text() == "mine"
    assert "does not exist" in compared(curved_file, tmp_path / "none.h5", code=2)
