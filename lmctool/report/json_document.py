"""Results, audits and comparisons as JSON documents for programs: metrics, gates and provenance."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmctool.files.publish import publish
from lmctool.report.terminal import echo_json
from lmctool.results.metrics import metrics
from lmctool.results.pairing import pairs
from lmctool.results.provenance import Provenance
from lmctool.results.provenance_diff import causes
from lmctool.results.value_diff import deviations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lmctool.gates.gate import Verdict
    from lmctool.results.pairing import Pair
    from lmctool.results.result import Result

SCHEMA = "lmctool.result/2"
AUDIT_SCHEMA = "lmctool.audit/2"
COMPARE_SCHEMA = "lmctool.compare/1"
"""Names of the schemas in report/schemas; the number grows when what they promise changes."""


def document(
    result: Result, files: Mapping[str, Path], verdicts: Iterable[Verdict] = ()
) -> dict[str, Any]:
    """Return the JSON form of a result.

    Args:
        result: the result.
        files: the files of the run by role: ``result``, ``figure``, ``checkpoint``.
        verdicts: those of the run's gates.

    Returns:
        ``schema``, ``analysis``, ``metrics`` (by full name; NaN and infinities are null),
        ``gates``, ``provenance`` (the attributes of that group) and ``files``.
    """
    return {
        "schema": SCHEMA,
        "analysis": result.analysis,
        "metrics": metrics(result),
        "gates": [_verdict(verdict) for verdict in verdicts],
        "provenance": _strict(Provenance.of(result).attributes()),
        "files": {role: str(path) for role, path in files.items()},
    }


def verdict_document(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """Return the JSON form of an audit: ``schema`` and ``gates``."""
    return {"schema": AUDIT_SCHEMA, "gates": [_verdict(verdict) for verdict in verdicts]}


def comparison_document(
    one: Result, other: Result, paths: tuple[Path, Path], files: Mapping[str, Path]
) -> dict[str, Any]:
    """Return the JSON form of a comparison.

    Args:
        one: the first result.
        other: the second, of the same analysis.
        paths: where they are.
        files: the files that were made, by role.

    Returns:
        ``schema``, ``analysis``, ``results`` (their paths), ``metrics`` (by full name: ``one``,
        ``other`` and ``difference``, null where there is no number, ``unit`` and ``better``),
        ``causes`` (inputs, versions and settings that differ), ``deviations`` (variables that
        differ bit for bit) and ``files``.
    """
    return {
        "schema": COMPARE_SCHEMA,
        "analysis": one.analysis,
        "results": [str(path) for path in paths],
        "metrics": {pair.name: _pair(pair) for pair in pairs(one, other)},
        "causes": [
            {"kind": cause.kind, "name": cause.name, "one": cause.one, "other": cause.other}
            for cause in causes(one, other)
        ],
        "deviations": [
            {"variable": each.path, "elements": each.elements, "differing": each.differing}
            | {"told": each.message}
            for each in deviations(one, other)
        ],
        "files": {role: str(path) for role, path in files.items()},
    }


def write_json(document: Mapping[str, Any], target: str, *, force: bool = False) -> None:
    """Write a document to stdout (``-``) or to a file, published at once.

    Raises:
        LmctoolError: the file exists and ``force`` is not given, or it cannot be written.
    """
    if target == "-":
        echo_json(document)
        return
    text = json.dumps(document, indent=2, allow_nan=False)
    with publish(Path(target), force) as draft:
        draft.write_text(text + "\n", encoding="utf-8")


def _verdict(verdict: Verdict) -> Any:
    gate, worst = verdict.gate, verdict.worst
    content = {
        "name": gate.title,
        "kind": gate.kind,
        "written": gate.written,
        "condition": str(gate.condition),
        "severity": gate.severity,
        "reason": gate.reason,
        "result": verdict.source,
        "status": verdict.status,
        "metric": worst.metric if worst else "",
        "value": worst.value if worst else None,
        "limit": worst.limit if worst else None,
        "margin": worst.margin if worst else None,
        "baseline": worst.before if worst else None,
        "told": verdict.message,
    }
    return _strict(content)


def _pair(pair: Pair) -> dict[str, float | str | None]:
    return {
        "one": pair.one.value if pair.one else None,
        "other": pair.other.value if pair.other else None,
        "difference": pair.difference,
        "unit": pair.unit,
        "better": pair.better,
    }


def _strict(value: Any) -> Any:
    """Return a value with null for every number that JSON has no word for."""
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_strict(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
