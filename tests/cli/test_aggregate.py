"""lmctool aggregate: the average of barriers of five pairs, and every command on its file."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import numpy as np
import pytest
from rich.cells import cell_len
from scipy import stats

from lmctool.report import by_analysis
from lmctool.report.blocks import blocks
from lmctool.results.file import read, write
from lmctool.results.metrics import metrics
from lmctool.results.provenance import Provenance
from lmctool.results.result import Result
from lmctool.testing import invoke

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lmctool.results.result import Variable

ALIGN = "variant=align,split=test"


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory, made: Callable[[str], Path]) -> list[Path]:
    """Return five barrier results: one run, and what other networks could have given."""
    first, folder = read(made("barrier")), tmp_path_factory.mktemp("seeds")
    return [of_seed(first, seed, folder / f"seed{seed}.h5") for seed in range(5)]


def of_seed(first: Result, seed: int, path: Path) -> Path:
    """Write a result with other curves, all that follows from them, and other networks."""
    noise = np.random.default_rng(seed)
    curve = first.groups["barrier/curve"].variables
    other = {
        name: replace(curve[name], values=curve[name].values * noise.uniform(0.8, 1.2))
        for name in ("loss", "error")
    }
    result = changed(first, {"barrier/curve": other})
    follows = by_analysis.derived(result, path)
    result = changed(result, {place: group.variables for place, group in follows.items()})
    provenance = result.groups["provenance"]
    networks = {f"checkpoint.{end}.digest": f"{seed}-{end}" for end in (0, 1)}
    attributes = {**provenance.attributes, **networks, "key": str(seed)}
    groups = {**result.groups, "provenance": replace(provenance, attributes=attributes)}
    write(replace(result, groups=groups), path)
    return path


def changed(result: Result, variables: Mapping[str, Mapping[str, Variable]]) -> Result:
    """Return a result with other values of some variables."""
    groups = dict(result.groups)
    for place, others in variables.items():
        held = dict(groups[place].variables)
        held |= {name: replace(held[name], values=own.values) for name, own in others.items()}
        groups[place] = replace(groups[place], variables=held)
    return replace(result, groups=groups)


@pytest.fixture(scope="module")
def mean(seeds: list[Path]) -> Path:
    """Return their average."""
    path = seeds[0].with_name("mean.h5")
    done = invoke("aggregate", *seeds, "-o", path)
    assert done.exit_code == 0, done.output
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, an empty one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_five_seeds_have_the_mean_and_the_interval_of_numpy_and_scipy(
    seeds: list[Path], mean: Path
) -> None:
    each = np.array([metrics(read(path))[f"barrier.loss[{ALIGN}]"] for path in seeds], float)
    found = metrics(read(mean))
    assert found[f"barrier.loss.mean[{ALIGN}]"] == pytest.approx(each.mean(), rel=1e-13)
    assert found[f"barrier.loss.std[{ALIGN}]"] == pytest.approx(each.std(ddof=1), rel=1e-13)
    between = stats.t.interval(0.95, 4, each.mean(), stats.sem(each))
    for side, bound in zip(("lower", "upper"), between, strict=True):
        name = f"barrier.loss.mean.{side}95[{ALIGN}]"
        assert found[name] == pytest.approx(bound, rel=1e-12)
    assert [found[f"barrier.loss[result=seed{n},{ALIGN}]"] for n in range(5)] == list(each)


def test_gates_judge_a_mean_and_its_bounds(
    seeds: list[Path], mean: Path, here: Path, undrawn: None
) -> None:
    bound = metrics(read(mean))[f"barrier.loss.mean.upper95[{ALIGN}]"] or 0.0
    for limit, status, code in ((bound + 1e-3, "passed", 0), (bound - 1e-3, "failed", 3)):
        condition = f"barrier.loss.mean.upper95[variant=align] <= {limit}"
        words = ("--require", condition, "--junit", "m.xml", "--json", "m.json", "--force")
        done = invoke("aggregate", *seeds, "-o", "m", *words)
        assert done.exit_code == code, done.output
        assert json.loads(Path("m.json").read_text())["gates"][0]["status"] == status
    assert "failure" in Path("m.xml").read_text()


def test_a_gate_that_decides_nothing_is_refused_and_one_on_no_number_is_not_judged(
    seeds: list[Path], here: Path, undrawn: None
) -> None:
    words = ("--require", "barrier.error.mean <= 2", "--junit", "m.xml")
    done = invoke("aggregate", seeds[0], "-o", "m", *words)
    assert done.exit_code == 2 and "did you mean 2%?" in done.stderr
    assert not Path("m.h5").exists() and "did you mean" in Path("m.xml").read_text()
    done = invoke("aggregate", seeds[0], "-o", "m", "--fail-if", "barrier.error.std > 1%")
    assert done.exit_code == 4 and "are not a number" in done.output
    done = invoke("aggregate", seeds[0], "-o", "n", "--baseline", seeds[0])
    assert done.exit_code == 4 and "no result of analysis 'barrier'" in done.output


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no figures, which take most of the time."""
    monkeypatch.setattr("lmctool.report.figure.image", lambda *_: b"")


def averaged(seeds: list[Path], name: str) -> str:
    """Average results in the current folder; return the name of the file."""
    done = invoke("aggregate", *seeds, "-o", name)
    assert done.exit_code == 0, done.output
    return f"{name}.h5"


def test_an_average_says_what_it_is_of(seeds: list[Path], mean: Path) -> None:
    provenance = Provenance.of(read(mean))
    paths = [str(path) for path in seeds]
    assert [record.path for record in provenance.results.values()] == paths
    assert all(len(record.sha256 or "") == 64 for record in provenance.results.values())
    assert provenance.command == f"lmctool aggregate {' '.join(paths)} --over file -o {mean}"
    assert "versions.scipy" in provenance.environment
    assert provenance.settings["batchnorm"] == "interpolate"


def test_the_key_is_one_of_the_results_whatever_their_order(
    seeds: list[Path], mean: Path, here: Path, undrawn: None
) -> None:
    turned = Provenance.of(read(here / averaged(seeds[::-1], "turned")))
    assert turned.key == Provenance.of(read(mean)).key
    assert Provenance.of(read(here / averaged(seeds[:2], "two"))).key != turned.key


def test_every_command_takes_the_file(
    mean: Path, seeds: list[Path], here: Path, undrawn: None
) -> None:
    shutil.copy(mean, "mean.h5")
    averaged(seeds[:2], "two")
    shown = invoke("show", "mean.h5").output
    assert shown.startswith("Average of barrier over 5 results")
    assert "mean of the loss [nat]" in shown and "seed0" not in shown
    assert invoke("report", "mean.h5", "-o", "page.html").exit_code == 0
    page = Path("page.html").read_text(encoding="utf-8")
    assert "Means over several results" in page and "barrier.error.mean is " in page
    assert invoke("plot", "mean.h5", "-o", "mean.svg").exit_code == 0
    assert f"barrier.error.mean[{ALIGN}]" in invoke("metrics", "mean.h5").output
    compared = invoke("compare", "mean.h5", "two.h5", "-o", "both.png")
    assert compared.exit_code == 0 and "barrier.loss.mean" in compared.output
    Path("audit.toml").write_text(
        "[[gate]]\nrequire = 'barrier.error.mean[variant=align] <= 50%'\n"
    )
    assert invoke("audit", "mean.h5", "--policy", "audit.toml").exit_code == 0
    assert invoke("audit", "mean.h5", "--baseline", "mean.h5").exit_code == 0
    rerun = invoke("rerun", "mean.h5")
    assert rerun.exit_code == 2 and "is an average of results" in rerun.stderr


def test_a_number_that_does_not_follow_is_refused(mean: Path, here: Path) -> None:
    result = read(mean)
    own = result.groups["barrier/summary"].variables["barrier_error_mean"]
    own.values[:] = 0
    write(result, here / "changed.h5")
    done = invoke("show", "changed.h5")
    assert done.exit_code == 4 and "contradicts itself: barrier.error.mean" in done.stderr
    groups = {path: group for path, group in result.groups.items() if path != "aggregate"}
    write(Result("aggregate", groups), here / "headless.h5")
    done = invoke("show", "headless.h5")
    assert done.exit_code == 2 and "does not hold what analysis 'aggregate' writes" in done.stderr


def test_the_document_fits_the_schema(seeds: list[Path], here: Path, undrawn: None) -> None:
    done = invoke("aggregate", *seeds[:2], "-o", "m", "--json", "-")
    document = json.loads(done.stdout)
    schema = json.loads((files("lmctool.report") / "schemas/result-2.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(document)
    assert document["files"] == {"result": "m.h5", "figure": "m.png"}
    assert f"barrier.error.mean[{ALIGN}]" in document["metrics"]


def test_outputs_that_exist_are_kept(seeds: list[Path], here: Path, undrawn: None) -> None:
    averaged(seeds[:1], "m")
    before = Path("m.h5").read_bytes()
    done = invoke("aggregate", seeds[1], "-o", "m")
    assert done.exit_code == 2 and "'m.h5' exists" in done.stderr
    assert Path("m.h5").read_bytes() == before
    assert invoke("aggregate", seeds[1], "-o", "m", "--force").exit_code == 0


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_fits_a_terminal(mean: Path, width: int) -> None:
    table = by_analysis.table(read(mean), mean)
    lines = [line for block in blocks(table, width) for line in (*block.head, *block.body)]
    assert max(map(cell_len, lines)) <= width
    assert len(table.rows) == 2 * 3 + 2 * 2 + 2 * 3  # barriers, ends, differences


def test_the_best_mean_of_the_variants_is_marked(mean: Path) -> None:
    table = by_analysis.table(read(mean), mean)
    marked = {table.rows[row][0] for row, column in table.marks if table.columns[column] == "mean"}
    assert marked == {
        "barrier.error[variant=align,split=test]",
        "barrier.error[variant=align+repair,split=test]",
        "barrier.loss[variant=align+repair,split=test]",
    }


def test_the_figure_has_the_mean_over_a_band_and_a_thin_line_of_each_result(mean: Path) -> None:
    from lmctool.report.figure import drawing

    result = read(mean)
    with drawing(result, by_analysis.drawer(result)) as figure:
        loss, error = figure.axes
        assert (loss.get_ylabel(), error.get_ylabel()) == (
            "mean of the loss [nat]",
            "mean of the error",
        )
        assert [loss.get_title(), error.get_title()] == ["test", "test"]
        assert len(error.lines) == 3 * (5 + 1) and len(error.collections) == 3
        thick = [line for line in error.lines if line.get_linewidth() > 1]
        expected = result.groups["barrier/curve"].variables["error_mean"].values[:, 0]
        np.testing.assert_array_equal([line.get_ydata() for line in thick], expected)


def test_an_average_opens_in_xarray(mean: Path) -> None:
    import xarray

    with xarray.open_dataset(mean, group="barrier/curve", engine="h5netcdf") as curve:
        own = curve["error"].sel(variant="align", split="test").mean("result")
        found = curve["error_mean"].sel(variant="align", split="test")
        np.testing.assert_allclose(found, own, rtol=1e-13)
