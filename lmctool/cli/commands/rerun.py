"""Repeat the run of a result, and compare the numbers."""

from __future__ import annotations

import os
import re
import shlex
from contextlib import chdir, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeGuard

import click

from lmctool.cli.command import Command, OutputFile
from lmctool.cli.options import NO_CACHE, TRUST_CONFIG
from lmctool.errors import ExitCode, LmctoolError, UntrustedError
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES, DATASETS, EXECUTORS, MODELS
from lmctool.plugin.settings import Repetition
from lmctool.report.terminal import echo
from lmctool.results.aggregate.eligible import AGGREGATE
from lmctool.results.provenance import GROUP, Provenance
from lmctool.results.result import Group

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lmctool.cli.job import Job
    from lmctool.results.result import Attribute, Result
    from lmctool.run.run import Run

NAMED = (MODELS, DATASETS, EXECUTORS)
"""Kinds of plugins whose words stand before a colon."""
PAIR = re.compile(r"(?<![\w.])(?=([\w.]+:\w+))")
"""Every ``PLACE:NAME`` in a word, wherever a plugin may look for one."""


@click.command("rerun", cls=Command)
@click.argument("path", metavar="RESULT", type=click.Path(path_type=Path))
@click.option(
    "--in",
    "folder",
    metavar="FOLDER",
    default=".",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that relative paths of the recorded command start from.  [default: this one]",
)
@click.option(
    "-o",
    "--out",
    metavar="FILE",
    type=OutputFile(),
    help="Write the new result to this path.",
)
@click.option(
    "--tolerance",
    metavar="NUMBER",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="Greatest absolute difference at which numbers agree; 0 means bit for bit.",
)
@click.option(
    "--trust",
    is_flag=True,
    help="Import the Python code that the recorded command names as model or data.",
)
@click.option("--trust-config", **TRUST_CONFIG)
@click.option("--no-cache", **NO_CACHE)
@click.option("-q", "--quiet", is_flag=True, help="Print no progress and no notes.")
def command(
    path: Path,
    folder: Path,
    out: Path | None,
    tolerance: float,
    trust: bool,
    trust_config: bool,
    no_cache: bool,
    quiet: bool,
) -> ExitCode:
    """Run the command recorded in RESULT, an .h5 file, again and compare the numbers.

    Exits with 0 if they agree and with 3 if not. Shows which numbers differ, and which inputs (by
    their content), versions and settings do.
    """
    from lmctool.checkpoint.hub import no_download
    from lmctool.cli.run_job import remake
    from lmctool.files.publish import refuse_existing
    from lmctool.results.file import read, write

    if out is not None:
        refuse_existing([out], force=False)
    earlier = read(path)
    target = None if out is None else out.absolute()
    with chdir(folder):
        job = recorded_job(earlier, path, trust=trust, trust_config=trust_config)
    parent = target.parent if target else None
    cached = nullcontext() if trust else no_download("only --trust lets a record download")
    said = Provenance.of(earlier).settings
    temporary = TemporaryDirectory(prefix="lmctool-", dir=parent)
    with cached, temporary as place, chdir(folder), _threads(said):
        settings = replace(job.settings, repeats=_repetition(said), no_cache=no_cache)
        job = replace(job, settings=settings, out=Path(place) / "rerun.h5", quiet=quiet)
        told: dict[str, Attribute] = {}
        again = remake(job, partial(_look_at, earlier, job, told))
    if target is not None:
        write(again, target)
    group = earlier.groups.get(GROUP, Group())
    attributes = {**group.attributes, **told}
    groups = {**earlier.groups, GROUP: replace(group, attributes=attributes)}
    return _compare(replace(earlier, groups=groups), again, path, tolerance)


def _look_at(earlier: Result, job: Job, told: dict[str, Attribute], run: Run) -> None:
    """Look at the new run before it computes: at its probe, and at digests of earlier versions.

    Args:
        earlier: the result.
        job: the job of the new run.
        told: is given, by the key of the provenance, each digest as this version tells it whose
            checkpoint is still that of an earlier version's digest.
        run: the new run.
    """
    provenance = Provenance.of(earlier)
    _probe(provenance, job, run)
    for index, checkpoint in enumerate(run.checkpoints):
        record = provenance.checkpoints.get(str(index))
        if record is not None and record.digest and checkpoint.has_digest(record.digest):
            told[f"checkpoint.{index}.digest"] = checkpoint.digest


def _repetition(said: Mapping[str, Attribute]) -> Repetition | None:
    """Return how the settings of a record say that networks were evaluated, if they do."""
    device, strategy, size = (said.get(key) for key in ("device", "strategy", "batch_size"))
    first = said.get("batch_size.before_halving")
    if not isinstance(device, str) or not isinstance(strategy, str) or not _is_positive(size):
        return None
    kind = device.partition(":")[0]
    return Repetition(kind, strategy, size, first if _is_positive(first) else None)


@contextmanager
def _threads(said: Mapping[str, Attribute]) -> Iterator[None]:
    """Let torch compute with as many threads as a record says, where there are as many cores.

    Numbers may depend on it; a run that was spread over workers had fewer than others have.
    """
    import torch

    from lmctool.evaluate.threads import use_threads

    before, count = torch.get_num_threads(), said.get("threads")
    try:
        if _is_positive(count) and count <= (os.cpu_count() or 1):
            use_threads(count)
        yield
    finally:
        use_threads(before)


def _is_positive(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and value > 0


def _probe(earlier: Provenance, job: Job, run: Run) -> None:
    """Tell before any work is done whether the numbers can agree to the bit, and why not."""
    from lmctool.evaluate.probe import greatest_difference
    from lmctool.run.identity import Identity, objection

    probe = tuple(earlier.probe or ())
    if probe and probe != run.probe:
        why = objection(earlier, Identity(run, job.recorded_options))
        job.note(
            "the first network's losses on the first examples are not what they were, by up to"
            f" {greatest_difference(probe, run.probe):.2g}: {why}"
        )


def recorded_job(result: Result, path: Path, *, trust: bool, trust_config: bool) -> Job:
    """Return the job of the recorded command, without its outputs and its gates.

    Raises:
        LmctoolError: no command that can be run here is recorded, or one that would import code.
    """
    from lmctool.cli.analysis import AnalysisCommand

    words = _words(result, path)
    if result.analysis == AGGREGATE and words[0] == AGGREGATE:
        raise LmctoolError(
            f"result '{path}' is an average of results, so there is no run to repeat; repeat"
            " lmctool aggregate on them, or rerun each"
        )
    if words[0] not in registry.names(ANALYSES):
        raise LmctoolError(
            f"result '{path}' is of analysis {words[0]!r}, which is not installed;"
            " lmctool plugins lists what is"
        )
    if not trust:
        _refuse_code(words[1:], path)
    command = AnalysisCommand(words[0], registry.load(ANALYSES, words[0]))
    try:
        context = command.make_context(words[0], words[1:], help_option_names=[])
    except click.UsageError as error:
        raise LmctoolError(
            f"the command of result '{path}' cannot be run by this version: {error.message}"
        ) from error
    context.params |= {
        "document": None,
        "junit": None,
        "force": False,
        "resume": False,
        "dry_run": False,
        "verbose": False,
        "require": (),
        "fail_if": (),
        "baseline": None,
        "tolerance": None,
        "observers": (),
        "trust": trust,
        "trust_config": trust_config,
    }
    return command.job(context)


def _words(result: Result, path: Path) -> list[str]:
    """Return the words of the recorded command, without the program's name."""
    command = Provenance.of(result).command or ""
    if command.startswith("lmctool."):
        raise LmctoolError(
            f"result '{path}' was made in Python by {command}, whose objects no result holds; make"
            " that call again, and hold both results against each other with lmctool compare"
        )
    try:
        program, *words = shlex.split(command)
    except ValueError:
        program, words = "", []
    if program != "lmctool" or not words:
        raise LmctoolError(f"result '{path}' records no command of lmctool, so it can't be rerun")
    return words


def _refuse_code(words: Sequence[str], path: Path) -> None:
    """Refuse words that could have code imported, whatever their options mean.

    A result is an untrusted file, and an option may be a plugin's: the words are looked at before
    any option is parsed.

    Raises:
        UntrustedError: there is such a word.
    """
    from lmctool.plugin.user_code import names_code

    for before, word in zip(["", *words], words, strict=False):
        short = word[2:] if word.startswith("-") else ""  # as in -mVALUE
        pairs = PAIR.findall(f"{word} {short}")
        if any(names_code(pair, *NAMED) for pair in pairs):
            option = f"{before} " if before.startswith("-") and not word.startswith("-") else ""
            raise UntrustedError(
                f"the command of result '{path}' names code, {option}{word}; look at it, and pass"
                " --trust to run it"
            )


def _compare(earlier: Result, again: Result, path: Path, tolerance: float) -> ExitCode:
    """Print whether two results agree, and if they do not, where and why."""
    from rich.console import Console

    from lmctool.report.comparison import causes_tables, deviations_table
    from lmctool.report.terminal import render
    from lmctool.results.provenance_diff import causes
    from lmctool.results.value_diff import deviations

    every = deviations(earlier, again)
    beyond = [each for each in every if not each.greatest <= tolerance]
    reasons = causes(earlier, again)
    console = Console()
    for table in [*causes_tables(reasons), *([deviations_table(beyond)] if beyond else [])]:
        render(table, console)
        echo()
    if beyond:
        why = "" if reasons else "; nothing that it records explains it"
        echo(f"the numbers of '{path}' differ from those of the new run{why}")
        return ExitCode.GATE
    how = f"to {tolerance:g}" if every else "bit for bit"
    echo(f"the numbers of '{path}' and of the new run agree {how}")
    return ExitCode.DONE
