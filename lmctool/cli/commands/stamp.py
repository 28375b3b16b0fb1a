"""Write a copy of a checkpoint with metadata: its model, its data, or other entries."""

from __future__ import annotations

from pathlib import Path

import click

from lmctool.cli.command import Command, OutputFile
from lmctool.errors import LmctoolError
from lmctool.report.terminal import echo


@click.command("stamp", cls=Command)
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    "target",
    metavar="OUT",
    required=True,
    type=OutputFile(),
    help="Path of the copy, a .safetensors file other than IN.",
)
@click.option("--model", metavar="SPEC", help="Registered model, such as resnet20 or timm:NAME.")
@click.option(
    "--model-arg",
    "arguments",
    metavar="K=V",
    multiple=True,
    help="Argument of the model (repeatable).",
)
@click.option("--data", metavar="SPEC", help="Registered dataset, such as digits.")
@click.option("--meta", "entries", metavar="K=V", multiple=True, help="Another entry (repeatable).")
@click.option("--force", is_flag=True, help="Replace an existing OUT.")
def command(
    source: Path,
    target: Path,
    model: str | None,
    arguments: tuple[str, ...],
    data: str | None,
    entries: tuple[str, ...],
    force: bool,
) -> None:
    """Write a copy of a checkpoint with metadata: its model, its data, or other entries.

    The tensors are copied byte for byte, and IN is never changed.
    """
    from lmctool.checkpoint.stamp import data_metadata, model_metadata, stamp

    metadata = _pairs(entries, "--meta")
    for key in metadata:
        if key == "format" or key.startswith("lmctool."):
            raise LmctoolError(f"--meta cannot set {key!r}; use --model, --model-arg or --data")
    if arguments and model is None:
        raise LmctoolError("--model-arg needs --model: it says whose arguments they are")
    if model is not None:
        metadata |= model_metadata(model, _pairs(arguments, "--model-arg"))
    if data is not None:
        metadata |= data_metadata(data)
    if not metadata:
        raise LmctoolError("nothing to stamp; pass --model, --data or --meta")
    stamp(source, target, metadata, force)
    echo(str(target))


def _pairs(texts: tuple[str, ...], option: str) -> dict[str, str]:
    """Split each ``K=V`` at its first equals sign."""
    pairs: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise LmctoolError(f"{option} takes K=V, not {text!r}")
        if key in pairs:
            raise LmctoolError(f"{option} gives {key!r} twice")
        pairs[key] = value
    return pairs
