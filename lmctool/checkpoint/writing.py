"""Writing weights as a checkpoint: like another one, whole or not at all."""

from __future__ import annotations

import json
import shutil
from types import MappingProxyType
from typing import TYPE_CHECKING

from lmctool.checkpoint.checkpoint import open_checkpoint
from lmctool.checkpoint.location import SAFETENSORS, as_safetensors, is_index, read_index
from lmctool.checkpoint.reading import is_finite, refuse_nonfinite, torch_dtypes
from lmctool.checkpoint.state_dict import WHOLE
from lmctool.checkpoint.tensor_file import read_tensor_file
from lmctool.checkpoint.tensor_writing import stream_tensors
from lmctool.errors import LmctoolError
from lmctool.files.publish import publish, publish_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from lmctool.checkpoint.checkpoint import Checkpoint
    from lmctool.checkpoint.tensor_location import TensorLocation

NOTHING: Mapping[str, str] = MappingProxyType({})
COMPANIONS = {"", ".jinja", ".json", ".md", ".model", ".txt", ".yaml", ".yml"}
"""The suffixes of what else a folder holds of a model: its configuration and its tokenizer."""
LARGEST_COMPANION = 1 << 26


def write_checkpoint(
    path: Path,
    weights: Mapping[str, Tensor],
    *,
    like: Checkpoint,
    metadata: Mapping[str, str] = NOTHING,
    files: Mapping[str, str] = NOTHING,
    force: bool = False,
) -> None:
    """Write weights under the stored names and dtypes of another checkpoint.

    A name ending in .safetensors gives one file, whatever ``like`` is.  Any other gives a folder
    with the shards, the index and the small companion files of ``like``, if that is a folder or
    an index.  Tied tensors are stored under the names that ``like`` stores, once or twice.  What
    ``like`` stores beside its tensors, as a wrapper's counters, is copied from it.  Each tensor is
    asked for once and not kept, so that weights may be made as they are asked for.

    Args:
        path: the file or folder; it appears whole or not at all.
        weights: the tensors by canonical name, with the names and shapes of ``like``.
        like: gives the stored names, the dtypes, the wrapper's own tensors and the metadata.
        metadata: entries to add to those of ``like``.
        files: texts by name that take the place of companion files of ``like``, in a folder.
        force: replace an existing file, or a folder with no other file than those written.

    Raises:
        LmctoolError: a name or shape differs from ``like``, a value does not fit the stored
            dtype, or an output cannot be written.
        UnjudgedError: a tensor holds NaN or infinite values.
    """
    if path.suffix == SAFETENSORS:
        _check_names(weights, like)
        told = {**like.metadata, **metadata}
        _write_file(path, weights, like, _names(like), like.stored, told, force)
    elif like.is_folder:
        _check_names(weights, like)
        _write_folder(path, weights, like, metadata, files, force)
    else:
        raise LmctoolError(f"output '{path}' must be a file whose name ends in .safetensors")


def in_stored_dtypes(weights: Mapping[str, Tensor], like: Checkpoint) -> dict[str, Tensor]:
    """Return weights by canonical name, in the dtypes in which ``write_checkpoint`` stores them.

    Raises:
        LmctoolError: a name or shape differs from ``like``, or a value does not fit its dtype.
        UnjudgedError: a tensor holds NaN or infinite values.
    """
    _check_names(weights, like)
    return {
        name: _in_stored_dtype(weights[name], name, like.dtypes[name], like.shapes[name])
        for name in like.names
    }


def folder_names(like: Checkpoint) -> frozenset[str]:
    """Return the names of the files that a folder like a checkpoint has."""
    index = [like.index] if like.index else []
    companions = (file.name for file in _companions(like))
    return frozenset([*(as_safetensors(file.name) for file in (*like.files, *index)), *companions])


def _write_folder(
    path: Path,
    weights: Mapping[str, Tensor],
    like: Checkpoint,
    metadata: Mapping[str, str],
    files: Mapping[str, str],
    force: bool,
) -> None:
    """Write the files of a folder one after the other, then read them as one checkpoint."""
    of_files: dict[Path, dict[str, TensorLocation]] = {file: {} for file in like.files}
    for name, part in like.stored.items():
        of_files[part.file][name] = part
    names = _names(like)
    with publish_folder(path, folder_names(like), force) as draft:
        for file in like.files:
            own = read_tensor_file(file, WHOLE).metadata if like.index else like.metadata
            place = draft / as_safetensors(file.name)
            told = {**own, **metadata}
            _write_file(place, weights, like, names, of_files[file], told, force=False)
        for file in _companions(like):
            with publish(draft / file.name, force=False) as copy:
                if file.name in files:
                    copy.write_text(files[file.name], encoding="utf-8")
                else:
                    shutil.copyfile(file, copy)
        if like.index:
            text = json.dumps(_index(like, like.index, metadata), indent=2) + "\n"
            with publish(draft / as_safetensors(like.index.name), force=False) as copy:
                copy.write_text(text, encoding="utf-8")
        if _forms(open_checkpoint(draft).stored) != _forms(like.stored):
            raise LmctoolError(f"output '{path}' was not written as meant; is the disk sound?")


def _index(like: Checkpoint, path: Path, metadata: Mapping[str, str]) -> dict[str, object]:
    """Return the index of a folder like a checkpoint."""
    table = read_index(path)
    old = table.get("metadata")
    size = sum(part.entry.end - part.entry.begin for part in like.stored.values())
    entries = old if isinstance(old, dict) else {}
    shard_of = {name: as_safetensors(part.file.name) for name, part in like.stored.items()}
    about = {**entries, **metadata, "total_size": size}
    return {**table, "metadata": about, "weight_map": dict(sorted(shard_of.items()))}


def _companions(like: Checkpoint) -> list[Path]:
    """Return the small files of a checkpoint's folder that hold no tensors, sorted."""
    if not like.path.is_dir():
        return []
    return sorted(
        file
        for file in like.path.iterdir()
        if file.suffix in COMPANIONS
        and not file.name.startswith(".")
        and not is_index(file)
        and file.is_file()
        and file.stat().st_size <= LARGEST_COMPANION
    )


def _write_file(
    path: Path,
    weights: Mapping[str, Tensor],
    like: Checkpoint,
    names: Mapping[str, Sequence[str]],
    parts: Mapping[str, TensorLocation],
    metadata: Mapping[str, str],
    force: bool,
) -> None:
    """Write what some tensors of a checkpoint become as one file, tensor by tensor."""
    by_place = sorted(parts.values(), key=lambda part: (part.file, part.offset, part.entry.end))

    def make(name: str) -> Tensor:
        if name not in names:
            return parts[name].tensor()
        first, *others = names[name]
        tensor = weights[first]
        for other in others:
            _check_equal(tensor, weights[other], first, other, like)
        return _in_stored_dtype(tensor, first, *forms[name])

    forms = _forms({part.name: part for part in by_place})
    stream_tensors(path, forms, make, metadata, force)


def _names(like: Checkpoint) -> dict[str, list[str]]:
    """Return the canonical names of each tensor by its stored name."""
    names: dict[str, list[str]] = {}
    for name, part in like.locations.items():
        names.setdefault(part.name, []).append(name)
    return names


def _forms(parts: Mapping[str, TensorLocation]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return the dtype and the shape of each tensor by stored name."""
    return {name: (part.entry.dtype, part.entry.shape) for name, part in parts.items()}


def _check_equal(tensor: Tensor, other: Tensor, name: str, tied: str, like: Checkpoint) -> None:
    import torch

    if not torch.equal(tensor, other):
        raise LmctoolError(
            f"tensors {name!r} and {tied!r} to be written differ, but '{like.path}' stores one for"
            " both; choose a checkpoint that stores both as the first"
        )


def _check_names(weights: Mapping[str, Tensor], like: Checkpoint) -> None:
    for name in weights:
        if name.startswith("@"):
            raise LmctoolError(
                f"entry {name!r} belongs to no tensor of '{like.path}', so it cannot be written"
            )
        if name not in like.locations:
            raise LmctoolError(f"tensor {name!r} to be written is not in '{like.path}'")
    for name in like.names:
        if name not in weights:
            raise LmctoolError(f"tensor {name!r} of '{like.path}' is missing from what is written")


def _in_stored_dtype(tensor: Tensor, name: str, dtype: str, shape: tuple[int, ...]) -> Tensor:
    """Return a tensor on the CPU in its stored dtype, refusing what would not survive."""
    if tuple(tensor.shape) != shape:
        raise LmctoolError(
            f"tensor {name!r} to be written has shape {tuple(tensor.shape)} where {shape} is due"
        )
    target = torch_dtypes()[dtype]
    if not (tensor.is_floating_point() and target.is_floating_point):
        if tensor.dtype != target:
            raise LmctoolError(
                f"tensor {name!r} to be written is {tensor.dtype} where {target} is due"
            )
        return tensor.detach().cpu()
    refuse_nonfinite(tensor, name, "what is to be written")
    converted = tensor.detach().to("cpu", target)
    if target != tensor.dtype and not is_finite(converted):
        largest = float(tensor.abs().max())
        raise LmctoolError(
            f"tensor {name!r} holds {largest:.4g}, too large for its stored dtype {target}"
        )
    return converted
