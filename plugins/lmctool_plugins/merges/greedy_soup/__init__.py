"""Average those of the networks that make the average no worse, tried from the best one on.

Wortsman et al. 2022 (arXiv:2203.05482), Recipe 1: networks are sorted by their accuracy on held-out
examples, and each in turn stays in the mean if the mean's accuracy does not fall by it.  Held out
are the calibration examples here, which should be none that the networks were trained on.
"""

from __future__ import annotations

from lmctool.api import Lazy, Merge, hookimpl
from lmctool_plugins.merges.greedy_soup.metrics import METRICS


@hookimpl
def lmctool_merge() -> Merge:
    """Add ``--method greedy-soup``."""
    return Merge(
        network=Lazy("lmctool_plugins.merges.greedy_soup.merged:merged"),
        needs=frozenset({"data"}),
        metrics=METRICS,
    )
