"""The pipelines of examples/ci, step by step in a shell, as their runners run them.

The steps are taken from the files word for word, and the workflow's from action.yml, which it uses.
Left out is what needs a network: the actions that others publish, and what installs lmctool;
tests/test_action.py has that of the action.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from tests.action import run_step
from tests.plugins.pairs import initial, save, trained

ROOT = Path(__file__).parents[2]
CI = ROOT / "examples/ci"
INSTALL = [
    'python -m pip install -c constraints.txt ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch',
    "python -m pip install -c constraints.txt .",
]
ALWAYS = "${{ !cancelled() }}"
OUTPUTS = {"barrier.h5", "barrier.png", "barrier.json", "barrier.xml"}
AUDITED = {"audit.json", "audit.xml"}


@dataclass
class Job:
    """What became of a pipeline.

    Attributes:
        codes: the exit code of each step that ran, by its name.
        said: all that was said on stderr.
        kept: the names of the files that were kept.
        summary: the summary's text.
    """

    codes: dict[str, int] = field(default_factory=dict)
    said: str = ""
    kept: set[str] = field(default_factory=set)
    summary: str = ""


def work(folder: Path, model: str) -> Path:
    """Copy what the pipelines need from a clone, with networks of this kind in their places."""
    place = folder / "work"
    shutil.copytree(CI, place / "examples/ci")
    digits = shutil.copytree(ROOT / "examples/digits", place / "examples/digits")
    a, b = (digits / f"{end}.safetensors" for end in "ab")
    if model == "failing":  # narrow and hardly trained: a barrier is left
        for seed, path in enumerate((a, b)):
            save(path, "mlp", trained("mlp", seed, 400))
    elif model == "not a number":
        weights = load_file(b)
        weights["layers.1.weight"][0, 0] = torch.nan
        metadata = {"lmctool.model": "mlp", "lmctool.data": "digits"}
        save_file(weights, b, metadata=metadata)
    elif model == "at chance":
        for seed, path in enumerate((a, b)):
            save(path, "mlp", initial("mlp", seed).state_dict())
    return place


def shell(words: list[str], script: str, place: Path, variables: dict[str, str], job: Job) -> int:
    """Run a script as a runner does, and return its exit code."""
    file = place.parent / "step.sh"
    file.write_text(script)
    here = str(Path(sys.executable).parent)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("LMCTOOL")},
        **{"PATH": f"{here}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1", "CI": "true"},
        **variables,
    }
    done = subprocess.run(
        [*words, str(file)], cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    job.said += done.stderr
    return done.returncode


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def github(place: Path) -> Job:
    """Run the workflow."""
    workflow = yaml.safe_load((place / "examples/ci/github.yml").read_text())
    checkout, judge, keep = workflow["jobs"]["connectivity"]["steps"]
    assert checkout["uses"].startswith("actions/checkout")
    assert judge["uses"] == "./" and "if" not in judge
    summary = place.parent / "summary.md"
    told = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    done = run_step("Judge", judge["with"], place, told)
    assert done.outputs["exit-code"] == str(done.code)
    assert done.outputs["verdict"] == {0: "passed", 3: "failed", 4: "unjudged"}[done.code]
    assert keep["uses"].startswith("actions/upload-artifact") and keep["if"] == ALWAYS
    return Job(
        {"Judge": done.code},
        done.said,
        names(place / keep["with"]["path"]),
        summary.read_text() if summary.exists() else "",
    )


def gitlab(place: Path) -> Job:
    """Run the job, and what comes after it."""
    task = yaml.safe_load((place / "examples/ci/gitlab-ci.yml").read_text())["connectivity"]
    assert task["before_script"] == INSTALL
    job = Job()
    for name in ("script", "after_script"):
        script = "\n".join(task[name])
        job.codes[name] = shell(["sh", "-e"], script, place, task["variables"], job)
    assert task["artifacts"]["when"] == "always"
    (folder,) = task["artifacts"]["paths"]
    job.kept = names(place / folder)
    assert task["artifacts"]["reports"]["junit"] == f"{folder}*.xml"
    return job


def cases(path: Path) -> list[str]:
    """Return what JUnit says of each test case."""
    found: list[str] = []
    for case in ElementTree.parse(path).iter("testcase"):
        found += [child.tag for child in case]
    return found


def test_the_workflow_passes(tmp_path: Path) -> None:
    place = work(tmp_path, "passing")
    job = github(place)
    assert job.codes == {"Judge": 0}, job.said
    assert job.kept == OUTPUTS | AUDITED | {"report.html"}
    assert "### lmctool barrier" in job.summary and "### lmctool audit" in job.summary
    assert "| passed | connected after alignment and REPAIR |" in job.summary
    assert "::error" not in job.said
    assert cases(place / "connectivity/barrier.xml") == ["system-out"] * 2
    assert cases(place / "connectivity/audit.xml") == ["system-out"] * 3


def test_the_workflow_fails_a_pair_with_a_barrier(tmp_path: Path) -> None:
    place = work(tmp_path, "failing")
    job = github(place)
    assert job.codes == {"Judge": 3}, job.said
    assert job.kept == OUTPUTS | AUDITED | {"report.html"}
    assert "::error title=barrier.error[variant=align+repair%2Csplit=test] <= 2%25::" in job.said
    assert "| failed |" in job.summary
    assert "failure" in cases(place / "connectivity/barrier.xml")
    assert "failure" in cases(place / "connectivity/audit.xml")
    document = json.loads((place / "connectivity/barrier.json").read_text())
    assert "failed" in {gate["status"] for gate in document["gates"]}


@pytest.mark.parametrize(
    ("model", "told"), [("not a number", "NaN"), ("at chance", "answers at chance")]
)
def test_the_workflow_fails_a_pair_that_cannot_be_judged(
    model: str, told: str, tmp_path: Path
) -> None:
    place = work(tmp_path, model)
    job = github(place)
    assert job.codes == {"Judge": 4}, job.said
    assert job.kept == {"barrier.xml"}
    assert cases(place / "connectivity/barrier.xml") == ["error"]
    assert "::error title=lmctool barrier::" in job.said
    assert "### lmctool barrier" in job.summary and told in job.summary


@pytest.mark.parametrize(
    ("model", "code", "kept"),
    [
        ("passing", 0, OUTPUTS | AUDITED | {"report.html"}),
        ("failing", 3, OUTPUTS | {"report.html"}),
        ("not a number", 4, {"barrier.xml"}),
    ],
)
def test_the_job_ends_with_the_code_of_the_first_step_that_fails(
    model: str, code: int, kept: set[str], tmp_path: Path
) -> None:
    place = work(tmp_path, model)
    job = gitlab(place)
    assert job.codes == {"script": code, "after_script": 0}, job.said
    assert job.kept == kept
    kinds: dict[int, Any] = {0: "system-out", 3: "failure", 4: "error"}
    assert kinds[code] in cases(place / "connectivity/barrier.xml")
