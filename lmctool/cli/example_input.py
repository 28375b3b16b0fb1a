"""The inputs that a command follows a model with, where it evaluates none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lmctool.cli.key_values import aligned
from lmctool.errors import LmctoolError
from lmctool.report.terminal import echo

if TYPE_CHECKING:
    from torch import nn

    from lmctool.checkpoint import Checkpoint
    from lmctool.config import Config
    from lmctool.model.example import Inputs
    from lmctool.plugin.settings import InputShape


def example_input(
    checkpoint: Checkpoint,
    module: nn.Module,
    data: str | None,
    shapes: tuple[InputShape, ...],
    standing: Config,
    *,
    examples: int = 2,
    err: bool = False,
) -> Inputs:
    """Return a batch of inputs for a model: of the data, of the shapes, or the model's own.

    Args:
        checkpoint: whose metadata may name data.
        module: the model.
        data: the data that the user names.
        shapes: the inputs that they describe.
        standing: the standing choices.
        examples: how many of the data.
        err: whether what is told of the inputs goes to stderr.

    Raises:
        LmctoolError: nothing names any, or they cannot be read.
    """
    import torch

    from lmctool.data.opening import open_split
    from lmctool.data.resolve import resolve_data
    from lmctool.graph.randomness import generator
    from lmctool.model.example import find_example
    from lmctool.run.data_sources import names_data
    from lmctool.run.sources import NEITHER

    cpu = torch.device("cpu")
    if data and shapes:
        raise click.UsageError("--input stands in for data; leave --data or --input out")
    if shapes or not names_data([checkpoint], data, standing):
        randomness = generator(0, "example input")
        example = find_example([module], shapes, randomness, cpu, torch.float32)
        if example is None:
            raise LmctoolError(NEITHER)
        if example.doubled:
            echo(aligned([("example input", example.spec)]) + "\n", err=err)
        return example.inputs
    dataset = resolve_data(spec=data, metadata=[checkpoint.metadata], config=standing).dataset
    split = open_split(dataset, next(iter(dataset.splits)), limit=examples, seed=0, device=cpu)
    return split.head(examples, torch.float32)
