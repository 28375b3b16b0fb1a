"""The record of a way to merge networks, what its functions are given, and what they return."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import click
    import torch
    from torch import Tensor

    from lmctool.plugin.records import Need, Use
    from lmctool.results.result import Group
    from lmctool.results.score_metric import Declaration

    Weights = Mapping[str, Tensor]

Counts = Literal["shares", "factors"]


@dataclass(frozen=True, slots=True)
class TensorsToMerge:
    """One floating tensor of every network that counts.

    Attributes:
        name: what it is called.
        indices: which of ``run.checkpoints`` each network is.
        tensors: of each network, in the order of the networks: of one shape, in the run's dtype,
            on one device; of an elementwise method a block of it, flat.
        counts: how much each counts, none 0.
        base: the base's; None where no base is given.
        generator: ``generator(use)`` returns a generator on the CPU that begins at what the run's
            seed, the tensor's name and ``use`` decide, and nothing else.
    """

    name: str
    indices: tuple[int, ...]
    tensors: tuple[Tensor, ...]
    counts: tuple[float, ...]
    base: Tensor | None
    generator: Callable[[str], torch.Generator]


@dataclass(frozen=True, slots=True)
class NetworksToMerge:
    """Every network that counts, whole.

    Attributes:
        indices: which of ``run.checkpoints`` each is.
        networks: their weights, in the order of units that they are merged in.
        counts: how much each counts, none 0.
        base: the base's weights in that order; None where no base is given.
        variant: what is merged: ``plain``, ``align`` or the like.
    """

    indices: tuple[int, ...]
    networks: tuple[Weights, ...]
    counts: tuple[float, ...]
    base: Weights | None
    variant: str


@dataclass(frozen=True, slots=True)
class Merged:
    """One network that was made of several.

    Attributes:
        weights: its weights.
        groups: what there is to say of it, as groups of the result by path; the result has those
            of the network that is written.
        described: a few words on how it came to be, for its metadata; empty for none.
        counts: how much each of the networks counts in it, where the method decided that; None
            where they count as it was told.
    """

    weights: Weights
    groups: Mapping[str, Group] = field(default_factory=dict)
    described: str = ""
    counts: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Merge:
    """A way to make one network of several: tensor by tensor, or of whole networks.

    Attributes:
        tensor: ``tensor(part, **options)`` returns the merged tensor of a ``TensorsToMerge``, of
            the shape and dtype of its tensors.  It is asked for floating tensors alone; running
            statistics and other buffers are averaged.  Networks that need no model are merged so
            while they are read.
        network: ``network(run, part, **options)`` returns the weights that a ``NetworksToMerge``
            becomes, or a ``Merged`` of them; in place of ``tensor``.
        options: click options, added to the command when this method is named.
        elementwise: whether each element of the merged tensor follows from the same element of
            the others alone, so that ``tensor`` may be given block after block.
        networks: the least and the greatest number of networks that it merges; None for no
            greatest one.
        base: whether it takes the network that ``--base`` names: ``"never"``, ``"optional"``, or
            ``"always"`` for one that needs it.
        counts: what ``--weights`` say: ``"shares"`` of a mean, none below 0, of which the ratios
            alone matter, or ``"factors"`` of any sign, by which what each network brings is
            multiplied.
        path: whether what it makes of two networks lies on the straight path between them, at the
            share of the second: where a correction says what becomes of it.
        alphas: positions on that path that are tried where the user names none; the one of the
            least loss on the calibration examples is written.
        needs: ``"data"`` for one that looks at examples, as those of ``run.calibration``.
        metrics: every metric that its groups can have; None leaves that open.

    Raises:
        ValueError: there is neither ``tensor`` nor ``network``, or there are both.
    """

    tensor: Callable[..., Tensor] | None = None
    network: Callable[..., Weights | Merged] | None = None
    options: tuple[click.Option, ...] = ()
    elementwise: bool = False
    networks: tuple[int, int | None] = (2, None)
    base: Use = "never"
    counts: Counts = "shares"
    path: bool = False
    alphas: tuple[float, ...] = ()
    needs: frozenset[Need] = frozenset()
    metrics: tuple[Declaration, ...] | None = ()

    def __post_init__(self) -> None:
        """Check that there is one function."""
        if (self.tensor is None) == (self.network is None):
            raise ValueError("a Merge has either a function 'tensor' or a function 'network'")
