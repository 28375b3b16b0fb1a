"""What must hold of an aligner, on networks of four kinds."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from lmctool.errors import UnjudgedError
from lmctool.plugin.kinds import ALIGNERS
from lmctool.plugin.settings import Choice
from lmctool.testing.claim import ClaimError, Refused, claim, of_groups, working
from lmctool.testing.clashes import refuse_clashes
from lmctool.testing.small_networks import EVERY, named
from lmctool.testing.subject import found, values
from lmctool.testing.untouched import other_seeds, untouched

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from lmctool.plugin.records import Aligner
    from lmctool.run.run import Run
    from lmctool.symmetry.alignment import Alignment
    from lmctool.symmetry.transform import Transform

    Weights = Mapping[str, Tensor]

CLOSE = 1e-5
"""Of the greatest number of a tensor: what is no difference."""
SAME = 1e-3
"""Of the greatest output: what is none either, for units may well be equal, or never be in use."""


def check_aligner(
    plugin: str | Aligner,
    *,
    networks: Sequence[str] = EVERY,
    harmless: bool = True,
    recovers: bool = False,
    **options: Any,
) -> dict[str, str]:
    """Check an aligner on an MLP, a BatchNorm ResNet, a ViT and a causal LM.

    It returns a transform of the run's spec that the host can prove, the same one for the same
    seed; it writes to none of its inputs and leaves the state of the process alone; what else it
    puts into the result can be stored, with declared metrics; without ``"data"`` among its needs it
    works without.

    Args:
        plugin: the word of an installed one, or the record that its hook returns.
        networks: on which of ``mlp``, ``resnet``, ``vit``, ``causal_lm``.
        harmless: of two equal networks the midpoint is equal too.
        recovers: a permutation that was planted is undone, likewise; of an aligner of networks in
            canonical form a random element of every group.
        options: values of its own options, by the names that ``align`` gets them by.

    Returns:
        By the key of each network that it refused by an ``LmctoolError``, the sentence.

    Raises:
        AssertionError: something does not hold, or it refuses all networks; says what to do.
    """
    refused: dict[str, str] = {}
    with found(ALIGNERS, plugin) as (name, aligner):
        refuse_clashes(ALIGNERS, name, aligner)
        own = values(aligner.options, options, f"aligner {name!r}")
        for network in named(networks):
            who = f"aligner {name!r} on {network.noun}"
            try:
                with network.run(aligner=Choice(name, own)) as run:
                    check = _Check(run, name, aligner, own, who)
                    answer = check.same()
                    if harmless:
                        check.undoes(check.network(0), "of two equal networks")
                    if recovers:
                        check.undoes(check.planted(), "that a planted transform was to undo")
            except Refused as refusal:
                refused[network.key] = str(refusal)
                continue
            if not aligner.looks_at_data(own):
                with network.run("distance", with_data=False, aligner=Choice(name, own)) as bare:
                    _Check(bare, name, aligner, own, who).like(answer)
        claim(len(refused) < len(networks), f"aligner {name!r} refused every network: {refused}")
    return refused


class _Check:
    """One aligner on one run."""

    def __init__(
        self, run: Run, name: str, aligner: Aligner, options: Mapping[str, Any], who: str
    ) -> None:
        self.run, self.name, self.aligner = run, name, aligner
        self.options, self.who = options, who

    def found(self, a: Weights, b: Weights) -> Alignment:
        """Return what it finds, looked at."""
        from lmctool.testing.transforms import misfit

        with working(self.who, partial(of_groups, self.run)), untouched(self.who, a, b):
            alignment = self.run.match(self.name, a, b, **self.options)
        reason = misfit(self.run, alignment.transform)
        claim(not reason, f"{self.who} returned {reason}")
        try:
            self.run.prove(b, alignment.transform)
        except UnjudgedError as cause:
            raise ClaimError(f"{self.who} changes the function of B: {cause}") from cause
        self._stored(alignment)
        return alignment

    def network(self, index: int) -> Weights:
        """Return one of the two networks, as the aligner is given it."""
        return self.run.frame(self.run.weights(index))

    def same(self) -> Transform:
        """Return the transform of the two networks, found twice."""
        from lmctool.testing.transforms import same

        a, b = self.network(0), self.network(1)
        first = self.found(a, b).transform
        with other_seeds():
            second = self.found(a, b).transform
        claim(
            same(first, second),
            f"{self.who} finds another transform each time; draw what is random from"
            " run.generator(NAME), and depend on no earlier call",
        )
        return first

    def like(self, expected: Transform) -> None:
        """Check that it finds without data the transform that it found with some."""
        from lmctool.testing.transforms import same

        advice = 'its needs don\'t name "data": add it to Aligner(needs=...), or look at none'
        try:
            again = self.found(self.network(0), self.network(1)).transform
        except Refused as refusal:
            raise ClaimError(f"{self.who} without data: {refusal}; {advice}") from refusal
        claim(
            same(again, expected),
            f"{self.who} finds another transform without data than with some, though {advice}",
        )

    def planted(self) -> Weights:
        """Return the first network transformed at random."""
        from lmctool.testing.transforms import drawn

        return drawn(self.run, "planted transform").apply(self.network(0))

    def undoes(self, other: Weights, what: str) -> None:
        """Check that the first network and a transformed one come to lie together.

        Args:
            other: the first network, transformed or not.
            what: which it is, in words.
        """
        a = self.network(0)
        copied = {name: each.clone() for name, each in other.items()}
        aligned = self.found(a, copied).transform.apply(other)
        apart = [name for name, tensor in a.items() if not _close(tensor, aligned[name])]
        if not apart:
            return
        middle = self.run.batchnorm.mix(a, aligned, 0.5)
        own, between = self.run.read([a, middle], self.run.calibration.split, _outputs)
        difference = abs(own - between).max() / abs(own).max()
        claim(
            difference <= SAME,
            f"{self.who} leaves tensor {apart[0]!r} {what} apart: the outputs of the midpoint"
            f" differ by {difference:.2g} of the greatest from those of both; pair each unit with"
            " the one that does the same (harmless=False and recovers=False claim no such thing)",
        )

    def _stored(self, alignment: Alignment) -> None:
        """Check that what the aligner has to say can be stored, and is declared."""
        from lmctool.results.file import pack
        from lmctool.results.metrics import listed
        from lmctool.results.result import Result
        from lmctool.results.score_metric import declared_by

        result = Result("align", dict(alignment.groups))
        with working(f"{self.who}: its groups cannot be stored, so that it"):
            pack(result)
        if self.aligner.metrics is not None:
            known = declared_by(self.aligner.metrics, self.run.metrics)
            for metric in listed(result):
                claim(
                    metric.name in known,
                    f"{self.who} gives metric {metric.name!r}, which Aligner(metrics=...) does not"
                    " declare",
                )


def _outputs(outputs: Tensor, _: Tensor) -> Tensor:
    return outputs


def _close(one: Tensor, other: Tensor) -> bool:
    scale = float(one.abs().max()) if one.numel() else 0.0
    return bool(((one - other).abs() <= CLOSE * scale).all())
