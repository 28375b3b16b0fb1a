"""Opening HDF5 files to read, also on a file system without locks."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import BytesIO
    from pathlib import Path

    import h5py

NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""What a file system says that has no locks."""
LOCKED = {errno.EAGAIN, errno.EWOULDBLOCK}
REFUSED = {errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE}
"""What says something of the disk or of this process, and nothing of the file's content."""


def open_hdf5(file: Path | BytesIO) -> h5py.File:
    """Open a file to read; where it cannot be locked, without a lock."""
    import h5py

    try:
        return h5py.File(file, "r")
    except OSError as cause:
        if cause.errno not in NO_LOCKS:
            raise
    return h5py.File(file, "r", locking=False)


def obstacle(error: BaseException) -> str | None:
    """Return in words what keeps a file from being read that may well be sound, or None."""
    if not isinstance(error, OSError):
        return None
    if error.errno in LOCKED:
        return "another program has locked it, which may be writing it; try again when it is done"
    if error.errno in REFUSED:
        return os.strerror(error.errno).lower()
    return None
