"""From the path that the user gives to the safetensors files that it means."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from stat import S_ISDIR
from typing import TYPE_CHECKING, Any

from lmctool.checkpoint.diagnosis import HEAD, fault, stand_in
from lmctool.checkpoint.header import LIMIT, parse_object
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

INDEX = ".safetensors.index.json"
PICKLES = {".pt", ".pth", ".bin", ".ckpt"}
USUAL = ("model.safetensors", "model" + INDEX)


@dataclass(frozen=True, slots=True)
class Location:
    """The files of one checkpoint.

    Attributes:
        files: the safetensors files, sorted by name; several are shards.
        config: config.json of the folder, when a folder was given and has one.
        shard_of: the file name of each stored tensor, as the index says; empty without an index.
        metadata: the index's own metadata, where it is text.
        index: the index of the shards, if there is one.
    """

    files: tuple[Path, ...]
    config: Mapping[str, Any] | None = None
    shard_of: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    index: Path | None = None


def locate(path: Path) -> Location:
    """Find the files of a checkpoint: one file, the shards of an index, or a folder.

    Raises:
        LmctoolError: nothing is there, a folder holds no checkpoint or several, or an index is
            malformed or names a file outside its folder.
    """
    try:
        is_folder = S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError) as cause:
        raise LmctoolError(f"checkpoint '{path}' does not exist") from cause
    except OSError as cause:
        raise LmctoolError(f"checkpoint '{path}' cannot be read: {cause.strerror}") from cause
    if not is_folder:
        return _indexed(path) if path.name.endswith(INDEX) else Location((path,))
    inside = _only(path, _candidates(path))
    location = locate(inside)
    config = path / "config.json"
    return replace(location, config=read_config(config) if os.path.lexists(config) else None)


def is_folder(path: Path) -> bool:
    """Tell whether a path means a folder of files rather than one: a folder, or an index."""
    return path.name.endswith(INDEX) or path.is_dir()


def read_config(path: Path) -> dict[str, Any]:
    """Return the whole of a config.json.

    Raises:
        LmctoolError: it cannot be read as a JSON object.
    """
    return _json(path, "text")


def read_index(path: Path) -> dict[str, Any]:
    """Return the whole of an index of shards.

    Raises:
        LmctoolError: it cannot be read as a JSON object.
    """
    return _json(path, "text")


def _candidates(folder: Path) -> Sequence[Path]:
    """Return the files that a folder may mean: the usual names, else indices, else files."""
    usual = [folder / name for name in USUAL if (folder / name).is_file()]
    try:
        names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as cause:
        raise LmctoolError(f"folder '{folder}' cannot be read: {cause.strerror}") from cause
    indices = [folder / name for name in names if name.endswith(INDEX)]
    files = [folder / name for name in names if name.endswith(".safetensors")]
    return usual or indices or files


def _only(folder: Path, candidates: Sequence[Path]) -> Path:
    if len(candidates) > 1:
        names = ", ".join(path.name for path in candidates)
        raise LmctoolError(f"folder '{folder}' holds several checkpoints: {names}; name one file")
    if not candidates:
        pickles = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLES)
        hint = f", only {', '.join(pickles[:3])}; convert it with lmctool convert" * bool(pickles)
        raise LmctoolError(f"folder '{folder}' holds no safetensors checkpoint{hint}")
    return candidates[0]


def _indexed(path: Path) -> Location:
    """Read an index of shards."""
    table = read_index(path)
    shard_of = table.get("weight_map")
    if not isinstance(shard_of, dict) or not shard_of:
        raise LmctoolError(f"index '{path}' has no mapping 'weight_map' of tensors to files")
    for name, shard in shard_of.items():
        if not isinstance(shard, str) or not _is_plain(shard):
            raise LmctoolError(
                f"index '{path}' puts tensor {name!r} into {shard!r}, which is no plain file name"
            )
    files = tuple(path.parent / shard for shard in sorted(set(shard_of.values())))
    for file in files:
        if not _is_there(file):
            raise LmctoolError(f"shard '{file}' of index '{path}' does not exist; copy it as well")
    metadata = table.get("metadata")
    texts = metadata.items() if isinstance(metadata, dict) else ()
    metadata = {key: value for key, value in texts if isinstance(value, str)}
    return Location(files, None, shard_of, metadata, path)


def _is_there(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # such as a name that is too long to be one
        return False


def _is_plain(name: str) -> bool:
    """Tell whether a name stays in its folder on every system."""
    return name not in {"", ".", ".."} and not set(name) & set("/\\:\0")


def _json(path: Path, what: str) -> dict[str, Any]:
    """Read a JSON object from a file of bounded size."""
    if sentence := fault(path):
        raise LmctoolError(sentence)
    try:
        with path.open("rb") as file:
            text = file.read(LIMIT + 1)
    except OSError as cause:
        raise LmctoolError(f"'{path}' cannot be read: {cause.strerror}") from cause
    if sentence := stand_in(path, text[:HEAD]):
        raise LmctoolError(sentence)
    if len(text) > LIMIT:
        raise LmctoolError(f"'{path}' is longer than {LIMIT} bytes, too long for a JSON file")
    return parse_object(path, text, what)
