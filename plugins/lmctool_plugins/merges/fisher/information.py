"""The diagonal of the Fisher information of a network, on the calibration examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lmctool.api import LmctoolError
from lmctool.api.advanced import class_logits
from lmctool_plugins.merges.fisher.kernel import drawn_labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from torch import Tensor

    from lmctool.api import Array, Run, Weights

    Batch = tuple[Tensor, Tensor]

LabelsFrom = Literal["model", "data"]
BATCH = 100
"""Examples whose gradients are taken at once, at most."""
NUMBERS = 1 << 26
"""Values of gradients at once, at most, unless one example has more: 256 MiB in float32."""
SIGNED = 10
"""Examples that share one gradient where the model can't be mapped over examples."""


@dataclass(frozen=True, slots=True)
class Diagonal:
    """The mean square of the gradient of an example's log-likelihood, by parameter.

    Attributes:
        values: float64 on the run's device, each of the shape of its parameter.
        exact: whether every example's gradient was squared; else the squares of a few examples are
            estimated together.
    """

    values: dict[str, Tensor]
    exact: bool


def diagonal(run: Run, weights: Weights, labels: LabelsFrom) -> Diagonal:
    """Return the diagonal of the Fisher information on the calibration examples.

        F = 1/n sum_i (d/d theta log p(y_i | x_i; theta))^2

    Where torch.func can't map the model over examples, the sum over a few of them is estimated
    without bias, by the square of one gradient of their log-likelihoods with random signs.

    Args:
        run: the run, with data.
        weights: the network.
        labels: whether y_i is drawn from the network's own answer, seeded, or is the data's; of
            these the log-likelihood is the task's loss with the other sign.

    Raises:
        LmctoolError: a label is to be drawn of answers that are not one class each, or the data's
            are none that the task takes.
    """
    import torch

    examples = Examples(run, weights, labels)
    exact = examples.can_be_mapped()
    kept = run.kept(
        "diagonal Fisher information",
        lambda: examples.mean_squares(exact),
        networks=(weights,),
        splits=(run.calibration.split,),
        of=(labels, exact),
    )
    values = {name: torch.from_numpy(each).to(run.device) for name, each in kept.items()}
    return Diagonal(values, exact)


@dataclass(frozen=True, slots=True)
class Examples:
    """The calibration examples, and how likely a network finds their labels.

    Attributes:
        run: the run.
        weights: the network.
        labels: where the labels are from.
    """

    run: Run
    weights: Weights
    labels: LabelsFrom

    def can_be_mapped(self) -> bool:
        """Tell whether torch.func maps the model over examples, tried on two of them."""
        for batch in self._labelled(2):
            try:
                self._squares(batch)
            except (RuntimeError, NotImplementedError):
                return False
            break
        return True

    def mean_squares(self, exact: bool) -> dict[str, Array]:
        """Return the mean squared gradient of an example, by parameter, float64."""
        import torch

        parameters = self._parameters()
        numbers = sum(each.numel() for each in parameters.values())
        size = max(1, min(BATCH, NUMBERS // numbers)) if exact else SIGNED
        sums = {n: torch.zeros_like(each, dtype=torch.float64) for n, each in parameters.items()}
        signs = self.run.generator("fisher signs")
        count = len(self.run.calibration.split)
        with self.run.progress(count, "Fisher information") as advance:
            for batch in self._labelled(size):
                squares = self._squares(batch) if exact else self._estimated(batch, signs)
                for name, each in squares.items():
                    sums[name] += each
                advance(len(batch[0]))
        return {name: (each / count).cpu().numpy() for name, each in sums.items()}

    def _parameters(self) -> dict[str, Tensor]:
        """Return the parameters that are merged, each tied one once."""
        weights = self.weights
        named = self.run.resources.module.named_parameters(remove_duplicate=False)
        names = [name for name, _ in named if name in weights and name not in self.run.left_out]
        return {name: weights[name].detach() for name in names if weights[name].is_floating_point()}

    def _labelled(self, size: int) -> Iterator[Batch]:
        """Yield the examples, at most so many at once, with the labels that are looked at."""
        import torch

        split, start = self.run.calibration.split, 0
        generator = self.run.generator("fisher labels")
        places = torch.rand(len(split), dtype=torch.float64, generator=generator)
        places = places.to(self.run.device)
        for inputs, targets in split.even_batches(size, self.run.dtype):
            stop = start + len(inputs)
            with torch.no_grad():  # also the first look at the model, which no map can take
                outputs = self.run.outputs(self.weights, inputs)
            if self.labels == "model":
                yield inputs, drawn_labels(self._logits(outputs), places[start:stop])
            else:
                assert self.run.task is not None
                split.check_targets(self.run.task.check, outputs)
                yield inputs, targets
            start = stop

    def _logits(self, outputs: Tensor) -> Tensor:
        """Return the logits (example, class) of answers that are one class each.

        Raises:
            LmctoolError: they are something else.
        """
        import torch

        task = self.run.task
        assert task is not None
        classes = torch.zeros(len(outputs), dtype=torch.int64, device=outputs.device)
        if task.answers is not None:
            try:
                answers, right = task.answers(outputs, classes)
            except LmctoolError:
                right = classes.new_zeros(0)
            if right.shape == classes.shape:
                return class_logits(answers)
        raise LmctoolError(
            f"--method fisher draws the label of an example from a network's answer, which task"
            f" {self.run.task_name!r} has not one class in; take the data's by --fisher-labels data"
        )

    def _losses(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the log-likelihood of each example's label, with the other sign: (example,)."""
        from torch.nn.functional import cross_entropy

        if self.labels == "model":
            return cross_entropy(self._logits(outputs), labels, reduction="none")
        assert self.run.task is not None
        task = self.run.task.on(self.run.calibration.split.targets)
        return task.score(outputs, labels)[0]

    def _squares(self, batch: Batch) -> dict[str, Tensor]:
        """Return the sum over examples of each one's squared gradient, by parameter, float64."""
        import torch

        def loss(parameters: dict[str, Tensor], own: Tensor, label: Tensor) -> Tensor:
            outputs = self.run.outputs({**self.weights, **parameters}, own[None])
            return self._losses(outputs, label[None]).sum()

        gradients = torch.func.vmap(torch.func.grad(loss), (None, 0, 0))(self._parameters(), *batch)
        return {
            name: each.square().sum(dim=0, dtype=torch.float64) for name, each in gradients.items()
        }

    def _estimated(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Return an estimate of the same without bias, by random signs of the examples."""
        import torch

        inputs, labels = batch
        drawn = torch.randint(0, 2, (len(inputs),), generator=generator, dtype=torch.float64)
        signs = (2 * drawn - 1).to(self.run.device)

        parameters = {n: each.clone().requires_grad_() for n, each in self._parameters().items()}
        outputs = self.run.outputs({**self.weights, **parameters}, inputs)
        signed = signs @ self._losses(outputs, labels).double()
        gradients = torch.autograd.grad(signed, list(parameters.values()), materialize_grads=True)
        return {n: each.double().square() for n, each in zip(parameters, gradients, strict=True)}
