"""The loss of a network on a batch as a function of its weights, for whoever learns."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from torch._C._functorch import is_functorch_wrapped_tensor
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch.nn.attention import SDPBackend, sdpa_kernel

from lmctool.errors import LmctoolError
from lmctool.evaluate.engine import mean
from lmctool.graph.running_statistics import DifferentiableStatistics
from lmctool.graph.settings import plain_attention

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from torch import Tensor

    from lmctool.evaluate.functional import Network
    from lmctool.plugin.records import Task


def outputs_of_batch(
    network: Network,
    weights: Mapping[str, Tensor],
    inputs: Tensor,
    *,
    batch_statistics: bool = False,
) -> Tensor:
    """Return the scored output for a batch, (example, ...), from which gradients flow back.

    Args:
        network: the model.
        weights: the network.
        inputs: (example, ...) as the model sees them.
        batch_statistics: whether BatchNorms normalise by the batch.
    """
    with differentiable(batch_statistics=batch_statistics):
        return network.differentiable(weights, inputs)


def loss_of_outputs(task: Task, outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean loss over the examples of a batch, () float64, by their weight if they have.

    Args:
        task: what loss means; of one that depends on its split the batch is taken for a whole one,
            and its targets are not checked.
        outputs: (example, ...) from which gradients of the loss flow back.
        targets: (example, ...) what the task takes.

    Raises:
        LmctoolError: the targets are none of such outputs, or no example has any weight.
    """
    if task.check is not None and task.of_split is None:
        task.check(outputs, targets)
    losses, _ = task.on(targets).score(outputs, targets)
    share = None if task.weight is None else task.weight(targets).double()
    if share is not None and not share.sum() > 0:
        raise LmctoolError("the batch has no target that counts, so nothing to learn from")
    return mean(losses.double(), share)


def outside_transforms() -> AbstractContextManager[object]:
    """Return a context outside of what torch.func transforms: for what is found once for all."""
    return temporarily_clear_interpreter_stack()


def is_transformed(tensor: Tensor) -> bool:
    """Tell whether torch.func maps over a tensor or differentiates by it: its values are hidden."""
    return is_functorch_wrapped_tensor(tensor)


@contextmanager
def differentiable(*, batch_statistics: bool) -> Iterator[None]:
    """Compute networks in operations that have gradients of all weights, the same each time.

    Fused attention has no second ones, on a GPU sums the first in any order, and under torch.func
    goes through examples one by one.
    """
    statistics = DifferentiableStatistics(of_batch=batch_statistics)
    with plain_attention(), sdpa_kernel(SDPBackend.MATH), statistics:
        yield
