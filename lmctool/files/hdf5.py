"""Opening HDF5 files that are not to be trusted: their library loads no filter for them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BytesIO
    from pathlib import Path

    import h5py


@contextmanager
def open_hdf5(file: Path | BytesIO) -> Iterator[h5py.File]:
    """Open a file to read it, in a process that loads no filters from then on."""
    import h5py

    forget_plugins()
    with h5py.File(file, "r") as opened:
        yield opened


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
