"""Convert files of PyTorch to safetensors without running any code in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmctool.cli.checkpoint_options import naming, with_options
from lmctool.cli.command import Command, OutputFile
from lmctool.cli.data_options import INPUT
from lmctool.cli.options import MODEL, MODEL_ARGUMENTS, TRUST_CONFIG
from lmctool.errors import LmctoolError, NoStateDictError
from lmctool.files.input_files import note_input
from lmctool.report.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lmctool.plugin.settings import InputShape, Naming

SAFETENSORS = ".safetensors"


@click.command("convert", cls=Command)
@click.argument("sources", metavar="IN...", nargs=-1, type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=OutputFile())
@click.option(
    "-o", "--out", metavar="OUT", type=OutputFile(), help="Path of OUT, in place of the argument."
)
@with_options
@click.option(
    "--fold-norms",
    is_flag=True,
    help="Fold the gains and shifts of LayerNorm and RMSNorm into the layers that read them, centre"
    " what LayerNorm centres, and move what attention doesn't see of its biases.",
)
@click.option(
    "--untie",
    is_flag=True,
    help="Store each name of a tied tensor by itself, such as a head beside its embedding.",
)
@click.option(
    "--fuse-batchnorm",
    is_flag=True,
    help="Fuse BatchNorms into the layers before them; they stay, and do nothing.",
)
@click.option("--model", **MODEL)
@click.option("--model-arg", "arguments", **MODEL_ARGUMENTS)
@click.option("--data", metavar="SPEC", help="Dataset that gives examples for the proof.")
@click.option("--input", "inputs", **INPUT)
@click.option("--trust-config", **TRUST_CONFIG)
@click.option("--force", is_flag=True, help="Replace existing files.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def command(
    sources: tuple[Path, ...],
    target: Path,
    out: Path | None,
    fold_norms: bool,
    untie: bool,
    fuse_batchnorm: bool,
    model: str | None,
    arguments: Mapping[str, str],
    data: str | None,
    inputs: tuple[InputShape, ...],
    trust_config: bool,
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

    --fold-norms, --untie and --fuse-batchnorm rewrite a network of a known model, in files of
    safetensors too, without a change of its function: that is proved on examples.
    """
    from lmctool import config
    from lmctool.checkpoint.convert import convert
    from lmctool.checkpoint.notes import listed
    from lmctool.cli.rewriting import Rewriter
    from lmctool.files.publish import refuse_existing

    wanted = {"fold_norms": fold_norms, "untie": untie, "fuse_batchnorm": fuse_batchnorm}
    rewrites = any(wanted.values())
    if (model or arguments or data or inputs) and not rewrites:
        raise click.UsageError(
            "--model, --model-arg, --data and --input are for --fold-norms, --untie and"
            " --fuse-batchnorm"
        )
    if out is not None:
        note_input(target)  # as the others were, whose parameter is none of an output
        sources, target = (*sources, target), out
    work = _work(sources, target, rewrites=rewrites)
    refuse_existing([place for _, place in work if place.suffix == SAFETENSORS], force)

    def note(text: str) -> None:
        if not quiet:
            echo(text, err=True)

    write: Callable[[Path, Path, Naming, bool], tuple[str, ...]] = convert
    if rewrites:
        standing = config.load(trusted=trust_config)
        write = Rewriter(wanted, model, arguments, data, inputs, standing, note)
    said: set[tuple[str, ...]] = set()
    for source, place in work:
        try:
            left_out = write(source, place, naming(names), force)
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


def _work(sources: Sequence[Path], target: Path, *, rewrites: bool) -> Sequence[tuple[Path, Path]]:
    """Return each checkpoint with the file that it becomes, whose folder is made.

    A folder with a config.json, or an index of shards, that is rewritten becomes a folder.

    Raises:
        LmctoolError: the target fits no such sources, or a source has no checkpoint.
    """
    from lmctool.checkpoint.convert import plan
    from lmctool.checkpoint.location import is_index

    if not sources:
        raise click.UsageError("convert takes IN and OUT, such as: convert a.pt a.safetensors")
    if target.suffix == SAFETENSORS:
        if len(sources) > 1:
            raise LmctoolError(f"several files cannot become '{target}'; name a folder")
        return [(sources[0], target)]
    stays = is_index(sources[0]) or (sources[0] / "config.json").is_file()
    if rewrites and len(sources) == 1 and stays:
        return [(sources[0], target)]
    if len(sources) == 1 and sources[0].is_file() and not target.is_dir():
        raise LmctoolError(
            f"output '{target}' must be a file whose name ends in .safetensors, or a folder"
        )
    work = plan(sources, target, whatever=rewrites)
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
