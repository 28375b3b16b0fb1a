"""From PyTorch's files to safetensors, without running any code that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.checkpoint.location import INDEX, SAFETENSORS, as_safetensors, locate
from lmctool.checkpoint.naming import canonical_names, refuse_unmatched
from lmctool.checkpoint.series import checkpoints_in
from lmctool.checkpoint.tensor_file import is_pytorch_file, read_tensor_files
from lmctool.checkpoint.tensor_writing import stream_tensors
from lmctool.errors import LmctoolError
from lmctool.plugin.settings import AS_STORED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from torch import Tensor

    from lmctool.plugin.settings import Naming


def convert(
    source: Path, target: Path, naming: Naming = AS_STORED, force: bool = False
) -> tuple[str, ...]:
    """Write the state dict of a checkpoint of PyTorch as one safetensors file.

    Tensors keep their names, unless others are asked for, dtypes and bytes.  Tied ones are written
    once per name, and one after another, so that no more than one is in memory.  The step that the
    file counts beside them goes into the metadata.

    Args:
        source: a file that ``torch.save`` wrote, an index of shards, or a folder with either.
        target: a .safetensors file.
        naming: which state dict, see ``state_dict.choose``, and what its tensors are called.
        force: replace an existing file.

    Returns:
        The dotted names of what was left out, because it is in no tensor of the state dict.

    Raises:
        NoStateDictError: the source holds none.
        LmctoolError: it cannot be read or is safetensors already, holds several state dicts and
            ``key`` doesn't choose, ``target`` cannot be written, or an option on names says
            nothing.
    """
    if target.suffix != SAFETENSORS:
        raise LmctoolError(f"output '{target}' must be a file whose name ends in .safetensors")
    location = locate(source)
    if not any(map(is_pytorch_file, location.files)):
        # what else it is, if it is no safetensors file, is said here
        read_tensor_files(location, None, source)
        raise LmctoolError(f"'{source}' is a safetensors file already")
    content = read_tensor_files(location, naming.key, source)
    names, beside = _names(content.locations, source, naming)
    locations = {name: content.locations[own] for name, own in names.items()}
    forms = {name: (each.entry.dtype, each.entry.shape) for name, each in locations.items()}

    def make(name: str) -> Tensor:
        return locations[name].tensor()

    stream_tensors(target, dict(sorted(forms.items())), make, content.metadata, force)
    return (*content.left_out, *beside)


def _names(
    stored: Iterable[str], source: Path, naming: Naming
) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Return the stored name of each tensor by the one that it gets, and those left out."""
    if not (naming.strip or naming.rename or naming.ignore):
        return {name: name for name in stored}, ()
    named = canonical_names(stored, source, naming)
    for option, text in named.unmatched:
        refuse_unmatched(option, text, stored)
    return named.names, named.left_out


def plan(
    sources: Iterable[Path], folder: Path, *, whatever: bool = False
) -> list[tuple[Path, Path]]:
    """Return each checkpoint of PyTorch that sources name, and its safetensors file in a folder.

    What is safetensors already, in a folder or of a pattern, is passed over.

    Args:
        sources: files, folders of checkpoints, patterns in quotes such as ``runs/a-*.pt``.
        folder: where the new files go.
        whatever: take what is safetensors too.

    Raises:
        LmctoolError: a folder or a pattern has no checkpoint.
    """
    found: list[Path] = []
    for source in sources:
        inside = [source] if source.is_file() else checkpoints_in(source)
        found += [
            each for each in inside if each == source or whatever or not _is_safetensors(each)
        ]
    return [(each, folder / as_safetensors(each.name).removesuffix(INDEX)) for each in found]


def _is_safetensors(path: Path) -> bool:
    return all(file.suffix == SAFETENSORS for file in locate(path).files)
