"""Parts of a model that stay in training mode though the model was put into evaluation mode."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterator


class Leftovers:
    """Watches the parts of a module that are in training mode, where that makes a difference.

    Attributes:
        ran: what to call each such part that was computed, and whether it draws random numbers.
    """

    def __init__(self, module: nn.Module) -> None:
        """Watch a module that is in evaluation mode, until the end of its life."""
        self.ran: dict[str, bool] = {}
        registered = {id(part) for part in module.modules()}
        for path, part in parts(module):
            if part.training and _differs(part):
                name = f"{type(part).__name__} {path!r}"
                if id(part) not in registered:
                    name += ", which no attribute registers (hold it in an nn.ModuleList),"
                self._watch(part, name)

    @property
    def blame(self) -> str:
        """What was computed in training mode, as the rest of a sentence; empty if nothing was."""
        name = next(iter(self.ran), "")
        return f": {name} is in training mode, which eval() does not reach or end" if name else ""

    def _watch(self, part: nn.Module, name: str) -> None:
        def note(*_: object) -> None:
            self.ran[name] = not isinstance(part, nn.modules.batchnorm._BatchNorm)

        part.register_forward_pre_hook(note)


def parts(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Give every module within a module by its path, those too that lie in lists and dicts."""
    seen: set[int] = set()
    queue: deque[tuple[str, Any]] = deque([("", module)])
    while queue:
        path, value = queue.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, nn.Module):
            yield path, value
            registered = {"_modules": value._modules}
            others = {k: v for k, v in vars(value).items() if k not in registered}
            inside = [(f"{path}.{k}", v) for k, v in {**value._modules, **others}.items()]
        elif isinstance(value, list | tuple | set | frozenset):
            inside = [(f"{path}[{place}]", each) for place, each in enumerate(value)]
        elif isinstance(value, dict):
            inside = [(f"{path}[{key!r}]", each) for key, each in value.items()]
        else:
            continue
        queue.extend((place.removeprefix("."), each) for place, each in inside)


def _differs(part: nn.Module) -> bool:
    """Tell whether a module computes something else in training mode."""
    if isinstance(part, nn.modules.dropout._DropoutNd):
        return part.p > 0
    return isinstance(part, nn.modules.batchnorm._BatchNorm | nn.RReLU)
