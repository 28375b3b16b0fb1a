"""The exact variant of REPAIR: statistics taken while every target is renormalised by batch.

It sets the statistics of chosen channels of an interpolated network to the interpolation of the
ends' (Jordan et al. 2023, arXiv:2211.08403, equations 3 and 4), and takes the interpolated
network's own in one pass in which every target is renormalised batch by batch (section 4.2).  Where
a BatchNorm reads every target the goal cancels, and the ends are not looked at (section 5.2).
"""

from __future__ import annotations

from lmctool.api import Correction, hookimpl
from lmctool.api.advanced import (
    renormalised_merge,
    renormalised_outputs,
    renormalised_path,
    target_option,
)


@hookimpl
def lmctool_correction() -> Correction:
    """Add ``--repair repair``."""
    return Correction(
        renormalised_path,
        options=(target_option(),),
        prepare_merge=renormalised_merge,
        prepare_outputs=renormalised_outputs,
    )
