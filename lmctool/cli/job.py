"""What a command line asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lmctool.report.terminal import echo
from lmctool.results.aggregate.declared import declared_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lmctool.gates.baseline import Baseline
    from lmctool.gates.gate import Gate
    from lmctool.plugin.records import Analysis
    from lmctool.plugin.settings import Settings
    from lmctool.results.declared_metric import DeclaredMetric
    from lmctool.results.score_metric import ScoreMetric
    from lmctool.spread.share import Share


@dataclass(frozen=True, slots=True)
class Job:
    """What the command line asks for.

    Attributes:
        name: the analysis, as the user types it.
        analysis: its record.
        settings: the values of the shared options that the run needs.
        options: the values of the analysis's own, as its ``compute`` takes them.
        recorded_options: the same as parsed from the command line, for the provenance.
        command: the command line, for the provenance.
        out: the path of the result.
        document: the path of the JSON document, ``-`` for stdout, or None for no document.
        junit: the path of the verdicts as JUnit XML, if they are written.
        force: whether existing outputs may be replaced.
        resume: whether to continue an interrupted run.
        quiet: print no progress and no notes.
        verbose: show the whole provenance.
        gates: the gates that the result is judged by.
        baseline: the earlier result that it is compared with, if there is one.
        observers: those that are asked for, each as ``NAME`` or ``NAME:PLACE``.
        notes: what the user was told so far.
        words: the command line behind ``lmctool``, as workers parse it again.
        executor: what the work is spread by, as ``NAME`` or ``NAME:ARGUMENTS``; None for nothing.
        mixed: whether workers may take part whose machine rounds differently.
        share: the share of the run that is computed, and nothing written; None for the whole.
    """

    name: str
    analysis: Analysis
    settings: Settings
    options: Mapping[str, Any]
    recorded_options: Mapping[str, Any]
    command: str
    out: Path
    document: str | None = None
    junit: Path | None = None
    force: bool = False
    resume: bool = False
    quiet: bool = False
    verbose: bool = False
    gates: tuple[Gate, ...] = ()
    baseline: Baseline | None = None
    observers: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    words: tuple[str, ...] = ()
    executor: str | None = None
    mixed: bool = False
    share: Share | None = None

    def declared(self, metrics: Sequence[ScoreMetric]) -> Mapping[str, DeclaredMetric]:
        """Return what is declared of the metrics of its result, as ``Analysis.declared`` does."""
        known = self.analysis.declared(metrics)
        return declared_of(known) if self.settings.draws > 1 else known

    @property
    def writes(self) -> bool:
        """Whether a checkpoint is written."""
        writes = self.analysis.writes
        return bool(self.recorded_options.get(writes)) if isinstance(writes, str) else writes

    @property
    def beside(self) -> tuple[str, ...]:
        """What stands behind the names of further checkpoints that are written."""
        beside = self.analysis.beside
        return () if beside is None or not self.writes else tuple(beside(**self.options))

    def note(self, text: str) -> None:
        """Print a note on stderr, unless the user wants quiet, and keep it."""
        self.notes.append(text)
        self.show(text)

    def show(self, text: str) -> None:
        """Print what is no note on stderr, unless the user wants quiet."""
        if not self.quiet:
            echo(text, err=True)
