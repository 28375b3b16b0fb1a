"""Results and audits as JSON documents for programs: metrics, gates and provenance."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmctool.files.publish import publish
from lmctool.results.metrics import metrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lmctool.gates.gate import Verdict
    from lmctool.results.result import Result

SCHEMA = "lmctool.result/1"
AUDIT_SCHEMA = "lmctool.audit/1"
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
    provenance = result.groups.get("provenance")
    return {
        "schema": SCHEMA,
        "analysis": result.analysis,
        "metrics": metrics(result),
        "gates": [_verdict(verdict) for verdict in verdicts],
        "provenance": _strict(dict(provenance.attributes) if provenance else {}),
        "files": {role: str(path) for role, path in files.items()},
    }


def verdict_document(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """Return the JSON form of an audit: ``schema`` and ``gates``."""
    return {"schema": AUDIT_SCHEMA, "gates": [_verdict(verdict) for verdict in verdicts]}


def write_json(document: Mapping[str, Any], target: str, *, force: bool = False) -> None:
    """Write a document to stdout (``-``) or to a file, published at once.

    Raises:
        LmctoolError: the file exists and ``force`` is not given, or it cannot be written.
    """
    text = json.dumps(document, indent=2, allow_nan=False)
    if target == "-":
        click.echo(text)
        return
    with publish(Path(target), force) as draft:
        draft.write_text(text + "\n", encoding="utf-8")


def _verdict(verdict: Verdict) -> dict[str, str]:
    gate = verdict.gate
    return {
        "name": gate.title,
        "condition": str(gate.condition),
        "severity": gate.severity,
        "reason": gate.reason,
        "result": verdict.source,
        "status": verdict.status,
        "told": verdict.told,
    }


def _strict(value: Any) -> Any:
    """Return a value with null for every number that JSON has no word for."""
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_strict(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
