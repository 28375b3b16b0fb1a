"""Show the contents of checkpoints: tensors, metadata, digests, model and symmetry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmctool.cli.checkpoint_options import naming, with_options
from lmctool.cli.command import Command, OutputFile
from lmctool.cli.data_options import INPUT
from lmctool.cli.example_input import example_input
from lmctool.cli.key_values import aligned
from lmctool.cli.options import MODEL, MODEL_ARGUMENTS, NO_CACHE, TRUST_CONFIG
from lmctool.errors import LmctoolError, UntrustedError
from lmctool.plugin.parameters import InputFile
from lmctool.report.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import nn

    from lmctool.checkpoint import Checkpoint
    from lmctool.config import Config
    from lmctool.graph.graph import Graph
    from lmctool.graph.kept import KeptGraph
    from lmctool.model.example import Inputs
    from lmctool.model.resolve import Model
    from lmctool.plugin.settings import InputShape
    from lmctool.results.table import Table
    from lmctool.symmetry import PermutationSpec


@click.command("inspect", cls=Command)
@click.argument(
    "paths", metavar="CKPT...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--tensors", is_flag=True, help="List every tensor with its shape and dtype.")
@click.option(
    "--symmetry",
    is_flag=True,
    help="Show which hidden units may be permuted, and why others may not.",
)
@click.option("--model", **MODEL)
@click.option("--model-arg", "arguments", **MODEL_ARGUMENTS)
@click.option(
    "--data", metavar="SPEC", help="Dataset that gives --symmetry the shape of the inputs."
)
@click.option("--input", "inputs", **INPUT)
@click.option(
    "--spec",
    "spec_file",
    metavar="FILE",
    type=InputFile(),
    help="A permutation spec that extends or replaces what --symmetry derives.",
)
@click.option(
    "-o",
    "--out",
    metavar="SPEC.toml",
    type=OutputFile(),
    help="Write the symmetry as a permutation spec, which can be edited and passed to --spec.",
)
@click.option("--force", is_flag=True, help="Replace an existing SPEC.toml.")
@click.option("--no-cache", **NO_CACHE)
@click.option("--trust-config", **TRUST_CONFIG)
@with_options
def command(
    paths: tuple[Path, ...],
    tensors: bool,
    symmetry: bool,
    model: str | None,
    arguments: Mapping[str, str],
    data: str | None,
    inputs: tuple[InputShape, ...],
    spec_file: Path | None,
    out: Path | None,
    force: bool,
    no_cache: bool,
    trust_config: bool,
    **names: Any,
) -> None:
    """Show the contents of checkpoints: tensors, metadata, digests, model and symmetry."""
    from rich.console import Console

    from lmctool import config
    from lmctool.checkpoint.checkpoint import open_checkpoints
    from lmctool.files.publish import refuse_existing
    from lmctool.report.terminal import render

    if out is not None:
        if not symmetry or len(paths) > 1:
            raise click.UsageError("-o writes what --symmetry shows of one checkpoint")
        refuse_existing([out], force)
    if spec_file is not None and not symmetry:
        raise click.UsageError("--spec is of no use without --symmetry")
    standing = config.load(trusted=trust_config)
    for position, checkpoint in enumerate(open_checkpoints(paths, naming(names))):
        resolved = _model(checkpoint, model, arguments, standing)
        if position:
            echo()
        model_text = ("model", _model_text(resolved))
        echo(aligned([*_summary(checkpoint), model_text, *_fitting(checkpoint, resolved)]))
        if tensors:
            echo()
            render(_tensors(checkpoint), Console())
        if symmetry:
            if isinstance(resolved, LmctoolError):
                raise resolved
            echo()
            example = example_input(checkpoint, resolved.module, data, inputs, standing)
            kept = None if no_cache else _kept(resolved)
            _show_symmetry(resolved.module, example, spec_file, out, force, kept)


def _summary(checkpoint: Checkpoint) -> Iterator[tuple[str, str]]:
    from lmctool.checkpoint.notes import notes_on

    dtypes = sorted(set(checkpoint.dtypes.values()))
    yield "checkpoint", str(checkpoint.path)
    if len(checkpoint.files) > 1:
        yield "files", ", ".join(file.name for file in checkpoint.files)
    yield "tensors", f"{len(checkpoint.names)} ({', '.join(dtypes)})"
    for sentence in notes_on([checkpoint]):
        yield "note", sentence
    yield "parameters", f"{checkpoint.parameter_count:,}"
    for key, value in sorted(checkpoint.metadata.items()):
        yield f"metadata {key}", value
    yield "file sha256", str(checkpoint.sha256)
    yield "tensor digest", checkpoint.digest


def _model(
    checkpoint: Checkpoint, spec: str | None, arguments: Mapping[str, Any], standing: Config
) -> Model | LmctoolError:
    """Return the model, or the error that says why there is none.

    Raises:
        UntrustedError: it is code that is not to be run unasked.
    """
    from lmctool.model.resolve import resolve_model

    try:
        return resolve_model(checkpoint, spec=spec, arguments=arguments, config=standing)
    except UntrustedError:
        raise
    except LmctoolError as error:
        return error


def _model_text(model: Model | LmctoolError) -> str:
    if isinstance(model, LmctoolError):
        return f"none: {model}"
    arguments = ", ".join(f"{key}={value}" for key, value in model.arguments.items())
    return f"{model.spec}({arguments}), from {model.origin}"


def _fitting(checkpoint: Checkpoint, model: Model | LmctoolError) -> list[tuple[str, str]]:
    """Return what becomes of the names of tensors so that they are the model's."""
    from lmctool.model.fit import fitted

    if isinstance(model, LmctoolError):
        return []
    named = fitted(checkpoint, model.module, model.spec)
    return [("names", remark) for remark in named.remarks[len(checkpoint.remarks) :]]


def _tensors(checkpoint: Checkpoint) -> Table:
    from lmctool.results.table import Table

    rows = tuple(
        (name, "x".join(map(str, shape)) or "scalar", checkpoint.dtypes[name])
        for name, shape in checkpoint.shapes.items()
    )
    return Table("Tensors", ("tensor", "shape", "dtype"), rows)


def _kept(model: Model) -> KeptGraph | None:
    """Return where the graph of a model is kept, as runs on a CPU keep it."""
    from lmctool.files.cache import user_cache
    from lmctool.run.graph_place import graph_place

    return graph_place(user_cache(), model, "cpu float32")


def _show_symmetry(
    module: nn.Module,
    example: Inputs,
    file: Path | None,
    out: Path | None,
    force: bool,
    kept: KeptGraph | None,
) -> None:
    from rich.console import Console

    from lmctool.graph.capture import capture
    from lmctool.report.terminal import render
    from lmctool.symmetry import derive, describe, read_spec, write_spec

    graph = capture(module, example, kept=kept)
    spec = derive(graph) if file is None else read_spec(file, graph)
    if len(graph.outputs) > 1:
        echo(aligned([("outputs, all kept as they are", ", ".join(graph.outputs))]) + "\n")
    render(describe(spec, graph), Console())
    render(_linear_symmetry(module, example, graph, spec, kept), Console())
    if out is not None:
        write_spec(spec, out, force)
        echo(f"\nspec  {out}")


def _linear_symmetry(
    module: nn.Module,
    example: Inputs,
    graph: Graph,
    spec: PermutationSpec,
    kept: KeptGraph | None,
) -> Table:
    """Return which linear maps act once nothing is tied, as aligners that use them see to."""
    from lmctool.graph.capture import capture
    from lmctool.model.untied import untie
    from lmctool.symmetry import derive
    from lmctool.symmetry.linear.derive import derive_linear
    from lmctool.symmetry.linear.describe import describe_linear

    if ties := untie(module):
        graph = capture(module, example, kept=kept)
        spec = derive(graph)
    return describe_linear(derive_linear(graph, spec), ties)
