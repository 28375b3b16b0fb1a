"""Convert a .pt or .pth file to safetensors without running any code in it."""

from __future__ import annotations

from pathlib import Path

import click

from lmctool.cli.command import Command, OutputFile
from lmctool.report.terminal import echo


@click.command("convert", cls=Command)
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT.safetensors", type=OutputFile())
@click.option("--key", metavar="KEY", help="Key of the state dict in IN; '.' is the top level.")
@click.option("--force", is_flag=True, help="Replace an existing OUT.")
def command(source: Path, target: Path, key: str | None, force: bool) -> None:
    """Convert a .pt or .pth file to safetensors without running any code in it.

    IN is a state dict, or a dict that contains one (under state_dict, model, ema, ...). Entries
    that are not tensors are left out, with a note.
    """
    from lmctool.checkpoint.convert import convert
    from lmctool.files.publish import refuse_existing

    refuse_existing([target], force)
    left_out = convert(source, target, key, force)
    if left_out:
        more = f" and {len(left_out) - 8} more" * (len(left_out) > 8)
        echo(f"left out: {', '.join(left_out[:8])}{more}", err=True)
    echo(str(target))
