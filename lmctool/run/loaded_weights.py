"""The weights of a run's checkpoints, those of a few of them in memory at once."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from lmctool.errors import PluginError
from lmctool.graph.module import adopt
from lmctool.model.tied import once
from lmctool.model.untied import untied
from lmctool.weights.recipe import KnownWeights, recipe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch
    from torch import nn

    from lmctool.checkpoint import Checkpoint
    from lmctool.model.resolve import Model
    from lmctool.weights.arithmetic import Weights

IN_MEMORY = 4
"""How many networks stay in memory; one that is asked for again later is read again."""


class LoadedWeights:
    """Reads the weights of checkpoints by index, as the model takes them."""

    def __init__(
        self,
        checkpoints: Sequence[Checkpoint],
        model: Model | None,
        dtype: torch.dtype,
        device: torch.device,
        ties: Mapping[str, str],
    ) -> None:
        """Keep where the weights are; nothing is read yet.

        ``ties`` has the tensor that the model tied each of these to before it was untied.
        """
        self.checkpoints = checkpoints
        self.model = model
        self.dtype = dtype
        self.device = device
        self.ties = ties
        self._loaded: OrderedDict[int, Weights] = OrderedDict()
        self._versions: dict[str, int] = {}

    def weights(self, index: int) -> Weights:
        """Return the tensors of one checkpoint, tied ones under their first name alone.

        Raises:
            UnjudgedError: a tensor holds NaN or infinity.
            LmctoolError: tensors that the model ties differ.
        """
        if index not in self._loaded:
            while len(self._loaded) >= IN_MEMORY:
                self._loaded.popitem(last=False)
            tensors = self.checkpoints[index].weights(self.dtype, self.device)
            if self.model is not None:
                tensors = once(untied(tensors, self.ties), self.model.module)
                if index == 0:  # the module's first tensors are of no use
                    adopt(self.model.module, tensors)
                    self._versions = _versions(self.model.module)
            self._loaded[index] = KnownWeights(tensors, partial(self._recipe, index))
        self._loaded.move_to_end(index)
        return self._loaded[index]

    def lend(self) -> None:
        """Let the model's module have the first one's tensors, unless it has them already."""
        if not self._versions:
            self.weights(0)

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
