"""Training the bends of a curve on the calibration examples."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import LmctoolError, UnjudgedError, lerp
from lmctool.api.advanced import spectral_norms
from lmctool_plugins.analyses.curve.descent import Descent
from lmctool_plugins.analyses.curve.kernel import coefficients, rate, tenths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from lmctool.api import Array, Run, Variant, Weights

LOOK_EVERY = 50
"""Steps from one look at the losses to the next: on a GPU each look is a wait."""


@dataclass(frozen=True, slots=True)
class Training:
    """How bends are trained.

    Attributes:
        kind: ``bezier`` or ``chain``.
        bends: how many there are.
        steps: how many steps are taken.
        rate: the greatest learning rate.
        batch: how many examples each step sees.
    """

    kind: str
    bends: int
    steps: int
    rate: float
    batch: int

    def curve(self, run: Run, path: Variant) -> Curve:
        """Return a trained curve between the ends of a straight path.

        What is learned is kept for ``--resume``.

        Raises:
            LmctoolError: the model has what no curve can be trained of.
            UnjudgedError: the training diverged.
        """
        import torch

        examples = run.calibration.split
        names = trained(run, path.a)
        arrays = run.kept(
            "bends",
            lambda: self._learn(run, path, names),
            networks=(path.a, path.b),
            splits=(examples,),
            of=[asdict(self)],
        )
        vectors = torch.from_numpy(arrays["bends"]).to(run.device)
        bends = [
            lerp(path.a, path.b, number / (self.bends + 1)) | split(vector, path.a, names)
            for number, vector in enumerate(vectors, 1)
        ]
        self.compare(run, arrays["loss"])
        digest = hashlib.sha256(arrays["bends"].tobytes()).hexdigest()
        return Curve(self, path, names, bends, digest, arrays["loss"])

    def places(self, run: Run) -> Array:
        """Return where each step looks, (step,), uniform in [0, 1]."""
        import torch

        generator = run.generator("places on the curve")
        drawn: Array = torch.rand(self.steps, generator=generator, dtype=torch.float64).numpy()
        return drawn

    def _learn(self, run: Run, path: Variant, names: Sequence[str]) -> Mapping[str, Array]:
        """Return the bends, (bend, weight), and the loss of each step, (step,)."""
        import torch

        examples = run.calibration.split
        descent = Descent.begin(self.bends, vector(path.a, names), vector(path.b, names))
        others = lerp(path.a, path.b, 0.5)  # buffers: counters, masks, and statistics not in use
        rows = [coefficients(self.kind, self.bends, alpha) for alpha in self.places(run)]
        counts = torch.from_numpy(np.array(rows)).to(descent.points)
        batches = examples.shuffled(self.batch, run.dtype, run.generator("batches of the curve"))
        losses: list[Tensor] = []
        with run.progress(self.steps, "curve") as advance:
            for step, own in zip(range(self.steps), batches, strict=False):

                def loss(place: Tensor, batch: tuple[Tensor, Tensor] = own) -> Tensor:
                    network = others | split(place, path.a, names)
                    return run.loss(network, batch, batch_statistics=True)

                pace = rate(step, self.steps, self.rate)
                losses.append(descent.step(loss, counts[step], pace))
                if (step + 1) % LOOK_EVERY == 0 or step + 1 == self.steps:
                    self._check(losses)
                advance(1)
        if not bool(torch.isfinite(descent.bends).all()):
            raise self._diverged(self.steps)
        bends: Array = descent.bends.cpu().numpy()
        return {"bends": bends, "loss": torch.stack(losses).cpu().numpy()}

    def _check(self, losses: Sequence[Tensor]) -> None:
        """Check the last losses.

        Raises:
            UnjudgedError: one is not finite.
        """
        import torch

        since = (len(losses) - 1) // LOOK_EVERY * LOOK_EVERY
        finite = torch.isfinite(torch.stack(list(losses[since:])))
        if not bool(finite.all()):
            raise self._diverged(since + int(finite.int().argmin()) + 1)

    def compare(self, run: Run, loss: Array) -> None:
        """Tell the user where the training made nothing better."""
        first, last = tenths(loss)
        if not last < first:
            run.note(
                f"the training did not lower the loss of the curve, which was {first:.4g} in the"
                f" first tenth of the steps and {last:.4g} in the last; pass a --curve-lr below"
                f" {self.rate:g}, or more --curve-steps"
            )

    def _diverged(self, step: int) -> UnjudgedError:
        return UnjudgedError(
            f"the training of the curve diverged: its loss is not finite at step {step} of"
            f" {self.steps}; pass a --curve-lr below {self.rate:g}"
        )


@dataclass(frozen=True, eq=False)
class Curve:
    """A trained curve.

    Attributes:
        training: how it was trained.
        path: the straight path with the same ends.
        names: the tensors that are trained.
        bends: the bends, without statistics of their own.
        digest: what tells the bends from others between the same ends.
        loss: (step,) the loss of each step's batch, in nats.
    """

    training: Training
    path: Variant
    names: Sequence[str]
    bends: Sequence[Weights]
    digest: str
    loss: Array


def trained(run: Run, weights: Weights) -> list[str]:
    """Return the names of the tensors that are trained: the parameters, tied ones once.

    Raises:
        LmctoolError: there is a spectral norm, whose vectors follow from a weight.
    """
    for norm in spectral_norms(list(weights)):
        raise LmctoolError(
            f"tensor {norm.weight!r} is under spectral norm, and no curve is trained of such; save"
            " the networks with the weight that results"
            " (torch.nn.utils.parametrize.remove_parametrizations)"
        )
    names = [name for name, _ in run.resources.module.named_parameters()]
    return [name for name in names if name in weights and weights[name].is_floating_point()]


def vector(weights: Weights, names: Sequence[str]) -> Tensor:
    """Return tensors one after the other, (weight,)."""
    import torch

    return torch.cat([weights[name].flatten() for name in names])


def split(place: Tensor, like: Weights, names: Sequence[str]) -> dict[str, Tensor]:
    """Return the tensors that a vector holds, as views of it, in the shapes of others."""
    import torch

    parts = torch.split(place, [like[name].numel() for name in names])
    return {name: part.view_as(like[name]) for name, part in zip(names, parts, strict=True)}
