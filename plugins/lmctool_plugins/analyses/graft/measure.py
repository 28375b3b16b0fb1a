"""Grafting parts, and measuring the network that is made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import (
    Group,
    LmctoolError,
    NewCheckpoint,
    Result,
    Variable,
    score_group,
)
from lmctool.api.advanced import LazyWeights, Partwise, fall_notes, following
from lmctool_plugins.analyses.graft.fit import check_fit, whole
from lmctool_plugins.analyses.graft.selection import chosen, grafted, taken
from lmctool_plugins.analyses.graft.summary import ROBUSTNESS, SCORES, rises

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from torch import Tensor

    from lmctool.api import Run, Scores, Weights

PARTS = "graft/parts"
DEFINITION = "loss or error with one part taken from the other network, less that of the checkpoint"


@dataclass(frozen=True, slots=True)
class Donor:
    """The network that parts are taken from.

    Attributes:
        weights: its tensors, in the run's dtype.
        index: which checkpoint it is; None for one in its initial state.
        name: its path, or how it was drawn.
        identity: the digest of its tensors, or how it was drawn.
    """

    weights: Weights
    index: int | None
    name: str
    identity: str

    def scores(self, run: Run) -> Scores:
        """Return its loss and error."""
        return run.evaluate([self.weights]) if self.index is None else run.scores([self.index])


def network_count(run: Run, by: str, layers: Sequence[str], *, evaluate: bool, **_: object) -> int:
    """Return how many networks are measured, with data: both, the grafted, each part taken."""
    if run.data is None:
        return 0
    parts = _parts(run, by, _sizes(run)).values() if evaluate else ()
    alone = sum(run.left_out.isdisjoint(names) for names in parts)
    return 1 + (not run.left_out) + bool(layers) + alone


def measure(
    run: Run,
    source: int | None,
    fresh: bool,
    layers: Sequence[str],
    all_but: bool,
    by: str,
    evaluate: bool,
) -> Result:
    """Graft what is named, and measure what is asked and what the data allows."""
    base = _weights(run, 0)
    sizes = _sizes(run)
    parts = _parts(run, by, sizes)
    _check(run, source, fresh, layers, all_but, evaluate, parts)
    named = chosen(tuple(parts), layers, by)
    tensors = taken(parts, named)
    if all_but:
        tensors = frozenset(sizes) - tensors
    tensors = following(tensors, sizes)
    if not all_but:
        check_fit(run, tensors)
    tensors = following(tensors - run.left_out, sizes)
    donor = _donor(run, source)
    attributes = {"by": by, "other": donor.name}
    if run.left_out:
        attributes["left_out"] = ", ".join(sorted(run.left_out))
    groups = {PARTS: _described(sizes, parts, tensors, attributes)}
    if run.data is not None:
        # the robustness of a network that answers at chance means nothing: ends refuses it
        scores = {"base": run.ends if evaluate else run.scores([0])}
        if not run.left_out:
            scores["other"] = donor.scores(run)
        if layers:
            network = grafted(base, donor.weights, tensors)
            scores["grafted"] = run.evaluate([network], description="grafted")
        groups[SCORES] = score_group("graft", [*scores], [*scores.values()], attributes)
        if evaluate:
            groups[ROBUSTNESS] = _robustness(
                run, scores["base"], base, donor, whole(run, parts), attributes
            )
    if not layers:
        return Result("graft", groups)
    which: dict[str, str | list[str]] = {"by": by}
    which["all but" if all_but else "parts"] = list(named)
    if run.left_out:
        which["left out"] = sorted(run.left_out)
    return Result("graft", groups, _checkpoint(run, base, donor, tensors, which))


def _weights(run: Run, index: int) -> Weights:
    """Return the weights of a checkpoint, read when asked for where there is no model."""
    checkpoint = run.checkpoints[index]
    if run.model is None:
        return LazyWeights(checkpoint.names, partial(checkpoint.tensor, finite=True))
    return run.weights(index)


def _sizes(run: Run) -> dict[str, int]:
    """Return how many numbers each tensor of the checkpoint has."""
    if run.model is None:
        return {name: prod(shape) for name, shape in run.checkpoints[0].shapes.items()}
    return {name: tensor.numel() for name, tensor in run.weights(0).items()}


def _donor(run: Run, source: int | None) -> Donor:
    if source is None:
        seed = run.settings.seed
        drawn = f"initial state of seed {seed}"
        return Donor(run.resources.initial(seed), None, drawn, drawn)
    checkpoint = run.checkpoints[source]
    return Donor(_weights(run, source), source, str(checkpoint.path), checkpoint.digest)


def _checkpoint(
    run: Run,
    base: Weights,
    donor: Donor,
    tensors: Collection[str],
    which: Mapping[str, str | list[str]],
) -> NewCheckpoint:
    """Return the grafted checkpoint, every tensor as the file has it that it comes from."""
    entry = {**which, "base": run.checkpoints[0].digest, "other": donor.identity}
    metadata = {"lmctool.made": "graft", "lmctool.graft": json.dumps(entry, sort_keys=True)}
    if run.model is None:
        chosen_from = LazyWeights(
            base, lambda name: (donor.weights if name in tensors else base)[name]
        )
        return NewCheckpoint(chosen_from, 0, metadata, groups_after=dict)
    own = _as_stored(run, 0, base, base.keys() - tensors)
    theirs = _as_stored(run, donor.index, donor.weights, tensors)
    return NewCheckpoint({**own, **theirs}, 0, metadata)


def _parts(run: Run, by: str, base: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the parts with the tensors that the checkpoint has: it may lack a buffer."""
    present = {
        part: tuple(name for name in names if name in base)
        for part, names in run.resources.parts(by).items()
    }
    return {part: names for part, names in present.items() if names}


def _as_stored(
    run: Run, index: int | None, weights: Weights, names: Collection[str]
) -> dict[str, Tensor]:
    """Return tensors of a checkpoint as they are in its file, whatever dtype the run has.

    What is in no file, or there under another name that it is tied to, has the run's dtype.
    """
    tensors = {name: weights[name] for name in names}
    if index is not None:
        checkpoint = run.checkpoints[index]
        tensors |= {name: checkpoint.tensor(name) for name in names if name in checkpoint.shapes}
    return tensors


def _described(
    sizes: Mapping[str, int],
    parts: Mapping[str, Collection[str]],
    tensors: Collection[str],
    attributes: Mapping[str, str],
) -> Group:
    """Return how large each part is, and how much of it was taken from the other network."""
    over = ("part",)
    whole = [sum(sizes[name] for name in names) for names in parts.values()]
    own = [sum(sizes[n] for n in names if n in tensors) for names in parts.values()]
    share = sum(sizes[name] for name in tensors) / sum(sizes.values())
    variables = {
        "part": Variable(np.array([*parts], dtype=object), over, long_name="part"),
        "tensors": Variable(np.array([*map(len, parts.values())]), over, "1", "tensors"),
        "numbers": Variable(np.array(whole), over, "1", "numbers in the tensors"),
        "taken": Variable(np.array(own), over, "1", "numbers taken from the other network"),
        "share": Variable(
            np.array(share), (), "1", "share of all numbers that was taken", "graft.share"
        ),
    }
    return Group(variables, attributes)


def _robustness(
    run: Run,
    ends: Scores,
    base: Weights,
    donor: Donor,
    parts: Mapping[str, Collection[str]],
    attributes: Mapping[str, str],
) -> Group:
    """Return the metrics with each part alone taken, and how far they rise over the base's."""
    networks = Partwise(base, donor.weights, [*map(tuple, parts.values())], np.eye(len(parts)))
    scores = run.evaluate(networks, description="parts")
    variables = {
        "part": Variable(np.array([*parts], dtype=object), ("part",), long_name="part"),
        "split": Variable(np.array(scores.splits, dtype=object), ("split",), long_name="split"),
    }
    over = ("part", "split")
    for metric in run.metrics:
        name = metric.name
        variables[name] = metric.variable(
            scores.values(metric).T, over, metric=f"graft.part.{name}", comparable=False
        )
    own = {metric.name: ends.values(metric)[:, 0] for metric in run.metrics}
    variables |= rises(variables, run.metrics, own)
    definition = "; ".join((DEFINITION, *fall_notes(run.metrics)))
    return Group(variables, {"definition": definition, **attributes})


def _check(
    run: Run,
    source: int | None,
    fresh: bool,
    layers: Sequence[str],
    all_but: bool,
    evaluate: bool,
    parts: Mapping[str, object],
) -> None:
    """Refuse options that don't say what to do.

    Raises:
        LmctoolError: they don't.
    """
    if (source is None) != fresh:
        both = "both are given" if fresh else "neither is given"
        raise LmctoolError(
            f"parts are taken either --from a checkpoint or --fresh from the initialiser; {both}"
        )
    if all_but and not layers:
        raise LmctoolError("--all-but is everything but --layers; give that too")
    if not layers and not evaluate:
        raise LmctoolError(
            "nothing is asked for: name parts to take with --layers, such as"
            f" {next(iter(parts))!r}, or measure each of them with --evaluate"
        )
    if evaluate and run.data is None:
        raise LmctoolError(
            "--evaluate measures loss and error, but no data is in use; name it with --data"
        )
