"""Schedulers and workers of Dask: those that are started here, and those that run already."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmctool.api import LmctoolError
from lmctool_plugins.executors.dask import piece
from lmctool_plugins.executors.dask.jobs import job_keywords, told
from lmctool_plugins.executors.dask.libraries import SILENT, library
from lmctool_plugins.executors.dask.lost_jobs import Refill
from lmctool_plugins.executors.dask.wanted import Local, Running
from lmctool_plugins.executors.dask.workers import Workers, present

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lmctool_plugins.executors.dask.wanted import Batch, Wanted

CONNECT = 10
"""Seconds for which a scheduler is tried."""
JOIN = 60
"""Seconds for which the first worker of a scheduler is waited for."""
END = 10
"""Seconds for the end of what was started here; what is left then ends with this process."""
NOWHERE = "127.0.0.1:0"
"""Where a scheduler shows its pages, of which there are none: its port is no other's."""
HIDDEN = ".lmctool-dask-"
"""How a folder in the current one is called, which jobs must see anyway: for certificates."""
FILES = ("tls_ca_file", "tls_worker_cert", "tls_worker_key")
"""What a worker elsewhere must have to be let in."""
LEAN = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.profile.enabled": False,
    "distributed.diagnostics.nvml": False,
    "distributed.admin.system-monitor.gil.enabled": False,
}
"""What is of no use to workers that get some text and return some."""


def opened(wanted: Wanted) -> Workers:
    """Return the workers that are asked for.

    Raises:
        LmctoolError: they are not to be had.
    """
    if isinstance(wanted, Local):
        return _local(wanted)
    if isinstance(wanted, Running):
        return _running(wanted)
    return _batch(wanted)


def _local(wanted: Local) -> Workers:
    """Start workers on this machine, which end with this process, whatever becomes of it."""
    import torch

    distributed = library("distributed", "dask")
    _quieten_tracker()
    with _closing_after_failure() as closing:
        with kept_lean(closing.folder()):
            cluster = distributed.LocalCluster(
                n_workers=wanted.count,
                threads_per_worker=1,
                memory_limit=0,
                preload=[piece.__name__],
                dashboard_address=NOWHERE,
                scheduler_kwargs={"dashboard": False},
                silence_logs=SILENT,
                **_encrypted(),
            )
        closing.append(lambda: end(cluster))
        client = distributed.Client(cluster, timeout=CONNECT, set_as_default=False)
        threads = max(1, torch.get_num_threads() // wanted.count)
        return Workers(client, closing.all, threads, planned=wanted.count)


def _quieten_tracker() -> None:
    """Let what tidies up after processes that were killed do so without a word, if it is new."""
    if os.name != "posix":
        return
    from multiprocessing import resource_tracker

    name = "PYTHONWARNINGS"
    before = os.environ.get(name)
    os.environ[name] = ",".join(filter(None, (before, "ignore:resource_tracker:UserWarning")))
    try:
        resource_tracker.ensure_running()
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before


def _running(wanted: Running) -> Workers:
    """Go to the workers of a scheduler that runs already, and leave them there in the end."""
    distributed = library("distributed", "dask")
    address = wanted.address
    try:
        asyncio.run(_answers(address))
        client = distributed.Client(address, timeout=CONNECT, set_as_default=False)
    except Exception as cause:  # of every kind: a name unknown, a port closed, no certificate
        raise LmctoolError(
            f"no Dask scheduler answers at '{address}' ({told(cause)}); start one with"
            " 'dask scheduler', and workers with 'dask worker'"
        ) from cause
    with _closing_after_failure() as closing:
        closing.append(lambda: client.close(timeout=2))
        workers = _first_workers(client, address)
        threads = min(int(worker["nthreads"]) for worker in workers.values())
        return Workers(client, closing.all, max(1, threads))


async def _answers(address: str) -> None:
    """Connect to a scheduler once; a client that cannot would leave its attempts behind.

    Raises:
        Exception: it does not answer, or not in the way that Dask's configuration says.
    """
    from distributed.comm import connect
    from distributed.security import Security

    arguments = Security().get_connection_args("client")
    comm = await connect(address, timeout=CONNECT, **arguments)
    await comm.close()


def _first_workers(client: Any, address: str) -> dict[str, Any]:
    """Wait for workers of a scheduler.

    Raises:
        LmctoolError: none joins.
    """
    end = time.monotonic() + JOIN
    while not (workers := present(client)):
        if time.monotonic() > end:
            raise LmctoolError(
                f"the Dask scheduler at '{address}' has no worker after {JOIN} seconds; start some:"
                f" dask worker {address}"
            )
        time.sleep(0.5)
    return workers


def _batch(wanted: Batch) -> Workers:
    """Submit a job for each worker; they are waited for as long as they are in the queue."""
    system = f"dask:{wanted.system}"
    jobqueue = library("dask_jobqueue", system)
    distributed = library("distributed", system)
    kind, keywords, threads = job_keywords(jobqueue, wanted)
    if shutil.which(kind.job_cls.submit_command.split()[0]) is None:
        raise LmctoolError(
            f"executor '{system}' submits jobs by {kind.job_cls.submit_command.split()[0]!r}, which"
            " this machine does not have; run it where jobs are submitted"
        )
    with _closing_after_failure() as closing:
        pages = {"dashboard": False, "dashboard_address": NOWHERE}
        keywords = {
            "scheduler_options": pages | keywords.pop("scheduler_options"),
            **_encrypted(closing.folder),
            **keywords,
        }
        try:
            with kept_lean(closing.folder()):
                cluster = kind(silence_logs=SILENT, **keywords)
            closing.append(lambda: end(cluster))
            cluster.sync(_submitted, cluster, wanted.jobs)
        except Exception as cause:
            raise LmctoolError(
                f"executor '{system}' cannot submit its jobs: {told(cause)}"
            ) from cause
        client = distributed.Client(cluster, timeout=CONNECT, set_as_default=False)
        processes = max(1, int(keywords["processes"]))
        return Workers(
            client,
            closing.all,
            threads,
            planned=wanted.jobs * processes,
            device="cuda" if wanted.gpu else None,
            refill=Refill(cluster, wanted.system, wanted.jobs),
        )


async def _submitted(cluster: Any, jobs: int) -> None:
    """Submit jobs.

    Raises:
        RuntimeError: the command for it fails; ``scale`` alone would only log that.
    """
    from distributed.core import Status

    cluster.scale(jobs=jobs)
    try:
        await cluster._correct_state()
    except BaseException:
        for job in cluster.workers.values():
            if job.job_id is None:
                job.status = Status.failed  # else the cluster cannot be closed
        raise


@contextmanager
def kept_lean(folder: str) -> Iterator[None]:
    """Let what is started within do nothing that is of no use here, and write into a folder."""
    library("distributed", "dask")  # adds its part of the configuration, which must stay
    with library("dask", "dask").config.set({**LEAN, "temporary-directory": folder}):
        yield


def _encrypted(folder: Callable[[Path], str] | None = None) -> dict[str, Any]:
    """Return the keywords of a cluster by which only this run and its workers talk to it.

    Its certificates are those that Dask's configuration names, or are made for this run: on a
    machine with other users, whoever reaches an open scheduler can run code as its owner.

    Args:
        folder: makes a folder within another one, where workers read the certificates of this
            run; they are in memory for workers that this process starts by itself.
    """
    from distributed.security import Security

    configured = Security()
    if configured.tls_ca_file:  # workers elsewhere read the same configuration
        return {"protocol": "tls://", **({} if folder else {"security": configured})}
    security = Security.temporary()
    if folder is not None:
        place = Path(folder(Path.cwd()))
        for name in FILES:
            file = place / f"{name}.pem"
            file.touch(mode=0o600)
            file.write_text(getattr(security, name), encoding="ascii")
            setattr(security, name, str(file))
    return {"protocol": "tls://", "security": security}


def end(cluster: Any) -> None:
    """End a cluster, and what its workers are at."""
    with suppress(Exception):  # what is left ends with its parent, or its scheduler
        cluster.sync(_kill, cluster, callback_timeout=END)
    with suppress(Exception):
        cluster.close(timeout=END)


async def _kill(cluster: Any) -> None:
    """End the processes of this machine that cluster has; they would finish what they are at."""
    killed = (each.kill(timeout=0.2) for each in cluster.workers.values() if hasattr(each, "kill"))
    await asyncio.gather(*killed, return_exceptions=True)


class _Closing(list["Callable[[], None]"]):
    """What is to be done in the end, the last first."""

    def folder(self, within: Path | None = None) -> str:
        """Make a folder that is removed in the end; in another one, or with temporary files."""
        made = tempfile.mkdtemp(prefix="lmctool-dask-" if within is None else HIDDEN, dir=within)
        self.append(lambda: shutil.rmtree(made, ignore_errors=True))
        return made

    def all(self) -> None:
        """Do it."""
        while self:
            with suppress(Exception):
                self.pop()()


@contextmanager
def _closing_after_failure() -> Iterator[_Closing]:
    closing = _Closing()
    try:
        yield closing
    except BaseException:
        closing.all()
        raise
