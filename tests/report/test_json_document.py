"""The JSON documents and their published schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from lmctool.cli.commands.schema import NAMES
from lmctool.gates.baseline import Baseline
from lmctool.gates.condition import parse
from lmctool.gates.gate import Gate, Verdict, judge
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.report.json_document import (
    AUDIT_SCHEMA,
    COMPARE_SCHEMA,
    SCHEMA,
    document,
    verdict_document,
)
from lmctool.results.file import write
from lmctool.results.metrics import Metric
from lmctool.testing import invoke

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmctool.results.result import Result

SCHEMAS = Path(__file__).parents[2] / "lmctool/report/schemas"


def schema(name: str) -> dict[str, Any]:
    """Return the schema that the command prints."""
    done = invoke("schema", name)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def check(content: object, name: str) -> None:
    jsonschema.Draft202012Validator(schema(name)).validate(content)


def verdicts() -> list[Verdict]:
    """Return one of every kind."""
    metrics = [Metric("a.loss", {}, 0.5, "nat")]
    before = Baseline("old.h5", "a", {"a.loss": metrics[0]})
    texts = ("a.loss <= 1", "a.loss <= baseline - 0.1", "a.none == 0")
    severities: tuple[Any, ...] = ("error", "warning", "error")
    return [
        judge(Gate(parse(text), "name", "reason", severity), metrics, "new.h5", before)
        for text, severity in zip(texts, severities, strict=True)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_one_and_says_its_name_and_every_meaning(name: str) -> None:
    published = schema(name)
    jsonschema.Draft202012Validator.check_schema(published)
    number = NAMES[name].rpartition("-")[2]
    const = published["properties"]["schema"]["const"]
    assert published["title"] == f"lmctool.{name}/{number}" == const
    assert published["$id"] == f"urn:lmctool:schema:{name}:{number}"
    assert published["additionalProperties"] is False
    for key, value in published["properties"].items():
        assert key == "schema" or value["description"], key


def test_every_schema_can_be_printed() -> None:
    published = {path.stem for path in SCHEMAS.glob("*.json")}
    older = {"result-1", "audit-1"}
    assert published == set(NAMES.values()) | older
    assert invoke("schema", "results").exit_code == 2


def test_the_schemas_are_those_that_documents_name() -> None:
    assert schema("result")["title"] == SCHEMA
    assert schema("audit")["title"] == AUDIT_SCHEMA
    assert schema("compare")["title"] == COMPARE_SCHEMA


def test_a_document_fits_and_has_every_required_key(barrier_result: Result) -> None:
    content = document(barrier_result, {"result": Path("barrier.h5")}, verdicts())
    check(content, "result")
    published = schema("result")
    assert set(content) == set(published["required"]) == set(published["properties"])
    gate = published["$defs"]["gate"]
    assert set(content["gates"][0]) == set(gate["required"]) == set(gate["properties"])


def test_an_audit_fits_and_has_every_required_key() -> None:
    content = verdict_document(verdicts())
    check(content, "audit")
    assert set(content) == set(schema("audit")["required"]) == set(schema("audit")["properties"])


def test_a_comparison_fits_and_has_every_required_key(
    made: Callable[[str], Path], barrier_result: Result, tmp_path: Path
) -> None:
    write(barrier_result, tmp_path / "other.h5")
    figure = tmp_path / "both.png"
    words = ("compare", made("barrier"), tmp_path / "other.h5", "--json", "-", "-o", figure)
    done = invoke(*words)
    assert done.exit_code == 0, done.output
    content = json.loads(done.stdout)
    check(content, "compare")
    assert set(content) == set(schema("compare")["required"])
    assert content["metrics"] and content["causes"] and content["deviations"]


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"schema": "lmctool.result/1"},
        {"metrics": {"a": "0.5"}},
        {"gates": [{"status": "passed"}]},
        {"files": {"result": None}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_document_does_not_fit(change: dict[str, Any], barrier_result: Result) -> None:
    content = document(barrier_result, {}) | change
    with pytest.raises(jsonschema.ValidationError):
        check(content, "result")


@pytest.mark.parametrize("missing", ["schema", "analysis", "metrics", "gates", "provenance"])
def test_a_document_without_a_key_does_not_fit(missing: str, barrier_result: Result) -> None:
    content = document(barrier_result, {})
    del content[missing]
    with pytest.raises(jsonschema.ValidationError):
        check(content, "result")


@pytest.mark.parametrize("name", registry.names(ANALYSES))
def test_the_document_of_every_analysis_fits(name: str, made: Callable[[str], Path]) -> None:
    content = json.loads(made(name).with_suffix(".json").read_text())
    check(content, "result")
    assert content["analysis"] == name and content["metrics"]
