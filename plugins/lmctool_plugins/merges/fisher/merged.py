"""Merging networks by their Fisher information, and what there is to say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, Merged, Variable
from lmctool.api.advanced import letters, weighted_mean
from lmctool_plugins.merges.fisher.information import SIGNED, diagonal
from lmctool_plugins.merges.fisher.kernel import precise_mean
from lmctool_plugins.merges.fisher.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.api import NetworksToMerge, Run
    from lmctool_plugins.merges.fisher.information import Diagonal, LabelsFrom


def merged(
    run: Run, part: NetworksToMerge, fisher_labels: LabelsFrom, fisher_floor: float
) -> Merged:
    """Return the Fisher-weighted mean of networks; of tensors without gradients the plain one."""
    found = [diagonal(run, own, fisher_labels) for own in part.networks]
    if not all(each.exact for each in found):
        run.note(
            "torch.func can't map this model over examples: squared gradients are estimated, by the"
            f" gradient of {SIGNED} examples with random signs at a time"
        )
    mean = weighted_mean(part.networks, part.counts)
    precise = {
        name: precise_mean(
            [own[name] for own in part.networks],
            [each.values[name] for each in found],
            part.counts,
            fisher_floor,
        )
        for name in found[0].values
    }
    return Merged({**mean, **precise}, {"merge/fisher": _group(run, part, found, fisher_floor)})


def _group(run: Run, part: NetworksToMerge, found: Sequence[Diagonal], floor: float) -> Group:
    """Return how much information each network has, and of how many parameters hardly any."""
    names = letters(run.count)
    traces = [sum(float(each.sum()) for each in own.values.values()) for own in found]
    below = [sum(int((each < floor).sum()) for each in own.values.values()) for own in found]
    count = sum(each.numel() for each in found[0].values.values())
    trace, floored = METRICS
    return Group(
        {
            "network": Variable(
                np.array([names[index] for index in part.indices], dtype=object),
                ("network",),
                long_name="network",
            ),
            "trace": Variable(
                np.array(traces), ("network",), long_name=trace.meaning, metric=trace.name
            ),
            "floored": Variable(
                np.array(below) / count,
                ("network",),
                long_name=floored.meaning,
                metric=floored.name,
            ),
        },
        {"exact": int(all(each.exact for each in found)), "examples": len(run.calibration.split)},
    )
