"""The midpoint after REPAIR, as a function of the permutation of B."""

from __future__ import annotations

from collections import deque
from contextlib import nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from torch import Tensor

    from lmctool.api import Run, Weights
    from lmctool.api.advanced import AxisForm, Target
    from lmctool_plugins.aligners.midpoint.permuted import Move

EPSILON = 1e-5
"""Added to a batch's variance at a target that feeds no BatchNorm."""


class RepairedMidpoint:
    """Scores the midpoint of A and a permuted B, each REPAIR target renormalised batch by batch.

    The targets are those of ``--repair``, layers and blocks, and so are their goals: the means
    and the standard deviations of the ends, averaged (Jordan et al. 2023, equations 3 and 4).
    B's mean and standard deviation of a unit move with the unit.  At a target that feeds a
    BatchNorm the goal cancels out: there the BatchNorm takes the batch's statistics.
    """

    def __init__(self, run: Run, a: Weights, b: Weights) -> None:
        """Take the ends' statistics at the targets, on the calibration examples."""
        from lmctool_plugins.aligners.midpoint.permuted import Permuting

        self.run, self.a, self.b = run, a, b
        self.permuting = Permuting(run.permutation_spec)
        self.targets = run.resources.targets("both")
        free = [target for target in self.targets if target.batchnorm is None]
        self.forms = {target.tap: (channels(run, target),) for target in free}
        self.goals_a = goals(run, a, free)
        self.goals_b = goals(run, b, free)

    def score(
        self, moves: Mapping[str, Move], inputs: Tensor, targets: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the mean loss, in nats, and the mean error over a batch.

        Args:
            moves: that of each group; gradients of the loss flow to their scores.
            inputs: (2 or more examples, ...) as the model sees them.
            targets: (example, ...) what the task takes.
        """
        task = self.run.task
        if task is None:
            raise ValueError("a run without data has no task to score a midpoint by")
        weights = self._weights(self.permuting.apply(moves, self.b))
        edits = {target.tap: self._edit(target, moves) for target in self.targets}
        with summed_in_order(inputs):
            outputs = self.run.graph.run(weights, inputs, edits)
        split = self.run.calibration.split
        task = task.on(split.targets)
        split.check_targets(task.check, outputs)
        losses, errors = task.score(outputs, targets)
        if task.weight is None:
            return losses.mean(), errors.mean()
        counts = task.weight(targets).to(losses.dtype)
        return (losses @ counts) / counts.sum(), (errors @ counts) / counts.sum()

    def _weights(self, b: Weights) -> dict[str, Tensor]:
        """Return the midpoint; a BatchNorm behind a target leaves its renormalised input as is."""
        import torch

        from lmctool.api import lerp

        weights = lerp(self.a, b, 0.5)
        for name in self.run.graph.buffers & weights.keys():
            weights[name] = weights[name].detach()  # statistics take no gradient
        for norm in filter(None, (target.batchnorm for target in self.targets)):
            # the BatchNorm adds its epsilon to the variance, and so divides by 1
            weights[norm.mean] = torch.zeros_like(weights[norm.mean])
            weights[norm.variance] = torch.full_like(weights[norm.variance], 1 - norm.epsilon)
        return weights

    def _edit(self, target: Target, moves: Mapping[str, Move]) -> Callable[[Tensor], Tensor]:
        if target.batchnorm:  # it would take away any mean and deviation given to its input
            return renormalising(target.axis, None, None, target.batchnorm.epsilon)
        mean, std = (
            (mine + self.permuting.permuted(moves, theirs, self.forms[target.tap])) / 2
            for mine, theirs in zip(self.goals_a[target.tap], self.goals_b[target.tap], strict=True)
        )
        return renormalising(target.axis, mean, std, EPSILON)


def summed_in_order(inputs: Tensor) -> AbstractContextManager[object]:
    """Return the context of a forward pass whose gradients come out the same each time.

    On a GPU those of fused attention are summed in any order.
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel

    return sdpa_kernel(SDPBackend.MATH) if inputs.device.type == "cuda" else nullcontext()


def renormalising(
    axis: int, mean: Tensor | None, std: Tensor | None, epsilon: float
) -> Callable[[Tensor], Tensor]:
    """Return the edit that gives a value's channels a mean and a standard deviation by batch.

    Args:
        axis: the axis of the channels.
        mean: (channel,) the mean to give; None for 0.
        std: (channel,) the standard deviation to give; None for 1.
        epsilon: added to the batch's variance, as a BatchNorm does.
    """
    import torch

    def edit(value: Tensor) -> Tensor:
        channels = value.movedim(axis, 1)
        moved = torch.nn.functional.batch_norm(
            channels, None, None, weight=std, bias=mean, training=True, eps=epsilon
        )
        return moved.movedim(1, axis).contiguous()  # views of the graph rely on it

    return edit


def goals(run: Run, weights: Weights, places: list[Target]) -> dict[str, tuple[Tensor, Tensor]]:
    """Return the (channel,) mean and standard deviation of a network at each target."""
    if not places:
        return {}
    moments = run.calibration.moments(weights, {target.tap: target.axis for target in places})
    return {tap: (m.mean.to(run.dtype), m.std.to(run.dtype)) for tap, m in moments.items()}


def channels(run: Run, target: Target) -> AxisForm | None:
    """Return which groups lie on a target's channels: those of the layer that writes them.

    A block's channels are those of the nearest layer before it that has as many.
    """
    layers = {layer.tap: layer.weight for layer in run.resources.targets("layers")}
    tensors = run.permutation_spec.tensors
    pending = deque(node for node in run.graph.nodes if node.name == target.tap)
    size = pending[0].meta["val"].shape[target.axis]
    seen = set(pending)
    while pending:
        node = pending.popleft()  # breadth first, so that the nearest layer is met first
        weight = layers.get(node.name)
        if weight is not None and run.weights(0)[weight].shape[0] == size:
            return tensors[weight][0] if weight in tensors else None
        new = [operand for operand in node.all_input_nodes if operand not in seen]
        seen.update(new)
        pending.extend(new)
    return None
