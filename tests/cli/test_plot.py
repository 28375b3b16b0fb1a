"""lmctool plot: one figure of several results, from the words to the file."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING

import click
import pytest

from lmctool.cli.lengths import inches
from lmctool.results.file import write
from lmctool.testing import invoke
from tests.results.aggregate.samples import seed

if TYPE_CHECKING:
    from pathlib import Path

OPTION = click.Option(["--width"])


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """The files of two results, which differ in their folders."""
    places = tuple(tmp_path / name / "out.h5" for name in ("narrow", "wide"))
    for number, place in enumerate(places):
        place.parent.mkdir()
        write(seed(number).result, place)
    return places[0], places[1]


def numbers(*words: object) -> list[dict[str, str]]:
    """Run plot, which prints its numbers; return them."""
    done = invoke("plot", *map(str, words), "--csv", "-")
    assert done.exit_code == 0, done.output
    return list(csv.DictReader(StringIO(done.stdout)))


def test_several_results_are_one_figure(two: tuple[Path, Path], tmp_path: Path) -> None:
    figure = tmp_path / "a.svg"
    words = ("--metric", "loss", "--variant", "plain,align", "--split", "test", "--style", "paper")
    rows = numbers(*two, "-o", figure, *words, "--title", "Two widths")
    assert {(row["file"], row["variant"], row["split"], row["metric"]) for row in rows} == {
        (file, variant, "test", "loss [nat]")
        for file in ("narrow/out", "wide/out")
        for variant in ("plain", "align")
    }
    text = figure.read_text(encoding="utf-8")
    for shown in ("narrow/out", "wide/out", "plain", "align", "Two widths", "loss on test"):
        assert f">{shown}</text>" in text
    assert 'width="234pt"' in text


def test_files_are_called_as_the_user_says(two: tuple[Path, Path], tmp_path: Path) -> None:
    label = ("--label", f"{two[0]}=64 units", "--label", f"{two[1]}=a=b")
    rows = numbers(*two, "-o", tmp_path / "a.png", *label)
    assert {row["file"] for row in rows} == {"64 units", "a=b"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--label", "none.h5=x"], "--label names 'none.h5', which is none of the results"),
        (["--panels", "colour"], "'colour' is none of variant, split, metric, file"),
        (["--width", "3"], "'3' is no length from 0.5 to 100 inches with its unit"),
        (["--metric", "los"], "nothing here is called 'los'; did you mean 'loss'"),
        (["--csv", "-", "--latex", "-"], "--csv - and --latex - both print on stdout"),
        (["--style", "poster"], "no style is called 'poster'"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_written(
    words: list[str], told: str, two: tuple[Path, Path], tmp_path: Path
) -> None:
    done = invoke("plot", *map(str, two), "-o", str(tmp_path / "a.png"), *words)
    assert done.exit_code == 2 and told in done.stderr
    assert not (tmp_path / "a.png").exists()


def test_one_file_twice_needs_no_guess(two: tuple[Path, Path], tmp_path: Path) -> None:
    done = invoke("plot", str(two[0]), str(two[0]), "-o", str(tmp_path / "a.png"))
    assert done.exit_code == 2 and "give each file once" in done.stderr


def test_panels_of_the_analysis_own_figure_are_chosen(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    rows = numbers(two[0], "-o", tmp_path / "a.png", "--metric", "loss")
    assert {row["panel"] for row in rows} == {"loss [nat] over alpha"}
    done = invoke("plot", str(two[0]), "-o", str(tmp_path / "b.png"), "--metric", "x")
    assert done.exit_code == 2 and "no panel of the figure is of 'x'" in done.stderr


def test_existing_files_are_refused_before_anything_is_written(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("mine")
    words = (
        "plot",
        *map(str, two),
        "-o",
        str(tmp_path / "a.png"),
        "--csv",
        str(tmp_path / "a.csv"),
    )
    done = invoke(*words)
    assert done.exit_code == 2 and "exists" in done.stderr
    assert not (tmp_path / "a.png").exists()
    assert invoke(*words, "--force").exit_code == 0
    assert (tmp_path / "a.csv").read_text().startswith("file,variant,split,")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("3.25in", 3.25), ("8 cm", 8 / 2.54), ("90mm", 90 / 25.4), ("234PT", 234 / 72.27)],
)
def test_a_length_has_its_unit(text: str, expected: float) -> None:
    assert inches(click.Context(click.Command("x")), OPTION, text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["3", "in", "3 inches", "-3in", "1e9in", "0in", "nanin", "3in4"])
def test_what_is_no_length_is_told(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no length"):
        inches(click.Context(click.Command("x")), OPTION, text)
