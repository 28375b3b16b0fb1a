"""A pretended GPU, which computes on the CPU and notes whatever makes the host wait for it.

A host that waits after each batch and a GPU that waits for the next one take turns, where they
should work at the same time.  Within ``pretended_gpu`` a tensor that is sent to ``"cuda"``, or made
there, says that it lies there, has the right values, and refuses what a GPU's tensor refuses: to be
mixed with one of the host's, and to be read by numpy.
"""

from __future__ import annotations

import traceback
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

aten = torch.ops.aten
META = torch.device("meta")
ROOT = Path(__file__).parents[1]
COPIES = {aten._to_copy.default, aten.copy_.default}
INDEXING = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default}
MASKS = {torch.bool, torch.uint8}
CHOSEN_BY_VALUE = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
"""What torch calls operations whose result, or its shape, the host must wait for."""
READING = {
    Tensor.tolist, Tensor.item, Tensor.__bool__, Tensor.__int__, Tensor.__float__, Tensor.__index__,
    Tensor.__format__,
}  # fmt: skip
"""Methods that give values to Python."""
TO_NUMPY: set[object] = {Tensor.numpy, Tensor.__array__}
MATHS = 0
"""The attention that is made of other operations, among those that torch chooses from."""


class Gpu:
    """A pretended GPU, and what the host has waited for.

    Attributes:
        device: its name.
        waits: of each wait the operation, and the line of the project that asked for it.
        sent: how many copies from pinned memory began, which arrive when they are waited for.
    """

    def __init__(self, device: torch.device) -> None:
        """Begin with no wait."""
        self.device = device
        self.waits: list[str] = []
        self.sent = 0
        self._on_way: list[tuple[int, Tensor, Tensor]] = []
        self._pinned: list[torch.UntypedStorage] = []

    def wait(self, operation: object) -> None:
        """Note one wait."""
        ours = [
            f"{Path(frame.filename).relative_to(ROOT)}:{frame.lineno}"
            for frame in traceback.extract_stack()
            if Path(frame.filename).is_relative_to(ROOT) and ".venv" not in frame.filename
            if frame.filename != __file__
        ]
        self.waits.append(f"{operation} at {ours[-1] if ours else 'an unknown line'}")

    def arrive(self, last: int) -> None:
        """Let the copies arrive that began by then."""
        for number, goal, source in self._on_way:
            if number <= last:
                goal.copy_(source)
        self._on_way = [copy for copy in self._on_way if copy[0] > last]

    def pin(self, tensor: Tensor) -> Tensor:
        """Return a tensor of the host, from then on said to be in pinned memory."""
        self._pinned.append(tensor.untyped_storage())
        return tensor

    def is_pinned(self, tensor: Tensor) -> bool:
        """Tell whether a tensor of the host is in memory that a GPU can copy from by itself."""
        return tensor.untyped_storage().data_ptr() in {each.data_ptr() for each in self._pinned}

    def run(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Compute one operation, and note whether it would be waited for."""
        if func is aten._fused_sdp_choice.default:
            return MATHS
        self._check(func, args, kwargs)
        if func is aten.copy_.default and isinstance(args[0], OnGpu) and args[2:] == (True,):
            self.sent += 1
            self._on_way.append((self.sent, args[0].host, _host(args[1])))
            return args[0]
        if not func.is_view and "empty" not in str(func):
            self.arrive(self.sent)
        word = kwargs.get("device")
        inside = kwargs if word is None else {**kwargs, "device": torch.device("cpu")}
        found = func(*tree_map(_host, args), **tree_map(_host, inside))
        if func is aten._local_scalar_dense.default:
            return found
        if word is not None and torch.device(word).type == "cpu":
            return self.pin(found) if kwargs.get("non_blocking") else found
        there = tree_map(lambda x: OnGpu(x, self) if isinstance(x, Tensor) else x, found)
        return return_and_correct_aliasing(func, args, kwargs, there)

    def _check(self, func: Any, args: Any, kwargs: Any) -> None:
        """Note an operation that waits; refuse one that takes tensors of both sides."""
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        here = [each for each in tensors if not isinstance(each, OnGpu) and each.ndim]
        if func in COPIES:
            if self._copy_waits(func, args, kwargs):
                self.wait(func)
        elif func in INDEXING:
            if here or any(isinstance(x, Tensor) and x.dtype in MASKS for x in args[1]):
                self.wait(func)
        elif here:
            raise RuntimeError(f"{func}: expected all tensors to be on the same device")
        elif CHOSEN_BY_VALUE & set(func.tags) and kwargs.get("output_size") is None:
            self.wait(func)

    def _copy_waits(self, func: Any, args: Any, kwargs: Any) -> bool:
        if func is aten.copy_.default:
            goal, source, blocking = args[0], args[1], not (len(args) > 2 and args[2])
            arrives = isinstance(goal, OnGpu)
        else:
            goal, source, blocking = None, args[0], not kwargs.get("non_blocking")
            arrives = torch.device(kwargs.get("device") or META) == META
        host = source if arrives else goal
        crosses = isinstance(source, OnGpu) != arrives
        return crosses and (blocking or (host is not None and not self.is_pinned(host)))


class OnGpu(Tensor):
    """A tensor that says it lies on a GPU; its values are in ``host``.

    To torch's own C++ it lies on the meta device, as that knows no GPU where it is built for none.
    """

    host: Tensor
    gpu: Gpu
    is_cuda = True
    is_cpu = is_meta = False
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, host: Tensor, gpu: Gpu) -> OnGpu:
        """Return a tensor of this shape that knows its values."""
        made: OnGpu = Tensor._make_wrapper_subclass(
            cls, host.shape, host.stride(), host.storage_offset(), dtype=host.dtype, device=META
        )
        made.host, made.gpu = host, gpu
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """The GPU that it says it lies on."""
        return self.gpu.device

    def record_stream(self, stream: Any) -> None:
        """Do nothing: all streams are one."""

    def __repr__(self) -> str:  # type: ignore[override]
        """Return its shape, for which nobody waits."""
        return f"OnGpu({tuple(self.shape)}, {self.dtype})"

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Compute one operation."""
        kwargs = kwargs or {}
        gpu = next(x.gpu for x in tree_leaves((args, kwargs)) if isinstance(x, OnGpu))
        return gpu.run(func, args, kwargs)


def _host(value: Any) -> Any:
    return value.host if isinstance(value, OnGpu) else value


class Sent(TorchDispatchMode):
    """Sends to the pretended GPU what goes to the meta device, or is made there."""

    def __init__(self, gpu: Gpu) -> None:
        """Keep the GPU."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.gpu = gpu

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute one operation."""
        kwargs = kwargs or {}
        there = any(isinstance(leaf, OnGpu) for leaf in tree_leaves((args, kwargs)))
        goal = kwargs.get("device")
        if not there and goal is not None and torch.device(goal) == META:
            return self.gpu.run(func, args, kwargs)
        return func(*args, **kwargs)


class Asked(TorchFunctionMode):
    """Does on the pretended GPU what Python asks of one."""

    def __init__(self, gpu: Gpu) -> None:
        """Keep the GPU."""
        super().__init__()
        self.gpu = gpu

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Do what torch would do, were there a GPU."""
        if func is torch.device:
            return func(*args, **(kwargs or {}))
        kwargs = {name: _meta(value) for name, value in (kwargs or {}).items()}
        first = args[0] if args else None
        if isinstance(first, OnGpu):
            if func in READING:
                self.gpu.wait(func.__name__)
                self.gpu.arrive(self.gpu.sent)
                return func(first.host, *args[1:])
            if func in TO_NUMPY:
                raise TypeError("can't convert a GPU's tensor to numpy; use Tensor.cpu() first")
            if func is Tensor.data_ptr:
                return first.host.data_ptr()
        if func is Tensor.is_pinned:
            return self.gpu.is_pinned(args[0])
        if func is Tensor.pin_memory:
            return self.gpu.pin(args[0].clone())
        if func is Tensor.cuda:
            return args[0].to(self.gpu.device, **kwargs)
        if func in {torch.tensor, torch.as_tensor}:
            made, goal = func(*args, **{**kwargs, "device": None}), kwargs.get("device")
            return made if goal is None else made.to(goal)
        pinned = kwargs.pop("pin_memory", False)
        found = func(*map(_meta, args), **kwargs)
        return self.gpu.pin(found) if pinned else found


def _meta(word: Any) -> Any:
    """Return the meta device for the word or the device of a GPU, all else as it is."""
    is_gpu = isinstance(word, str | torch.device) and str(word).startswith("cuda")
    return META if is_gpu else word


@contextmanager
def pretended_gpu(device: str = "cuda:0", memory: int = 1 << 30) -> Iterator[Gpu]:
    """Pretend that there is a GPU, and note what waits for it.

    Args:
        device: its name.
        memory: its bytes, all of them free.
    """
    gpu = Gpu(torch.device(device))
    event = SimpleNamespace(synchronize=lambda: gpu.wait("synchronize"), query=lambda: True)
    stream = SimpleNamespace(
        record_event=lambda *_: SimpleNamespace(synchronize=partial(gpu.arrive, gpu.sent)),
        wait_event=lambda *_: None,
        wait_stream=lambda *_: None,
        synchronize=event.synchronize,
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in ("Stream", "current_stream"):
            patch.setattr(torch.cuda, name, lambda *_, **__: stream)
        for name in ("stream", "device"):
            patch.setattr(torch.cuda, name, lambda *_: nullcontext())
        patch.setattr(torch.cuda, "Event", lambda *_, **__: event)
        patch.setattr(torch.cuda, "synchronize", lambda *_: event.synchronize())
        patch.setattr(torch.cuda, "mem_get_info", lambda *_: (memory, memory))
        whole = SimpleNamespace(total_memory=memory)
        patch.setattr(torch.cuda, "get_device_properties", lambda *_: whole)
        with Asked(gpu), Sent(gpu):
            yield gpu
