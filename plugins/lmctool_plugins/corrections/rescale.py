"""Half of REPAIR: the scale alone, so that channels have the ends' spread but keep their means.

Each target's standard deviation becomes (1 - alpha) std(X_1) + alpha std(X_2) (equation 4 of
Jordan et al. 2023, arXiv:2211.08403); its mean stays what it is in the network so corrected, as
the channel is scaled around it.  Of a BatchNorm behind a target only the running variance is
set.  With ``shift`` this is the decomposition of REPAIR that Qu and Horvath 2024
(arXiv:2402.05966v2) study, who find the rescaling crucial.
"""

from __future__ import annotations

from functools import partial

from lmctool.api import Correction, hookimpl
from lmctool.api.advanced import renormalised_merge, renormalised_path, target_option


@hookimpl
def lmctool_correction() -> Correction:
    """Add ``--repair rescale``."""
    return Correction(
        partial(renormalised_path, conditions=frozenset({"std"})),
        options=(target_option(),),
        prepare_merge=partial(renormalised_merge, conditions=frozenset({"std"})),
    )
