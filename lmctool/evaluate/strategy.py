"""How networks are evaluated: the memory format, the batch, and who launches the work.

A CPU is fastest while the largest activation of a batch stays in its cache, and with channels
last.  Both follow from the model and its inputs alone, so that numbers are the same at every run.
On a GPU, and under ``measure``, candidates are timed on the spot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor

from lmctool.errors import LmctoolError, machine_failure
from lmctool.evaluate.cuda_graphs import Replayed
from lmctool.evaluate.functional import Network, functional
from lmctool.evaluate.threads import SideBySide, workers
from lmctool.evaluate.torch_compile import Compiled
from lmctool.evaluate.verified import Proved, agree
from lmctool.graph.module import fresh

if TYPE_CHECKING:
    from lmctool.evaluate.functional import Forward
    from lmctool.evaluate.threads import Workers

Word = Literal["auto", "plain", "channels-last", "graphs", "compile", "measure"]
Launch = Literal["module", "workers", "graphs", "compile"]

CACHE = 1 << 22
"""Bytes that the largest activation of a batch may take on a CPU."""
LEAST, MOST = 16, 2048
"""Examples at once on a CPU, whatever their size."""
SHARED = 1024
"""Examples at once from which on the cores share each product well."""
ON_GPU = 1024
"""Examples at once on a GPU where nothing is timed."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to evaluate networks.

    Attributes:
        forward: the outputs of networks.
        launch: by the ``module`` itself, by ``workers`` that each have a copy of it, by replayed
            CUDA ``graphs``, or ``compile``d.
        layout: the memory format of images.
        size: examples at once.
        stochastic: whether networks answer differently each time; then batches are computed one
            after the other, so that a seed decides what is drawn for each.
    """

    forward: Forward
    launch: Launch
    layout: torch.memory_format
    size: int
    stochastic: bool = False

    def __str__(self) -> str:
        """Return the words for a record."""
        return in_words(self.launch, self.layout)

    @property
    def workers(self) -> Workers | None:
        """The threads that batches are computed in, if they are."""
        return workers() if self.launch == "workers" else None


def in_words(launch: Launch, layout: torch.memory_format) -> str:
    """Return the words for a record, which ``recorded`` reads."""
    return f"{launch}, {'channels last' if layout == torch.channels_last else 'contiguous'}"


def made(network: Network, launch: Launch, layout: torch.memory_format, size: int) -> Strategy:
    """Return a strategy for the networks of a model; what is faster than the module is proved."""
    own = Network(network.module, network.graph, layout)
    threads = workers()
    if launch == "workers" and threads is not None:
        return Strategy(SideBySide(own, threads), launch, layout, size)
    if launch in {"module", "workers"}:
        return Strategy(own, "module", layout, size)
    fast = Replayed(own) if launch == "graphs" else Compiled(own)
    return Strategy(Proved(fast, own), launch, layout, size)


def recorded(text: str) -> tuple[Launch, torch.memory_format] | None:
    """Return the launch and the memory format that the words of a record name, if they do."""
    for launch, layout in product(get_args(Launch), (torch.contiguous_format, torch.channels_last)):
        if text == in_words(launch, layout):
            return launch, layout
    return None


def chosen(word: Word, network: Network, inputs: Tensor) -> Strategy:
    """Return the strategy that a word other than ``measure`` asks for; nothing is timed.

    Args:
        word: ``auto`` and ``compile`` take channels last on a CPU where the model accepts them,
            and ``auto`` computes several batches at once there if they are small.
        network: the model.
        inputs: (example, ...) one or two examples, on the device.

    Raises:
        LmctoolError: graphs are asked for on another device than a GPU, or channels last of a
            model that does not accept them.
    """
    device = inputs.device.type
    if word == "graphs" and device != "cuda":
        raise LmctoolError(f"--strategy graphs needs a CUDA device, but the work is on {device!r}")
    layout = torch.contiguous_format
    if word == "channels-last" or (word in {"auto", "compile"} and device == "cpu"):
        layout = torch.channels_last if accepts_channels_last(network, inputs) else layout
    if word == "channels-last" and layout != torch.channels_last:
        raise LmctoolError(
            "--strategy channels-last was asked for, but the model does not take images in that"
            " memory format; leave it out"
        )
    size = examples_at_once(network, inputs)
    launch: Launch = "module"
    if word in {"graphs", "compile"}:
        launch = word
    elif word == "auto" and device == "cpu" and size < SHARED:
        launch = "workers"
    return made(network, launch, layout, size)


def one_after_the_other(word: Word, network: Network, inputs: Tensor) -> Strategy:
    """Return the strategy for networks that draw random numbers; nothing is timed.

    Args:
        word: what the user asked for.
        network: the model.
        inputs: (example, ...) one or two examples, on the device.

    Raises:
        LmctoolError: a way is asked for that computes batches otherwise.
    """
    if word not in {"auto", "plain"}:
        raise LmctoolError(
            f"--strategy {word} was asked for, but the model answers differently each time, which"
            " --strategy plain alone can repeat; leave it out"
        )
    return replace(chosen("plain", network, inputs), stochastic=True)


def accepts_channels_last(network: Network, inputs: Tensor) -> bool:
    """Tell whether inputs are images, and the model gives the same for them with channels last."""
    if inputs.ndim != 4:
        return False
    try:
        last = _own_outputs(network, inputs.contiguous(memory_format=torch.channels_last))
    except RuntimeError as cause:  # a view of what is no longer contiguous
        if machine_failure(cause):
            raise
        return False
    return agree(last, _own_outputs(network, inputs))


def examples_at_once(network: Network, inputs: Tensor) -> int:
    """Return a batch size: on a CPU, such that the largest activation fits the cache."""
    if inputs.device.type != "cpu":
        return ON_GPU
    fitting = CACHE // max(1, largest_activation(network, inputs))
    return min(max(1 << fitting.bit_length() >> 1, LEAST), MOST)


def largest_activation(network: Network, inputs: Tensor) -> int:
    """Return the bytes of the largest input or output of any part of a model, for one example."""
    module, sizes = fresh(network.module), [inputs[:1].nbytes]

    def note(_: object, __: object, output: object) -> None:
        if isinstance(output, Tensor):
            sizes.append(output.nbytes // len(inputs))

    for part in module.modules():
        part.register_forward_hook(note)
    with torch.no_grad():
        module(inputs)
    return max(sizes)


def _own_outputs(network: Network, inputs: Tensor) -> Tensor:
    with torch.no_grad():
        return functional(fresh(network.module), {}, inputs)
