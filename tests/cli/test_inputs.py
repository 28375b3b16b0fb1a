"""Options that name files: what an analysis gets in their place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from lmctool.api import Analysis, CheckpointFile, LmctoolError
from lmctool.api.advanced import ResultFile, SeriesFolder
from lmctool.cli.inputs import find_inputs
from lmctool.plugin.given import Given
from lmctool.results.file import write
from lmctool.results.result import Result
from lmctool.testing import tiny_pair

if TYPE_CHECKING:
    from lmctool.api import Run
    from lmctool.plugin.settings import SeriesKind


def nothing(run: Run) -> Result:
    return Result("nothing", {})


def analysis(*options: click.Option, series: SeriesKind | None = None) -> Analysis:
    return Analysis(nothing, options=options, series=series)


def test_checkpoints_of_options_follow_those_of_the_arguments() -> None:
    record = analysis(
        click.Option(["--to"], type=CheckpointFile()),
        click.Option(["--also"], type=CheckpointFile(), multiple=True),
        click.Option(["--count"], type=int),
    )
    given = {"to": Path("c"), "also": (Path("d"), Path("e")), "count": 3}
    found = find_inputs(record, [Path("a"), Path("b")], given)
    assert found.checkpoints == (Path("a"), Path("b"))
    assert found.others == (Path("c"), Path("d"), Path("e"))
    assert found.options == {"to": 2, "also": (3, 4), "count": 3}


def test_options_that_are_not_given_stay_so() -> None:
    record = analysis(
        click.Option(["--to"], type=CheckpointFile()),
        click.Option(["--also"], type=CheckpointFile(), multiple=True),
    )
    found = find_inputs(record, [Path("a")], {"to": None, "also": ()})
    assert found.options == {"to": None, "also": ()}
    assert found.others == ()


def test_a_result_is_read_and_must_be_of_the_right_analysis(tmp_path: Path) -> None:
    path = tmp_path / "r.h5"
    write(Result("theirs", {}), path)
    option = click.Option(["--scores"], type=ResultFile("theirs"))
    found = find_inputs(analysis(option), [], {"scores": path})
    assert found.options["scores"].analysis == "theirs"
    assert found.results == (path,)
    other = click.Option(["--scores"], type=ResultFile("barrier"))
    with pytest.raises(LmctoolError, match="is of analysis 'theirs', but one of 'barrier'"):
        find_inputs(analysis(other), [], {"scores": path})


def test_runs_become_the_checkpoints_of_their_steps(tmp_path: Path) -> None:
    runs = []
    for name, steps in (("a", (10, 20)), ("b", (10, 30))):
        folder = tmp_path / name
        folder.mkdir()
        path, other = tiny_pair(folder)
        path.rename(folder / f"net-step{steps[0]}.safetensors")
        other.rename(folder / f"net-step{steps[1]}.safetensors")
        runs.append(folder)
    record = analysis(click.Option(["--parent"], type=SeriesFolder()), series="steps")
    found = find_inputs(record, runs, {"parent": runs[0]})
    assert [series.steps for series in found.series] == [(10, 20), (10, 30)]
    assert [series.indices for series in found.series] == [(0, 1), (2, 3)]
    assert found.options["parent"].indices == (4, 5)
    assert len(found.checkpoints) == 4
    assert len(found.others) == 2


@pytest.mark.parametrize(
    ("kind", "steps", "told"),
    [
        ("steps", (0, 0), "has one network at each step, and here a list of them is given"),
        ("siblings", (0, 500), "two networks or more; give a list of them by the step"),
        ("siblings", (), "two networks or more"),
    ],
)
def test_networks_in_memory_of_the_other_kind_are_told(
    kind: SeriesKind, steps: tuple[int, ...], told: str
) -> None:
    given = Given(series={Path("A"): tuple((step, Path(f"A/{step}")) for step in steps)})
    with pytest.raises(LmctoolError, match=told):
        find_inputs(analysis(series=kind), [Path("A")], {}, given=given)


def test_siblings_have_the_step_of_their_fork(tmp_path: Path) -> None:
    (tmp_path / "fork30").mkdir()
    tiny_pair(tmp_path / "fork30")
    (series,) = find_inputs(analysis(series="siblings"), [tmp_path / "fork30"], {}).series
    assert (series.steps, series.indices, series.kind) == ((30, 30), (0, 1), "siblings")
