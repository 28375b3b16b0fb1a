"""What a paper states, beside what was found: agrees, differs, or cannot be told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Outcome(StrEnum):
    """How a finding stands to a statement."""

    AGREES = "agrees"
    DIFFERS = "differs"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement of a paper and what was found.

    Attributes:
        statement: of the paper, in our words.
        outcome: how the finding stands to it.
        evidence: the numbers that say so.
    """

    statement: str
    outcome: Outcome
    evidence: str


def explained(finding: Finding, why: str) -> Finding:
    """Return a finding with what may explain it, if it differs from the statement."""
    if finding.outcome is not Outcome.DIFFERS:
        return finding
    return replace(finding, evidence=f"{finding.evidence}; {why}")


def judged(holds: bool) -> Outcome:
    """Return that a finding agrees, or that it differs."""
    return Outcome.AGREES if holds else Outcome.DIFFERS


def below(first: Sequence[float], second: Sequence[float], noise: float) -> Outcome:
    """Tell whether the first values are below the second ones on average.

    Args:
        first: one value of each run.
        second: one value of each run.
        noise: the standard deviation from run to run; means that lie closer than two standard
            errors of their difference are undecided.
    """
    error = noise * np.sqrt(1 / len(first) + 1 / len(second))
    difference = float(np.mean(first) - np.mean(second))
    if not abs(difference) > 2 * error:  # nor with a noise that nobody knows (NaN)
        return Outcome.UNDECIDED
    return judged(difference < 0)


def pooled(groups: Iterable[Sequence[float]]) -> float:
    """Return the standard deviation from run to run, pooled over groups of equal runs.

    Returns:
        NaN where no group has two runs.
    """
    kept = [np.asarray(group, dtype=float) for group in groups if len(group) > 1]
    freedom = sum(len(group) - 1 for group in kept)
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in kept)
    return float(np.sqrt(squares / freedom)) if freedom else float("nan")


def typical(groups: Iterable[Sequence[float]]) -> float:
    """Return the standard deviation from run to run of a typical group of equal runs.

    It is that of the group in the middle, so that a few unsteady groups do not count; the median
    of a variance of so few runs is corrected as for normal values.

    Returns:
        NaN where no group has two runs.
    """
    from scipy.stats import chi2

    scaled = [
        np.var(group, ddof=1) * (len(group) - 1) / chi2.median(len(group) - 1)
        for group in groups
        if len(group) > 1
    ]
    return float(np.sqrt(np.median(scaled))) if scaled else float("nan")
