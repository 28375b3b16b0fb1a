"""Tensors that say they are on a GPU: plain ones of the CPU, whose storages are known.

Two modes stand between Python and torch.  One answers what a tensor says of its device, and moves
it; the other does the operations, and refuses those on tensors of two devices, as torch does.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

if TYPE_CHECKING:
    from collections.abc import Sequence

GPU = torch.device("cuda", 1)
HOST = torch.device("cpu")
WAITING = (torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape)
"""What is told of operations whose result the host must wait for."""
INDEXING = frozenset({torch.ops.aten.index.Tensor, torch.ops.aten.index_put_.default})
"""Operations whose positions may be the host's."""

ANSWERS: dict[object, object] = {
    torch._C.TensorBase.device.__get__: GPU,
    torch._C.TensorBase.is_cuda.__get__: True,  # type: ignore[attr-defined]
}
"""What a tensor on the GPU says of itself."""


class Memory:
    """Which storages are the GPU's."""

    def __init__(self) -> None:
        self._known: dict[int, Any] = {}

    def holds(self, value: object) -> bool:
        """Tell whether a value is a tensor on the GPU."""
        if type(value) not in {Tensor, torch.nn.Parameter} or not isinstance(value, Tensor):
            return False  # torch's own kinds of tensors have no storage to ask for
        known = self._known.get(value.untyped_storage()._cdata)
        return known is not None and not known.expired()

    def place(self, tensor: Tensor, *, on_gpu: bool) -> None:
        """Let a tensor be on the GPU, or the host's."""
        storage = tensor.untyped_storage()
        self._known.pop(storage._cdata, None)
        if on_gpu:
            self._known[storage._cdata] = StorageWeakRef(storage)  # type: ignore[no-untyped-call]

    def take(self, values: object) -> None:
        """Let all tensors among values be on the GPU."""
        for leaf in tree_leaves(values):
            if isinstance(leaf, Tensor):
                self.place(leaf, on_gpu=True)


class Kernels(TorchDispatchMode):
    """Does operations where their tensors are.

    Attributes:
        memory: which tensors are the GPU's.
        waits: how often each operation made the host wait for the GPU.
        limit: bytes that the result of an operation may have.
        moving: whether a tensor is on its way from one device to the other.
        within: whether a larger operation on the GPU is being done, whose room is there too.
    """

    def __init__(self, memory: Memory) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.memory = memory
        self.waits: Counter[str] = Counter()
        self.limit = 1 << 40
        self.moving = False
        self.within = False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Do an operation, all of whose tensors but numbers are on one device."""
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        asked = tensors[:1] if func in INDEXING else tensors
        there = any(self.memory.holds(tensor) for tensor in tensors)
        here = any(tensor.ndim and not self.memory.holds(tensor) for tensor in asked)
        if self.moving or (not there and not (self.within and not tensors)):
            return func(*args, **(kwargs or {}))
        copies = func is torch.ops.aten.copy_.default
        if there and here and not copies:
            raise RuntimeError(
                "Expected all tensors to be on the same device, but found at least two devices,"
                f" cuda:1 and cpu! ({func})"
            )
        if any(tag in func.tags for tag in WAITING) or (copies and here):
            self.waits[str(func)] += 1
        value = func(*args, **(kwargs or {}))
        if not copies:
            self._check_room(value)
            self.memory.take(value)
        return value

    def _check_room(self, value: object) -> None:
        sizes = [leaf.nbytes for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]
        if max(sizes, default=0) > self.limit:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate too much.")


class Placement(TorchFunctionMode):
    """Tells where tensors are, and moves them."""

    def __init__(self, memory: Memory, kernels: Kernels) -> None:
        super().__init__()
        self.memory = memory
        self.kernels = kernels

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Answer what concerns devices; leave all else to the kernels."""
        kwargs = dict(kwargs or {})
        if args and type(args[0]) in {Tensor, torch.nn.Parameter}:
            answer = self._of_tensor(func, args[0], args[1:], kwargs)
            if answer is not NotImplemented:
                return answer
        kwargs.pop("pin_memory", None)
        wanted = _device(kwargs.get("device"))
        if wanted is not None and func is not torch.device and wanted.type in {"cuda", "cpu"}:
            made: Tensor = func(*args, **{**kwargs, "device": HOST})
            self.memory.place(made, on_gpu=wanted.type == "cuda")
            return made
        self.kernels.within = any(map(self.memory.holds, tree_leaves((args, kwargs))))
        try:
            return func(*args, **kwargs)
        finally:
            self.kernels.within = False

    def _of_tensor(self, func: Any, tensor: Tensor, rest: Sequence[Any], named: Any) -> Any:
        """Return what an operation says of the device of a tensor, or does with it."""
        on_gpu = self.memory.holds(tensor)
        if on_gpu and func in ANSWERS:
            return ANSWERS[func]
        if func is Tensor.to:
            return self._to(tensor, rest, named)
        if func in {Tensor.cuda, Tensor.cpu}:
            return self._moved(tensor, on_gpu=func is Tensor.cuda)
        if on_gpu and (func is Tensor.numpy or func is Tensor.__array__):
            raise TypeError("can't convert cuda:1 device type tensor to numpy.")
        if func is Tensor.pin_memory:
            return tensor.clone()
        if func is Tensor.tolist and on_gpu:
            self.kernels.waits["tolist"] += 1
        return NotImplemented

    def _to(self, tensor: Tensor, rest: Sequence[Any], named: dict[str, Any]) -> Tensor:
        """Do what ``Tensor.to`` does with each of its ways to be called."""
        wanted = _device(named.pop("device", None))
        named.pop("non_blocking", None)
        dtypes: list[torch.dtype] = []
        for each in rest:
            if isinstance(each, Tensor):
                wanted = GPU if self.memory.holds(each) else each.device
                dtypes.append(each.dtype)
            elif isinstance(each, torch.dtype):
                dtypes.append(each)
            else:
                wanted = _device(each) or wanted
        to: Any = Tensor.to
        if wanted is not None and wanted.type == "meta":
            nothing: Tensor = to(tensor, wanted, *dtypes)
            return nothing
        if wanted is not None and (wanted.type == "cuda") is not self.memory.holds(tensor):
            tensor = self._moved(tensor, on_gpu=wanted.type == "cuda")
            named.pop("copy", None)
        moved: Tensor = to(tensor, *dtypes, **named) if dtypes or named else tensor
        return moved

    def _moved(self, tensor: Tensor, *, on_gpu: bool) -> Tensor:
        if on_gpu is self.memory.holds(tensor):
            return tensor
        if not on_gpu:
            self.kernels.waits["to the host"] += 1
        self.kernels.moving = True
        try:
            copy = tensor.clone()
        finally:
            self.kernels.moving = False
        self.memory.place(copy, on_gpu=on_gpu)
        return copy


def _device(value: object) -> torch.device | None:
    if isinstance(value, torch.device):
        return value
    kind = value.partition(":")[0] if isinstance(value, str) else ""
    return torch.device(str(value)) if kind in {"cpu", "cuda", "meta"} else None
