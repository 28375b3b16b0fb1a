"""The three networks that span a plane, and where they and a run's steps are in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import LmctoolError
from lmctool.api.advanced import derived, is_adapter, letters, mean_tensor
from lmctool_plugins.analyses.plane.components import components
from lmctool_plugins.analyses.plane.directions import moved
from lmctool_plugins.analyses.plane.kernel import axis, corners, marked_axis, products
from lmctool_plugins.analyses.plane.ways import MARGIN, REACH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmctool.api import Array, Run, Weights
    from lmctool.api.advanced import Series
    from lmctool_plugins.analyses.plane.components import Components
    from lmctool_plugins.analyses.plane.ways import Way

BLOCK = 1 << 20
"""Values of each network that are compared at once."""
ALIGNED = "aligned b"
MASK = "_mask"
"""How the names of masks of pruning end."""


@dataclass(frozen=True, slots=True)
class Plane:
    """A plane in weight space.

    Attributes:
        networks: the three that span it, A first.
        places: (corner, axis) where they are, A at the origin and the second on the x axis.
        x: (x,) the columns of the grid, one of them exactly 0.
        y: (y,) its rows, likewise.
        names: what those of the networks are called that are corners of the figure, A first.
        components: those of the run that is in it, if one is.
    """

    networks: tuple[Weights, Weights, Weights]
    places: Array
    x: Array
    y: Array
    names: tuple[str, ...]
    components: Components | None = None


def spanned(
    run: Run,
    way: Way,
    shape: tuple[int, int],
    margin: float | None,
    reach: float | None,
    path: Series | None,
) -> Plane:
    """Return the plane that is asked for.

    Args:
        run: the run.
        way: how it is spanned.
        shape: how many points the grid has along x and y.
        margin: the room around what is in it, as a share; None for the usual one.
        reach: how far random directions go, in their length; None for the usual one.
        path: the training run of one that is spanned by it.

    Raises:
        LmctoolError: what is to span it lies on one line, or the grid has too few points.
    """
    if is_adapter(run.checkpoints[0]) and way != "align":  # whose path tells it
        run.note(
            "the plane is flat in the factors A and B of LoRA, each by itself, and not in the"
            " updates B A of the weights"
        )
    if way == "random":
        far = REACH if reach is None else reach
        a = run.weights(0)
        networks = (a, moved(run, a, "x"), moved(run, a, "y"))
        x, y = (axis(-far, far, points) for points in shape)
        return Plane(networks, np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), x, y, ("a",))
    room = MARGIN if margin is None else margin
    if path is not None:
        return _of_run(run, shape, room, path)
    return _of_checkpoints(run, shape, room)


def _of_checkpoints(run: Run, shape: tuple[int, int], margin: float) -> Plane:
    """Return the plane through three checkpoints, or through A, B and B in A's order."""
    if run.settings.aligns:
        aligned = run.variants()[1]
        networks = (aligned.a, run.frame(run.weights(1)), aligned.b)
    else:
        networks = (run.weights(0), run.weights(1), run.weights(2))
    names = _parameters(run, networks[0])

    def differences() -> Iterator[Array]:
        for name in names:
            first, *others = (own[name].flatten() for own in networks)
            for start in range(0, len(first), BLOCK):
                origin, *ends = (
                    own[start : start + BLOCK].cpu().double().numpy() for own in (first, *others)
                )
                yield np.stack(ends) - origin

    kept = run.kept(
        "products of two differences",
        lambda: {"gram": products(differences())},
        networks=networks,
        of=names,
    )
    places = corners(kept["gram"])
    if places is None:
        which = "A, B and B in A's order" if run.settings.aligns else "A, B and C"
        raise LmctoolError(
            f"{which} lie on one line in weight space, or two of them are equal, so they span no"
            " plane; lmctool interpolate follows a line"
        )
    low, high = _with_margin(places, margin)
    x, y = (
        marked_axis(low[k], high[k], float(places[k + 1, k]), points)
        for k, points in enumerate(shape)
    )
    third = ALIGNED if run.settings.aligns else "c"
    return Plane(networks, places, x, y, (*letters(2), third))


def _of_run(run: Run, shape: tuple[int, int], margin: float, path: Series) -> Plane:
    """Return the plane through A along the principal components of a run."""
    a = run.weights(0)
    files = [run.checkpoints[index] for index in (0, *path.indices)]
    names = _parameters(run, a)

    def differences() -> Iterator[Array]:
        for name in names:
            blocks = (file.numbers(name, run.dtype) for file in files)
            for origin, *steps in zip(*blocks, strict=True):
                own = np.stack([step.double().numpy() for step in steps])
                yield own - origin.double().numpy()

    digests = [file.digest for file in files]
    gram = run.kept("products of steps", lambda: {"gram": products(differences())}, of=digests)
    found = components(gram["gram"])
    if found is None:
        raise LmctoolError(
            f"the {len(path.steps)} steps of run '{path.path}' lie on one line in weight space, so"
            " they have no two principal components; name a run of three checkpoints or more that"
            " differ"
        )
    scales = abs(found.places).max(axis=0)
    ends = _along(run, a, path, found.weights * scales[:, None])
    low, high = _with_margin(np.concatenate([np.zeros((1, 2)), found.places]), margin)
    x, y = (axis(low[k], high[k], points) for k, points in enumerate(shape))
    places = np.array([[0.0, 0.0], [scales[0], 0.0], [0.0, scales[1]]])
    return Plane((a, *ends), places, x, y, ("a",), found)


def _along(run: Run, a: Weights, path: Series, weights: Array) -> tuple[Weights, Weights]:
    """Return A moved by each component, running statistics too.

    Args:
        run: the run.
        a: the network.
        path: the training run.
        weights: (component, step) how much of each step, which sum to 0.

    Raises:
        LmctoolError: steps differ from A in whole numbers or masks, which have no mixture.
    """
    sums = [{n: own.double() for n, own in a.items() if own.is_floating_point()} for _ in weights]
    for number, index in enumerate(path.indices):
        step = run.weights(index)
        for name, tensor in a.items():
            if name.endswith(MASK) or not tensor.is_floating_point():
                mean_tensor([tensor, step[name]], [1, 1], name)  # which refuses those that differ
        for total, own in zip(sums, weights, strict=True):
            for name, tensor in total.items():
                tensor.add_(step[name].double(), alpha=float(own[number]))
    digests = [run.checkpoints[index].digest for index in path.indices]

    def network(component: int) -> Weights:
        total, own = sums[component], weights[component].tolist()
        tensors = {
            n: total[n].to(tensor.dtype) if n in total else tensor for n, tensor in a.items()
        }
        return derived(tensors, "principal component", (a,), lambda: [digests, own])

    return network(0), network(1)


def _with_margin(places: Array, margin: float) -> tuple[Array, Array]:
    """Return the least and the greatest coordinates, (axis,) each, with room around places."""
    low, high = places.min(axis=0), places.max(axis=0)
    room = margin * (high - low)
    return low - room, high + room


def _parameters(run: Run, weights: Weights) -> Sequence[str]:
    """Return the names of a network's parameters, each tied one once."""
    named = (name for name, _ in run.resources.module.named_parameters())
    return [name for name in named if name in weights and weights[name].is_floating_point()]
