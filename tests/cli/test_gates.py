"""Gates on a command line: the exit code, and what is printed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import h5py
import pytest

from lmctool.gates.condition import Condition
from lmctool.gates.gate import Gate, judge
from lmctool.report.junit import write_verdicts
from lmctool.testing import invoke, tiny_pair

if TYPE_CHECKING:
    from tests.cli.conftest import Install


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        (["--require", "weigh.mass <= 2.5"], 0, "passed"),
        (["--require", "weigh.mass < 250%"], 3, "failed"),
        (["--fail-if", "weigh.mass > 2.5"], 0, "passed"),
        (["--fail-if", "weigh.mass >= 2.5"], 3, "failed"),
        (["--require", "weigh.mas < 1"], 4, "unjudged"),
        (["--require", "weigh.mass[layer=1] < 1"], 4, "unjudged"),
        (["--require", "weigh.mass < 1", "--fail-if", "weigh.none < 1"], 4, "unjudged"),
    ],
)
def test_the_exit_code_and_the_words(
    words: list[str], code: int, status: str, weigh: str, pair: tuple[str, str]
) -> None:
    done = invoke(weigh, *pair, *words)
    assert done.exit_code == code, done.output
    assert any(line.startswith(status) for line in done.stdout.splitlines()), done.stdout
    assert Path("weigh.h5").is_file() and Path("weigh.png").is_file()


def test_a_document_has_the_verdicts(weigh: str, pair: tuple[str, str]) -> None:
    done = invoke(weigh, *pair, "--json", "-", "--require", "weigh.mass<1")
    assert done.exit_code == 3
    (gate,) = json.loads(done.stdout)["gates"]
    assert gate == {
        "name": "weigh.mass < 1", "kind": "require", "written": "weigh.mass<1",
        "condition": "weigh.mass < 1", "severity": "error", "reason": "", "result": "",
        "status": "failed", "metric": "weigh.mass", "value": 2.5, "limit": 1.0, "margin": -1.5,
        "baseline": None, "told": "weigh.mass = 2.5 >= 1",
    }  # fmt: skip


def test_what_is_no_condition_is_refused_before_any_work(weigh: str, pair: tuple[str, str]) -> None:
    done = invoke(weigh, *pair, "--require", "weigh.mass = 2")
    assert done.exit_code == 2
    assert "is no condition" in done.stderr
    assert not Path("weigh.h5").exists()


def test_a_dry_run_says_the_gates_and_judges_nothing(weigh: str, pair: tuple[str, str]) -> None:
    done = invoke(weigh, *pair, "--dry-run", "--fail-if", "weigh.mass > 1")
    assert done.exit_code == 0
    assert "fail-if weigh.mass > 1" in done.stdout


def test_the_metrics_of_a_result_are_listed_as_gates_name_them(
    weigh: str, pair: tuple[str, str]
) -> None:
    invoke(weigh, *pair)
    done = invoke("metrics", "weigh.h5")
    assert done.exit_code == 0
    assert "weigh.mass" in done.stdout and "2.5" in done.stdout
    assert invoke("metrics", "none.h5").exit_code == 2


POLICY = """
[[gate]]
name = "light enough"
require = "weigh.mass <= 3"
reason = "scales break"

[[gate]]
fail-if = "weigh.mass > 2"
severity = "warning"
"""


@pytest.fixture
def weighed(weigh: str, pair: tuple[str, str]) -> Path:
    assert invoke(weigh, *pair).exit_code == 0
    return Path("weigh.h5")


def audited(policy: str, *results: object) -> Any:
    Path("audit.toml").write_text(policy)
    return invoke("audit", "--policy", "audit.toml", *map(str, results))


def test_a_policy_passes_with_a_warning_that_is_told(weighed: Path) -> None:
    done = audited(POLICY, weighed)
    assert done.exit_code == 0, done.output
    passed, warned, count = done.stdout.strip().splitlines()
    assert count == "1 of 2 gates passed"
    assert passed.startswith("passed ") and "light enough of weigh.h5: weigh.mass = 2.5" in passed
    assert warned.startswith("failed (warning)")


@pytest.mark.parametrize(
    ("change", "code", "expected"),
    [
        (("<= 3", "<= 2"), 3, "weigh.mass = 2.5 > 2 (wanted: weigh.mass <= 2); scales break"),
        (("weigh.mass <=", "weigh.height <="), 4, "no metric weigh.height"),
        (('name = "light enough"', 'analysis = "barrier"'), 4, "no result of analysis 'barrier'"),
        (('name = "light enough"', 'nam = "x"'), 2, "did you mean 'name'?"),
        (('name = "light enough"', 'fail-if = "x < 1"'), 2, "one of 'require' and 'fail-if'"),
        (
            ('severity = "warning"', 'severity = "grave"'),
            2,
            "gate 2 of policy 'audit.toml' is 'grave', but must be 'error' or 'warning'",
        ),
        (("weigh.mass <= 3", "weigh.mass = 3"), 2, "gate 1 of policy"),
        (('"weigh.mass <= 3"', "3"), 2, "is 3, but must be a text in quotes"),
        (("[[gate]]", "[[gat]]"), 2, "unknown key 'gat'"),
        (("[[gate]]", "[[gate"), 2, "cannot be read as TOML"),
        ((POLICY, ""), 2, "has no gate"),
        ((POLICY, "gate = [1]"), 2, "gate 1 of policy 'audit.toml' is 1, but must be a table"),
    ],
)
def test_every_end_of_an_audit(
    change: tuple[str, str], code: int, expected: str, weighed: Path
) -> None:
    done = audited(POLICY.replace(*change), weighed)
    assert done.exit_code == code, done.output
    assert expected in " ".join(done.output.split())


def test_each_of_several_results_is_judged_and_the_worst_counts(weighed: Path) -> None:
    Path("again.h5").write_bytes(weighed.read_bytes())
    done = audited('[[gate]]\nrequire = "weigh.mass < 1"', weighed, "again.h5")
    assert done.exit_code == 3
    assert done.stdout.count("failed") == 2


def test_an_audit_is_a_document_too(weighed: Path) -> None:
    done = audited(POLICY, weighed, "--json", "-")
    document = json.loads(done.stdout)
    assert document["schema"] == "lmctool.audit/2"
    assert [gate["status"] for gate in document["gates"]] == ["passed", "failed"]
    assert {gate["result"] for gate in document["gates"]} == {"weigh.h5"}


def test_what_is_missing_or_damaged_is_unreadable_input(weighed: Path) -> None:
    assert audited(POLICY, "none.h5").exit_code == 2
    Path("broken.h5").write_bytes(weighed.read_bytes()[:200])
    assert audited(POLICY, "broken.h5").exit_code == 2
    assert invoke("audit", "--policy", "none.toml", "weigh.h5").exit_code == 2


def test_an_audit_imports_no_torch(weighed: Path) -> None:
    Path("audit.toml").write_text(POLICY)
    code = (
        "import sys\nfrom lmctool.cli import main\n"
        "try:\n    main(['audit', '--policy', 'audit.toml', 'weigh.h5'])\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code\n"
        "assert 'torch' not in sys.modules and 'h5py' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def cases(path: str) -> list[tuple[str, list[str], str]]:
    """Return name, kinds of results and messages of each test case."""
    return [
        (
            str(case.get("name")),
            [child.tag for child in case],
            " ".join(str(child.get("message", "")) for child in case),
        )
        for case in ElementTree.parse(path).iter("testcase")
    ]


def test_verdicts_become_test_cases(weigh: str, pair: tuple[str, str]) -> None:
    gates = ["weigh.mass <= 3", "weigh.mass <= 2", "weigh.none <= 2"]
    words = [word for gate in gates for word in ("--require", gate)]
    assert invoke(weigh, *pair, *words, "--junit", "gates.xml").exit_code == 4
    passed, failed, unjudged = cases("gates.xml")
    assert passed[:2] == ("weigh.mass <= 3", ["system-out"])
    assert failed == ("weigh.mass <= 2", ["failure"], "weigh.mass = 2.5 > 2")
    assert unjudged[1] == ["error"] and "no metric weigh.none" in unjudged[2]
    suite = ElementTree.parse("gates.xml").find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")


def test_an_audit_writes_test_cases_and_warnings_are_skipped_ones(weighed: Path) -> None:
    Path("audit.toml").write_text(POLICY)
    words = ("audit", "--policy", "audit.toml", "weigh.h5", "--junit", "gates.xml")
    assert invoke(*words).exit_code == 0
    assert [kinds for _, kinds, _ in cases("gates.xml")] == [["system-out"], ["skipped"]]
    before = Path("gates.xml").read_bytes()
    assert invoke(*words).exit_code == 2
    assert Path("gates.xml").read_bytes() == before
    assert invoke(*words, "--force").exit_code == 0


def test_a_run_that_comes_to_no_verdict_is_an_error_there(
    weigh: str, pair: tuple[str, str]
) -> None:
    words = ("--require", "weigh.mass < 3", "--junit", "gates.xml")
    assert invoke(weigh, *pair, "--fail", "bug", *words).exit_code == 1
    assert cases("gates.xml") == [("weigh", ["error"], "broken scales")]


def test_two_reports_in_one_file_are_refused(weigh: str, pair: tuple[str, str]) -> None:
    done = invoke(weigh, *pair, "--json", "x", "--junit", "x")
    assert done.exit_code == 2 and "--junit names 'x'" in done.stderr


def test_what_xml_has_no_word_for_is_escaped(tmp_path: Path) -> None:
    gate = Gate(Condition("m", {"layer": "a\x00\x1b<b>"}, "<", 1), name="a\x07]]>")
    write_verdicts([judge(gate, [])], tmp_path / "odd.xml")
    assert len(cases(str(tmp_path / "odd.xml"))) == 1


HALVE = '''
"""Halve a number."""
from lmctool.api import Analysis, DeclaredMetric, Group, Result, Variable, hookimpl

def halved(whole):
    return {"half": Variable(whole.values / 2, metric="halve.half")}

def derived(result):
    return {"halve": Group(halved(result.groups["halve"].variables["whole"]))}

def compute(run):
    import numpy as np
    whole = Variable(np.array(0.5), metric="halve.whole")
    return Result("halve", {"halve": Group({"whole": whole, **halved(whole)})})

@hookimpl
def lmctool_analysis():
    """Add lmctool halve."""
    metrics = (
        DeclaredMetric("halve.whole", "a number", low=0),
        DeclaredMetric("halve.half", "half of it", low=0, high=1, share=True),
    )
    return Analysis(compute, needs=frozenset(), metrics=metrics, derived=derived)
'''


@pytest.fixture
def halve(install: Install, pair: tuple[str, str]) -> tuple[str, ...]:
    """Install an analysis that declares its metrics and recomputes one, as words of a command."""
    install("lmctool.analyses", "halve", HALVE)
    return ("halve", *pair)


@pytest.mark.parametrize(
    ("condition", "code", "expected"),
    [
        ("halve.half <= 25%", 0, "halve.half = 25 % <= 25 %"),
        ("halve.half < 25%", 3, "halve.half = 25 % >= 25 %"),
        ("halve.whole <= 2", 0, "halve.whole = 0.5 <= 2"),
        ("halve.half <= 25", 2, "did you mean 25%?"),
        ("halve.half >= 0", 2, "decided whatever is measured"),
        ("halve.whole >= 0", 2, "halve.whole is 0 or more"),
        ("halve.hole <= 2", 2, "halve has no metric 'halve.hole'; did you mean 'halve.whole'?"),
    ],
)
def test_what_a_plugin_declares_is_what_its_gates_are_checked_by(
    condition: str, code: int, expected: str, halve: tuple[str, ...]
) -> None:
    done = invoke(*halve, "--require", condition)
    assert done.exit_code == code, done.output
    assert expected in done.output


def test_what_a_plugin_derives_is_recomputed(halve: tuple[str, ...]) -> None:
    assert invoke(*halve).exit_code == 0
    assert invoke("show", "halve.h5").exit_code == 0
    with h5py.File("halve.h5", "r+") as file:
        file["halve/half"][...] = 0.2
    done = invoke("show", "halve.h5")
    assert done.exit_code == 4
    assert "'halve.h5' contradicts itself: halve.half is 0.2, but 0.25 follows" in done.stderr
    with h5py.File("halve.h5", "r+") as file:
        del file["halve/whole"]
    done = invoke("show", "halve.h5")
    assert done.exit_code == 2
    assert "does not hold what analysis 'halve' writes: KeyError('whole')" in done.stderr


def test_a_result_of_an_analysis_that_is_not_installed_is_shown_as_it_is(
    halve: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert invoke(*halve).exit_code == 0
    with h5py.File("halve.h5", "r+") as file:
        file["halve/half"][...] = 0.2
    monkeypatch.undo()  # the plugin is gone
    done = invoke("show", Path(halve[1]).with_name("halve.h5"))
    assert done.exit_code == 0
    assert "halve.half" in done.stdout and "0.2" in done.stdout


ALIGNER = '''
"""Leave everything in its place."""
from lmctool.api import Aligner, DeclaredMetric, hookimpl

@hookimpl
def lmctool_aligner():
    """Add --align still."""
    return Aligner(lambda run, a, b: None, METRICS)
'''


@pytest.mark.parametrize(
    ("metrics", "code"),
    [
        ("", 0),
        ("metrics=()", 2),
        ('metrics=(DeclaredMetric("still.time", "time"),)', 0),
        ('metrics=(DeclaredMetric("still.tim", "time"),)', 2),
    ],
)
def test_a_gate_on_a_metric_of_the_aligner_is_taken(
    metrics: str, code: int, install: Install, tmp_path: Path
) -> None:
    install("lmctool.aligners", "still", ALIGNER.replace("METRICS", metrics))
    ends = tiny_pair(tmp_path)
    words = ("--align", "still", "--require", "still.time <= 2", "--dry-run")
    done = invoke("barrier", *ends, *words)
    assert done.exit_code == code, done.output
