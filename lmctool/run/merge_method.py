"""The way to merge networks that the user named, as an analysis asks for it."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError, PluginError
from lmctool.plugin import registry
from lmctool.plugin.kinds import MERGES
from lmctool.plugin.merge_records import Merge, Merged, NetworksToMerge, TensorsToMerge
from lmctool.run.correction import check_correction_of_merges, correction_of_merges
from lmctool.weights.arithmetic import refuse_differing, refuse_masks
from lmctool.weights.mean import mean_tensor
from lmctool.weights.recipe import derived
from lmctool.weights.spectral_norm import with_spectral_norms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch
    from torch import Tensor

    from lmctool.run.run import Run
    from lmctool.weights.arithmetic import Weights


class MergeMethod:
    """A way to make one network of several, with the values of its options.

    Attributes:
        name: its registered word.
        options: the values of its options.
        record: what its plugin declares of it.
    """

    name: str
    options: Mapping[str, Any]
    record: Merge

    def __init__(self, run: Run) -> None:
        """Take the run, of which the user named the method.

        Raises:
            LmctoolError: none was named, or it is not there or cannot be used.
        """
        choice = run.settings.merge
        if choice is None:
            raise LmctoolError("a network was to be made of several, but no method was named")
        self.name = choice.name
        self.options = dict(choice.options)
        self.record = registry.load(MERGES, choice.name)
        self._run = run

    @property
    def described(self) -> str:
        """The method and its options in words, such as ``ties (density=0.2, scale=1.0)``."""
        options = ", ".join(f"{name}={value}" for name, value in self.options.items())
        return self.name + (f" ({options})" if options else "")

    def check(self, count: int, *, based: bool, leaves_path: bool) -> None:
        """Check that it merges so many networks, with a base or without one, and can be corrected.

        Args:
            count: how many networks there are.
            based: whether there is a base.
            leaves_path: whether what is merged lies on no straight path between two of them.

        Raises:
            LmctoolError: it does not.
        """
        least, most = self.record.networks
        if count < least or (most is not None and count > most):
            bounds = f"{least} or more" if most is None else f"{least} to {most}"
            if least == most:
                bounds = str(least)
            raise LmctoolError(f"--method {self.name} merges {bounds} networks, not {count}")
        if based and self.record.base == "never":
            installed = {name: registry.load(MERGES, name) for name in registry.names(MERGES)}
            takers = [name for name, each in installed.items() if each.base != "never"]
            others = f"; methods with a base are {', '.join(takers)}" if takers else ""
            raise LmctoolError(f"--method {self.name} takes no --base{others}")
        if not based and self.record.base == "always":
            raise LmctoolError(
                f"--method {self.name} merges what networks have learned since a base they share;"
                " name that checkpoint with --base"
            )
        if leaves_path:
            check_correction_of_merges(self._run)

    def corrected(
        self, merged: Callable[[Sequence[float]], Merged], networks: Sequence[Weights]
    ) -> Callable[[Sequence[float]], Merged]:
        """Return a function that merges networks and corrects the result, as the user asked.

        Args:
            merged: what merges them, by how much each counts.
            networks: the networks; the statistics of each count by its share of the sizes of all.

        Raises:
            LmctoolError: the correction is one of straight paths alone.
        """
        correct = correction_of_merges(self._run, networks)

        def make(counts: Sequence[float]) -> Merged:
            found = merged(counts)
            sizes = [abs(count) for count in found.counts or counts]
            if sum(map(bool, sizes)) == 1 and self.record.counts == "shares":
                return found  # one of the networks, as the end of a path
            weights = correct(found.weights, [size / sum(sizes) for size in sizes])
            return replace(found, weights=weights)

        return make

    def merged(
        self,
        networks: Sequence[Weights],
        counts: Sequence[float],
        base: Weights | None = None,
        *,
        variant: str = "plain",
    ) -> Merged:
        """Return what networks become, with the running statistics that the user asked for.

        One network that counts alone in a mean is itself, and where none counts it is the base.

        Args:
            networks: those of the run's arguments, in the order of units that they are merged in.
            counts: how much each counts.
            base: the base in that order of units.
            variant: what is merged: ``plain``, ``align`` or the like.
        """
        counting = tuple(index for index, count in enumerate(counts) if count)
        own, counted = [networks[index] for index in counting], [counts[n] for n in counting]
        if not own and base is not None:
            return Merged(base)
        if len(own) == 1 and base is None and self.record.counts == "shares":
            return Merged(own[0])
        if self.record.network is not None:
            part = NetworksToMerge(counting, tuple(own), tuple(counted), base, variant)
            return self._of_networks(part, networks)
        parameters = self._parameters
        merged = {
            name: own[0][name]
            if name in self._run.left_out
            else self.tensor(
                name,
                [each[name] for each in own],
                counted,
                None if base is None else base[name],
                indices=counting,
                averaged=name not in parameters,
            )
            for name in own[0]
        }
        policy = self._run.batchnorm
        made = policy.settled(with_spectral_norms(merged, own), networks)
        options = {name: repr(value) for name, value in self.options.items()}
        seed = self._run.settings.seed
        return Merged(
            derived(
                made,
                "merge",
                (*networks, *(() if base is None else (base,))),
                lambda: [self.name, options, list(counts), seed, *policy.decided_by()],
            )
        )

    def tensor(
        self,
        name: str,
        tensors: Sequence[Tensor],
        counts: Sequence[float],
        base: Tensor | None = None,
        *,
        indices: Sequence[int],
        averaged: bool,
    ) -> Tensor:
        """Return what one tensor of every network that counts becomes, by a method of tensors.

        Counters, of one number, are those of the first; other whole numbers, and masks of pruning,
        must be the same in all networks and the base.

        Args:
            name: what it is called.
            tensors: of each network, of one shape and dtype; of an elementwise method a block.
            counts: how much each counts, none 0.
            base: the base's.
            indices: which of the run's networks each is.
            averaged: whether it is the networks' mean whatever the method, as running statistics.

        Raises:
            LmctoolError: whole numbers or masks differ.
        """
        function = self.record.tensor
        assert function is not None
        every = [*tensors, *(() if base is None else (base,))]
        if not tensors[0].is_floating_point():
            refuse_differing(name, every)
            return tensors[0]
        refuse_masks(name, every)
        if averaged:
            return mean_tensor(tensors, [abs(count) for count in counts], name)

        def generator(use: str) -> torch.Generator:
            return self._run.generator(f"merge {self.name} {name} {use}")

        part = TensorsToMerge(name, tuple(indices), tuple(tensors), tuple(counts), base, generator)
        merged = function(part, **self.options)
        if (merged.shape, merged.dtype) != (tensors[0].shape, tensors[0].dtype):
            raise PluginError(
                f"merge {self.name!r} made {merged.dtype} {tuple(merged.shape)} of tensor {name!r},"
                f" which is {tensors[0].dtype} {tuple(tensors[0].shape)}"
            )
        return merged

    def _of_networks(self, part: NetworksToMerge, networks: Sequence[Weights]) -> Merged:
        """Return what a method of whole networks makes of them."""
        function = self.record.network
        assert function is not None
        answer = function(self._run, part, **self.options)
        merged = answer if isinstance(answer, Merged) else Merged(answer)
        if any(merged.weights is own for own in (*part.networks, part.base)):
            return merged
        made = with_spectral_norms(dict(merged.weights), part.networks)
        weights = self._run.batchnorm.settled(made, networks)
        return replace(merged, weights=weights)

    @cached_property
    def _parameters(self) -> frozenset[str]:
        """The names of the model's parameters; all other floats are averaged."""
        module = self._run.resources.module
        return frozenset(name for name, _ in module.named_parameters())
