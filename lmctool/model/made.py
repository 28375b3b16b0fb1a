"""A model that the user's own code makes: once for the run, and again for another initial state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch

from lmctool.errors import LmctoolError
from lmctool.model.build import described, seeded
from lmctool.model.fit import only_reading
from lmctool.model.plain import plain
from lmctool.model.shapes import shapes_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from lmctool.checkpoint import Checkpoint
    from lmctool.plugin.records import Argument


class Maker(Protocol):
    """Code that makes a model."""

    @property
    def spec(self) -> str:
        """How it is called."""

    def call(self, arguments: Mapping[str, Any]) -> Any:
        """Return what it makes.

        Raises:
            LmctoolError: it fails.
        """


class MadeModel:
    """Calls a factory, and checks what it returns later by what it returned first."""

    def __init__(
        self, checkpoint: Checkpoint, factory: Maker, arguments: Mapping[str, Argument]
    ) -> None:
        """Take a checkpoint that it is to fit, the code, and what that is called with."""
        self._checkpoint = checkpoint
        self._factory = factory
        self._arguments = arguments
        self._first: nn.Module | None = None

    def __call__(self, seed: int) -> nn.Module:
        """Return the model in the initial state of a seed.

        Raises:
            LmctoolError: the code fails, the model does not fit the checkpoint, or a later one is
                another network than the first, is the first itself, or draws its state otherwise.
        """
        module = self._made(seed)
        if self._first is None:
            only_reading(self._checkpoint, module, described(self._factory.spec, self._arguments))
            self._first = module
            return module
        again = self._made(seed)
        self._compare(module, again)
        return module

    def _made(self, seed: int) -> nn.Module:
        with seeded(seed):
            return plain(self._factory.call(self._arguments), f"{self._factory.spec!r} returned")

    def _compare(self, module: nn.Module, again: nn.Module) -> None:
        """Compare two more models of one seed with the first and with each other."""
        assert self._first is not None
        known, found = shapes_of(self._first), shapes_of(module)
        if known != found or known != shapes_of(again):
            raise self._refusal("makes another network each time that it is called")
        if {*map(id, _owners(self._first))} & {*map(id, (*_owners(module), *_owners(again)))}:
            raise self._refusal(
                "returns the same network each time, and so no initial state; build a new one"
            )
        states = module.state_dict(), again.state_dict()
        if not all(torch.equal(states[0][name], states[1][name]) for name in known):
            raise self._refusal(
                "draws other initial weights each time for one seed; draw them by torch alone"
            )

    def _refusal(self, what: str) -> LmctoolError:
        return LmctoolError(f"{self._factory.spec!r} {what}")


def _owners(module: nn.Module) -> list[nn.Module]:
    """Return the parts of a module that have tensors themselves."""
    return [
        part
        for part in module.modules()
        if any(True for _ in part.parameters(recurse=False))
        or any(True for _ in part.buffers(recurse=False))
    ]
