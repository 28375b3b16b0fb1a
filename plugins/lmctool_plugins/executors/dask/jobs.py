"""What dask-jobqueue is told of the jobs that a batch system is to run."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from lmctool.api import LmctoolError
from lmctool.api.advanced import did_you_mean

if TYPE_CHECKING:
    from lmctool_plugins.executors.dask.wanted import Batch

CLUSTERS = {
    "slurm": "SLURMCluster",
    "sge": "SGECluster",
    "pbs": "PBSCluster",
    "lsf": "LSFCluster",
    "htcondor": "HTCondorCluster",
    "moab": "MoabCluster",
    "oar": "OARCluster",
}
OWN = {"self", "scheduler", "name", "security", "protocol", "base_class_kwargs"}
"""Arguments of a job that are settled here, or by its cluster."""
DEPRECATED = {"extra", "job_extra", "env_extra", "header_skip"}
GPU: dict[str, Any] = {
    "slurm": ["--gres=gpu:1"],
    "lsf": ['-gpu "num=1"'],
    "htcondor": {"request_gpus": "1"},
}
"""How a job asks for a GPU, where all sites ask alike."""
UNLOGGED = {
    "slurm": ["-o /dev/null", "-e /dev/null"],
    "sge": ["-o /dev/null", "-e /dev/null"],
    "pbs": ["-o /dev/null", "-e /dev/null"],
    "lsf": ["-o /dev/null", "-e /dev/null"],
}
"""What keeps a job from leaving a file of what it says, where no ``log_directory`` is named."""
WORKER = ["--no-dashboard", "--memory-limit", "0"]
"""Of each worker: the batch system limits its memory, and one that Dask pauses computes nothing."""
PATIENCE = 50
"""Seconds for which a worker looks for its scheduler before it ends."""


def job_keywords(jobqueue: Any, wanted: Batch) -> tuple[Any, dict[str, Any], int]:
    """Return the class of cluster, its keywords, and how many threads each worker has.

    Args:
        jobqueue: the library ``dask_jobqueue``.
        wanted: what is asked for.

    Raises:
        LmctoolError: there is no such keyword, or one that is needed is missing.
    """
    import dask.config

    system = f"dask:{wanted.system}"
    kind = getattr(jobqueue, CLUSTERS[wanted.system])
    known = sorted(_arguments(kind.job_cls))
    for name in wanted.keywords:
        if name not in known:
            raise LmctoolError(
                f"executor '{system}' takes no {name!r}; {did_you_mean(name, known)}there are:"
                f" jobs, gpus, {', '.join(known)}"
            )

    def configured(name: str, default: Any = None) -> Any:
        value = dask.config.get(f"jobqueue.{wanted.system}.{name.replace('_', '-')}", None)
        return wanted.keywords.get(name, default if value is None else value)

    if not (configured("cores") and configured("memory")):
        raise LmctoolError(
            f"executor '{system}' needs the cores and the memory of a job, as in"
            f" {system}?cores=4&memory=16GB&jobs=8"
        )
    cores, processes = int(configured("cores")), int(configured("processes", 1))
    if not 1 <= processes <= cores:
        raise LmctoolError(
            f"executor '{system}' divides the cores of a job over its processes, and {cores} cores"
            f" cannot be divided over {processes}"
        )
    keywords = {
        "death_timeout": PATIENCE,
        **wanted.keywords,
        "processes": processes,
        "worker_extra_args": [*WORKER, *configured("worker_extra_args", [])],
        "job_extra_directives": _directives(wanted, configured),
        "scheduler_options": configured("scheduler_options", {}),
    }
    return kind, keywords, cores // processes


def _arguments(job: Any) -> set[str]:
    """Return the keywords that the class of a job takes, with those of its base."""
    names = {
        name
        for each in inspect.getmro(job)
        if "__init__" in vars(each)
        for name in inspect.signature(vars(each)["__init__"]).parameters
    }
    return names - OWN - DEPRECATED - {"args", "kwargs"}


def _directives(wanted: Batch, configured: Any) -> Any:
    """Return what is asked of the batch system beside cores, memory and time."""
    given = configured("job_extra_directives", [])
    gpu = GPU.get(wanted.system, []) if wanted.gpu else []
    if wanted.gpu and not gpu:
        raise LmctoolError(
            f"executor 'dask:{wanted.system}' cannot tell how this site asks for a GPU; say it by"
            " job_extra_directives, or in Dask's configuration, and name --device cuda"
        )
    if isinstance(gpu, dict) or wanted.system == "htcondor":
        return {**dict(gpu), **dict(given)}
    logged = configured("log_directory")
    return [*([] if logged else UNLOGGED.get(wanted.system, [])), *gpu, *given]


def told(cause: BaseException) -> str:
    """Return what a library or a command says of its failure, in one line."""
    following: BaseException | None = cause
    while following is not None:  # the first cause that has a message
        cause = following if str(following).strip() else cause
        following = following.__cause__
    text = str(cause).strip()
    said = re.search(r"stderr:\n(.+)", text, re.DOTALL)
    lines = (said[1] if said else text).strip().splitlines()
    if said:
        return "; ".join(line.strip() for line in lines if line.strip())
    return lines[0] if lines else type(cause).__name__
