"""What happens to the running statistics of BatchNorms between networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lmctool.statistics import Goal
from lmctool.weights.arithmetic import lerp
from lmctool.weights.mean import weighted_mean
from lmctool.weights.recipe import derived, identity, recipe
from lmctool.weights.streamed import passing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch
    from torch import Tensor

    from lmctool.graph.targets import BatchNorm, Target
    from lmctool.statistics import Moments
    from lmctool.weights.arithmetic import Weights

Word = Literal["interpolate", "reset", "a", "b"]


@dataclass(frozen=True)
class BatchNormPolicy:
    """Mixes networks, with the running statistics that ``--batchnorm`` asks for.

    Attributes:
        policy: ``interpolate`` mixes them as the weights; ``reset`` takes them anew on the
            calibration examples; ``a`` and ``b`` take those of the first or the second network.
        find: finds the BatchNorms of the model.
        retake: takes moments at taps while each is renormalised to a goal by batch.
        examples: says which examples they are taken on.
        dtype: the dtype of weights.
    """

    policy: Word
    find: Callable[[], Sequence[Target]]
    retake: Callable[[Weights, Mapping[str, Goal]], Mapping[str, Moments]]
    examples: Callable[[], str]
    dtype: torch.dtype

    def mix(self, a: Weights, b: Weights, alpha: float) -> dict[str, Tensor]:
        """Return (1 - alpha) a + alpha b, with the running statistics of the policy."""
        mixed = self.settled(lerp(a, b, alpha), (a, b))
        return derived(mixed, "mix", (a, b), lambda: self.mix_recipe(alpha))

    def mix_recipe(self, alpha: float) -> list[object]:
        """Return what decides a mixture, beside the two networks."""
        return [alpha, *self.decided_by()]

    def mean(self, networks: Sequence[Weights], counts: Sequence[float]) -> Weights:
        """Return the weighted mean of networks, with the running statistics of the policy.

        A network that counts alone is itself.

        Args:
            networks: the networks; ``a`` and ``b`` mean the first two.
            counts: how much each counts; see ``weighted_mean``.
        """
        counting = [own for own, count in zip(networks, counts, strict=True) if count]
        if len(counting) == 1:
            return counting[0]
        mixed = weighted_mean(networks, counts)
        if self.policy == "reset" and min(counts) < 0:
            mixed |= self._positive_variances(mixed)
        mean = self.settled(mixed, networks)
        return derived(mean, "mean", networks, lambda: [list(counts), *self.decided_by()])

    def mean_recipe(self, networks: Sequence[Weights], counts: Sequence[float]) -> str:
        """Return the recipe of ``mean``, without forming it."""
        counting = [own for own, count in zip(networks, counts, strict=True) if count]
        if len(counting) == 1:
            return identity(counting[0])
        return recipe("mean", [*map(identity, networks)], list(counts), *self.decided_by())

    def _positive_variances(self, weights: Weights) -> dict[str, Tensor]:
        """Return running variances with 1 for those that are not above 0, as beyond networks.

        A reset gives the same whatever they are, as long as they have a root.
        """
        norms = [target.batchnorm for target in self.find() if target.batchnorm]
        return {
            norm.variance: weights[norm.variance].where(weights[norm.variance] > 0, 1)
            for norm in norms
        }

    def decided_by(self) -> list[object]:
        """Return what decides the running statistics, beside the networks."""
        return [self.policy, self.examples() if self.policy == "reset" else ""]

    def reset(self, weights: Weights) -> dict[str, Tensor]:
        """Return weights whose BatchNorms hold the statistics of the calibration examples.

        While they are taken each BatchNorm normalises by the batch, as in training mode: its
        input is renormalised to its own running statistics, so that it gives what that mode
        gives, and later ones see what corrected earlier ones give.
        """
        norms = {target.tap: target.batchnorm for target in self.find() if target.batchnorm}
        return self.reset_some(weights, norms)

    def reset_some(self, weights: Weights, norms: Mapping[str, BatchNorm]) -> dict[str, Tensor]:
        """Return weights in which some BatchNorms hold such statistics; the others are as they are.

        Args:
            weights: the network.
            norms: the BatchNorms by the names of the nodes that they read.
        """
        goals = {}
        for tap, norm in norms.items():
            std = (weights[norm.variance].double() + norm.epsilon).sqrt()
            goals[tap] = Goal(1, weights[norm.mean].double(), std, norm.epsilon)
        reset = dict(weights)
        for tap, moments in self.retake(weights, goals).items() if goals else ():
            reset[norms[tap].mean] = moments.mean.to(self.dtype)
            reset[norms[tap].variance] = moments.variance.to(self.dtype)
        return derived(reset, "reset", (weights,), lambda: [self.examples(), sorted(norms)])

    def settled(self, weights: dict[str, Tensor], networks: Sequence[Weights]) -> dict[str, Tensor]:
        """Return a network that was made of others, with the running statistics of the policy.

        Under ``interpolate`` they stay as they are.
        """
        if self.policy == "interpolate":
            return weights
        if self.policy == "reset":
            return self.reset(weights)
        source = networks["ab".index(self.policy)]
        norms = [target.batchnorm for target in self.find() if target.batchnorm]
        names = [name for norm in norms for name in (norm.mean, norm.variance)]
        return weights | {name: passing(source, name) for name in names}
