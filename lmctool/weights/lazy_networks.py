"""Networks that are formed when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from lmctool.weights.arithmetic import Weights


class LazyNetworks(Sequence["Weights"]):
    """Networks ``form(item)`` of items, each formed when it is asked for and not kept.

    An evaluation never has more than one of them in memory, and does not form those that were
    measured before the run was interrupted.
    """

    def __init__(self, form: Callable[[Any], Weights], items: Iterable[Any]) -> None:
        """Take what forms a network, and what each is formed of."""
        self.form, self.items = form, tuple(items)

    def __len__(self) -> int:
        """Return the number of networks."""
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> Weights: ...

    @overload
    def __getitem__(self, index: slice) -> LazyNetworks: ...

    def __getitem__(self, index: int | slice) -> Weights | LazyNetworks:
        """Form one network, or return some of them unformed."""
        if isinstance(index, slice):
            return LazyNetworks(self.form, self.items[index])
        return self.form(self.items[index])
