"""Checkpoints of the Hugging Face hub: ``hf://ORG/NAME@REVISION``, in the cache on this machine.

A path joins slashes, so that ``hf:/ORG/NAME`` is the same.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError, first_line

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEME = "hf:"
WANTED = ("*.safetensors", "*.safetensors.index.json", "config.json")
"""The patterns of the files that are downloaded."""

_refusal: ContextVar[str] = ContextVar("refusal", default="")
"""Why nothing may be downloaded, if nothing may."""


def is_on_hub(path: Path) -> bool:
    """Tell whether a path names a repository of the hub."""
    return path.parts[:1] == (SCHEME,)


@contextmanager
def no_download(reason: str) -> Iterator[None]:
    """Take what is in the cache alone meanwhile, for a reason that goes into the error."""
    token = _refusal.set(reason)
    try:
        yield
    finally:
        _refusal.reset(token)


def snapshot(path: Path) -> Path:
    """Return the folder of the cache that holds one commit of a repository.

    What is in the cache is taken as it is, else it is downloaded, safetensors alone.

    Args:
        path: ``hf://ORG/NAME``, where ``@REVISION`` may follow: a branch, a tag or a commit.

    Raises:
        LmctoolError: huggingface_hub isn't installed, or there is no such commit with safetensors.
    """
    try:
        from huggingface_hub import constants, snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError
    except ImportError as cause:
        raise LmctoolError(
            f"'{path}' is on a hub, for which huggingface_hub is needed: pip install 'lmctool[hf]'"
        ) from cause
    name, _, revision = "/".join(path.parts[1:]).partition("@")
    reason = "it has no safetensors file"
    refusal = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else _refusal.get()
    for cached in (True,) if refusal else (True, False):
        try:
            found = snapshot_download(
                name,
                revision=revision or None,
                allow_patterns=list(WANTED),
                ignore_patterns=["*/*"],
                local_files_only=cached,
            )
        except LocalEntryNotFoundError:
            reason = "it is not there"
        except Exception as cause:  # of a name, of the network or of a token
            reason = first_line(cause)
        else:
            if any(Path(found).glob(WANTED[0])):
                return Path(found)
    where = f"the cache, and {refusal}" if refusal else "the hub"
    raise LmctoolError(f"'{path}' cannot be had from {where}: {reason}")


def pinned(path: Path, folder: Path) -> Path:
    """Return the path of a repository with the commit of a snapshot as its revision."""
    return Path(f"{str(path).partition('@')[0]}@{folder.name}")
