"""The weights of a run's checkpoints, those of a few of them in memory at once."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from lmctool.errors import PluginError
from lmctool.graph.module import adopt, empty, shell
from lmctool.model.tied import once
from lmctool.model.untied import untied
from lmctool.results.journal import NO_JOURNAL
from lmctool.weights.recipe import KnownWeights, recipe
from lmctool.weights.streamed import StreamedWeights, passing
from lmctool.weights.transfer import Transfer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor, nn

    from lmctool.checkpoint import Checkpoint
    from lmctool.model.resolve import Model
    from lmctool.weights.arithmetic import Weights

IN_MEMORY = 4
"""How many networks stay in memory; one that is asked for again later is read again."""
LARGE = 1 << 28
"""Bytes of a network from which on two stay in memory, and no copy that is not needed is made; on
a CPU none is in memory before somebody needs all of it."""
SOUND = "sound checkpoint"
"""The kind of the entries that say that a checkpoint's tensors are numbers, and ties are kept."""


class LoadedWeights:
    """Reads the weights of checkpoints by index, as the model takes them."""

    def __init__(
        self,
        checkpoints: Sequence[Checkpoint],
        model: Model | None,
        dtype: torch.dtype,
        device: torch.device,
        ties: Mapping[str, str],
        *,
        passes: bool = False,
    ) -> None:
        """Keep where the weights are; nothing is read yet.

        With ``passes`` nobody may need a whole network in memory.  Then the module of a large first
        one loses the values that it was made with, until somebody does.

        ``ties`` has the tensor that the model tied each of these to before it was untied.
        ``journal``, which may be set, knows which checkpoints were looked at before.
        """
        self.checkpoints = checkpoints
        self.model = model
        self.dtype = dtype
        self.device = device
        self.ties = ties
        self.journal = NO_JOURNAL
        self._loaded: OrderedDict[int, Weights] = OrderedDict()
        self._versions: dict[str, int] = {}
        self._sound: set[int] = set()
        self._transfer = Transfer(device)
        self._empty = False
        if model is not None and passes and device.type == "cpu" and self._is_large(0):
            empty(model.module, dtype, device)
            self._empty = True

    def weights(self, index: int) -> Weights:
        """Return the tensors of one checkpoint, tied ones under their first name alone.

        All of them are looked at, once in a run.  The first one's are in memory as soon as the
        model's module has them; others are as long as somebody needs them.

        Raises:
            UnjudgedError: a tensor holds NaN or infinity.
            LmctoolError: tensors that the model ties differ.
        """
        if index not in self._loaded:
            while len(self._loaded) >= (2 if self._is_large(index) else IN_MEMORY):
                self._loaded.popitem(last=False)
            if index == 0 and self.model is not None and not self._empty:
                self._loaded[index] = self._read(index)
                self._adopt(self._loaded[index])
            else:
                self._loaded[index] = self._later(index)
        self._loaded.move_to_end(index)
        return self._loaded[index]

    def _adopt(self, weights: Weights) -> None:
        """Let the module have these tensors; its own are of no use."""
        assert self.model is not None
        adopt(self.model.module, weights)
        self._versions = _versions(self.model.module)
        self._empty = False

    @property
    def shell(self) -> nn.Module | None:
        """The module with nothing in its parameters, to be followed; None once it has values."""
        if self.model is None or not self._empty:
            return None
        weights, module = self.weights(0), self.model.module
        stored = (n for n, _ in module.named_buffers() if n in weights)
        return shell(module, {name: passing(weights, name) for name in stored})

    def _read(self, index: int) -> KnownWeights:
        tensors = self.checkpoints[index].weights(self.dtype, self.device)
        return KnownWeights(self._as_the_model_takes(tensors), partial(self._recipe, index))

    def _as_the_model_takes(self, tensors: Weights) -> Weights:
        return (
            tensors if self.model is None else once(untied(tensors, self.ties), self.model.module)
        )

    def _later(self, index: int) -> Weights:
        """Return weights that are read when they are needed, and checked if nobody did so."""
        checkpoint = self.checkpoints[index]
        names = {name: torch.zeros(()) for name in checkpoint.names}
        stored = {id(place): name for name, place in names.items()}
        own = {n: stored[id(place)] for n, place in self._as_the_model_takes(names).items()}

        def read_one(name: str) -> Tensor:
            return self._transfer.tensor(checkpoint.weight(own[name], self.dtype))

        weights = StreamedWeights(
            {name: checkpoint.shapes[place] for name, place in own.items()},
            partial(self._read, index),
            read_one,
            partial(self._recipe, index),
            large=self._is_large(index),
        )
        # what a journal knows depends on the graph of a user's model, and that on the first network
        journal = self.journal if index else NO_JOURNAL
        with journal.entries(SOUND, str(self.dtype)) as entries:
            entry = entries.entry(partial(self._recipe, index))
            if index not in self._sound and entry.arrays is None:
                ties = len(set(own.values())) < len(checkpoint.names)  # to be compared
                self._check(index, weights, ties=ties)
                entry.keep(lambda: {SOUND: np.array(True)})
        self._sound.add(index)
        return weights

    def _check(self, index: int, weights: StreamedWeights, *, ties: bool) -> None:
        """Look at all tensors, of a large network at one at a time.

        Raises:
            UnjudgedError: a tensor holds NaN or infinity.
            LmctoolError: tensors that the model ties differ.
        """
        checkpoint = self.checkpoints[index]
        if ties or not weights.large:
            _ = weights.made
            return
        for name in checkpoint.by_place:
            checkpoint.weight(name, self.dtype)

    def _is_large(self, index: int) -> bool:
        return self.checkpoints[index].parameter_count * self.dtype.itemsize >= LARGE

    def lend(self) -> None:
        """Let the model's module have the first one's tensors, unless it has them already."""
        if not self._versions:
            weights = self.weights(0)
            if isinstance(weights, StreamedWeights):
                self._adopt(weights.made)

    def _recipe(self, index: int) -> str:
        return recipe("checkpoint", self.checkpoints[index].digest, str(self.dtype))

    def check(self) -> None:
        """Check that nobody wrote into the model's module, which has the first one's tensors.

        Raises:
            PluginError: somebody did.
        """
        if self.model is None or not self._versions:
            return
        for name, version in _versions(self.model.module).items():
            if version != self._versions[name]:
                raise PluginError(
                    f"tensor {name!r} of the run's module was written into, and with it the first"
                    " checkpoint's; work on copy.deepcopy(run.resources.module) instead"
                )


def _versions(module: nn.Module) -> dict[str, int]:
    """Return how often each tensor was written into."""
    return {name: tensor._version for name, tensor in module.state_dict(keep_vars=True).items()}
