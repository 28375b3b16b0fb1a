"""Publishing finished files at once: other programs see the whole of them, or nothing."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from contextlib import ExitStack, contextmanager, suppress
from stat import S_IMODE
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError
from lmctool.files.drafts import draft_of
from lmctool.files.input_files import refuse_inputs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def refuse_existing(paths: Sequence[Path], force: bool) -> None:
    """Check that each of these files may be written, before any work is done for them.

    Raises:
        LmctoolError: two are one file, one is an input of the running command, exists without
            ``force`` or is no regular file, or its folder is missing or cannot be written to.
    """
    refuse_inputs(paths)
    places: set[Path] = set()
    for path in paths:
        place = path.parent.resolve() / path.name
        if place in places:
            raise LmctoolError(f"output '{path}' is named twice; give each its own name")
        places.add(place)
        if _is_there(path):
            if path.exists() and not path.is_file():
                raise LmctoolError(f"output '{path}' is not a regular file; choose another with -o")
            if not force:
                raise _existing(path)
        folder = path.parent
        if not folder.is_dir():
            raise LmctoolError(f"folder '{folder}' of output '{path}' does not exist; create it")
        _try_to_write(folder)


@contextmanager
def publish(path: Path, force: bool) -> Iterator[Path]:
    """Yield a temporary path in the folder of ``path``; what is written there becomes ``path``.

    What killed processes left in the folder is removed.  The body writes, closes, reopens and
    verifies the file.  When it ends well the file is synced
    to disk and renamed; when it raises anything (Ctrl-C too) nothing is left behind.  The
    temporary path keeps the suffix of ``path``, and exists as an empty file.

    Raises:
        LmctoolError: as ``refuse_existing``; or the file came to exist meanwhile, or the disk is
            full.
    """
    refuse_existing([path], force)
    with ExitStack() as stack:
        try:
            draft = stack.enter_context(draft_of(path, path.suffix))
            # Not mkstemp: the published file must have the permissions that the user's umask gives.
            os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except OSError as cause:
            raise _unwritable(path, cause) from cause
        try:
            mode = S_IMODE(draft.stat().st_mode)
            yield draft
            draft.chmod(mode)  # a writer may have put a file of its own in the draft's place
            with draft.open("rb+") as file:
                os.fsync(file.fileno())
            refuse_inputs([path])  # some are first opened while the output is made
            if force:
                draft.replace(path)
            else:
                _link(draft, path)
            _sync_folder(path.parent)
        except OSError as cause:
            if cause.errno in NO_ROOM:
                raise _unwritable(path, cause) from cause
            raise


def write_bytes(path: Path, content: bytes, force: bool) -> None:
    """Publish a file of these bytes.

    Raises:
        LmctoolError: as ``publish``.
    """
    with publish(path, force) as draft:
        draft.write_bytes(content)


def refuse_existing_folder(path: Path, names: Collection[str], force: bool) -> None:
    """Check that a folder of these files may be written, before any work is done for it.

    Args:
        path: the folder.
        names: the names of all files that it will have.
        force: it may replace a folder that has no other files, so that none is lost.

    Raises:
        LmctoolError: something is there that may not be replaced, an input of the running command
            above all, or the folder around it is missing or cannot be written to.
    """
    refuse_inputs([path])
    if _is_there(path):
        if path.is_symlink() or not path.is_dir():
            raise LmctoolError(f"output '{path}' is not a folder; choose another with -o")
        if not force:
            raise _existing(path)
        for other in sorted(entry.name for entry in path.iterdir() if entry.name not in names):
            raise LmctoolError(
                f"output '{path}' holds {other!r} too, which would be lost; choose another with -o"
            )
    if not path.parent.is_dir():
        raise LmctoolError(f"folder '{path.parent}' of output '{path}' does not exist; create it")
    _try_to_write(path.parent)


@contextmanager
def publish_folder(path: Path, names: Collection[str], force: bool) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``, which becomes ``path`` when the body ends well.

    The body writes each file by ``publish``.  When it raises anything nothing is left behind.

    Raises:
        LmctoolError: as ``refuse_existing_folder``, before the body and after it; or the disk is
            full.
    """
    refuse_existing_folder(path, names, force)
    try:
        with draft_of(path, "") as draft:
            draft.mkdir()
            yield draft
            _sync_folder(draft)
            refuse_existing_folder(path, names, force)
            _exchange(draft, path)
            _sync_folder(path.parent)
    except OSError as cause:
        if cause.errno in NO_ROOM:
            raise _unwritable(path, cause) from cause
        raise


def _exchange(draft: Path, path: Path) -> None:
    """Give the draft its name; the folder that had it is put back if that fails."""
    if not path.exists():
        draft.rename(path)
        return
    old = path.with_name(f".lmctool-{secrets.token_hex(6)}")
    path.rename(old)
    try:
        draft.rename(path)
    except BaseException:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _try_to_write(folder: Path) -> None:
    """Make a file and remove it: permissions don't tell of read-only and special file systems."""
    probe = folder / f".lmctool-{secrets.token_hex(6)}"
    try:
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as cause:
        raise LmctoolError(
            f"folder '{folder}' cannot be written to ({cause.strerror}); choose another with -o"
        ) from cause


def _is_there(path: Path) -> bool:
    """Tell whether something has this name, be it a link to nothing."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as cause:
        raise _unwritable(path, cause) from cause
    return True


def _existing(path: Path) -> LmctoolError:
    return LmctoolError(f"output '{path}' exists; choose another with -o, or pass --force")


def _unwritable(path: Path, cause: OSError) -> LmctoolError:
    return LmctoolError(f"output '{path}' cannot be written: {cause.strerror}")


def _link(draft: Path, path: Path) -> None:
    """Give the draft its name; a link, because a rename would replace a file unasked."""
    try:
        path.hardlink_to(draft)
    except FileExistsError as cause:
        raise _existing(path) from cause
    except OSError as cause:
        if cause.errno not in NO_LINKS:
            raise
        if os.path.lexists(path):
            raise _existing(path) from cause
        draft.rename(path)


def _sync_folder(folder: Path) -> None:
    """Make the new name last; some filesystems cannot, and the file is whole all the same."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
