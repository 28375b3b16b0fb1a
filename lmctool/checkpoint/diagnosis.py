"""What a file is when it is not a safetensors file: one sentence with its remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.files.input_files import note_input

if TYPE_CHECKING:
    from pathlib import Path

HEAD = 512
PICKLE_PROTOCOLS = {2, 3, 4, 5}


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


def no_safetensors(path: Path, head: bytes) -> str:
    """Return the sentence on a file whose first bytes are no safetensors header."""
    if sentence := stand_in(path, head):
        return sentence
    if _is_zip(head) and b".npy" in head:
        return f"'{path}' is a NumPy archive, not a safetensors file; save it as safetensors"
    if _is_zip(head) or (len(head) > 1 and head[0] == 0x80 and head[1] in PICKLE_PROTOCOLS):
        return (
            f"'{path}' is a PyTorch pickle, not a safetensors file;"
            f" convert it first: lmctool convert {path} {path.with_suffix('.safetensors').name}"
        )
    if head.startswith(b"\x1f\x8b"):
        return f"'{path}' is not a safetensors file but a gzip archive; unpack it first"
    return f"'{path}' is not a safetensors file"


def _is_zip(head: bytes) -> bool:
    return head.startswith(b"PK\x03\x04")
