"""What several networks put out at their layers, on the same batches of examples."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from lmctool import statistics
from lmctool.evaluate.arithmetic import arithmetic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from torch import Tensor

    from lmctool.graph.graph import Graph
    from lmctool.graph.targets import Target
    from lmctool.plugin.progress import Advance
    from lmctool.run.resources import Resources
    from lmctool.weights.arithmetic import Weights

    Shown = Mapping[str, Tensor]


def activations(
    resources: Resources,
    networks: Sequence[tuple[Graph, Weights]],
    targets: Sequence[Target],
    batches: Iterable[Tensor],
) -> Iterator[Iterator[Shown]]:
    """Yield for each batch what each network in turn puts out: (example, position, channel) by tap.

    Args:
        resources: what the run works on: where examples lie in values, and how it computes.
        networks: the graph and the weights of each network.
        targets: where, of ``resources.layer_outputs()``.
        batches: (example, ...) the inputs of each batch.
    """
    places = {target.tap: target for target in targets}
    layouts = resources.example_layouts
    shown = [statistics.values(graph, weights, places) for graph, weights in networks]

    def in_turn(inputs: Tensor) -> Iterator[Shown]:
        for values in shown:
            with computing(resources):
                found = values(inputs)
            yield {
                tap: layouts[tap].arranged(found.pop(tap), target.axis, len(inputs))
                for tap, target in places.items()
            }

    return map(in_turn, batches)


def counted(batches: Iterable[Tensor], advance: Advance) -> Iterator[Tensor]:
    """Yield batches, and tell how many examples one had when the next one is asked for."""
    for inputs in batches:
        yield inputs
        advance(len(inputs))


@contextmanager
def computing(resources: Resources) -> Iterator[None]:
    """Compute as statistics are taken: in the run's precision and seeds, without gradients."""
    precision, device = resources.settings.precision, resources.device
    with torch.no_grad(), arithmetic(precision, device), resources.forward.seeding():
        yield
