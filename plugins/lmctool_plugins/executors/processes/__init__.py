"""Processes of this machine: processes:4, or one for each GPU: processes:cuda:0,cuda:1."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, cast

from lmctool.api import ExecutorFactory, LmctoolError, hookimpl

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from lmctool_plugins.executors.processes.pool import Processes

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""The environment variable that says which GPUs a process may see, by number or by name."""


def opened(arguments: str) -> Processes:
    """Return the processes that the text behind the colon asks for.

    Of none that is one for each core, of which ``prepare`` keeps one for each GPU.

    Raises:
        LmctoolError: it is neither a number of processes nor a list of GPUs.
    """
    from lmctool_plugins.executors.processes.pool import Processes

    if os.name == "nt":
        raise LmctoolError("executor 'processes' is not to be had on Windows; try dask")
    if not arguments:
        return Processes(_cores(), chosen=False)
    if arguments.isdecimal() and int(arguments):
        return Processes(int(arguments))
    found = [re.fullmatch(r"cuda:(\d+)", word) for word in arguments.split(",")]
    numbers = [int(gpu[1]) for gpu in found if gpu]
    if len(numbers) == len(found):
        return Processes(len(numbers), numbers)
    raise LmctoolError(
        f"executor 'processes' takes a number of processes or a list of GPUs, and {arguments!r} is"
        " neither; try processes:4 or processes:cuda:0,cuda:1"
    )


def _cores() -> int:
    """Return how many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def prepare(executor: Executor, device: str) -> None:
    """Give each process the GPU that is its own, where the run computes on GPUs.

    Args:
        executor: the processes, none of which is started yet.
        device: the word for the device of the run.

    Raises:
        LmctoolError: a GPU that was asked for is not there.
    """
    processes = cast("Processes", executor)
    wanted = processes.gpus
    if wanted is None and device not in ("auto", "cuda"):
        return  # all compute on the CPU, or on the one GPU that was named
    import torch

    gpus = visible_gpus(torch.cuda.device_count())  # which starts none of them
    if wanted is not None:
        for number in wanted:
            if number >= len(gpus):
                raise LmctoolError(
                    f"executor 'processes' is to use 'cuda:{number}', but torch finds {len(gpus)}"
                    " CUDA devices; name those that are there, or try processes:2"
                )
        gpus = [gpus[number] for number in wanted]
    if gpus:
        if not processes.chosen:
            processes.limit(len(gpus))
        processes.set_variable(VISIBLE, gpus)


def visible_gpus(count: int) -> list[str]:
    """Return what each GPU that torch counts is called in ``CUDA_VISIBLE_DEVICES``.

    Args:
        count: how many torch finds, which are the first ones of those that the variable lists.
    """
    said = os.environ.get(VISIBLE)
    if said is None:
        return [str(number) for number in range(count)]
    return [word.strip() for word in said.split(",")][:count]


def _threads(executor: Executor) -> int:
    import torch

    return max(1, torch.get_num_threads() // _workers(executor))


def _workers(executor: Executor) -> int:
    return cast("Processes", executor).count


def _device(executor: Executor) -> str | None:
    return None if cast("Processes", executor).gpus is None else "cuda"  # the one that each sees


@hookimpl
def lmctool_executor() -> ExecutorFactory:
    """Add the executor processes."""
    return ExecutorFactory(
        opened, workers=_workers, threads=_threads, device=_device, prepare=prepare
    )
