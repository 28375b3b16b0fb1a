"""Half of REPAIR: the shift alone, so that channels have the ends' means but keep their spread.

Each target's mean becomes (1 - alpha) mean(X_1) + alpha mean(X_2) (equation 3 of Jordan et al.
2023, arXiv:2211.08403); its standard deviation stays what it is in the network so corrected.  Of
a BatchNorm behind a target only the running mean is set.  With ``rescale`` this is the
decomposition of REPAIR that Qu and Horvath 2024 (arXiv:2402.05966v2) study.
"""

from __future__ import annotations

from functools import partial

from lmctool.api import Correction, hookimpl
from lmctool.api.advanced import renormalised_merge, renormalised_path, target_option


@hookimpl
def lmctool_correction() -> Correction:
    """Add ``--repair shift``."""
    return Correction(
        partial(renormalised_path, conditions=frozenset({"mean"})),
        options=(target_option(),),
        prepare_merge=partial(renormalised_merge, conditions=frozenset({"mean"})),
    )
