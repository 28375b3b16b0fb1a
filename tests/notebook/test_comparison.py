"""Two results side by side, as Python code gets them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import html5lib
import pytest
from matplotlib.figure import Figure

from lmctool.errors import LmctoolError
from lmctool.notebook.comparison import compare
from lmctool.notebook.result import Result
from lmctool.results.file import write
from lmctool.testing import invoke

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def changed(found: Result) -> Result:
    """The result with one other value, from another seed."""
    groups = dict(found.record.groups)
    curve, source = groups["barrier/curve"], groups["provenance"]
    loss = curve.variables["loss"]
    values = loss.values.copy()
    values[1, 1, 5] += 0.5
    variables = {**curve.variables, "loss": replace(loss, values=values)}
    groups["barrier/curve"] = replace(curve, variables=variables)
    groups["provenance"] = replace(source, attributes={**source.attributes, "seed": 1})
    summary = groups["barrier/summary"]
    heights = summary.variables["barrier_loss"].values.copy()
    heights[1, 1] += 0.5
    raised = replace(summary.variables["barrier_loss"], values=heights)
    groups["barrier/summary"] = replace(
        summary, variables={**summary.variables, "barrier_loss": raised}
    )
    return Result(replace(found.record, groups=groups))


def test_a_result_is_the_same_as_itself(found: Result) -> None:
    both = compare(found, found)
    assert both.same and not both.causes and not both.deviations
    assert "All values are the same bit for bit" in str(both)
    assert all(pair.same for pair in both.metrics)
    assert repr(both) == "<lmctool.Comparison of two results of barrier: the same>"


def test_differences_and_causes_are_found(found: Result, changed: Result) -> None:
    both = compare(found, changed)
    assert not both.same
    (cause,) = both.causes
    assert (cause.kind, cause.name, cause.one, cause.other) == ("setting", "seed", "0", "1")
    assert [each.path for each in both.deviations] == [
        "barrier/curve/loss",
        "barrier/summary/barrier_loss",
    ]
    frame = both.to_frame().set_index("metric")
    row = frame.loc["barrier.loss[variant=align,split=test]"]
    assert (row["one"], row["other"]) == (0.3, 0.8)
    assert row["difference"] == pytest.approx(0.5)
    assert row["unit"] == "nat"
    assert frame.loc["barrier.loss[variant=plain,split=train]", ["one", "other"]].isna().all()
    assert len(frame) == len(both.metrics) == 13


def test_it_prints_what_the_command_does(found: Result, changed: Result, tmp_path: Path) -> None:
    paths = tmp_path / "a.h5", tmp_path / "b.h5"
    for result, path in zip((found, changed), paths, strict=True):
        write(result.record, path)
    both = compare(paths[0], str(paths[1]))
    assert str(both) == invoke("compare", *paths).stdout.rstrip("\n")
    whole = "\n\n".join(map(str, both.tables(everything=True)))
    assert whole == invoke("compare", *paths, "--all").stdout.rstrip("\n")


def test_a_notebook_gets_tables_and_curves(found: Result, changed: Result) -> None:
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    (tree,) = list(parser.parseFragment(compare(found, changed)._repr_html_()))
    assert len(list(tree.iter("table"))) == 3
    assert len(list(tree.iter("img"))) == 1


def test_the_curves_of_both_are_drawn(found: Result, changed: Result) -> None:
    both = compare(found, changed)
    figure = both.plot(size=(9, 4))
    assert [len(axes.lines) for axes in figure.axes] == [6, 6, 6, 6]
    assert [axes.get_title() for axes in figure.axes] == ["train", "test"] * 2
    axes = Figure().subplots(1, 4)
    assert both.plot(axes) is axes
    labels = [line.get_label() for line in axes[0].lines]
    assert labels[0] == "first: plain" and labels[3] == "second: plain"


def test_results_of_two_analyses_are_told(found: Result, strange: Result) -> None:
    with pytest.raises(
        LmctoolError, match=r"the first is a result of 'barrier', but the second is"
    ):
        compare(found, strange)
