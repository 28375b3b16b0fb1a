"""From the path that the user gives to the files that it means."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from stat import S_ISDIR
from typing import TYPE_CHECKING, Any

from lmctool.checkpoint.diagnosis import HEAD, fault, other_folder, stand_in
from lmctool.checkpoint.header import LIMIT, parse_object
from lmctool.checkpoint.hub import is_on_hub, pinned, snapshot
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SAFETENSORS = ".safetensors"
PICKLES = (".pt", ".pth", ".ckpt", ".bin")
"""What the names of PyTorch's files end in."""
INDEX = ".index.json"
INDICES = (SAFETENSORS + INDEX, ".bin" + INDEX)
"""What the names of the indices of shards end in."""
USUAL = ("model.safetensors", "model.safetensors.index.json")
USUAL_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
NO_MODEL = re.compile(r"(optim|sched|scaler|rng_state|random_states|training_args)", re.IGNORECASE)
"""How the names of PyTorch's files begin that hold the rest of a training run."""


@dataclass(frozen=True, slots=True)
class Location:
    """The files of one checkpoint.

    Attributes:
        path: what it is called: as the user gave it, one of a hub by its commit.
        files: the files that hold tensors, sorted by name; several are shards.
        config: config.json of the folder, when a folder was given and has one.
        shard_of: the file name of each stored tensor, as the index says; empty without an index.
        metadata: the index's own metadata, where it is text.
        index: the index of the shards, if there is one.
        notes: what a user may want to know of the choice.
    """

    path: Path
    files: tuple[Path, ...]
    config: Mapping[str, Any] | None = None
    shard_of: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    index: Path | None = None
    notes: tuple[str, ...] = ()


def locate(path: Path) -> Location:
    """Find the files of a checkpoint: one file, shards of an index, a folder, or one of a hub.

    Raises:
        LmctoolError: nothing is there, a folder holds no checkpoint or several, or an index is
            malformed or names a file outside its folder.
    """
    if is_on_hub(path):
        folder = snapshot(path)
        return replace(locate(folder), path=pinned(path, folder))
    try:
        is_folder = S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError) as cause:
        raise LmctoolError(f"checkpoint '{path}' does not exist") from cause
    except OSError as cause:
        raise LmctoolError(f"checkpoint '{path}' cannot be read: {cause.strerror}") from cause
    if not is_folder:
        return _indexed(path) if is_index(path) else Location(path, (path,))
    candidates, notes = _candidates(path)
    location = locate(_only(path, candidates))
    config = path / "config.json"
    standing = read_config(config) if os.path.lexists(config) else None
    return replace(location, path=path, config=standing, notes=notes)


def is_index(path: Path) -> bool:
    """Tell whether a file is an index of shards, by its name."""
    return path.name.endswith(INDICES)


def is_folder(path: Path) -> bool:
    """Tell whether a path means a folder of files rather than one: a folder, or an index."""
    return is_index(path) or path.is_dir()


def may_hold(name: str) -> bool:
    """Tell whether a file's name is that of a checkpoint, or of an index of shards."""
    return name.endswith((SAFETENSORS, *INDICES)) or _is_pickle(name)


def as_safetensors(name: str) -> str:
    """Return what a file or an index of PyTorch's is called once it is one of safetensors.

    >>> as_safetensors("pytorch_model-00001-of-00002.bin")
    'model-00001-of-00002.safetensors'
    """
    stem = stem_of(name).replace("pytorch_model", "model")
    return stem + SAFETENSORS + (INDEX if name.endswith(INDICES) else "")


def stem_of(name: str) -> str:
    """Return the name of a file or of an index without what tells its format."""
    stem = name.removesuffix(INDEX) if name.endswith(INDICES) else name
    return next((stem.removesuffix(s) for s in (SAFETENSORS, *PICKLES) if stem.endswith(s)), stem)


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


def _is_pickle(name: str) -> bool:
    return name.endswith(PICKLES) and not NO_MODEL.match(name)


def _candidates(folder: Path) -> tuple[Sequence[Path], tuple[str, ...]]:
    """Return the files that a folder may mean, and a note where others are passed over for them.

    Those of safetensors go before PyTorch's.
    """
    names = _names(folder)
    first = _meant([name for name in names if name.endswith((SAFETENSORS, INDICES[0]))], USUAL)
    pickles = [name for name in names if _is_pickle(name) or name.endswith(INDICES[1])]
    second = _meant(pickles, USUAL_PICKLES)
    found = [folder / name for name in first or second]
    if not (first and second):
        return found, ()
    return found, (f"folder '{folder}' holds {second[0]} too; {first[0]} is read",)


def _meant(names: Sequence[str], usual: Sequence[str]) -> Sequence[str]:
    """Return what a folder may mean of one format: the usual names, else indices, else files."""
    indices = [name for name in names if name.endswith(INDEX)]
    return [name for name in usual if name in names] or indices or names


def _names(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as cause:
        raise LmctoolError(f"folder '{folder}' cannot be read: {cause.strerror}") from cause


def _only(folder: Path, candidates: Sequence[Path]) -> Path:
    if len(candidates) > 1:
        names = ", ".join(path.name for path in candidates)
        raise LmctoolError(f"folder '{folder}' holds several checkpoints: {names}; name one file")
    if not candidates:
        raise LmctoolError(other_folder(folder, {entry.name for entry in folder.iterdir()}))
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
    return Location(path, files, None, shard_of, metadata, path)


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
