"""Writing weights as a checkpoint: like another one, whole or not at all."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from lmctool.checkpoint.header import read_header
from lmctool.checkpoint.reading import read_tensors, refuse_nonfinite, torch_dtypes, word
from lmctool.errors import LmctoolError
from lmctool.publish import publish

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from lmctool.checkpoint.checkpoint import Checkpoint

NOTHING: Mapping[str, str] = MappingProxyType({})


def write_checkpoint(
    path: Path,
    weights: Mapping[str, Tensor],
    *,
    like: Checkpoint,
    metadata: Mapping[str, str] = NOTHING,
    force: bool = False,
) -> None:
    """Write weights under the stored names and dtypes of another checkpoint, to one file.

    Args:
        path: a .safetensors file; it appears whole or not at all.
        weights: the tensors by canonical name, with the names and shapes of ``like``.
        like: gives the stored names, the dtypes, the wrapper's own tensors and the metadata.
        metadata: entries to add to those of ``like``.
        force: replace an existing file.

    Raises:
        LmctoolError: a name or shape differs from ``like``, a value does not fit the stored
            dtype, or the file cannot be written.
        UnjudgedError: a tensor holds NaN or infinite values.
    """
    if path.suffix != ".safetensors":
        raise LmctoolError(f"output '{path}' must be a file whose name ends in .safetensors")
    _check_names(weights, like)
    tensors = {
        stored.name: _as_stored(weights[name], name, stored.entry.dtype, stored.entry.shape)
        for name, stored in like.stored.items()
    }
    for stored in like.dropped.values():
        tensors[stored.name] = next(iter(read_tensors(stored.file, [stored.name])))
    write_tensors(path, tensors, {**like.metadata, **metadata}, force)


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str], force: bool
) -> None:
    """Write tensors by stored name to one safetensors file, and read its header again.

    Tensors may share memory or be views; each is written in full.

    Raises:
        LmctoolError: a tensor cannot be stored, or the file cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    separate = _separate(tensors)
    with publish(path, force) as draft:
        try:
            save_file(separate, draft, {**metadata, "format": "pt"})
        except (SafetensorError, UnicodeError) as cause:
            raise LmctoolError(f"output '{path}' cannot be written: {cause}") from cause
        entries = read_header(draft).entries
        written = {name: (entry.dtype, entry.shape) for name, entry in entries.items()}
        meant = {name: (word(value.dtype), tuple(value.shape)) for name, value in tensors.items()}
        if written != meant:
            raise LmctoolError(f"output '{path}' was not written as meant; is the disk sound?")


def _check_names(weights: Mapping[str, Tensor], like: Checkpoint) -> None:
    for name in weights:
        if name.startswith("@"):
            raise LmctoolError(
                f"entry {name!r} belongs to no tensor of '{like.path}', so it cannot be written"
            )
        if name not in like.stored:
            raise LmctoolError(f"tensor {name!r} to be written is not in '{like.path}'")
    for name in like.names:
        if name not in weights:
            raise LmctoolError(f"tensor {name!r} of '{like.path}' is missing from what is written")


def _as_stored(tensor: Tensor, name: str, dtype: str, shape: tuple[int, ...]) -> Tensor:
    """Return a tensor on the CPU in its stored dtype, refusing what would not survive."""
    import torch

    if tuple(tensor.shape) != shape:
        raise LmctoolError(
            f"tensor {name!r} to be written has shape {tuple(tensor.shape)} where {shape} is due"
        )
    wanted = torch_dtypes()[dtype]
    if not (tensor.is_floating_point() and wanted.is_floating_point):
        if tensor.dtype != wanted:
            raise LmctoolError(
                f"tensor {name!r} to be written is {tensor.dtype} where {wanted} is due"
            )
        return tensor.detach().cpu()
    refuse_nonfinite(tensor, name, "what is to be written")
    stored = tensor.detach().to("cpu", wanted)
    if not torch.isfinite(stored).all():
        largest = float(tensor.abs().max())
        raise LmctoolError(
            f"tensor {name!r} holds {largest:.4g}, too large for its stored dtype {wanted}"
        )
    return stored


def _separate(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return contiguous tensors of which no two share memory."""
    seen: set[int] = set()
    separate: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        whole = tensor.detach().contiguous()
        place = whole.untyped_storage().data_ptr()
        separate[name] = whole.clone() if place in seen else whole
        seen.add(place)
    return separate
