"""Verdicts on gates, in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.cli.key_values import aligned
from lmctool.report.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.gates.gate import Verdict


def show_verdicts(verdicts: Sequence[Verdict]) -> None:
    """Print each verdict on stdout, and at last how many passed."""
    if verdicts:
        echo("\n" + aligned([(verdict.word, line(verdict)) for verdict in verdicts]))
        passed = sum(verdict.status == "passed" for verdict in verdicts)
        noun = "gate" if len(verdicts) == 1 else "gates"
        echo(f"{passed} of {len(verdicts)} {noun} passed")


def line(verdict: Verdict) -> str:
    """Return what is said of a verdict beside its word."""
    gate = verdict.gate
    source = f" of {verdict.source}" if verdict.source else ""
    wanted = f" (wanted: {gate.condition})" if gate.name and verdict.status != "passed" else ""
    reason = f"; {gate.reason}" if gate.reason and verdict.status != "passed" else ""
    return f"{gate.title}{source}: {verdict.message}{wanted}{reason}"
