"""An earlier result on a command line: --baseline and --tolerance of analyses and of audits."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from xml.etree import ElementTree

import pytest
import torch
from safetensors.torch import save_file

from lmctool.testing import invoke

if TYPE_CHECKING:
    from tests.cli.conftest import Install

SCALE = '''
"""Measure the weights of a file as a loss that is better lower."""
import click
from lmctool.api import Analysis, Group, Result, Variable, hookimpl

def compute(run, **options):
    import numpy as np
    loss = Variable(run.weights(0)["w"].numpy(), ("unit",), metric="scale.loss", better="lower")
    mass = Variable(np.array(1.0), metric="scale.mass")
    return Result("scale", {"scale": Group({"loss": loss, "mass": mass})})

@hookimpl
def lmctool_analysis():
    """Add lmctool scale."""
    points = click.Option(["--points"], type=int, default=1)
    return Analysis(compute, arity=1, options=(points,), needs=frozenset())
'''


class Weigh(Protocol):
    def __call__(self, out: str, values: list[float], *words: str) -> Any: ...


@pytest.fixture
def scale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, install: Install) -> Weigh:
    """Install an analysis that tells the weights of a file, and run it on such a file."""
    monkeypatch.chdir(tmp_path)
    install("lmctool.analyses", "scale", SCALE)

    def run(out: str, values: list[float], *words: str) -> Any:
        save_file({"w": torch.tensor(values)}, "w.safetensors")
        return invoke("scale", "w.safetensors", "-o", out, *words)

    return run


@pytest.mark.parametrize(
    ("values", "words", "code"),
    [
        ([1.0, 2.0], [], 0),
        ([0.5, 2.0], [], 0),
        ([1.0, 2.125], [], 3),
        ([1.0, 2.125], ["--tolerance", "0.125"], 0),
        ([1.0, 2.125], ["--tolerance", "5%"], 3),
        ([1.0, 2.125], ["--tolerance", "10%"], 0),
        ([1.0, 2.125], ["--require", "scale.loss <= baseline * 1.1"], 0),
        ([1.0, 2.125], ["--require", "scale.loss[unit=0] <= baseline"], 0),
        ([1.0, 2.125], ["--fail-if", "scale.loss > baseline"], 3),
        ([1.0, 2.125], ["--require", "scale.mass <= 2"], 3),
        ([1.0], [], 4),
        ([1.0, 2.0, 3.0], [], 4),
        ([1.0, 2.0], ["--points", "2"], 4),
    ],
)
def test_a_run_is_compared_with_an_earlier_one(
    values: list[float], words: list[str], code: int, scale: Weigh
) -> None:
    assert scale("old", [1.0, 2.0]).exit_code == 0
    done = scale("new", values, "--baseline", "old.h5", *words)
    assert done.exit_code == code, done.output
    assert Path("new.h5").is_file()


def test_what_became_worse_is_told_with_what_it_was(scale: Weigh) -> None:
    scale("old", [1.0, 2.0])
    done = scale("new", [1.5, 2.0], "--baseline", "old.h5", "--tolerance", "0.25", "--json", "-")
    (gate,) = json.loads(done.stdout)["gates"]
    assert gate["condition"] == "scale.loss <= baseline + 0.25"
    assert gate["told"] == "scale.loss[unit=0] = 1.5 > 1.25 (baseline 1 + 0.25)"
    assert (gate["kind"], gate["written"]) == ("baseline", "")
    assert [gate[key] for key in ("value", "limit", "margin", "baseline")] == [1.5, 1.25, -0.25, 1]


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["--baseline", "none.h5"], 2, "result 'none.h5' does not exist"),
        (["--baseline", "w.safetensors"], 2, "is no HDF5 file"),
        (["--tolerance", "1"], 2, "--tolerance needs a baseline"),
        (["--require", "scale.loss <= baseline"], 2, "'scale.loss <= baseline' needs a baseline"),
        (["--baseline", "old.h5", "--tolerance", "much"], 2, "'much' is no tolerance"),
        (
            ["--baseline", "old.h5", "--tolerance", "1", "--require", "scale.loss <= baseline"],
            2,
            "--tolerance has no effect on",
        ),
        (["--baseline", "weigh.h5"], 4, "is of analysis 'weigh', so scale cannot be compared"),
    ],
)
def test_what_cannot_be_compared_is_told_before_any_work(
    words: list[str], code: int, expected: str, scale: Weigh, weigh: str, pair: tuple[str, str]
) -> None:
    scale("old", [1.0])
    invoke(weigh, *pair)
    done = scale("new", [1.0], *words)
    assert done.exit_code == code and expected in done.stderr, done.output
    assert not Path("new.h5").exists()


def test_a_baseline_without_a_known_direction_is_refused(weigh: str, pair: tuple[str, str]) -> None:
    folder = Path(pair[0]).parent
    invoke(weigh, *pair, "-o", folder / "old")
    words = (weigh, *pair, "-o", folder / "new", "--baseline", folder / "old.h5")
    done = invoke(*words)
    assert done.exit_code == 2 and "--require 'METRIC <= baseline'" in done.stderr
    done = invoke(*words, "--require", "weigh.mass <= baseline")
    assert done.exit_code == 0 and "(baseline 2.5)" in done.stdout


def audited(*words: str, policy: str = "") -> Any:
    if policy:
        Path("audit.toml").write_text(f"[[gate]]\nrequire = {policy!r}\n")
        words = (*words, "--policy", "audit.toml")
    return invoke("audit", *words)


def test_an_audit_compares_stored_results(scale: Weigh) -> None:
    scale("old", [1.0, 2.0])
    scale("same", [1.0, 2.0])
    scale("worse", [1.0, 2.25])
    against = ("--baseline", "old.h5")
    assert audited("same.h5", *against).exit_code == 0
    done = audited("same.h5", "worse.h5", *against)
    assert done.exit_code == 3
    assert "of worse.h5: scale.loss[unit=1] = 2.25 > 2 (baseline 2)" in done.stdout
    assert audited("worse.h5", *against, "--tolerance", "20%").exit_code == 0
    policy = "scale.loss <= baseline + 0.5"
    assert audited("worse.h5", *against, policy=policy).exit_code == 0
    assert audited("worse.h5", *against, policy="scale.mass <= 1").exit_code == 3


@pytest.mark.parametrize(
    ("words", "policy", "code", "expected"),
    [
        (["old.h5"], "", 2, "nothing to judge by; give --policy or --baseline"),
        (["old.h5"], "scale.loss <= baseline", 2, "needs a baseline"),
        (["old.h5", "--baseline", "old.h5", "--baseline", "old.h5"], "", 2, "are both of analysis"),
        (["old.h5", "--baseline", "none.h5"], "", 2, "does not exist"),
        (["weigh.h5", "--baseline", "old.h5"], "", 4, "no result of analysis 'scale' was given"),
        (
            ["weigh.h5", "--baseline", "old.h5"],
            "weigh.mass <= baseline",
            4,
            "weigh.mass has no baseline of its analysis",
        ),
    ],
)
def test_what_an_audit_cannot_compare(
    words: list[str],
    policy: str,
    code: int,
    expected: str,
    scale: Weigh,
    weigh: str,
    pair: tuple[str, str],
) -> None:
    scale("old", [1.0])
    invoke(weigh, *pair)
    done = audited(*words, policy=policy)
    assert done.exit_code == code and expected in done.output, done.output


def test_an_audit_against_a_baseline_imports_no_torch(scale: Weigh) -> None:
    scale("old", [1.0])
    code = (
        "import sys\nfrom lmctool.cli import main\n"
        "try:\n    main(['audit', '--baseline', 'old.h5', 'old.h5'])\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code\n"
        "assert 'torch' not in sys.modules and 'h5py' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def errors(path: str) -> list[str]:
    return [str(each.get("message")) for each in ElementTree.parse(path).iter("error")]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["scale", "none.safetensors"], "none.safetensors"),
        (["scale", "w.safetensors", "--baseline", "none.h5"], "result 'none.h5' does not exist"),
        (["scale", "w.safetensors", "--device", "cuda:99"], "cuda:99"),
        (["audit", "none.h5", "--baseline", "old.h5"], "result 'none.h5' does not exist"),
    ],
)
def test_what_goes_wrong_before_anything_is_judged_is_told_to_the_ci(
    words: list[str], expected: str, scale: Weigh, monkeypatch: pytest.MonkeyPatch
) -> None:
    scale("old", [1.0])
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    done = invoke(*words, "--junit", "gates.xml")
    assert done.exit_code == 2
    (message,) = errors("gates.xml")
    assert expected in message
    assert f"::error title=lmctool {words[0]}::" in done.stderr
    assert f"### lmctool {words[0]}" in Path("summary.md").read_text()
    assert invoke(*words, "--junit", "gates.xml").exit_code == 2  # and what is there stays
    assert errors("gates.xml") == [message]


def test_an_audit_refuses_outputs_before_it_writes_any(scale: Weigh) -> None:
    scale("old", [1.0])
    Path("there.xml").write_text("mine")
    words = ("old.h5", "--baseline", "old.h5")
    done = audited(*words, "--json", "new.json", "--junit", "there.xml")
    assert done.exit_code == 2 and "output 'there.xml' exists" in done.stderr
    assert not Path("new.json").exists() and Path("there.xml").read_text() == "mine"
    done = audited(*words, "--json", "same", "--junit", "same")
    assert done.exit_code == 2 and "--junit names 'same', as --json does" in done.stderr
    assert not Path("same").exists()
