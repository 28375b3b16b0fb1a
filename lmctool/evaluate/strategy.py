"""How networks are evaluated: the memory format, the batch, and who launches the work.

A CPU is fastest while the largest activation of a batch stays in its cache, and with channels
last.  Both follow from the model and its inputs alone, so that numbers are the same at every run.
On a GPU see ``gpu_rule``; under ``measure`` candidates are timed on the spot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor

from lmctool.errors import LmctoolError, machine_failure
from lmctool.evaluate import gpu_rule
from lmctool.evaluate.batch_size import BatchSize
from lmctool.evaluate.cuda_graphs import Replayed
from lmctool.evaluate.folded import Folded, has_batchnorms
from lmctool.evaluate.metal import OnMetal
from lmctool.evaluate.threads import SideBySide, workers
from lmctool.evaluate.torch_compile import Compiled
from lmctool.evaluate.verified import Proved, agree
from lmctool.graph.module import fresh
from lmctool.model.tied import once

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import nn

    from lmctool.evaluate.arithmetic import Precision
    from lmctool.evaluate.functional import Forward, Network, Outputs
    from lmctool.evaluate.threads import Workers

Word = Literal["auto", "plain", "channels-last", "graphs", "compile", "measure"]
Launch = Literal["module", "workers", "folded", "folded workers", "graphs", "compile", "mps"]
PLAIN: Mapping[str, Launch] = {"folded": "module", "folded workers": "workers"}
"""What takes the place of a launch that is given up, where it isn't ``module``."""
LAYOUTS = {torch.contiguous_format: "contiguous", torch.channels_last: "channels last"}

CACHE = 1 << 22
"""Bytes that the largest activation of a batch may take on a CPU."""
LEAST, MOST = 16, 2048
"""Examples at once on a CPU, whatever their size."""
SHARED = 1024
"""Examples at once from which on the cores share each product well."""
FOLDED = 1e10
"""Multiplications of a network from which on folding is worth following the model, which takes a
second or two."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to evaluate networks.

    Attributes:
        forward: the outputs of networks.
        launch: by the ``module`` itself, by ``workers`` that each have a copy of it, ``folded`` or
            by ``folded workers`` that fuse BatchNorms into the layers before them, by replayed
            CUDA ``graphs``, ``compile``d, or on ``mps``.
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
        """Return the words for a record of what was done; ``recorded`` reads them."""
        proved = self.forward if isinstance(self.forward, Proved) else None
        plain = PLAIN.get(self.launch, "module")
        launch = proved.ran(self.launch, plain) if proved else self.launch
        return in_words(launch, self.layout)

    @property
    def given_up(self) -> str:
        """Why networks are no longer computed by the launch that was chosen; empty if they are."""
        return self.forward.reason if isinstance(self.forward, Proved) else ""

    def free(self) -> None:
        """Free what was made for batches of one size."""
        if isinstance(self.forward, Proved):
            self.forward.forget()

    @property
    def workers(self) -> Workers | None:
        """The threads that batches are computed in, if they are."""
        return workers() if self.launch in {"workers", "folded workers"} else None


def in_words(launch: str, layout: torch.memory_format) -> str:
    """Return the words for a record, which ``recorded`` reads."""
    return f"{launch}, {LAYOUTS[layout]}"


def made(
    network: Network,
    launch: Launch,
    layout: torch.memory_format,
    size: int,
    *,
    required: bool = True,
) -> Strategy:
    """Return a strategy for the networks of a model; what is faster than the module is proved.

    Args:
        network: the model.
        launch: by what its networks are computed.
        layout: the memory format of images.
        size: examples at once.
        required: whether a model that cannot be computed so is an error, or left to the module.
    """
    own = network.with_layout(layout)
    folding = launch.startswith("folded")
    if folding or launch in {"module", "workers"}:
        threads = workers() if launch.endswith("workers") else None
        plain: Forward = SideBySide(own, threads) if threads else own
        if not folding:
            return Strategy(plain, "workers" if threads else "module", layout, size)
        folded = Folded(own)
        fast: Forward = SideBySide(folded, threads) if threads else folded
        launch = "folded workers" if threads else "folded"
        return Strategy(Proved(fast, plain, required=False), launch, layout, size)
    ways: dict[str, type[Replayed | Compiled | OnMetal]] = {
        "graphs": Replayed,
        "compile": Compiled,
        "mps": OnMetal,
    }
    return Strategy(Proved(ways[launch](own), own, required=required), launch, layout, size)


def chosen(
    word: Word,
    network: Network,
    inputs: Tensor,
    precision: Precision = "float32",
    examples: int = 0,
) -> Strategy:
    """Return the strategy that a word other than ``measure`` asks for.

    Args:
        word: what the user asked for.  ``auto`` computes several batches at once on a CPU if they
            are small, folds BatchNorms there where that pays, and replays them on a GPU that would
            wait for their launches.  ``auto`` and ``compile`` take channels last, where the model
            accepts them, on a CPU and for the tensor cores of a GPU.
        network: the model.
        inputs: (example, ...) one or two examples, on the device.
        precision: the precision of matrix products and convolutions.
        examples: how many each network is evaluated on.

    Raises:
        LmctoolError: graphs are asked for on another device than a GPU, or channels last of a
            model that does not accept them.
    """
    gpu = inputs.device.type == "cuda"
    if word == "graphs" and not gpu:
        raise LmctoolError(
            f"--strategy graphs needs a CUDA device, but the work is on {inputs.device.type!r}"
        )
    layout = torch.contiguous_format
    faster = not gpu or precision != "float32"
    if word == "channels-last" or (word in {"auto", "compile"} and faster):
        layout = torch.channels_last if accepts_channels_last(network, inputs) else layout
    if word == "channels-last" and layout != torch.channels_last:
        raise LmctoolError(
            "--strategy channels-last was asked for, but the model does not take images in that"
            " memory format; leave it out"
        )
    size = examples_at_once(network, inputs)
    if word == "auto" and gpu:
        return _on_gpu(network, inputs, layout, size)
    launches: dict[str, Launch] = {"graphs": "graphs", "compile": "compile"}
    if word == "auto":
        launches[word] = _on_cpu(network, inputs, size, precision, examples)
    return made(network, launches.get(word, "module"), layout, size)


def on_metal(word: Word, network: Network, inputs: Tensor, precision: Precision) -> Strategy:
    """Return the strategy for ``--device mps``: networks there, all else on the CPU.

    Args:
        word: what the user asked for.
        network: the model, on the CPU.
        inputs: (example, ...) one or two examples.
        precision: the precision of matrix products and convolutions.

    Raises:
        LmctoolError: a way or a precision is asked for that is one of another device.
    """
    if precision != "float32":
        raise LmctoolError(f"--precision {precision} is none of --device mps; leave it out")
    if word not in {"auto", "plain"}:
        raise LmctoolError(
            f"--strategy {word} is none of --device mps, which has one way to evaluate networks;"
            " leave it out"
        )
    return made(network, "mps", torch.contiguous_format, examples_at_once(network, inputs))


def recorded(text: str) -> tuple[Launch, torch.memory_format] | None:
    """Return how networks are launched and laid out by the words of a record, if it is one.

    Where a faster way was given up in the middle it is tried, and given up, again.
    """
    launches, _, layout = text.partition(", ")
    launch = launches.partition(" then ")[0]
    layouts = {words: each for each, words in LAYOUTS.items()}
    if launch not in get_args(Launch) or layout not in layouts:
        return None
    return launch, layouts[layout]  # type: ignore[return-value]


def _on_cpu(
    network: Network, inputs: Tensor, size: int, precision: Precision, examples: int
) -> Launch:
    """Return what launches networks on a CPU."""
    folding = (
        precision != "bfloat16"  # whose rounding of weights is not that of fused ones
        and inputs.dtype in {torch.float32, torch.float64}
        and has_batchnorms(network.module)
        and examples * multiplications(network, inputs) >= FOLDED
    )
    if size < SHARED:
        return "folded workers" if folding else "workers"
    return "folded" if folding else "module"


def _on_gpu(network: Network, inputs: Tensor, layout: torch.memory_format, size: int) -> Strategy:
    """Return the strategy for a GPU: replayed where it would wait for Python otherwise."""
    batch_size = BatchSize(None, size)
    outputs = network.with_layout(layout)({})
    waits = batch_size.fitting(partial(_waits, outputs, inputs[:1]))
    launch: Launch = "graphs" if waits else "module"
    return made(network, launch, layout, batch_size.size, required=False)


def _waits(outputs: Outputs, example: Tensor, size: int) -> bool:
    inputs = example.expand(size, *example.shape[1:]).contiguous()
    return gpu_rule.waits_for_launches(outputs, inputs)


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
        last = _own_outputs(network.with_layout(torch.channels_last), inputs)
    except RuntimeError as cause:  # a view of what is no longer contiguous
        if machine_failure(cause):
            raise
        return False
    return agree(last, _own_outputs(network.with_layout(torch.contiguous_format), inputs))


def examples_at_once(network: Network, inputs: Tensor) -> int:
    """Return a batch size such that the largest activation fits the cache of the device."""
    activation = largest_activation(network, inputs)
    if inputs.device.type == "cuda":
        return gpu_rule.examples_at_once(activation, gpu_rule.cache_of(inputs.device))
    fitting = CACHE // max(1, activation)
    return min(max(1 << fitting.bit_length() >> 1, LEAST), MOST)


def largest_activation(network: Network, inputs: Tensor) -> int:
    """Return the bytes of the largest input or output of any part of a model, for one example."""
    sizes = [inputs[:1].nbytes]

    def note(_: object, __: object, output: object) -> None:
        if isinstance(output, Tensor):
            sizes.append(output.nbytes // len(inputs))

    _watched(network, inputs, note)
    return max(sizes)


def multiplications(network: Network, inputs: Tensor) -> int:
    """Return how many the layers of a model take for one example, each its weight at each place."""
    counts = [0]

    def note(layer: nn.Module, _: object, output: object) -> None:
        weight = getattr(layer, "weight", None)
        if isinstance(weight, Tensor) and weight.ndim > 1 and isinstance(output, Tensor):
            counts.append(output.numel() // len(inputs) * weight[0].numel())

    _watched(network, inputs, note)
    return sum(counts)


def _watched(
    network: Network, inputs: Tensor, note: Callable[[nn.Module, object, object], None]
) -> None:
    """Compute the outputs of a model once, and tell what each of its parts gives."""
    module = fresh(network.module)
    for part in module.modules():
        part.register_forward_hook(note)
    with torch.no_grad():
        module(inputs)


def _own_outputs(network: Network, inputs: Tensor) -> Tensor:
    with torch.no_grad():
        return network(once(network.module.state_dict(), network.module))(inputs)
