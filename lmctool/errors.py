"""What can go wrong, and the exit code that says so."""

from __future__ import annotations

import difflib
import errno
import re
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HOST_MEMORY = re.compile(
    r"(\[enforce fail at alloc_cpu[^]]*\] .*)?"
    r"DefaultCPUAllocator: (can't allocate|not enough) memory"
    r"|std::bad_alloc$"
)
"""How the message of a RuntimeError begins where the computer's own memory ran out."""
GPU_MEMORY = re.compile(
    r"(CUDA|HIP) (driver )?error: out of memory"
    r"|Triton Error \[CUDA\]: out of memory"
    r"|\w+ error: CU[A-Z]+_\w*ALLOC\w*_FAILED"  # of cuDNN, cuBLAS and the other libraries
    r"|(\w+ was )?unable to find an engine to execute this computation",
    re.IGNORECASE,
)
"""How it begins where a GPU's ran out.  The last one is what remains of it where no workspace of a
convolution fits, as torch tries one algorithm after the other.  It is said where none is made for
the GPU as well; but a convolution is tried before a GPU is chosen.  oneDNN's "could not create a
primitive" has many causes, and is none of these."""
GPU_FAILURE = re.compile(
    r"(CUDA|HIP) (driver )?error: |CUDA driver |CUDA unknown error|Triton Error \[CUDA\]: "
    r"|cuDNN (Frontend )?error: |cu(BLAS|FFT|RAND|SOLVER|SPARSE)\w* error: "
    r"|CUDA call failed lazily at initialization"
    r"|The NVIDIA driver on your system|Found no NVIDIA driver|No CUDA GPUs are available"
    r"|Unexpected error from cudaGetDeviceCount",
    re.IGNORECASE,
)
"""How the message of an error begins that a GPU, its driver or its libraries report."""
CAPTURE = "captur"
"""In the messages of those that mean code which no CUDA graph can be made of."""


class ExitCode(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    """Done, and every gate passes."""
    BUG = 1
    """An unexpected error: a bug, shown with its traceback."""
    USAGE = 2
    """Usage, configuration or unreadable input."""
    GATE = 3
    """A gate failed."""
    UNJUDGED = 4
    """The question could not be judged: nothing measured, NaN, both ends at chance."""
    INTERRUPTED = 130
    """Stopped by the user, with Ctrl-C."""
    TERMINATED = 143
    """Stopped by SIGTERM, as a batch system does before it takes a machine away."""


class LmctoolError(Exception):
    """Something the user can put right; printed as one sentence, without a traceback."""

    exit_code = ExitCode.USAGE


class PluginError(LmctoolError):
    """A plugin that cannot be found, imported or used."""


class NoStateDictError(LmctoolError):
    """A file of PyTorch without any state dict, such as an optimizer's."""


class UntrustedError(LmctoolError):
    """Code that is named where it may not be."""


class UnjudgedError(LmctoolError):
    """A measurement that would mean nothing."""

    exit_code = ExitCode.UNJUDGED


class GateError(LmctoolError):
    """A gate that Python code asked for, and that failed."""

    exit_code = ExitCode.GATE


@contextmanager
def about(what: str) -> Iterator[None]:
    """Let the sentence of an error begin with what it is about; empty leaves it as it is."""
    try:
        yield
    except LmctoolError as error:
        if not what:
            raise
        raise type(error)(f"{what}: {error}") from error


def out_of_memory(error: BaseException) -> bool:
    """Tell whether memory ran out, the computer's own or a GPU's, or did before another error.

    What closes a context may fail because of it, and its error takes the place of the first one.
    """
    return any(_lacks_memory(each) for each in _chain(error))


def machine_failure(error: BaseException) -> str:
    """Return in one sentence what the machine failed at and what to do; empty for other errors.

    The code of a model or of a plugin is not to blame for such an error, though it is raised there.
    """
    if out_of_memory(error):
        others = "another --device" if _host_lacks_memory(error) else "--device cpu"
        return (
            "memory ran out where no batch halves by itself; try smaller ones (--batch-size,"
            f" --calib-batch, an aligner's --batch), fewer examples by --limit, {others}, or a"
            " smaller model"
        )
    for each in _chain(error):
        if _is_a_gpus(each):
            return f"the GPU failed ({first_line(each)}); try --device cpu"
    return ""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or the name of its type if it has none."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give an error and those that it took the place of, but for what lmctool said of them."""
    seen: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and not isinstance(following, LmctoolError):
        if any(following is each for each in seen):  # they may refer to one another
            return
        seen.append(following)
        yield following
        hidden = None if following.__suppress_context__ else following.__context__
        following = following.__cause__ or hidden


def _lacks_memory(error: BaseException) -> bool:
    if _of_torch(error, "OutOfMemoryError") or isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(
        words.match(str(error)) for words in (HOST_MEMORY, GPU_MEMORY)
    )


def _host_lacks_memory(error: BaseException) -> bool:
    first = next(each for each in _chain(error) if _lacks_memory(each))
    return not _of_torch(first, "OutOfMemoryError") and not GPU_MEMORY.match(str(first))


def _is_a_gpus(error: BaseException) -> bool:
    told = _of_torch(error, "AcceleratorError", "DeferredCudaCallError") or (
        isinstance(error, RuntimeError) and GPU_FAILURE.match(str(error))
    )
    return bool(told) and CAPTURE not in first_line(error)


def _of_torch(error: BaseException, *names: str) -> bool:
    """Tell whether an error is of one of these types of torch, which need not be imported."""
    return any(
        kind.__name__ in names and kind.__module__.partition(".")[0] == "torch"
        for kind in type(error).__mro__
    )


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return the question whether the nearest known word was meant; empty if none is near.

    >>> did_you_mean("barier", ["align", "barrier"]), did_you_mean("x", ["align"])
    ("did you mean 'barrier'? ", '')
    """
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}? " if close else ""
