"""From a PyTorch pickle to safetensors, without running any code that it names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from lmctool.checkpoint.diagnosis import HEAD, fault, stand_in
from lmctool.checkpoint.reading import safetensors_dtype
from lmctool.checkpoint.tensor_writing import write_tensors
from lmctool.errors import LmctoolError
from lmctool.files.untrusted import harm_of, most_unpacked

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

WHOLE = "."
"""The key of the file's top level itself."""


def convert(
    source: Path, target: Path, key: str | None = None, force: bool = False
) -> tuple[str, ...]:
    """Write the state dict of a .pt or .pth file as a safetensors file.

    Tensors keep their names, dtypes and bytes; tied ones are written once per name.

    Args:
        source: what ``torch.save`` wrote: a state dict, or a dict that holds one.
        target: a .safetensors file.
        key: where in the dict the state dict is, dotted when it lies deeper; ``"."`` is the top.
        force: replace an existing file.

    Returns:
        The entries that were left out, dotted, because they are no tensors of the state dict.

    Raises:
        LmctoolError: the file is no such file, needs code to be run, holds several state dicts
            and ``key`` doesn't choose, or ``target`` cannot be written.
    """
    if target.suffix != ".safetensors":
        raise LmctoolError(f"output '{target}' must be a file whose name ends in .safetensors")
    content = _load(source)
    entry = key or _only(source, content)
    table = _at(source, content, entry)
    tensors = {name: _storable(source, name, value) for name, value in _tensors(table).items()}
    if not tensors:
        raise LmctoolError(f"entry {entry!r} of '{source}' holds no tensor; {_offer(content)}")
    _check_size(source, tensors)
    write_tensors(target, tensors, {}, force)
    first = entry.partition(".")[0]
    beside = [] if entry == WHOLE else [str(name) for name in content if name != first]
    prefix = "" if entry == WHOLE else f"{entry}."
    return (*(f"{prefix}{name}" for name in table if name not in tensors), *beside)


def _load(source: Path) -> Mapping[Any, Any]:
    """Unpickle tensors and plain containers, and nothing else."""
    if sentence := fault(source):
        raise LmctoolError(sentence)
    with source.open("rb") as file:
        head = file.read(HEAD)
    if sentence := stand_in(source, head):
        raise LmctoolError(sentence)
    if head[8:9] == b"{" and head[5:8] == b"\0\0\0":
        raise LmctoolError(f"'{source}' is a safetensors file already")
    size = source.stat().st_size
    # without the tensors' values, whose reading takes long and does no harm
    if harm := harm_of(partial(_unpickle, source, "meta"), size):
        raise LmctoolError(f"'{source}' is damaged: it {harm}")
    content = _unpickle(source, "cpu")
    if not isinstance(content, Mapping):
        kind = type(content).__name__
        raise LmctoolError(f"'{source}' holds a {kind} where a state dict is due")
    return content


def _check_size(source: Path, tensors: Mapping[str, Tensor]) -> None:
    """Refuse tensors that claim more values than the file can mean, as views can."""
    claimed = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    size = source.stat().st_size
    if claimed > most_unpacked(size):
        raise LmctoolError(f"'{source}' has {size} bytes, but claims tensors of {claimed}")


def _unpickle(source: Path, device: str) -> Any:
    import warnings

    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on pickle protocols: what matters is the outcome
            return torch.load(source, map_location=device, weights_only=True)
    except Exception as cause:  # a damaged pickle fails in any way it likes
        # Torch's own advice is to load without weights_only: it must not reach the user.
        if needed := re.search(r"GLOBAL ([\w.]+)", str(cause)):
            raise LmctoolError(
                f"'{source}' needs {needed[1]!r} to be run, which lmctool never does;"
                " save the state dict alone, with torch.save(model.state_dict(), ...)"
            ) from cause
        raise LmctoolError(
            f"'{source}' is damaged, or is no PyTorch file of tensors and plain containers"
        ) from cause


def _tensors(value: Any) -> dict[str, Tensor]:
    """Return the tensors that a mapping holds under text keys; none for anything else."""
    from torch import Tensor

    if not isinstance(value, Mapping):
        return {}
    items = value.items()
    return {key: item for key, item in items if isinstance(key, str) and isinstance(item, Tensor)}


def _candidates(content: Mapping[Any, Any]) -> list[str]:
    """Return the keys under which there are tensors, the top level included."""
    inside = [key for key, value in content.items() if isinstance(key, str) and _tensors(value)]
    return [WHOLE] * bool(_tensors(content)) + inside


def _offer(content: Mapping[Any, Any]) -> str:
    candidates = _candidates(content)
    if not candidates:
        return f"its top-level entries are {', '.join(map(str, list(content)[:8])) or 'none'}"
    return f"--key can be {', '.join(candidates)}"


def _only(source: Path, content: Mapping[Any, Any]) -> str:
    candidates = _candidates(content)
    if not candidates:
        raise LmctoolError(f"'{source}' holds no state dict; {_offer(content)}")
    if len(candidates) > 1:
        raise LmctoolError(f"'{source}' holds several state dicts; {_offer(content)}")
    return candidates[0]


def _at(source: Path, content: Mapping[Any, Any], key: str) -> Mapping[Any, Any]:
    """Follow a key, whole or dotted, to the mapping that it names."""
    if key == WHOLE:
        return content
    entry: Any = content
    for step in [key] if key in content else key.split("."):
        if not isinstance(entry, Mapping) or step not in entry:
            raise LmctoolError(f"'{source}' has no entry {key!r}; {_offer(content)}")
        entry = entry[step]
    if not isinstance(entry, Mapping):
        raise LmctoolError(f"entry {key!r} of '{source}' is no state dict; {_offer(content)}")
    return entry


def _storable(source: Path, name: str, tensor: Tensor) -> Tensor:
    import torch

    plain = tensor.layout == torch.strided and not tensor.is_quantized
    if not plain or safetensors_dtype(tensor.dtype) is None:
        raise LmctoolError(
            f"tensor {name!r} of '{source}' cannot be stored as safetensors:"
            f" it is {tensor.dtype} with layout {tensor.layout}"
        )
    return tensor.detach()
