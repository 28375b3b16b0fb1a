"""Running a step of action.yml in a shell, as GitHub's runner does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[1]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")


class Done(NamedTuple):
    """What became of a step: its exit code, what it said, and its outputs."""

    code: int
    said: str
    outputs: dict[str, str]


def run_step(name: str, given: Mapping[str, str], place: Path, told: Mapping[str, str]) -> Done:
    """Run a step of the action in a folder, with these inputs and variables of the environment."""
    (step,) = [each for each in ACTION["runs"]["steps"] if each.get("name") == name]
    inputs = {key: each.get("default", "") for key, each in ACTION["inputs"].items()}
    assert step["shell"] == "bash" and set(given) <= set(inputs)
    inputs.update(given)
    script, output = place.parent / "step.sh", place.parent / "output"
    script.write_text(step["run"], encoding="utf-8")
    output.touch()
    here = str(Path(sys.executable).parent)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("LMCTOOL")},
        **{"PATH": f"{here}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1", "CI": "true"},
        **{"GITHUB_ACTION_PATH": str(ROOT), "GITHUB_OUTPUT": str(output)},
        **{key: _filled(value, inputs) for key, value in step["env"].items()},
        **told,
    }
    done = subprocess.run(
        [*BASH, str(script)], cwd=place, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    lines = output.read_text(encoding="utf-8").splitlines()
    return Done(done.returncode, done.stdout, dict(line.split("=", 1) for line in lines))


def _filled(text: str, inputs: Mapping[str, str]) -> str:
    """Return the value of an expression that is an input and nothing else."""
    found = re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", text)
    assert found, text
    return str(inputs[found[1]])
