"""What a command line asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lmctool.gates.baseline import Baseline
    from lmctool.gates.gate import Gate
    from lmctool.plugin.kinds import Analysis
    from lmctool.plugin.settings import Settings


@dataclass(frozen=True, slots=True)
class Job:
    """What the command line asks for.

    Attributes:
        name: the analysis, as the user types it.
        analysis: its record.
        settings: the values of the shared options that the run needs.
        options: the values of the analysis's own, as its ``compute`` takes them.
        told: the same as the user gave them, for the record.
        command: the command line, for the record.
        out: where the outputs go.
        document: where the JSON goes, if anywhere.
        junit: where the verdicts go as JUnit XML, if anywhere.
        force: whether existing outputs may be replaced.
        resume: whether to go on with what an interrupted run left.
        quiet: no progress and no notes.
        verbose: show the whole provenance.
        gates: what the result is judged by.
        baseline: the earlier result that it is compared with, if there is one.
    """

    name: str
    analysis: Analysis
    settings: Settings
    options: Mapping[str, Any]
    told: Mapping[str, Any]
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

    @property
    def writes(self) -> bool:
        """Whether a checkpoint is made."""
        writes = self.analysis.writes
        return bool(self.told.get(writes)) if isinstance(writes, str) else writes

    def note(self, text: str) -> None:
        """Tell the user something on stderr, unless they want quiet."""
        if not self.quiet:
            click.echo(text, err=True)
