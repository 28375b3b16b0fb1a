"""--repeat: the calibration examples are drawn several times, and the average is the result."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import lmctool
from lmctool.evaluate import engine
from lmctool.report import by_analysis, provenance
from lmctool.results import journal
from lmctool.results.equality import difference
from lmctool.results.file import read
from lmctool.results.metrics import metrics
from lmctool.results.provenance import Provenance
from lmctool.results.result import Result
from lmctool.testing import invoke
from tests.every import A, B
from tests.interruption import interrupt_after, watch

DRAWS = 3
FEW = ("--calib-size", "60", "-q")
BARRIER = ("barrier", A, B, "--align", "--repair", "--points", "5", *FEW)
REPEATED = (*BARRIER, "--repeat", str(DRAWS))
CURVE, BOTH = "barrier/curve", "variant=align+repair,split=test"
EVALUATED = 2 + 3 + DRAWS * (3 + 3)
"""Networks: the ends, those between on the plain path; in each draw those on the aligned path and
those on the corrected one, which end in what has the scores of B."""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to an empty folder, and draw no figures, which take most of the time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lmctool.report.figure.image", lambda *_: b"")


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return what grows by one with each network that passes over the data."""
    passes: list[object] = []
    row = engine._row

    def counted(*arguments: object) -> object:
        passes.append(arguments)
        return row(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "_row", counted)
    return passes


@pytest.fixture(scope="module")
def average(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the average of a barrier over draws."""
    return made(*REPEATED, "-o", tmp_path_factory.mktemp("average") / "average.h5")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the barrier of one draw."""
    place = tmp_path_factory.mktemp("alone") / "alone.h5"
    return made(*BARRIER, "--repeat", "1", "-o", place)


def made(*words: str | Path) -> Path:
    """Run a command that succeeds; return where its result is."""
    done = invoke(*words)
    assert done.exit_code == 0, done.output
    return Path(words[-1])


def test_each_draw_is_bit_for_bit_the_run_of_its_seed(average: Path, alone: Path) -> None:
    found = read(average)
    draws = [*Provenance.of(found).draws.values()]
    assert len(draws) == len({draw.digest for draw in draws}) == DRAWS
    assert draws[0].seed == 0
    last = made(*BARRIER, "--subset-seed", str(draws[2].seed), "-o", "last.h5")
    for number, path in ((0, alone), (2, last)):
        one = read(path)
        assert one.analysis == "barrier"
        for name in ("loss", "error"):
            each, own = (held.groups[CURVE].variables[name].values for held in (found, one))
            np.testing.assert_array_equal(each[number], own)
        calibration = Provenance.of(one).calibration
        assert calibration is not None and calibration.digest == draws[number].digest


def test_the_average_is_that_of_numpy_and_scipy_and_what_no_draw_changes_has_no_spread(
    average: Path,
) -> None:
    found = metrics(read(average))
    each = np.array([found[f"barrier.loss[draw={n},{BOTH}]"] for n in range(DRAWS)], float)
    assert len(set(each)) == DRAWS
    assert found[f"barrier.loss.mean[{BOTH}]"] == pytest.approx(each.mean(), rel=1e-13)
    assert found[f"barrier.loss.std[{BOTH}]"] == pytest.approx(each.std(ddof=1), rel=1e-13)
    upper = stats.t.interval(0.95, DRAWS - 1, each.mean(), stats.sem(each))[1]
    assert found[f"barrier.loss.mean.upper95[{BOTH}]"] == pytest.approx(upper, rel=1e-12)
    assert found["barrier.loss.std[variant=plain,split=test]"] == 0


def test_the_table_has_the_lowest_and_the_highest_draw_and_says_what_the_interval_is(
    average: Path,
) -> None:
    found = metrics(read(average))
    each = [found[f"barrier.loss[draw={n},{BOTH}]"] or 0.0 for n in range(DRAWS)]
    table = by_analysis.table(read(average), average)
    assert table.title == "Average of barrier over 3 draws of the calibration examples"
    row = next(row for row in table.rows if row[0] == f"barrier.loss[{BOTH}]")
    shown = [float(row[table.columns.index(word)]) for word in ("lowest", "highest")]
    assert shown == pytest.approx([min(each), max(each)], rel=1e-3)
    notes = "; ".join(table.notes)
    assert "each draw is 60 of the 1348 examples of split 'train'" in notes
    assert "the interval is none over other networks" in notes
    assert "the permutation is that of draw 0" in notes


def test_python_gives_the_numbers_of_the_command_and_evaluates_nothing_twice(
    average: Path, evaluated: list[object]
) -> None:
    mine = lmctool.barrier(
        A, B, align=True, repair=True, points=5, calib_size=60, repeat=DRAWS, quiet=True
    )
    stored = metrics(read(average))
    assert {name: mine.metrics[name] for name in stored} == stored
    assert str(mine).startswith("Average of barrier over 3 draws")
    assert len(evaluated) == EVALUATED


def test_rerun_makes_the_same_draws_and_evaluates_nothing_twice(
    average: Path, evaluated: list[object]
) -> None:
    done = invoke("rerun", average, "-q")
    assert done.exit_code == 0 and "agree bit for bit" in done.output
    assert len(evaluated) == EVALUATED


def test_an_interrupted_run_goes_on_with_its_draws(
    average: Path, monkeypatch: pytest.MonkeyPatch, evaluated: list[object]
) -> None:
    monkeypatch.setattr(journal, "PAUSE", 0)
    with monkeypatch.context() as until:
        names = interrupt_after(25, until)
        assert invoke(*REPEATED, "-o", "m").exit_code == 130
    refused = invoke(*BARRIER, "--repeat", "2", "-o", "m", "--resume")
    assert refused.exit_code == 2 and "draws was 3 and is 2" in refused.stderr
    with monkeypatch.context() as counting:
        rest = watch(counting, lambda _: None)
        whole = read(made(*REPEATED, "--resume", "-o", "m.h5"))
    assert rest and not {*rest} & {*names}
    assert len(evaluated) == EVALUATED
    assert metrics(whole) == metrics(read(average))
    again = invoke(*REPEATED, "-o", "m", "--resume")
    assert again.exit_code == 0 and len(evaluated) == EVALUATED


def test_the_checkpoint_and_the_permutation_are_those_of_a_run_without_repeat() -> None:
    words = ("align", A, B, *FEW)
    one = read(made(*words, "-o", "one.h5"))
    average = read(made(*words, "--repeat", "2", "-o", "average.h5"))
    first, second = (Path(f"{name}.safetensors") for name in ("one", "average"))
    assert first.read_bytes() == second.read_bytes()
    path = "permutations"
    held = [Result("align", {path: each.groups[path]}) for each in (one, average)]
    assert difference(*held) is None
    notes = str(average.groups["aggregate"].attributes["notes"])
    assert "the checkpoint and the permutation are those of draw 0" in notes
    made("distance", A, B, "--apply", "average.h5", "-q", "-o", "applied.h5")


@pytest.mark.parametrize(
    "words",
    [
        (*("matrix", A, B, "--align"), *("--points", "3", "--limit", "40")),
        ("merge", A, B, "--align", "--repair", "--limit", "40"),
        ("variance", A, B),
    ],
    ids=lambda words: words[0],
)
def test_analyses_that_align_or_look_at_the_examples_take_it(words: tuple[str, ...]) -> None:
    found = read(made(*words, *FEW, "--repeat", "2", "-o", "average.h5"))
    assert found.groups["aggregate"].attributes["of"] == words[0]
    spread = [value for full, value in metrics(found).items() if ".std[" in full]
    assert any(spread)


def test_gates_and_a_baseline_judge_the_average(average: Path, alone: Path) -> None:
    mean = metrics(read(average))[f"barrier.loss.mean[{BOTH}]"] or 0.0
    gate = "barrier.loss.mean[variant=align+repair] <= "
    gates = ("--require", f"{gate}{mean + 1e-6}", "--require", f"{gate}{mean - 1e-6}")
    done = invoke(*REPEATED, "-o", "m", *gates, "--baseline", average)
    assert done.exit_code == 3, done.output
    assert done.output.count("failed  barrier.loss.mean[variant=align+repair] <=") == 1
    assert done.output.count("passed  barrier.loss.mean[variant=align+repair] <=") == 1
    assert "passed  barrier.error.mean <= baseline" in done.output
    for words, code, said in (
        ((*REPEATED, "--require", "barrier.error.mean <= 2"), 2, "did you mean 2%?"),
        ((*REPEATED, "--require", "barrier.error.mode < 2%"), 2, "no metric 'barrier.error.mode'"),
        ((*BARRIER, "--require", "barrier.error.mean < 2%"), 2, "no metric 'barrier.error.mean'"),
        ((*REPEATED, "--baseline", alone), 4, "so barrier, which gives an average, cannot be"),
        ((*BARRIER, "--baseline", average), 4, "of analysis 'aggregate', so barrier cannot be"),
    ):
        done = invoke(*words, "-o", "n")
        assert done.exit_code == code and said in done.stderr


def test_every_command_takes_the_file(average: Path) -> None:
    shutil.copy(average, "m.h5")
    shown = invoke("show", "m.h5").output
    assert shown.startswith("Average of barrier over 3 draws of the calibration examples")
    seed = Provenance.of(read(average)).draws["2"].seed
    inputs, settings, _ = provenance.tables([read(average)])
    assert ("draw.2", f"seed {seed}") in [row[:2] for row in inputs.rows]
    assert ("draws", "3") in settings.rows
    assert invoke("audit", "m.h5", "--baseline", "m.h5").exit_code == 0
    two = made(*BARRIER, "--repeat", "2", "-o", "two.h5")
    assert Provenance.of(read(two)).key != Provenance.of(read(average)).key
    compared = invoke("compare", "m.h5", "two.h5").output
    assert "draws " in compared and "draw.2.digest" in compared
    done = invoke("aggregate", "m.h5", "two.h5", "-o", "mean")
    assert done.exit_code == 2 and "made without --repeat" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("barrier", A, B, "--align"), "would draw all 1348 examples of split 'train' each time"),
        (("barrier", A, B, *FEW), "nothing in this run looks at any"),
        (("barrier", A, B, "--align", "weight", *FEW), "nothing in this run looks at any"),
        (("merge", A, B, *FEW), "nothing in this run looks at any"),
        (("barrier", A, B, "--align", "--refine", *FEW), "draws 0 and 1 of --repeat cannot be"),
    ],
)
def test_what_cannot_be_repeated_is_told_and_nothing_is_written(
    words: tuple[str, ...], said: str
) -> None:
    done = invoke(*words, "--repeat", "2", "-o", "m")
    assert done.exit_code == 2 and said in done.stderr
    assert not [*Path().iterdir()]
