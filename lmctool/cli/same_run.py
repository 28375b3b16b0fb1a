"""Whether what a worker opened is the run that it works for, on a machine that rounds alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.run.identity import NOTHING, Identity, without_machine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.cli.job import Job
    from lmctool.run.run import Run
    from lmctool.spread.records import WorkerJob

OTHER_BITS = (
    "the first network's losses on the first examples are others there, though code, data, versions"
    " and settings are the same; perhaps a file that the model reads, the processor or a library of"
    " that machine is another"
)
MIXED = "; --mixed lets workers take part whose machine rounds differently"


def other_run(job: WorkerJob, asked: Job, run: Run) -> str:
    """Return in words why a worker's run is another than that of its job; empty if it is not.

    Args:
        job: has what the numbers of the run depend on.
        asked: the job as the worker parsed it.
        run: the run as the worker opened it.
    """
    parts = Identity(run, asked.recorded_options).parts(calibrated=False)
    return first_difference(without_machine(job.identity), without_machine(parts), run)


def other_machine(job: WorkerJob, asked: Job, run: Run) -> str:
    """Return in words why a worker's machine may compute other bits; empty if it computes the same.

    What it computes of the first examples is compared too.
    """
    parts = Identity(run, asked.recorded_options).parts(calibrated=False)
    differs = first_difference(job.identity, parts, run)
    return differs or ("" if tuple(job.probe) == run.probe else OTHER_BITS)


def first_difference(here: Mapping[str, str], there: Mapping[str, str], run: Run) -> str:
    """Return the first part in which a worker's identity differs from that of the run.

    Args:
        here: the parts of the run's.
        there: the parts of the worker's.
        run: the worker's run.
    """
    names = [name for name in {**there, **here} if here.get(name) != there.get(name)]
    if not names:
        return ""
    name = names[0]
    kind, _, subject = name.partition(".")
    if kind == "code":
        return f"the source of {subject} is another there"
    if name == "model.graph":
        return "the model's code makes another network there"
    if kind == "checkpoint" and name.endswith(".digest"):
        path = run.checkpoints[int(subject.removesuffix(".digest"))].path
        return f"checkpoint '{path}' has another content there"
    if kind == "split" and name.endswith(".digest"):
        return f"split {subject.removesuffix('.digest')!r} of the data has another content there"
    is_there, is_here = (parts.get(name, NOTHING) for parts in (there, here))
    return f"{name} is {is_there} there, and {is_here} in the run"
