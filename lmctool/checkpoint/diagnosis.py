"""What a file or a folder is that is read as no checkpoint: one sentence with its remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.files.input_files import note_input

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

HEAD = 512
IS_ZIP = b"PK\x03\x04"
"""The first bytes of a zip archive."""
PICKLE_PROTOCOLS = {2, 3, 4, 5}
FORMATS = (
    (b"\x89HDF\r\n\x1a\n", "is an HDF5 file, as Keras writes its weights"),
    (b"GGUF", "is a GGUF file of llama.cpp, mostly quantized"),
    (b"\x1f\x8b", "is a gzip archive"),
    (b"\x28\xb5\x2f\xfd", "is a Zstandard archive"),
)
"""Other formats by their first bytes."""
SUFFIXES = {
    ".onnx": "is an ONNX graph",
    ".msgpack": "is a msgpack file, as Flax writes its weights",
    ".pb": "is a protocol buffer, as TensorFlow writes its models",
    ".index": "is the index of a TensorFlow checkpoint",
    ".distcp": "is one part of a distributed checkpoint (DCP)",
}
"""Formats that have no first bytes of their own, by the suffix of a file's name."""
SAVE = "load it where it was written, and save its tensors as safetensors"
UNPACK = "unpack it, and name the checkpoint in it"


def fault(path: Path) -> str | None:
    """Return the sentence on a path that holds no bytes to read, or None.

    Covers a missing file, a folder where a file is due, an unreadable file and an empty one.  A
    path that does hold some is noted as an input of the running command.
    """
    try:
        if not path.exists():
            return f"checkpoint '{path}' does not exist"
        if path.is_dir():
            return f"'{path}' is a folder where a file is due"
        if not path.is_file():
            return f"'{path}' is not a regular file"
        note_input(path)
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as cause:
        return f"'{path}' cannot be read: {cause.strerror}"
    return f"'{path}' is empty; copy it again" if empty else None


def stand_in(path: Path, head: bytes) -> str | None:
    """Return the sentence on a file that stands where another was to be downloaded, or None.

    Args:
        path: the file.
        head: its first bytes, up to ``HEAD``.
    """
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        return f"'{path}' is a git-lfs pointer, not the file itself; run git lfs pull"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<!--", b"<?xml")):
        return f"'{path}' is an HTML page, not a checkpoint; download the file itself"
    return None


def is_pytorch(head: bytes) -> bool:
    """Tell from the first bytes of a file whether it is what ``torch.save`` may have written."""
    if head[4:9] == b"\0\0\0\0{":  # the length of a safetensors header may look like a pickle
        return False
    pickled = len(head) > 1 and head[0] == 0x80 and head[1] in PICKLE_PROTOCOLS
    return head.startswith(IS_ZIP) or pickled


def no_checkpoint(path: Path, head: bytes) -> str:
    """Return the sentence on a file whose first bytes are of no file that is read."""
    if sentence := stand_in(path, head):
        return sentence
    for start, what in FORMATS:
        if head.startswith(start):
            return f"'{path}' {what}; {UNPACK if what.endswith('archive') else SAVE}"
    if head[257:262] == b"ustar":
        return f"'{path}' is a tar archive; {UNPACK}"
    if path.suffix in SUFFIXES:
        return f"'{path}' {SUFFIXES[path.suffix]}; {SAVE}"
    return f"'{path}' is neither a safetensors file nor one that torch.save wrote"


def other_archive(path: Path, members: Collection[str]) -> str | None:
    """Return the sentence on a zip archive that ``torch.save`` did not write, or None.

    Args:
        path: the archive.
        members: the names of all that is in it.
    """
    parts = {name.partition("/")[2] for name in members}
    if "constants.pkl" in parts or any(part.startswith("code/") for part in parts):
        return (
            f"'{path}' is a TorchScript archive, whose code lmctool never runs; save the tensors"
            " alone, with torch.save(torch.jit.load(...).state_dict(), ...)"
        )
    if "archive_format" in parts:
        return (
            f"'{path}' is a program of torch.export; save the tensors alone, with"
            " torch.save(torch.export.load(...).state_dict, ...)"
        )
    if "data.pkl" in parts:
        return None
    if any(name.endswith(".npy") for name in members):
        return f"'{path}' is a NumPy archive; {SAVE}, under the names that the model gives them"
    if "model.weights.h5" in members:
        return f"'{path}' is a model of Keras; {SAVE}, under the names of a PyTorch model"
    return f"'{path}' is a zip archive without a checkpoint of torch.save; {UNPACK}"


def is_distributed(names: Collection[str]) -> bool:
    """Tell whether a folder of these files is one of ``torch.distributed.checkpoint``."""
    return ".metadata" in names and any(name.endswith(".distcp") for name in names)


def other_folder(folder: Path, names: Collection[str]) -> str:
    """Return the sentence on a folder without a checkpoint.

    Args:
        folder: the folder.
        names: the names of all that is in it.
    """
    if is_distributed(names):
        return (
            f"folder '{folder}' is a distributed checkpoint (DCP); make one file of it, with"
            " python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER OUT.pt"
        )
    return (
        f"folder '{folder}' holds no checkpoint, neither a .safetensors file nor one of PyTorch"
        " (.pt, .pth, .ckpt, .bin)"
    )
