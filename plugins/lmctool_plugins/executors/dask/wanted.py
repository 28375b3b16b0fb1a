"""Which workers the text behind ``dask:`` asks for."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from lmctool.api import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEMS = ("slurm", "sge", "pbs", "lsf", "htcondor", "moab", "oar")
"""The batch systems that dask-jobqueue submits to."""
INTEGERS = {"jobs", "gpus", "cores", "processes", "job_cpu", "ncpus", "mem"}
NUMBERS = {"death_timeout"}
SWITCHES = {"nanny", "use_stdin"}
SEVERAL = {
    "job_extra_directives",
    "worker_extra_args",
    "job_script_prologue",
    "job_directives_skip",
    "submit_command_extra",
    "cancel_command_extra",
}
"""Keywords that take a list: each may be given several times."""
WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
EXAMPLES = (
    "dask, dask:4, dask:tcp://host:8786, dask:scheduler.json or"
    " dask:slurm?cores=4&memory=16GB&jobs=8"
)


@dataclass(frozen=True, slots=True)
class Local:
    """Workers of this machine.

    Attributes:
        count: how many.
    """

    count: int


@dataclass(frozen=True, slots=True)
class Running:
    """The workers of a scheduler that runs already.

    Attributes:
        address: where it listens.
    """

    address: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs of a batch system.

    Attributes:
        system: one of ``SYSTEMS``.
        jobs: how many.
        gpu: whether each has a GPU.
        keywords: what dask-jobqueue is told of each job.
    """

    system: str
    jobs: int = 1
    gpu: bool = False
    keywords: Mapping[str, Any] = field(default_factory=dict)


Wanted = Local | Running | Batch


def wanted(arguments: str) -> Wanted:
    """Return what the text behind the colon asks for; an empty one for a worker on each core.

    >>> wanted("4"), wanted("slurm?cores=4&jobs=2")
    (Local(count=4), Batch(system='slurm', jobs=2, gpu=False, keywords={'cores': 4}))

    Raises:
        LmctoolError: it is none of the forms that there are, or a scheduler file cannot be read.
    """
    if not arguments:
        return Local(os.cpu_count() or 1)
    if re.fullmatch(r"\d{1,9}", arguments) and int(arguments):
        return Local(int(arguments))
    if re.fullmatch(r"\w+://\S+", arguments):
        return Running(arguments)
    if arguments.endswith(".json"):
        return Running(_address(Path(arguments)))
    system, _, query = arguments.partition("?")
    if system in SYSTEMS:
        return _batch(system, query)
    raise LmctoolError(
        f"executor 'dask' takes a number of workers, the address or the file of a scheduler, or a"
        f" batch system ({', '.join(SYSTEMS)}), and {arguments!r} is none of them; try {EXAMPLES}"
    )


def _address(path: Path) -> str:
    """Return the address in the file that ``dask scheduler --scheduler-file`` writes."""
    try:
        address = json.loads(path.read_text(encoding="utf-8"))["address"]
    except OSError as cause:
        raise LmctoolError(
            f"scheduler file '{path}' cannot be read: {cause.strerror}; it is what"
            " 'dask scheduler --scheduler-file' writes"
        ) from cause
    except (ValueError, KeyError, TypeError) as cause:
        raise LmctoolError(f"scheduler file '{path}' has no address of a scheduler") from cause
    if not isinstance(address, str):
        raise LmctoolError(f"scheduler file '{path}' has no address of a scheduler")
    return address


def _batch(system: str, query: str) -> Batch:
    keywords: dict[str, Any] = {}
    for name, text in parse_qsl(query.replace("+", "%2B"), keep_blank_values=True):
        value = _typed(system, name, text)
        if name in SEVERAL:
            keywords.setdefault(name, []).append(value)
        elif name in keywords:
            raise LmctoolError(f"executor 'dask:{system}' is given {name!r} more than once")
        else:
            keywords[name] = value
    if system == "htcondor" and "job_extra_directives" in keywords:  # a submit file's, by name
        pairs = (text.partition("=") for text in keywords["job_extra_directives"])
        keywords["job_extra_directives"] = {name.strip(): text.strip() for name, _, text in pairs}
    jobs, gpus = keywords.pop("jobs", 1), keywords.pop("gpus", 0)
    if jobs < 1:
        raise LmctoolError(f"executor 'dask:{system}' needs one job or more, not jobs={jobs}")
    if gpus > 1:
        raise LmctoolError(
            f"executor 'dask:{system}' gives each job one GPU, which its worker computes on, not"
            f" {gpus}; ask for gpus=1 and jobs={jobs * gpus}"
        )
    return Batch(system, jobs, bool(gpus), keywords)


def _typed(system: str, name: str, text: str) -> Any:
    """Return the value of a keyword as dask-jobqueue takes it.

    Raises:
        LmctoolError: it is no number where one belongs.
    """
    kind = "a whole number"
    if name in INTEGERS and text.isdecimal():
        return int(text)
    if name in NUMBERS:
        kind = "a number of seconds"
        if re.fullmatch(r"\d+(\.\d+)?", text):
            return float(text)
    if name in SWITCHES:
        kind = "true or false"
        if text.lower() in WORDS:
            return WORDS[text.lower()]
    if name in INTEGERS | NUMBERS | SWITCHES:
        raise LmctoolError(
            f"executor 'dask:{system}' takes {kind} for {name!r}, and {text!r} is none"
        )
    return text
