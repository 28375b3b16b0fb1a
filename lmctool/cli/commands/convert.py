"""Turn a .pt or .pth file into safetensors, running nothing that it holds."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("convert")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT.safetensors", type=click.Path(path_type=Path))
@click.option("--key", metavar="KEY", help="Where in IN the state dict is; '.' is the top level.")
@click.option("--force", is_flag=True, help="Replace an existing OUT.")
def command(source: Path, target: Path, key: str | None, force: bool) -> None:
    """Turn a .pt or .pth file into safetensors, running nothing that it holds.

    IN is a state dict, or a dict that holds one (under state_dict, model, ema, ...).  What is no
    tensor of it is left out, with a note.
    """
    from lmctool.checkpoint.convert import convert
    from lmctool.files.publish import refuse_existing

    refuse_existing([target], force)
    left_out = convert(source, target, key, force)
    if left_out:
        more = f" and {len(left_out) - 8} more" * (len(left_out) > 8)
        click.echo(f"left out: {', '.join(left_out[:8])}{more}", err=True)
    click.echo(str(target))
