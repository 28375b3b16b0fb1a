"""How often aligners find a planted permutation, over the noise on top of it.

B is a network in its initial state with Gaussian noise on every weight, of so many times the
standard deviation of its tensor, and with all its hidden units permuted at random (attention
heads, and the units within each head, too).  A permutation is recovered if it brings every tensor
of B back bit for bit.

Run ``python benchmarks/planted.py``; it prints a Markdown table and draws the curves.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import click
import torch
from torch import Tensor, nn

from lmctool.graph.capture import capture
from lmctool.plugin import kinds, registry
from lmctool.plugin.kinds import MODELS
from lmctool.report.scales import log_axis, percent_axis
from lmctool.report.style import applied
from lmctool.statistics import cross
from lmctool.symmetry import Permutation, PermutationSpec, derive
from lmctool.symmetry.alignment import Alignment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from lmctool.graph.graph import Graph
    from lmctool.statistics import CrossMoments
    from lmctool.symmetry.spec import Tap

Weights = dict[str, Tensor]
EXAMPLES = 200
"""Random inputs that activations are compared on."""
ALIGNERS: dict[str, dict[str, Any]] = {
    "activation": {},
    "activation, pre": {"tap": "pre"},
    "weight": {"restarts": 1},
    "weight, random": {"restarts": 1, "start": "random"},
}
"""What is compared, with the options of each: the first word is the aligner."""


@dataclass
class Planted:
    """A model with permutations planted in it: as much of a run as aligners ask for.

    Attributes:
        spec: the model's word, or ``WORD:NAME``.
        arguments: its arguments.
        shape: of one input.
        vocabulary: how many token ids there are; 0 for inputs that are numbers.
        left_out: the tensors that are not compared, of which there is none.
    """

    spec: str
    arguments: dict[str, Any]
    shape: tuple[int, ...]
    vocabulary: int = 0
    seed: int = 0
    left_out: ClassVar[frozenset[str]] = frozenset()

    def build(self, seed: int) -> nn.Module:
        """Return the model in its initial state."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            family = registry.load(MODELS, self.spec.partition(":")[0])
            return family.build(self.spec, **self.arguments).eval().requires_grad_(False)

    def inputs(self, count: int) -> Tensor:
        """Return random inputs."""
        generator = torch.Generator().manual_seed(self.seed)
        if self.vocabulary:
            return torch.randint(self.vocabulary, (count, *self.shape), generator=generator)
        return torch.randn(count, *self.shape, generator=generator)

    @cached_property
    def graph(self) -> Graph:
        """The graph of the model."""
        return capture(self.build(0), self.inputs(2))

    @cached_property
    def permutation_spec(self) -> PermutationSpec:
        """What may be permuted in it."""
        return derive(self.graph)

    @property
    def calibration(self) -> Planted:
        """What takes statistics: the inputs are random, so it is this itself."""
        return self

    def cross_moments(self, a: Weights, b: Weights, taps: Iterable[Tap]) -> dict[Tap, CrossMoments]:
        """Return the cross-moments of two networks on random inputs."""
        return cross((self.graph, self.graph), a, b, taps, [self.inputs(EXAMPLES)])

    def generator(self, name: str) -> torch.Generator:
        """Return a generator of the seed at hand."""
        return torch.Generator().manual_seed(self.seed)

    def progress(
        self, total: int, description: str
    ) -> AbstractContextManager[Callable[[int], None]]:
        """Tell nobody."""
        return nullcontext(lambda _: None)

    def ends(self, noise: float) -> tuple[Weights, Weights, Weights]:
        """Return A, A with noise, and B: the noisy one permuted."""
        a = {name: tensor.clone() for name, tensor in self.build(self.seed).state_dict().items()}
        generator = torch.Generator().manual_seed(self.seed)
        noisy = {
            name: tensor + noise * _spread(tensor) * torch.randn(tensor.shape, generator=generator)
            if tensor.is_floating_point()
            else tensor
            for name, tensor in a.items()
        }
        for alias, name in self.graph.aliases.items():
            noisy[alias] = noisy[name]
        return a, noisy, Permutation.random(self.permutation_spec, generator).apply(noisy)

    def recovers(self, aligner: str, seed: int, noise: float, **options: Any) -> bool:
        """Whether an aligner finds the permutation of a seed.

        Args:
            aligner: the aligner's word.
            seed: of the network, the noise, the permutation and the aligner.
            noise: its standard deviation over that of each tensor.
            options: the aligner's own.
        """
        self.seed = seed
        a, noisy, b = self.ends(noise)
        answer = registry.load(kinds.ALIGNERS, aligner).align(self, a, b, **options)
        permutation = answer.transform if isinstance(answer, Alignment) else answer
        aligned = permutation.apply(b)
        return all(torch.equal(aligned[name], noisy[name]) for name in noisy)


def _spread(tensor: Tensor) -> Tensor:
    return tensor.std(correction=0)


def models() -> dict[str, Planted]:
    """Return the models, small enough for hundreds of alignments."""
    language = {"n_head": 4, "n_embd": 32, "n_layer": 2, "vocab_size": 64, "n_positions": 16}
    images = {
        "img_size": 8, "patch_size": 2, "in_chans": 1, "num_classes": 10,
        "embed_dim": 32, "depth": 2, "num_heads": 4,
    }  # fmt: skip
    residual = {
        "embedding_size": 4, "hidden_sizes": "[16, 32, 64, 128]", "depths": "[3, 4, 6, 3]",
        "num_labels": 10,
    }  # fmt: skip
    return {
        "MLP": Planted("mlp", {"inputs": 64, "width": 16, "depth": 2}, (64,)),
        "VGG11": Planted("vgg11", {"channels": 1, "width": 4, "size": 8}, (1, 8, 8)),
        "ResNet20": Planted("resnet20", {"channels": 1}, (1, 8, 8)),
        "ResNet50": Planted("transformers:ResNetForImageClassification", residual, (3, 16, 16)),
        "ViT": Planted("timm:vit_tiny_patch16_224", images, (1, 8, 8)),
        "GPT-2": Planted("transformers:GPT2LMHeadModel", language, (12,), vocabulary=64),
    }


def rates(
    chosen: dict[str, Planted], aligners: dict[str, dict[str, Any]], noises: list[float], seeds: int
) -> dict[tuple[str, str], list[int]]:
    """Return how many seeds are recovered at each noise, by model and aligner."""
    found = {}
    for name, model in chosen.items():
        for label, options in aligners.items():
            begun = time.perf_counter()
            aligner = label.partition(",")[0]
            found[name, label] = [
                sum(model.recovers(aligner, seed, noise, **options) for seed in range(seeds))
                for noise in noises
            ]
            taken = (time.perf_counter() - begun) / (seeds * len(noises))
            click.echo(f"{name}, {label}: {found[name, label]}, {taken:.2f} s each", err=True)
    return found


def draw(found: dict[tuple[str, str], list[int]], noises: list[float], seeds: int) -> Any:
    """Return a figure: the share recovered over the noise, one panel for each aligner."""
    from matplotlib.figure import Figure

    labels = list(dict.fromkeys(label for _, label in found))
    figure = Figure(figsize=(4.2 * len(labels), 3.6), layout="constrained")
    panels = figure.subplots(1, len(labels), sharey=True, squeeze=False)[0]
    for panel, label in zip(panels, labels, strict=True):
        for (name, of), counts in found.items():
            if of == label:
                panel.plot(noises, [n / seeds for n in counts], label=name)
        panel.set(title=label, xlabel="noise / std of the tensor", ylim=(-0.03, 1.03))
        log_axis(panel.xaxis)
        panel.set_xticks(noises, [f"{noise:g}" for noise in noises])
        panel.minorticks_off()
    panels[0].set_ylabel("permutations recovered")
    percent_axis(panels[0].yaxis)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
    return figure


@click.command()
@click.option("--seeds", type=click.IntRange(min=1), default=100, show_default=True)
@click.option("--noise", "noises", type=float, multiple=True, default=(0.01, 0.03, 0.1, 0.3, 1, 2))
@click.option("--model", "names", type=click.Choice(list(models())), multiple=True)
@click.option("--aligner", "labels", type=click.Choice(list(ALIGNERS)), multiple=True)
@click.option("-o", "--out", type=click.Path(path_type=Path), default=Path("planted.png"))
def main(
    seeds: int,
    noises: tuple[float, ...],
    names: tuple[str, ...],
    labels: tuple[str, ...],
    out: Path,
) -> None:
    """Print how many planted permutations each aligner recovers, and draw it."""
    chosen = {name: model for name, model in models().items() if name in (names or models())}
    aligners = {
        label: options for label, options in ALIGNERS.items() if label in (labels or ALIGNERS)
    }
    found = rates(chosen, aligners, list(noises), seeds)
    head = " | ".join(f"{noise:g}" for noise in noises)
    click.echo(f"| model | aligner | {head} |\n|---|---|{'---|' * len(noises)}")
    for (name, label), counts in found.items():
        click.echo(f"| {name} | {label} | {' | '.join(map(str, counts))} |")
    with applied():
        draw(found, list(noises), seeds).savefig(out)


if __name__ == "__main__":
    main()
