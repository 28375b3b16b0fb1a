"""Workers of Dask: dask:4 here, dask:tcp://HOST:PORT, or jobs of a batch system: dask:slurm?jobs=8.

``dask`` and ``dask:COUNT`` start workers on this machine, ``dask:tcp://HOST:PORT``,
``dask:tls://HOST:PORT`` and ``dask:FILE.json`` go to those of a scheduler that runs already, and
``dask:slurm?cores=4&memory=16GB&jobs=8`` submits a job for each; sge, pbs, lsf, htcondor, moab and
oar likewise, with any keyword that dask-jobqueue's cluster of that name takes.  Needs the extra
``dask``.

A worker computes one item at a time, with all threads that it has.  What is started here is
encrypted with certificates of its own; elsewhere Dask's configuration says whether it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lmctool.api import ExecutorFactory, hookimpl

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from lmctool_plugins.executors.dask.workers import Workers


def open_workers(arguments: str) -> Executor:
    """Return the workers that the text behind the colon asks for.

    Raises:
        LmctoolError: it asks for none, or they are not to be had.
    """
    from lmctool_plugins.executors.dask.clusters import opened
    from lmctool_plugins.executors.dask.wanted import wanted

    return opened(wanted(arguments))


def _count(executor: Executor) -> int:
    return cast("Workers", executor).count


def _threads(executor: Executor) -> int | None:
    return cast("Workers", executor).threads


def _device(executor: Executor) -> str | None:
    return cast("Workers", executor).device


@hookimpl
def lmctool_executor() -> ExecutorFactory:
    """Add the executor dask."""
    return ExecutorFactory(open_workers, _count, _threads, _device)
