"""Opening HDF5 files to read: without a lock where there is none, and without loading filters."""

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
    """Open a file to read, in a process that loads no filters from then on.

    Where the file cannot be locked, it is opened without a lock.
    """
    import h5py

    forget_plugins()
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


def check_filters(dataset: h5py.Dataset) -> None:
    """Check that HDF5 itself can unpack a dataset.

    Raises:
        ValueError: it is packed by a filter that would have to be loaded.
    """
    from h5py import h5z

    plan = dataset.id.get_create_plist()
    for number in range(plan.get_nfilters()):
        code = plan.get_filter(number)[0]
        if not h5z.filter_avail(code):
            raise ValueError(
                f"{dataset.name!r} is packed by filter {code}, which HDF5 lacks, and none is loaded"
                " for a file; repack it with h5repack -f GZIP=4"
            )


def forget_plugins() -> None:
    """Take every folder from HDF5 that it would load filters from, for the rest of this process.

    A file names its filters, and HDF5 opens every library of ``$HDF5_PLUGIN_PATH`` or of its
    standard folder to find one that it lacks.  Filters that a program registers itself stay.
    """
    from h5py import h5pl

    for _ in range(h5pl.size()):
        h5pl.remove(0)
