"""What is known of each intervention: the path of its networks, their blocks, and their error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from networks import BLOCKS, RISE, Networks, Size, images, train
from page import percent
from reading import pick, value
from verdict import Finding, Outcome, below, judged, pooled, typical

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from steps import Steps, Word

ABBREVIATIONS = {"monotone": "NB", "plateau": "P", "barrier": "B"}
"""The words of lmctool, and the letters of the paper's Table 1."""


@dataclass(frozen=True)
class Study:
    """The networks of a size, measured.

    Attributes:
        steps: where they are.
        size: what was trained.
        networks: the states before and after training.
        paths: by intervention, the result of each seed's path from start to end.
    """

    steps: Steps
    size: Size
    networks: Networks
    paths: Mapping[str, tuple[Path, ...]]

    def shapes(self, name: str) -> tuple[str, ...]:
        """Return the shape of the loss on each seed's path."""
        return tuple(str(pick(each, "interpolate/shape/shape_loss")) for each in self.paths[name])

    def rises(self, name: str) -> tuple[float, ...]:
        """Return the largest rise of the loss on each seed's path (Delta), in nats."""
        return tuple(value(each, "interpolate/shape/delta_loss") for each in self.paths[name])

    def errors(self, name: str) -> tuple[float, ...]:
        """Return the test error of each seed's network after training."""
        return tuple(self.steps.test_error(network) for network in self.networks.final[name])

    def noise(self) -> float:
        """Return the standard deviation of the test error from seed to seed, as is typical."""
        return typical(self.errors(name) for name in self.networks.final)

    def compared(self, name: str, than: str) -> Outcome:
        """Tell whether one intervention leads to a lower test error than another.

        The noise is the typical one, or that of the two interventions where it is larger.
        """
        first, second = self.errors(name), self.errors(than)
        own = pooled([first, second])
        return below(first, second, float(np.fmax(own, self.noise())))

    def blocks(self, name: str) -> tuple[Path, ...]:
        """Measure the path of each block alone, the rest at its final state, of each seed."""
        pairs = zip(self.networks.initial[name], self.networks.final[name], strict=True)
        wanted = {
            f"blocks-{final.stem}": ("layerwise", initial, final, *self.examples(), "--by", "group")
            for initial, final in pairs
        }
        return tuple(self.steps.measure_all(wanted).values())

    def heights(self, name: str) -> tuple[float, ...]:
        """Return the largest rise of the loss on the path of any block, of each seed, in nats."""
        return tuple(
            max(value(each, "layerwise/summary/delta_loss", part=block) for block in BLOCKS)
            for each in self.blocks(name)
        )

    def examples(self) -> tuple[Word, ...]:
        """Return the options that say what losses are measured on."""
        return (
            "--data", images(self.steps, self.size), "--split", "train",
            "--limit", self.size.measured, "--points", self.size.points, "--rise", RISE,
            "--allow-chance",
        )  # fmt: skip

    def row(self, name: str) -> tuple[str, ...]:
        """Return the cells of a table: shapes, rise and test error."""
        return (name, told(self.shapes(name)), nats(self.rises(name)), percent(self.errors(name)))

    def has_shape(self, statement: str, name: str, *allowed: str) -> Finding:
        """Judge whether the paths of all seeds have one of these shapes."""
        found = self.shapes(name)
        if len({each in allowed for each in found}) > 1:
            return Finding(statement, Outcome.UNDECIDED, told(found))
        return Finding(statement, judged(found[0] in allowed), told(found))

    def better(self, statement: str, name: str, than: str) -> Finding:
        """Judge whether one intervention leads to a lower test error than another."""
        first, second = self.errors(name), self.errors(than)
        evidence = f"{percent(first)} against {percent(second)} ({than})"
        return Finding(statement, self.compared(name, than), evidence)

    def higher(self, statement: str, name: str, than: str, blocks: bool = False) -> Finding:
        """Judge whether the paths of one intervention rise higher than another's.

        Args:
            statement: of the paper.
            name: the intervention that should rise higher.
            than: the other.
            blocks: compare the highest of the blocks' own paths, not the whole path.
        """
        first, second = ((self.heights if blocks else self.rises)(each) for each in (name, than))
        apart = min(first) > max(second) or max(first) < min(second)
        outcome = judged(sum(first) > sum(second)) if apart else Outcome.UNDECIDED
        return Finding(statement, outcome, f"{nats(first)} against {nats(second)} nats ({than})")


def study(steps: Steps, size: Size) -> Study:
    """Train all networks of a size and follow the path of each from its start to its end."""
    networks = train(steps, size)
    bare = Study(steps, size, networks, {})
    wanted = {
        f"path-{final.stem}": ("interpolate", initial, final, *bare.examples())
        for name, finals in networks.final.items()
        for initial, final in zip(networks.initial[name], finals, strict=True)
    }
    done = steps.measure_all(wanted)
    paths = {
        name: tuple(done[f"path-{final.stem}"] for final in finals)
        for name, finals in networks.final.items()
    }
    return Study(steps, size, networks, paths)


def told(shapes: Sequence[str]) -> str:
    """Return shapes by the paper's letters, one of each seed, each letter once."""
    return "/".join(dict.fromkeys(ABBREVIATIONS[shape] for shape in shapes))


def nats(values: Sequence[float]) -> str:
    """Return the values of all seeds."""
    return " / ".join(f"{each:.3f}" for each in values)
