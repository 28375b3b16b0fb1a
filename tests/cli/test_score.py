"""``--score``: what is measured beside loss and error, in tables, gates and the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmctool.plugin import registry
from lmctool.plugin.kinds import SCORES
from lmctool.plugin.records import Score
from lmctool.report import figure
from lmctool.results.file import read
from lmctool.results.provenance import Provenance
from lmctool.results.score_metric import LOSS
from lmctool.results.stored_metrics import metrics_of
from lmctool.testing import invoke, metrics, tiny_pair

if TYPE_CHECKING:
    from pathlib import Path

FEW = ("--limit", "40", "--batch-size", "16", "--strategy", "plain", "--quiet")
FEW_POINTS = (*FEW, "--points", "3")
SCORED = ("--score", "top5,ece", "--score", "auc")


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no figure, for nobody looks at it here."""
    monkeypatch.setattr(figure, "save", lambda *_: None)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return tiny_pair(tmp_path_factory.mktemp("pair"), steps=100)


def test_scores_are_measured_recorded_and_measured_again(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "barrier.h5"
    gates = ("--require", "end.auc >= 90%", "--fail-if", "barrier.top5 > 99%")
    done = invoke("barrier", *pair, *FEW_POINTS, *SCORED, *gates, "-o", out)
    assert done.exit_code == 0, done.output
    assert "test   top5    plain" in done.stdout
    result = read(out)
    assert [metric.name for metric in metrics_of(result)] == ["loss", "error", "top5", "ece", "auc"]
    assert Provenance.of(result).settings["score"] == ["top5", "ece", "auc"]
    again = invoke("rerun", out, "--quiet")
    assert (again.exit_code, "agree bit for bit" in again.stdout) == (0, True), again.output


def test_scores_change_no_loss_and_no_error(pair: tuple[Path, Path]) -> None:
    plain = metrics("barrier", *pair, *FEW_POINTS)
    scored = metrics("barrier", *pair, *FEW_POINTS, *SCORED)
    assert {name: scored[name] for name in plain} == plain
    assert {name.partition("[")[0] for name in scored.keys() - plain.keys()} == {
        f"{of}.{score}" for of in ("barrier", "end") for score in ("top5", "ece", "auc")
    }


def test_a_result_of_other_scores_is_not_that_of_this_run(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    words = ("barrier", *pair, *FEW_POINTS, "-o", tmp_path / "b.h5")
    assert invoke(*words, "--score", "ece").exit_code == 0
    done = invoke(*words, "--score", "auc", "--resume")
    assert done.exit_code == 2
    assert 'score was ["ece"] and is ["auc"]' in done.stderr
    assert invoke(*words, "--score", "ece", "--resume").exit_code == 0


def test_a_score_that_is_not_installed_is_told_with_the_nearest(
    pair: tuple[Path, Path],
) -> None:
    done = invoke("barrier", *pair, "--score", "top-5")
    assert done.exit_code == 2
    assert "no score is called 'top-5'; did you mean 'top5'? installed: auc," in done.stderr


def test_a_gate_on_a_score_that_is_not_asked_for_names_the_option(
    pair: tuple[Path, Path],
) -> None:
    done = invoke("barrier", *pair, "--require", "barrier.ece <= 2%")
    assert done.exit_code == 2
    assert "barrier measures 'barrier.ece' where --score names ece; give that too" in done.stderr


@pytest.mark.parametrize(
    ("gate", "told"),
    [
        ("barrier.ece <= 2", "did you mean 2%?"),
        ("end.auc >= 0", "end.auc is between 0 and 1, so require"),
        ("barrier.auc <= 1", "barrier.auc is between 0 and 1, so require"),
    ],
)
def test_limits_of_scores_are_checked_before_the_run(
    gate: str, told: str, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "b.h5"
    done = invoke("barrier", *pair, "--score", "ece,auc", "--require", gate, "--dry-run", "-o", out)
    assert (done.exit_code, told in done.stderr) == (2, True), done.stderr


def test_a_score_that_does_not_fit_the_answers_is_told_before_the_long_work(
    pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lmctool.run.run import Run

    monkeypatch.setattr("lmctool_plugins.scores.top5.GUESSES", 10)
    monkeypatch.setattr(Run, "align", lambda *_: pytest.fail("aligned first"))
    done = invoke("align", *pair, *FEW, "--score", "top5", "-o", tmp_path / "a.h5")
    assert done.exit_code == 2
    assert "--score top5 needs six classes or more" in done.stderr


def test_networks_that_would_share_their_work_have_other_scores_too(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("layerwise", *pair, *FEW_POINTS, "--score", "balanced_error")
    plain = metrics(*words)
    monkeypatch.setattr("lmctool.evaluate.shared_prefix.WORK", 0)
    assert metrics(*words) == plain
    assert any(name.startswith("layerwise.full_barrier_balanced_error[") for name in plain)


def test_the_metrics_of_an_analysis_are_listed_with_those_of_scores() -> None:
    done = invoke("metrics", "--of", "barrier", "--score", "auc,top5")
    assert done.exit_code == 0
    names = {line.split()[0] for line in done.stdout.splitlines() if line}
    assert {"barrier.auc", "end.top5", "barrier.loss.lower95"} <= names
    assert not {"barrier.auc.lower95", "barrier.parts.auc", "barrier.ece"} & names


def test_scores_of_results_are_not_asked_for(tmp_path: Path) -> None:
    done = invoke("metrics", tmp_path / "r.h5", "--score", "auc")
    assert (done.exit_code, "--score goes with --of ANALYSIS" in done.stderr) == (2, True)


@pytest.mark.parametrize(("analysis", "offered"), [("barrier", True), ("variance", False)])
def test_scores_are_offered_where_networks_are_scored(analysis: str, offered: bool) -> None:
    assert ("--score NAME" in invoke(analysis, "--help-all").stdout) == offered


def test_a_score_whose_metric_has_another_name_is_refused(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = registry.load(SCORES, "ece")
    other = Score(LOSS, found.of_batch, found.of_split)
    load = registry.load
    monkeypatch.setattr(
        registry, "load", lambda kind, name: other if kind is SCORES else load(kind, name)
    )
    done = invoke("repair", *pair, "--score", "ece")
    assert done.exit_code == 2
    assert "score 'ece' gives a metric called 'loss'; it must have the word's own" in done.stderr
