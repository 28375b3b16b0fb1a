"""The four small networks that plugins are checked on, and runs on two of a kind."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lmctool.plugin.settings import InputShape
from lmctool.testing.runs import tiny_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmctool.graph.graph import Graph
    from lmctool.run.run import Run

HOME = "lmctool.testing.networks"
IMAGES = InputShape((2, 3, 8, 8))
GRAPHS: dict[tuple[str, bool, bool], Graph] = {}
"""The graph of each network, with data and without, whose tied tensors are untied and not, for it
takes longer than all that follows."""


@dataclass(frozen=True, slots=True)
class SmallNetwork:
    """One of the four.

    Attributes:
        key: how it is named, and the function of ``lmctool.testing.networks`` that makes it.
        noun: what it is called in a sentence.
        examples: the function that makes its data.
        inputs: an example input.
    """

    key: str
    noun: str
    examples: str = "images"
    inputs: InputShape = IMAGES

    @property
    def model(self) -> str:
        """What ``--model`` takes."""
        return f"{HOME}:{self.key}"

    @property
    def data(self) -> str:
        """What ``--data`` takes."""
        return f"{HOME}:{self.examples}"

    def write(self, path: Path, seed: int) -> Path:
        """Write an untrained network of a seed, and return its path."""
        from safetensors.torch import save_file

        from lmctool.testing import networks

        save_file(networks.state(getattr(networks, self.key), seed), path)
        return path

    def pair(self, folder: Path, *, with_data: bool = True) -> dict[str, Any]:
        """Write two of them, and return the settings of a run on these."""
        pair = tuple(self.write(folder / f"{seed}.safetensors", seed) for seed in range(2))
        examples = {"data": self.data} if with_data else {"inputs": (self.inputs,)}
        return {"checkpoints": pair, "model": self.model, **examples}

    @contextmanager
    def run(
        self, analysis: str = "barrier", *, with_data: bool = True, **settings: Any
    ) -> Iterator[Run]:
        """Open a run on two of them, with data or with an example input alone."""
        with TemporaryDirectory() as folder:
            chosen = {**self.pair(Path(folder), with_data=with_data), **settings}
            run = tiny_run(Path(folder), analysis, **chosen)
            kind = (self.key, with_data, run.resources.canonical)
            if kind not in GRAPHS:
                GRAPHS[kind] = run.graph
            run.resources.graph = GRAPHS[kind]
            yield run


SMALL_NETWORKS = (
    SmallNetwork("mlp", "an MLP"),
    SmallNetwork("resnet", "a BatchNorm ResNet"),
    SmallNetwork("vit", "a ViT"),
    SmallNetwork("causal_lm", "a causal LM", "text", InputShape((2, 6), ids=True)),
)
EVERY = tuple(each.key for each in SMALL_NETWORKS)


def named(keys: Sequence[str]) -> list[SmallNetwork]:
    """Return networks by their keys.

    Raises:
        ValueError: there is no such network.
    """
    by_key = {each.key: each for each in SMALL_NETWORKS}
    if unknown := [key for key in keys if key not in by_key]:
        raise ValueError(f"no network is called {unknown[0]!r}; there are: {', '.join(EVERY)}")
    return [by_key[key] for key in keys]
