"""Show what checkpoints hold: tensors, metadata, identities, the model, its symmetry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmctool.cli import values
from lmctool.cli.columns import aligned
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from lmctool.checkpoint import Checkpoint
    from lmctool.model.resolve import Model
    from lmctool.report.table import Table


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
    callback=values.pairs,
    help="An argument of the model (repeatable).",
)
@click.option("--data", metavar="SPEC", help="Data whose inputs --symmetry needs the shape of.")
@click.option(
    "--input",
    "shape",
    metavar="NxCxHxW",
    callback=values.shape,
    help="The shape of a batch of inputs instead, such as 1x3x32x32; any batch size will do.",
)
def command(
    paths: tuple[Path, ...],
    tensors: bool,
    symmetry: bool,
    model: str | None,
    arguments: Mapping[str, str],
    data: str | None,
    shape: tuple[int, ...] | None,
) -> None:
    """Show what checkpoints hold: tensors, metadata, identities, the model, its symmetry."""
    from rich.console import Console

    from lmctool.checkpoint import open_checkpoint
    from lmctool.report.terminal import render

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
            from lmctool.symmetry import describe

            render(describe(found.module, _example(checkpoint, data, shape)), Console())


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
    from lmctool.report.table import Table

    rows = tuple(
        (name, "x".join(map(str, shape)) or "scalar", checkpoint.dtypes[name])
        for name, shape in checkpoint.shapes.items()
    )
    return Table("Tensors", ("tensor", "shape", "dtype"), rows)


def _example(checkpoint: Checkpoint, data: str | None, shape: tuple[int, ...] | None) -> Tensor:
    """Return a batch of two zeros of the shape that the model takes."""
    import torch

    from lmctool import config
    from lmctool.data.resolve import resolve_data
    from lmctool.data.split import open_split

    if shape is not None:
        return torch.zeros(2, *shape[1:])
    try:
        found = resolve_data(spec=data, metadata=[checkpoint.metadata], config=config.load())
    except LmctoolError as error:
        raise LmctoolError(f"{error}; or give the shape of its inputs with --input") from error
    first = next(iter(found.dataset.splits))
    split = open_split(found.dataset, first, limit=2, seed=0, device=torch.device("cpu"))
    return torch.zeros_like(split.head(2, torch.float32))
