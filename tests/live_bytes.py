"""A count of the bytes that tensors hold, and of the most they held at one time."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from lmctool.graph.dispatch_mode import DispatchMode


class LiveBytes(DispatchMode):
    """Counts the storages that operations make, until they are freed.

    What an operation needs within itself isn't seen, nor are tensors that were there before.

    Attributes:
        now: bytes that are held.
        most: the most that were held at one time.
    """

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.most = 0
        self._held: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Do an operation, and count what it made."""
        given = {_address(each) for each in tree_leaves((args, kwargs)) if _is_tensor(each)}
        result = func(*args, **(kwargs or {}))
        for made in filter(_is_tensor, tree_leaves(result)):
            if _address(made) not in given | self._held:
                self._count(made.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        address, size = storage.data_ptr(), storage.nbytes()
        self._held.add(address)
        self.now += size
        self.most = max(self.most, self.now)

        def freed() -> None:
            self._held.discard(address)
            self.now -= size

        weakref.finalize(storage, freed)


def _is_tensor(value: object) -> bool:
    return isinstance(value, torch.Tensor)


def _address(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
