"""What was measured of each network: on the device until all of it comes to the host at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from lmctool.evaluate.scores import Scores

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from lmctool.data.split import Split
    from lmctool.plugin.records import Score
    from lmctool.results.score_metric import ScoreMetric

Measured = dict[str, Tensor]
"""Of one network ``mean.PLACE`` (loss and error) and, if asked for, ``other.PLACE`` (other scores)
and ``each.PLACE`` (loss and error, example), float64, for the place of each split."""


def arrays(measured: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    """Return what was measured of one network, for the journal."""
    return dict(zip(measured, on_host(list(measured.values())), strict=True))


def on_host(tensors: Sequence[Tensor]) -> list[NDArray[np.float64]]:
    """Return float64 tensors as arrays; those of a device come in one copy, with one wait."""
    there = [tensor for tensor in tensors if tensor.device.type != "cpu"]
    if not there:
        return [tensor.numpy() for tensor in tensors]
    copied = torch.cat([tensor.flatten() for tensor in there]).cpu()
    arrived = iter(torch.split(copied, [tensor.numel() for tensor in there]))
    return [
        (tensor if tensor.device.type == "cpu" else next(arrived).view(tensor.shape)).numpy()
        for tensor in tensors
    ]


def scores(
    networks: Sequence[Mapping[str, Tensor]],
    splits: Sequence[Split],
    shares: Sequence[Tensor | None],
    per_example: bool,
    standard: tuple[ScoreMetric, ScoreMetric],
    others: Sequence[Score],
) -> Scores:
    """Return what was measured of each network as one record.

    Args:
        networks: what was measured of each.
        splits: the splits.
        shares: for each split (example,) how much each example counts; None where all count the
            same.
        per_example: keep the loss and error of each example.
        standard: what loss and error are.
        others: the other scores.
    """
    weights = {
        split.name: share
        for split, share in zip(splits, shares, strict=True)
        if per_example and share is not None
    }
    tensors = [tensor for measured in networks for tensor in measured.values()]
    arrived = iter(on_host([*tensors, *weights.values()]))
    rows = [{name: next(arrived) for name in measured} for measured in networks]
    places = range(len(splits))
    means = np.array([[row[f"mean.{place}"] for place in places] for row in rows])
    means = means.reshape(len(rows), len(splits), 2)
    more = np.array([[row[f"other.{place}"] for place in places] for row in rows if others])
    more = more.reshape(len(rows), len(splits), len(others))
    each = {
        split.name: np.array([row[f"each.{place}"] for row in rows]).reshape(-1, 2, len(split))
        for place, split in enumerate(splits if per_example else ())
    }
    return Scores(
        splits=tuple(split.name for split in splits),
        loss=means[:, :, 0].T,
        error=means[:, :, 1].T,
        losses={name: values[:, 0] for name, values in each.items()},
        errors={name: values[:, 1] for name, values in each.items()},
        weights={name: next(arrived) for name in weights},
        more={other.metric.name: more[:, :, n].T for n, other in enumerate(others)},
        metrics=(*standard, *(other.metric for other in others)),
    )
