"""The networks of a run: the weights of each checkpoint, a few of them in memory at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from lmctool.errors import PluginError
from lmctool.graph.module import adopt
from lmctool.model.tied import once

if TYPE_CHECKING:
    import torch
    from torch import nn

    from lmctool.checkpoint import Checkpoint
    from lmctool.model.resolve import Model

Weights = Mapping[str, Tensor]

KEPT = 4
"""How many networks stay in memory; one that is asked for again later is read again."""


class Networks:
    """Reads the weights of checkpoints by index, as the model takes them."""

    def __init__(
        self,
        checkpoints: Sequence[Checkpoint],
        model: Model | None,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        """Keep where the weights are; nothing is read yet."""
        self.checkpoints = checkpoints
        self.model = model
        self.dtype = dtype
        self.device = device
        self._held: OrderedDict[int, Weights] = OrderedDict()
        self._versions: dict[str, int] = {}

    def weights(self, index: int) -> Weights:
        """Return the tensors of one checkpoint, tied ones under their first name alone.

        Raises:
            UnjudgedError: a tensor holds NaN or infinity.
            LmctoolError: tensors that the model ties differ.
        """
        if index not in self._held:
            while len(self._held) >= KEPT:
                self._held.popitem(last=False)
            held = self.checkpoints[index].weights(self.dtype, self.device)
            if self.model is not None:
                held = once(held, self.model.module)
                if index == 0:  # the module's first tensors are of no use
                    adopt(self.model.module, held)
                    self._versions = _versions(self.model.module)
            self._held[index] = held
        self._held.move_to_end(index)
        return self._held[index]

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
                    " checkpoint's; work on copy.deepcopy(run.module) instead"
                )


def _versions(module: nn.Module) -> dict[str, int]:
    """Return how often each tensor was written into."""
    return {name: tensor._version for name, tensor in module.state_dict(keep_vars=True).items()}
