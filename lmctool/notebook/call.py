"""One analysis that Python code asks for, run as its command would run it."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmctool.cli import plugin_options
from lmctool.cli.analysis import AnalysisCommand
from lmctool.cli.command import words_noted
from lmctool.cli.held_checkpoint import HeldCheckpoint
from lmctool.errors import LmctoolError, did_you_mean, machine_failure
from lmctool.notebook.handed import handed_over
from lmctool.notebook.keywords import keywords
from lmctool.notebook.result import Result
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lmctool.cli.job import Job
    from lmctool.results.result import Result as Record

PLAIN = str | int | float
LONGEST = 60
"""Characters of a value in the record of a call."""


def call(name: str, arguments: Sequence[Any], values: Mapping[str, Any]) -> Result:
    """Run an analysis and return what it found.

    Without ``out`` nothing is written; with it the files are those of the command, and an
    interrupted run may be resumed.

    Args:
        name: the analysis, as the user types it.
        arguments: the checkpoints, or the training runs.
        values: the values of keywords.

    Raises:
        TypeError: there is no such keyword.
        LmctoolError: as the command ends with 2.
        UnjudgedError: as the command ends with 4.
    """
    from lmctool.cli.session import held
    from lmctool.evaluate.surroundings import as_on_a_command_line

    command = AnalysisCommand(name, registry.load(ANALYSES, name))
    known = keywords(command, _plugin_options(command, values))
    for word in values:
        if word not in known:
            near = did_you_mean(word, list(known)).rstrip()
            raise TypeError(f"{name}() has no keyword {word!r}{near and '; '}{near}")
    handed = handed_over(arguments, values, known)
    try:
        context = command.make_context(name, list(handed.words), help_option_names=[])
    except click.UsageError as error:
        raise LmctoolError(error.format_message()) from error
    with words_noted(context):
        job = command.job(context, handed.given)
        if not handed.named_by_words:
            job = replace(job, command=described(name, arguments, values))
        written = values.get("out") is not None
        if not written and (job.force or job.resume):
            raise LmctoolError("force and resume are of files; name a result with out")
        try:
            with as_on_a_command_line():
                record, path = _stored(job) if written else (held(job), None)
        except LmctoolError:
            raise
        except Exception as error:
            if told := machine_failure(error):
                raise LmctoolError(told) from error
            raise
    return Result(record, path, tuple(job.notes))


def described(name: str, arguments: Sequence[Any], values: Mapping[str, Any]) -> str:
    """Return a call as Python code, in which objects stand for themselves, without observers.

    >>> described("barrier", ["a.safetensors", {}], {"points": 11})
    "lmctool.barrier('a.safetensors', <dict>, points=11)"
    """
    told = {word: value for word, value in values.items() if word != "observer"}
    given = [f"{word}={_shown(value)}" for word, value in told.items()]
    return f"lmctool.{name.replace('-', '_')}({', '.join([*map(_shown, arguments), *given])})"


def _stored(job: Job) -> tuple[Record, Path]:
    """Run a job, write its result, and return it with its path."""
    from lmctool.cli.session import session

    with session(job) as s:
        record = s.earlier()
        if record is None:
            record = s.compute()
            s.store(record)
        written = next(filter(Path.exists, s.outputs.checkpoints), None)
    checkpoint = None if written is None else HeldCheckpoint.stored(written, job.beside)
    return replace(record, checkpoint=checkpoint), s.outputs.paths["result"]


def _plugin_options(command: AnalysisCommand, values: Mapping[str, Any]) -> Iterator[click.Option]:
    """Yield the options of the aligner and the correction that a call uses."""
    for slot in command.slots:
        value = values.get(slot.flag.removeprefix("--"), slot.required)
        name = slot.default if value is True else value
        if isinstance(name, str) and name:
            yield from plugin_options.options(slot, name)


def _shown(value: Any) -> str:
    """Return plain values as they are written, and objects by the name of their type."""
    if value is None or isinstance(value, PathLike | PLAIN):
        text = repr(str(value) if isinstance(value, PathLike) else value)
    elif isinstance(value, tuple | list) and all(isinstance(each, PLAIN) for each in value):
        text = repr(value)
    else:
        return f"<{type(value).__qualname__}>"
    return text if len(text) <= LONGEST else f"<{type(value).__qualname__}>"
