"""The mean loss of some examples as a function of some parameters of a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from lmctool.api import Run, Split, Task, Weights

    Batch = tuple[Tensor, Tensor]
    Graph = tuple[list[Tensor], list[Tensor]]


@dataclass(frozen=True, eq=False)
class MeanLoss:
    """A loss with its gradients and the products of its Hessian with vectors.

    Vectors are (size,): the parameters one after the other, in the run's dtype, on its device.
    The Hessian is the diagonal block of these parameters: all others stand still.

    Attributes:
        run: the run.
        task: what loss and error mean, on these examples.
        batches: the examples, and how much each batch counts: of sum 1.
        weights: the network.
        names: its parameters that move.
    """

    run: Run
    task: Task
    batches: Sequence[tuple[Batch, float]]
    weights: Weights
    names: Sequence[str]
    _kept: list[Graph] = field(default_factory=list)

    @property
    def point(self) -> Tensor:
        """The parameters."""
        import torch

        return torch.cat([self.weights[name].detach().reshape(-1) for name in self.names])

    def scores(self, offset: Tensor | None = None) -> tuple[float, float]:
        """Return mean loss and error, at the parameters or at an offset from them."""
        import torch

        loss, error = 0.0, 0.0
        leaves = self._leaves(offset)
        with torch.no_grad():
            for (inputs, targets), share in self.batches:
                outputs = self.run.outputs(self._network(leaves), inputs)
                losses, errors = self.task.score(outputs, targets)
                loss += share * float(self._mean(losses, targets))
                error += share * float(self._mean(errors, targets))
        return loss, error

    def gradient(self, offset: Tensor | None = None) -> Tensor:
        """Return the gradient, at the parameters or at an offset from them."""
        import torch

        leaves, total = self._leaves(offset), torch.zeros_like(self.point)
        for batch, share in self.batches:
            loss = self._loss(leaves, batch, share)
            total += _joined(torch.autograd.grad(loss, leaves, allow_unused=True), leaves)
        return total

    def product(self, vector: Tensor) -> Tensor:
        """Return the Hessian times a vector, by a second differentiation batch by batch."""
        import torch

        total, once = torch.zeros_like(vector), len(self.batches) == 1
        for batch, share in self.batches:
            gradients, leaves = self._graph(batch, share)
            parts = _divided(vector, leaves)
            slope = torch.stack([(g * v).sum() for g, v in zip(gradients, parts, strict=True)])
            if slope.requires_grad:  # else the loss is straight, and its Hessian 0
                products = torch.autograd.grad(
                    slope.sum(), leaves, retain_graph=once, allow_unused=True
                )
                total += _joined(products, leaves)
        return total

    def _graph(self, batch: Batch, share: float) -> Graph:
        """Return gradients that can be differentiated, and by what; of one batch they are kept."""
        import torch

        if self._kept:
            return self._kept[0]
        leaves = self._leaves(None)
        loss = self._loss(leaves, batch, share)
        gradients = torch.autograd.grad(loss, leaves, create_graph=True, allow_unused=True)
        graph = (_whole(gradients, leaves), leaves)
        if len(self.batches) == 1:
            self._kept.append(graph)
        return graph

    def _loss(self, leaves: Sequence[Tensor], batch: Batch, share: float) -> Tensor:
        """Return what a batch adds to the mean loss, () float64."""
        inputs, targets = batch
        outputs = self.run.outputs(self._network(leaves), inputs)
        losses, _ = self.task.score(outputs, targets)
        return share * self._mean(losses, targets)

    def _mean(self, values: Tensor, targets: Tensor) -> Tensor:
        """Return the mean of values of the examples of a batch, each by what it counts."""
        if self.task.weight is None:
            return values.double().mean()
        counts = self.task.weight(targets).double()
        return (values.double() * counts).sum() / counts.sum()

    def _leaves(self, offset: Tensor | None) -> list[Tensor]:
        """Return the parameters, or those at an offset, for gradients to flow to."""
        own = [self.weights[name].detach() for name in self.names]
        if offset is not None:
            own = [o + d for o, d in zip(own, _divided(offset, own), strict=True)]
        return [each.clone().requires_grad_() for each in own]

    def _network(self, leaves: Sequence[Tensor]) -> dict[str, Tensor]:
        return {**self.weights, **dict(zip(self.names, leaves, strict=True))}


def batches_of(
    run: Run, split: Split, size: int, batch: int
) -> tuple[Task, list[tuple[Batch, float]]]:
    """Return examples of a split in batches that are the same on any machine, and their task.

    Args:
        run: the run.
        split: the split.
        size: the most examples; fewer than there are, they are drawn by the run's seed.
        batch: the most examples of a batch.

    Returns:
        What loss and error mean on these examples, and each batch with what it counts, of sum 1.
        A batch in which nothing counts is left out.
    """
    import torch

    order = torch.randperm(len(split), generator=run.generator("curvature examples"))
    chosen = order[:size].sort().values
    count = -(-len(chosen) // batch)
    batches = [split.at(own, run.dtype) for own in torch.tensor_split(chosen, count)]
    targets = torch.cat([own for _, own in batches])
    assert run.task is not None
    task = run.task.on(targets)
    counts = np.array(
        [
            float(len(own) if task.weight is None else task.weight(own).double().sum())
            for _, own in batches
        ]
    )
    shares = counts / counts.sum()
    return task, [
        (own, float(share)) for own, share in zip(batches, shares, strict=True) if share > 0
    ]


def _divided(vector: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """Return the parts of a vector that belong to tensors, each in its shape."""
    import torch

    parts = torch.split(vector, [tensor.numel() for tensor in like])
    return [part.view(tensor.shape) for part, tensor in zip(parts, like, strict=True)]


def _whole(gradients: Sequence[Tensor | None], leaves: Sequence[Tensor]) -> list[Tensor]:
    """Return gradients with zeros for those of what plays no part."""
    import torch

    return [
        torch.zeros_like(leaf) if gradient is None else gradient
        for gradient, leaf in zip(gradients, leaves, strict=True)
    ]


def _joined(gradients: Sequence[Tensor | None], leaves: Sequence[Tensor]) -> Tensor:
    """Return gradients as a vector."""
    import torch

    return torch.cat([each.detach().reshape(-1) for each in _whole(gradients, leaves)])
