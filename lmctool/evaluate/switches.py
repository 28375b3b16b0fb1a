"""The switches of torch that decide numbers, which hold for the whole process."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from sys import float_info
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WORD = "fp32_precision"
"""What torch calls the precision of float32 products: ``ieee``, ``tf32``, ``bf16`` or ``none``."""
GPU_WORDS = ("backends.cuda.matmul", "backends.cudnn.conv", "backends.cudnn.rnn")
CPU_WORDS = ("backends.mkldnn.matmul", "backends.mkldnn.conv", "backends.mkldnn.rnn")
"""Where torch keeps a word for each kind of product of a GPU, and of a CPU."""
PARENTS = ("backends", "backends.cudnn")
"""Where the others inherit from that have no word of their own (``none``), from the root down."""


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch of torch.

    Attributes:
        name: how code spells it.
        read: returns how it stands.
        write: sets it.
        device: the type of the devices whose numbers it decides; empty for all.
    """

    name: str
    read: Callable[[], object]
    write: Callable[[Any], object]
    device: str = ""

    def decides(self, device: torch.device) -> bool:
        """Tell whether numbers of a device depend on it."""
        return self.device in {"", device.type}


def _attribute(name: str, device: str) -> Switch:
    """Return the switch that is an attribute of torch."""
    place, _, attribute = name.rpartition(".")

    def write(value: object) -> None:
        setattr(attrgetter(place)(torch), attribute, value)

    return Switch(f"torch.{name}", lambda: attrgetter(name)(torch), write, device)


def _flushes() -> bool:
    """Tell whether this thread takes numbers too small for full precision for 0."""
    return float_info.min / 2 == 0


_SDP: Any = torch.backends.cuda
DETERMINISTIC = _attribute("backends.cudnn.deterministic", "cuda")
BENCHMARK = _attribute("backends.cudnn.benchmark", "cuda")
ALGORITHMS = Switch(
    "torch.set_deterministic_debug_mode",
    torch.get_deterministic_debug_mode,
    torch.set_deterministic_debug_mode,
)
FILLING = _attribute("utils.deterministic.fill_uninitialized_memory", "cuda")
WORDS = (
    *(_attribute(f"{place}.{WORD}", "cuda") for place in GPU_WORDS),
    *(_attribute(f"{place}.{WORD}", "cpu") for place in CPU_WORDS),
)
OTHERS = (
    *(DETERMINISTIC, BENCHMARK, ALGORITHMS, FILLING),
    _attribute("backends.cudnn.enabled", "cuda"),
    _attribute("backends.cuda.matmul.allow_fp16_reduced_precision_reduction", "cuda"),
    _attribute("backends.cuda.matmul.allow_bf16_reduced_precision_reduction", "cuda"),
    _attribute("backends.mkldnn.enabled", "cpu"),
    Switch("torch.backends.cuda.enable_flash_sdp", _SDP.flash_sdp_enabled, _SDP.enable_flash_sdp),
    Switch("torch.backends.cuda.enable_math_sdp", _SDP.math_sdp_enabled, _SDP.enable_math_sdp),
    Switch(
        "torch.backends.cuda.enable_mem_efficient_sdp",
        _SDP.mem_efficient_sdp_enabled,
        _SDP.enable_mem_efficient_sdp,
        "cuda",
    ),
    Switch(
        "torch.backends.cuda.enable_cudnn_sdp",
        _SDP.cudnn_sdp_enabled,
        _SDP.enable_cudnn_sdp,
        "cuda",
    ),
    Switch("torch.set_default_dtype", torch.get_default_dtype, torch.set_default_dtype),
    Switch("torch.set_flush_denormal", _flushes, torch.set_flush_denormal, "cpu"),
)
SWITCHES = (*WORDS, *OTHERS)
THREADS = Switch("torch.set_num_threads", torch.get_num_threads, torch.set_num_threads, "cpu")
"""Lmctool itself lets torch use fewer of them at times."""


@contextmanager
def kept() -> Iterator[None]:
    """Put back behind it, without a word, whatever code inside makes of the switches."""
    words, old = _own_words(), _old_switches()
    others = [(switch, switch.read()) for switch in (*OTHERS, THREADS)]
    try:
        yield
    finally:
        for switch, value in others:
            if switch.read() != value:
                switch.write(value)
        _put_back(words, old)


def set_words(gpu: str) -> None:
    """Set the precision of float32 products: in full on a CPU, and as asked for on a GPU.

    Args:
        gpu: the word of a GPU, ``ieee`` or ``tf32``.
    """
    _set_old_switches("high" if gpu == "tf32" else "highest", gpu == "tf32")
    for place in (PARENTS[1], *GPU_WORDS, *CPU_WORDS):
        word = "ieee" if place in CPU_WORDS else gpu
        if _read(place) != word:
            _write(place, word)


def _read(place: str) -> str:
    word: str = getattr(attrgetter(place)(torch), WORD)
    return word


def _write(place: str, word: str) -> None:
    setattr(attrgetter(place)(torch), WORD, word)


def _own_words() -> dict[str, str]:
    """Return the word of each place, ``none`` where it inherits one.

    Some versions of torch begin with a word for cuDNN that cannot be written: it reads ``tf32``,
    and gives way to what it may inherit.
    """
    words = {place: _read(place) for place in (*GPU_WORDS, *CPU_WORDS)}
    parents = {}
    for place in PARENTS:
        parents[place] = _read(place)
        _write(place, "none")
    own = {place: word if _read(place) == word else "none" for place, word in words.items()}
    for place, word in parents.items():
        _write(place, word)
    return parents | own


def _put_back(words: dict[str, str], old: tuple[str, bool]) -> None:
    """Let every place have its own word again, and the old switches as they were."""
    _set_old_switches(*old)
    for place in PARENTS:
        _write(place, "none")
    for place in (*GPU_WORDS, *CPU_WORDS):
        if _read(place) != words[place]:
            _write(place, words[place])
    for place in PARENTS:
        _write(place, words[place])


def _set_old_switches(products: str, cudnn: bool) -> None:
    """Set the switches that torch had before its words, which changes some of these.

    They must agree with the words: torch's own matrix products on a GPU, torch.export and
    torch.compile read them, and raise an error where they don't.
    """
    torch.set_float32_matmul_precision(products)
    torch.backends.cudnn.allow_tf32 = cudnn


def _old_switches() -> tuple[str, bool]:
    """Return how the old switches stand, whatever the words are."""
    words = _own_words()
    for place in (*GPU_WORDS, *CPU_WORDS):
        _write(place, "ieee")
    products = torch.get_float32_matmul_precision()  # these words contradict no state of it
    try:
        cudnn = torch.backends.cudnn.allow_tf32
    except RuntimeError:  # they contradict it
        cudnn = True
    _put_back(words, (products, cudnn))
    return products, cudnn
