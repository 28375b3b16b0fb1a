"""What docs/outputs.md shows is what the program takes and gives."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from lmctool.errors import ExitCode
from lmctool.gates.condition import OPERATORS, parse
from lmctool.gates.policy import read_policy
from lmctool.testing import invoke, tiny_pair

PAGE = (Path(__file__).parents[1] / "docs/outputs.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """Return the one block of a language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_json_fits_the_schema() -> None:
    schema = json.loads(invoke("schema", "result").stdout)
    jsonschema.Draft202012Validator(schema).validate(json.loads(block("json")))


def test_the_policy_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "audit.toml").write_text(block("toml"))
    first, second = read_policy(tmp_path / "audit.toml")
    assert first.gate.condition.factor == 1 and second.gate.severity == "warning"


def test_every_exit_code_and_operator_is_told() -> None:
    assert {f"| {code.value} |" in PAGE for code in ExitCode} == {True}
    assert {f"`{operator}`" in PAGE for operator in OPERATORS} == {True}


@pytest.mark.parametrize(
    "text", re.findall(r"`(barrier\.[^`]*baseline[^`]*)`", " ".join(PAGE.split()))
)
def test_conditions_of_the_text_are_conditions(text: str) -> None:
    assert parse(text).factor


def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ends = tiny_pair(tmp_path, steps=100)
    run = ("barrier", *ends, "--align", "--repair", "--points", "3")
    assert invoke(*run, "-o", "old").exit_code == 0
    assert invoke("interpolate", *ends, "--points", "3", "-o", "old-path").exit_code == 0
    Path("new-path.h5").write_bytes(Path("old-path.h5").read_bytes())
    Path("audit.toml").write_text(block("toml"))
    first, *audits = [line.split()[2:] for line in block("console").splitlines()]
    for words in ([*first, "--points", "3"], *audits):
        done = invoke(*words)
        assert done.exit_code == 0, done.output
