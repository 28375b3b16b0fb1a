"""Convert files of PyTorch to safetensors without running any code in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmctool.cli.checkpoint_options import naming, with_options
from lmctool.cli.command import Command, OutputFile
from lmctool.errors import LmctoolError, NoStateDictError
from lmctool.files.input_files import note_input
from lmctool.report.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command("convert", cls=Command)
@click.argument("sources", metavar="IN...", nargs=-1, type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=OutputFile())
@click.option(
    "-o", "--out", metavar="OUT", type=OutputFile(), help="Path of OUT, in place of the argument."
)
@with_options
@click.option("--force", is_flag=True, help="Replace existing files.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def command(
    sources: tuple[Path, ...],
    target: Path,
    out: Path | None,
    force: bool,
    quiet: bool,
    **names: Any,
) -> None:
    """Convert files of PyTorch to safetensors without running any code in them.

    IN is a .pt, .pth, .ckpt or .bin file, an index of shards, a folder of checkpoints, or a pattern
    in quotes. OUT is a .safetensors file, or a folder, which gets one for each checkpoint.

    A file has a state dict, a module saved whole, or a dict that contains one (under state_dict,
    model, ema, ...; --key a.b chooses among several). What is no tensor of it is left out, with a
    note.
    """
    from lmctool.checkpoint.convert import convert
    from lmctool.checkpoint.notes import listed
    from lmctool.files.publish import refuse_existing

    if out is not None:
        note_input(target)  # as the others were, whose parameter is none of an output
        sources, target = (*sources, target), out
    work = _work(sources, target)
    refuse_existing([place for _, place in work], force)

    def note(text: str) -> None:
        if not quiet:
            echo(text, err=True)

    said: set[tuple[str, ...]] = set()
    for source, place in work:
        try:
            left_out = convert(source, place, naming(names), force)
        except NoStateDictError as error:
            if len(work) == 1:
                raise
            note(f"passed over: {error}")
            continue
        if left_out and left_out not in said:
            note(f"left out: {listed(left_out)}")
        said.add(left_out)
        if not quiet:
            echo(str(place))
    if not said:
        raise LmctoolError("nothing was converted: there is no file of PyTorch with a state dict")


def _work(sources: Sequence[Path], target: Path) -> Sequence[tuple[Path, Path]]:
    """Return each checkpoint with the file that it becomes, whose folder is made.

    Raises:
        LmctoolError: the target fits no such sources, or a source has no checkpoint.
    """
    from lmctool.checkpoint.convert import plan

    if not sources:
        raise click.UsageError("convert takes IN and OUT, such as: convert a.pt a.safetensors")
    if target.suffix == ".safetensors":
        if len(sources) > 1:
            raise LmctoolError(f"several files cannot become '{target}'; name a folder")
        return [(sources[0], target)]
    if len(sources) == 1 and sources[0].is_file() and not target.is_dir():
        raise LmctoolError(
            f"output '{target}' must be a file whose name ends in .safetensors, or a folder"
        )
    work = plan(sources, target)
    if work:
        _make_folder(target)
    return work


def _make_folder(folder: Path) -> None:
    """Make the folder of the new files, where it is not there yet.

    Raises:
        LmctoolError: it cannot be made, or is a file.
    """
    try:
        folder.mkdir(exist_ok=True)
    except FileExistsError as cause:
        raise LmctoolError(f"output '{folder}' is a file; name a folder") from cause
    except OSError as cause:
        raise LmctoolError(f"folder '{folder}' cannot be made: {cause.strerror}") from cause
