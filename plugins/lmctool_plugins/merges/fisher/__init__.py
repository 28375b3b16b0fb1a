"""Average the networks, each value by how much the network's answers depend on it.

Matena and Raffel 2022 (arXiv:2111.09832), Fisher merging:

    theta = sum_i w_i F_i theta_i / sum_i w_i F_i
    F_i = 1/n sum_x E_y (d/d theta log p_i(y | x))^2

value by value, with F_i the diagonal of network i's Fisher information on the calibration examples.
E_y is over the network's own answers, by one label drawn for each example; with the data's labels
it is the empirical Fisher, another quantity.  Values of F below a floor are set to it, so that what
no network's answers depend on becomes the plain mean.
"""

from __future__ import annotations

import click

from lmctool.api import Lazy, Merge, hookimpl
from lmctool_plugins.merges.fisher.metrics import METRICS


@hookimpl
def lmctool_merge() -> Merge:
    """Add ``--method fisher``."""
    labels = click.Option(
        ["--fisher-labels"],
        type=click.Choice(["model", "data"]),
        default="model",
        show_default=True,
        help="Labels of the log-likelihood whose gradients are squared: drawn from each network's"
        " own answers, or the data's (the empirical Fisher).",
    )
    floor = click.Option(
        ["--fisher-floor"],
        type=click.FloatRange(min=0, min_open=True),
        default=1e-6,
        show_default=True,
        help="Least information that a value counts by.",
    )
    return Merge(
        network=Lazy("lmctool_plugins.merges.fisher.merged:merged"),
        options=(labels, floor),
        needs=frozenset({"data"}),
        metrics=METRICS,
    )
