"""Networks rewritten without a change of their function: untied, BatchNorms fused, norms folded."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import torch

from lmctool.checkpoint.reading import WHOLE, torch_dtypes
from lmctool.checkpoint.writing import in_stored_dtypes
from lmctool.errors import LmctoolError, UnjudgedError
from lmctool.graph.capture import capture
from lmctool.graph.fuse_batchnorm import batchnorm_fusion
from lmctool.graph.paths import follow
from lmctool.model.build import described
from lmctool.model.fit import fitted
from lmctool.model.tied import everywhere, first_names, once
from lmctool.model.untied import untie, untied, untied_files, untied_form, untied_metadata
from lmctool.symmetry import derive, prove
from lmctool.symmetry.linear.canonical import canonical
from lmctool.symmetry.linear.derive import derive_linear
from lmctool.symmetry.proof import compare
from lmctool.symmetry.propagate import UNREAD
from lmctool.weights.name_words import some

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import Tensor, nn

    from lmctool.checkpoint import Checkpoint
    from lmctool.graph.graph import Graph
    from lmctool.model.example import Inputs
    from lmctool.model.resolve import Model
    from lmctool.symmetry.linear.canonical_spec import CanonicalSpec
    from lmctool.weights.arithmetic import Weights

TRACED = 2
"""Examples that a model is followed with."""


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What is to be done to a network.

    Attributes:
        fold_norms: whether to bring it into canonical form.
        untie: whether to give each name of a tied tensor its own.
        fuse_batchnorm: whether to fuse BatchNorms into the layers before them.
    """

    fold_norms: bool = False
    untie: bool = False
    fuse_batchnorm: bool = False

    def __bool__(self) -> bool:
        """Tell whether anything is."""
        return self.fold_norms or self.untie or self.fuse_batchnorm


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A network that was rewritten, ready to be written.

    Attributes:
        weights: its tensors by canonical name, in the dtypes that they are stored in.
        form: what it is written like.
        done: what was done, a phrase each.
        left: what could not be done and why, a sentence each.
        metadata: entries that name the model without its ties.
        files: texts of small files of its folder that say so.
        difference: how far outputs are from what they were, relative to the greatest, as it is
            stored; 0 where no number has changed.
    """

    weights: Mapping[str, Tensor]
    form: Checkpoint
    done: tuple[str, ...]
    left: tuple[str, ...]
    metadata: Mapping[str, str]
    files: Mapping[str, str]
    difference: float = 0.0


@dataclass(slots=True)
class _Plan:
    """What is done to weights, step after step, and what is told of it."""

    steps: list[Callable[[Weights], Weights]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def __call__(self, weights: Weights) -> Weights:
        """Return the changed weights."""
        for step in self.steps:
            weights = step(weights)
        return weights


def rewritten(
    checkpoint: Checkpoint, model: Model, example: Callable[[], Inputs], rewriting: Rewriting
) -> Rewritten:
    """Return a network rewritten in float64, proved to be the same function.

    Args:
        checkpoint: the network.
        model: its model, whose module is changed where it is untied.
        example: gives inputs (example, ...), a batch or one for each argument of the model; asked
            for where more is done than to store tied tensors by themselves.
        rewriting: what is to be done.

    Raises:
        LmctoolError: nothing of it can be done, or the model's ties are in its way.
        UnjudgedError: it would be another function, in exact numbers or as it is stored.
    """
    module = model.module
    form = fitted(checkpoint, module, described(model.spec, model.arguments))
    weights: Weights = once(form.weights(torch.float64), module)
    metadata: dict[str, str] = {}
    files: dict[str, str] = {}
    plan = _Plan()
    if rewriting.untie and (ties := untie(module)):
        weights, form = untied(weights, ties), untied_form(form, ties)
        metadata, files = untied_metadata(model), untied_files(model, form)
        plan.done.append(f"untied {some([*ties])}")
        if not metadata:
            plan.left.append("nothing says in the new file that its model ties nothing: name one")
    elif rewriting.untie:
        plan.left.append("the model ties no tensors")
    stored, difference = weights, 0.0
    if rewriting.fold_norms or rewriting.fuse_batchnorm:
        inputs = example()
        batch = inputs if isinstance(inputs, tuple) else (inputs,)
        graph, batches = _followed(module, batch)
        _plan_on(plan, module, graph, rewriting)
        for each in batches if plan.steps else ():
            prove(module, weights, plan, each, noun="rewriting")
        stored = plan(weights)
    if not plan.done:
        raise LmctoolError(f"'{checkpoint.path}' stays as it is: {'; '.join(plan.left)}")
    new = in_stored_dtypes(everywhere(stored, module, form.names), form)
    if plan.steps:
        difference = _rounding(module, weights, once(new, module), batches, form)
    done, left = tuple(plan.done), tuple(plan.left)
    return Rewritten(new, form, done, left, metadata, files, difference)


def _followed(
    module: nn.Module, inputs: tuple[Tensor, ...]
) -> tuple[Graph, tuple[tuple[Tensor, ...], ...]]:
    """Return the graph of all paths that inputs take through a model, and a batch for each.

    Raises:
        LmctoolError: it cannot be followed, or has tensors of a path that no input took.
    """
    traced = tuple(each[:TRACED] for each in inputs)
    graph = capture(module, traced if len(traced) > 1 else traced[0])
    if graph.tracer == "export":
        return graph, (inputs,)
    paths = follow(module, graph, traced, inputs)
    fixed = {name for (name, _), why in derive(paths.graph).fixed.items() if why == UNREAD}
    floats = [name for name, t in module.state_dict().items() if t.is_floating_point()]
    if unread := [name for name in floats if name in fixed]:
        raise LmctoolError(
            f"the model's path depends on its inputs, and none that was seen reads {some(unread)}:"
            " name data with examples that take every path"
        )
    return paths.graph, paths.inputs


def _plan_on(plan: _Plan, module: nn.Module, graph: Graph, rewriting: Rewriting) -> None:
    """Add what is to be done to weights.

    Raises:
        LmctoolError: the model ties tensors, and its norms are to be folded.
    """
    if rewriting.fuse_batchnorm:
        fusion = batchnorm_fusion(graph)
        plan.left += [f"BatchNorm {name!r} stays: {why}" for name, why in fusion.left.items()]
        if fusion.layers:
            plan.steps.append(fusion)
            plan.done.append(f"fused {_counted(len(fusion.layers), 'BatchNorm')}")
            if unbiased := [layer.name for layer in fusion.layers if not layer.bias]:
                plan.left.append(
                    f"behind {some(unbiased)}, without a bias, BatchNorm keeps the shift"
                )
        elif not fusion.left:
            plan.left.append("the model has no BatchNorm with running statistics")
    if rewriting.fold_norms:
        if tied := [name for name, first in first_names(module).items() if name != first]:
            raise LmctoolError(
                f"the model ties {some(tied)} to other tensors, which folding its norms would set"
                " apart: add --untie"
            )
        spec = derive_linear(graph, derive(graph))
        if spec.canonical.is_empty:
            plan.left.append("no norm is read by layers alone")
        else:
            plan.steps.append(partial(canonical, spec))
            plan.done += _folded(spec.canonical)


def _folded(form: CanonicalSpec) -> Iterator[str]:
    """Give in words each thing that brings a network into canonical form."""
    layers = {reader.weight.tensor for norm in form.norms for reader in norm.readers}
    if form.norms:
        yield f"folded {_counted(len(form.norms), 'norm')} into {_counted(len(layers), 'layer')}"
    if form.centred:
        yield f"centred what writes and reads {some(form.centred)}"
    if form.key_biases:
        yield f"set {_counted(len(form.key_biases), 'bias', 'biases')} of keys to 0"
    if form.value_biases:
        count = _counted(len(form.value_biases), "bias", "biases")
        yield f"moved {count} of values through the output projection"


def _counted(count: int, noun: str, several: str = "") -> str:
    return f"{count} {noun if count == 1 else several or f'{noun}s'}"


def _rounding(
    module: nn.Module,
    weights: Weights,
    stored: Weights,
    batches: tuple[tuple[Tensor, ...], ...],
    form: Checkpoint,
) -> float:
    """Return how far outputs are from what they were, relative to the greatest.

    Raises:
        UnjudgedError: further than rounding to the stored dtypes explains.
    """
    dtypes = [torch_dtypes()[each] for each in form.dtypes.values() if each not in WHOLE]
    narrowest = max(dtypes, key=lambda each: torch.finfo(each).eps)
    worst = 0.0
    for inputs in batches:
        proof = compare(module, weights, lambda _: stored, inputs, stored=narrowest)
        if not proof.holds:
            raise UnjudgedError(
                f"stored as {str(narrowest).removeprefix('torch.')} the rewritten network differs"
                f" by {proof.difference:.3g}{proof.where} where rounding explains"
                f" {proof.tolerance:.3g}"
            )
        worst = max(worst, proof.difference / proof.scale if proof.scale else 0.0)
    return worst
