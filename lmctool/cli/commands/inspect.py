"""Show what checkpoints hold: tensors, metadata, identities, the model, its symmetry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmctool.cli import parsing
from lmctool.cli.key_values import aligned
from lmctool.cli.options import INPUT
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import nn

    from lmctool.checkpoint import Checkpoint
    from lmctool.model.example import Inputs
    from lmctool.model.resolve import Model
    from lmctool.plugin.settings import InputShape
    from lmctool.results.table import Table


@click.command("inspect")
@click.argument(
    "paths", metavar="CKPT...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--tensors", is_flag=True, help="List every tensor with its shape and dtype.")
@click.option(
    "--symmetry", is_flag=True, help="Show which units may be permuted, and why others not."
)
@click.option("--model", metavar="SPEC", help="The model; else found out from the checkpoint.")
@click.option(
    "--model-arg",
    "arguments",
    metavar="K=V",
    multiple=True,
    callback=parsing.pairs,
    help="An argument of the model (repeatable).",
)
@click.option("--data", metavar="SPEC", help="Data whose inputs --symmetry needs the shape of.")
@click.option("--input", "inputs", **INPUT)
@click.option(
    "-o",
    "--out",
    metavar="SPEC.toml",
    type=click.Path(path_type=Path),
    help="Write what --symmetry shows as a permutation spec, to be edited and given to --spec.",
)
@click.option("--force", is_flag=True, help="Replace an existing SPEC.toml.")
def command(
    paths: tuple[Path, ...],
    tensors: bool,
    symmetry: bool,
    model: str | None,
    arguments: Mapping[str, str],
    data: str | None,
    inputs: tuple[InputShape, ...],
    out: Path | None,
    force: bool,
) -> None:
    """Show what checkpoints hold: tensors, metadata, identities, the model, its symmetry."""
    from rich.console import Console

    from lmctool.checkpoint import open_checkpoint
    from lmctool.files.publish import refuse_existing
    from lmctool.report.terminal import render

    if out is not None:
        if not symmetry or len(paths) > 1:
            raise click.UsageError("-o writes what --symmetry shows of one checkpoint")
        refuse_existing([out], force)
    for position, path in enumerate(paths):
        checkpoint = open_checkpoint(path)
        found = _model(checkpoint, model, arguments)
        if position:
            click.echo()
        click.echo(aligned([*_summary(checkpoint), ("model", _told(found))]))
        if tensors:
            click.echo()
            render(_tensors(checkpoint), Console())
        if symmetry:
            if isinstance(found, LmctoolError):
                raise found
            click.echo()
            example = _example(checkpoint, found.module, data, inputs)
            _show_symmetry(found.module, example, out, force)


def _summary(checkpoint: Checkpoint) -> Iterator[tuple[str, str]]:
    dtypes = sorted(set(checkpoint.dtypes.values()))
    yield "checkpoint", str(checkpoint.path)
    if len(checkpoint.files) > 1:
        yield "files", ", ".join(file.name for file in checkpoint.files)
    yield "tensors", f"{len(checkpoint.names)} ({', '.join(dtypes)})"
    yield "parameters", f"{checkpoint.parameter_count:,}"
    for key, value in sorted(checkpoint.metadata.items()):
        yield f"metadata {key}", value
    yield "file sha256", checkpoint.sha256
    yield "tensor digest", checkpoint.digest


def _model(
    checkpoint: Checkpoint, spec: str | None, arguments: Mapping[str, Any]
) -> Model | LmctoolError:
    """Return the model, or why there is none."""
    from lmctool import config
    from lmctool.model.resolve import resolve_model

    standing = config.load()
    try:
        return resolve_model(checkpoint, spec=spec, arguments=arguments, config=standing)
    except LmctoolError as error:
        return error


def _told(found: Model | LmctoolError) -> str:
    if isinstance(found, LmctoolError):
        return f"none: {found}"
    arguments = ", ".join(f"{key}={value}" for key, value in found.arguments.items())
    return f"{found.spec}({arguments}), from {found.origin}"


def _tensors(checkpoint: Checkpoint) -> Table:
    from lmctool.results.table import Table

    rows = tuple(
        (name, "x".join(map(str, shape)) or "scalar", checkpoint.dtypes[name])
        for name, shape in checkpoint.shapes.items()
    )
    return Table("Tensors", ("tensor", "shape", "dtype"), rows)


def _show_symmetry(module: nn.Module, example: Inputs, out: Path | None, force: bool) -> None:
    from rich.console import Console

    from lmctool.graph.capture import capture
    from lmctool.report.terminal import render
    from lmctool.symmetry import derive, describe, write_spec

    graph = capture(module, example)
    spec = derive(graph)
    render(describe(spec, graph), Console())
    if out is not None:
        write_spec(spec, out, force)
        click.echo(f"\nspec  {out}")


def _example(
    checkpoint: Checkpoint, module: nn.Module, data: str | None, shapes: tuple[InputShape, ...]
) -> Inputs:
    """Return a batch of inputs that the model takes: of the data, as described, or its own."""
    import torch

    from lmctool import config
    from lmctool.data.resolve import resolve_data
    from lmctool.data.split import open_split
    from lmctool.evaluate.device import generator
    from lmctool.model.example import find_example
    from lmctool.run.sources import NEITHER, names_data

    standing, cpu = config.load(), torch.device("cpu")
    if data and shapes:
        raise click.UsageError("--input stands in for data; leave --data or --input out")
    if shapes or not names_data([checkpoint], data, standing):
        randomness = generator(0, "example input")
        found = find_example(module, shapes, randomness, cpu, torch.float32)
        if found is None:
            raise LmctoolError(NEITHER)
        return found.inputs
    dataset = resolve_data(spec=data, metadata=[checkpoint.metadata], config=standing).dataset
    split = open_split(dataset, next(iter(dataset.splits)), limit=2, seed=0, device=cpu)
    return split.head(2, torch.float32)
