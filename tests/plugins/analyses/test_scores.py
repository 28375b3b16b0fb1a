"""Every metric that networks are measured by is measured, stored, tabulated and drawn."""

from __future__ import annotations

import json
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.report import by_analysis, figure
from lmctool.report.blocks import blocks, fitted
from lmctool.results.file import read
from lmctool.results.metrics import listed
from lmctool.results.score_metric import DeclaredScores
from lmctool.results.stored_metrics import metrics_of
from lmctool.testing import invoke
from tests import every
from tests.report.row_cells import row_cells, unspaced

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from lmctool.results.result import Result

    Scored = Callable[[str], Path]
    Array = NDArray[np.float64]

SCORES = ("top5", "ece", "balanced_error", "auc")
GATES = {
    "align": "align.{}",
    "barrier": "barrier.{}",
    "curve": "curve.barrier.{}",
    "graft": "graft.rise.{}",
    "instability": "instability.{}",
    "interpolate": "interpolate.delta_{}",
    "layerwise": "layerwise.full_barrier_{}",
    "matrix": "matrix.barrier_{}",
    "merge": "merge.{}",
    "plane": "plane.highest_{}",
    "repair": "repair.{}",
    "sharpness": "sharpness.{}",
    "trajectory": "trajectory.gain.{}",
}
"""A metric of each analysis that measures networks."""
every_scored = pytest.mark.parametrize("name", GATES)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Scored:
    """Run an analysis once with four scores, a gate on each, and a document beside the result."""
    folder = tmp_path_factory.mktemp("scored")

    @cache
    def made(name: str) -> Path:
        every.place_series(folder)
        plain = [word for word in every.WORDS[name] if word not in {"--align", "--repair"}]
        words = [folder / w if w.startswith(("run-", "fork-")) else w for w in plain]
        gates = [("--require", f"{GATES[name].format(score)} != 0.123") for score in SCORES]
        out: Path = folder / f"{name}.h5"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(figure, "save", lambda *_: None)  # drawn where it is looked at
            done = invoke(
                *(name, *words, "--score", ",".join(SCORES), *chain(*gates)),
                *("-o", out, "--json", out.with_suffix(".json"), "--quiet"),
            )
        assert done.exit_code == 0, done.output
        return out

    return made


def held(result: Result, group: str, name: str) -> Array:
    """Return the values of a variable."""
    values: Array = result.groups[f"{result.analysis}/{group}"].variables[name].values
    return values


def texts(result: Result) -> str:
    """Return what stands at the axes of a figure."""
    with figure.drawing(result, by_analysis.drawer(result)) as drawn:
        axes = drawn.axes
        return "\n".join(f"{a.get_title()}\n{a.get_xlabel()}\n{a.get_ylabel()}" for a in axes)


@every_scored
def test_each_score_is_among_the_metrics_wherever_the_error_is(name: str, scored: Scored) -> None:
    result = read(scored(name))
    assert [metric.name for metric in metrics_of(result)] == ["loss", "error", *SCORES]
    by_name: dict[str, int] = {}
    for metric in listed(result):
        by_name[metric.name] = by_name.get(metric.name, 0) + 1
    given = [
        declared.name
        for declared in registry.load(ANALYSES, name).metrics or ()
        if isinstance(declared, DeclaredScores) and declared.every
        if declared.name.format("error") in by_name
    ]
    assert GATES[name] in given
    for pattern in given:
        assert {by_name[pattern.format(score)] for score in ("error", *SCORES)} == {
            by_name[pattern.format("loss")]
        }


@every_scored
def test_gates_judge_each_score(name: str, scored: Scored) -> None:
    document = json.loads(scored(name).with_suffix(".json").read_text())
    assert [(gate["metric"].partition("[")[0], gate["status"]) for gate in document["gates"]] == [
        (GATES[name].format(score), "passed") for score in SCORES
    ]


@every_scored
def test_its_table_shows_each_score_and_names_its_rows_wherever_it_is_cut(
    name: str, scored: Scored
) -> None:
    table = by_analysis.table(read(scored(name)), scored(name))
    whole = "\n".join(map(" ".join, [table.columns, *table.rows]))
    assert all(score in whole for score in SCORES)
    narrow = fitted(table, 72)
    leading = [list(map(unspaced, row[: narrow.keys])) for row in narrow.rows]
    for block in blocks(narrow, 72):
        assert [row_cells(lines)[: narrow.keys] for lines in block.rows] == leading


@every_scored
def test_its_figure_has_a_panel_of_each_score(name: str, scored: Scored) -> None:
    result = read(scored(name))
    drawn = texts(result)
    for metric in metrics_of(result)[2:]:
        assert metric.label in drawn or metric.name in drawn


def test_no_title_or_legend_of_its_figure_runs_into_another(scored: Scored) -> None:
    for name in ("barrier", "matrix"):
        result = read(scored(name))
        with figure.drawing(result, by_analysis.drawer(result)) as drawn:
            drawn.draw_without_rendering()
            renderer = drawn._get_renderer()  # type: ignore[attr-defined]
            titles = [axes.title.get_window_extent(renderer) for axes in drawn.axes]
            shown = [legend for axes in drawn.axes if (legend := axes.get_legend()) is not None]
            legends = [legend.get_window_extent(renderer) for legend in shown]
        for boxes in (titles, legends):
            assert not [1 for n, box in enumerate(boxes) if box.count_overlaps(boxes[:n])]


def test_a_barrier_of_what_is_better_the_higher_is_its_greatest_fall(scored: Scored) -> None:
    for name, group in (("barrier", "summary"), ("matrix", "barrier")):
        result = read(scored(name))
        curve = held(result, "curve", "auc")
        alpha = held(result, "curve", "alpha")
        chord = curve[..., :1] + alpha * (curve[..., -1:] - curve[..., :1])
        fall = (chord - curve).max(axis=-1)
        key = "barrier_auc" if name == "barrier" else "auc"
        heights = held(result, group, key)
        found = heights if name == "barrier" else heights[..., 0, 1][None]
        np.testing.assert_allclose(found, fall, atol=1e-12)
        assert heights.max() > 0.003
        variable = result.groups[f"{name}/{group}"].variables[key]
        assert variable.better == "lower"


def test_the_largest_rise_of_what_is_better_the_higher_is_its_largest_fall(scored: Scored) -> None:
    result = read(scored("interpolate"))
    curve = held(result, "curve", "auc")
    falls = np.maximum.accumulate(curve, axis=-1) - curve
    np.testing.assert_allclose(held(result, "shape", "delta_auc"), falls.max(axis=-1), atol=1e-12)
    np.testing.assert_array_equal(held(result, "shape", "highest_auc"), curve.max(axis=-1))


def test_a_part_explains_the_share_of_a_fall_that_it_brings_about(scored: Scored) -> None:
    result = read(scored("layerwise"))
    parts_of, full = (held(result, group, "auc") for group in ("curve", "full"))
    middle, rest = full.shape[-1] // 2, full[..., -1:]
    share = (rest - parts_of[:, 0, :, :, middle]) / (rest - full[..., middle, None])
    np.testing.assert_allclose(held(result, "summary", "share_auc")[:, 0], share, atol=1e-9)


def test_a_graft_and_a_gain_are_better_the_same_way_for_every_metric(scored: Scored) -> None:
    graft = read(scored("graft"))
    fall = held(graft, "scores", "auc")[0] - held(graft, "robustness", "auc")
    np.testing.assert_allclose(held(graft, "robustness", "rise_auc"), fall, atol=1e-12)
    assert fall.min() > 0.1
    runs = read(scored("trajectory"))
    a, b, between = held(runs, "curve", "auc")
    gains = held(runs, "gain", "gain_auc")[0]
    np.testing.assert_allclose(gains, between - np.stack([(a + b) / 2, np.maximum(a, b)]))
    row = next(row for row in by_analysis.table(runs, scored("trajectory")).rows if row[1] == "auc")
    step = int(row[4])
    assert row[5:8] == tuple(
        f"{value[0, step]:.4f}" for value in ((a + b) / 2, np.maximum(a, b), between)
    )


def test_what_is_a_mean_over_examples_alone_is_left_out_of_the_others(tmp_path: Path) -> None:
    out = tmp_path / "barrier.h5"
    done = invoke(
        *("barrier", every.A, every.B, "--points", "3", *every.FEW, "--score", "auc"),
        *("--bootstrap", "5", "--by-split", "class", "--per-example", "--baselines"),
        *("--definition", "max-end", "-o", out),
    )
    assert done.exit_code == 0, done.output
    result = read(out)
    own: dict[str, Any] = {path: set(group.variables) for path, group in result.groups.items()}
    assert "barrier_auc" in own["barrier/summary"]
    others = set().union(*(own[path] for path in own if path.startswith("barrier/")))
    assert {n for n in others if "auc" in n} == {"auc", "barrier_auc", "alpha_auc"}
    table = by_analysis.table(result, out)
    rows = [row for row in table.rows if "auc" in row]
    assert [row[1] for row in rows] == ["all"]
    assert rows[0][table.columns.index("95 % interval")] == "-"
    assert any("over the worse end" in note for note in table.notes)
    assert any(note.startswith("of auc higher is better") for note in table.notes)
    assert "auc on test" in texts(result)
