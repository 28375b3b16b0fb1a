"""Merging LoRA adapters by their updates, exactly: no A or B is averaged.

The mean of n updates is one of the sum of their ranks, the factors one below and beside the other:

    sum_i w_i s_i B_i A_i  =  s_0 [w_0 B_0, w_1 s_1/s_0 B_1, ...] [A_0; A_1; ...]

with the scales s and the shares w.  What else an adapter holds, as a trained head, is averaged.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import LmctoolError, NewCheckpoint, Result
from lmctool.api.advanced import ADAPTER_CONFIG, mean_tensor, read_adapter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from lmctool.api import Run
    from lmctool.api.advanced import Adapter
    from lmctool_plugins.analyses.merge.shares import Shares

Factors = tuple["Tensor", "Tensor"]
"""A (rank, ...) and B (output, rank, ...)."""


def merge_adapters(run: Run, counts: Shares) -> Result:
    """Return the adapter whose update is the weighted mean of those of the checkpoints.

    Raises:
        LmctoolError: one of them is no adapter or one that has no exact mean, or more is asked for
            than the mean of their updates.
    """
    from lmctool_plugins.analyses.merge.measure import described, networks

    settings = run.settings
    if run.merge_method.name != "mean":
        raise LmctoolError(
            f"LoRA adapters are merged by their updates, whose mean is exact, and not by --method"
            f" {run.merge_method.name}: leave it out, or merge whole checkpoints"
        )
    asked = settings.aligns or settings.correction or settings.excepted
    if run.model is not None or run.data is not None or asked:
        raise LmctoolError(
            "LoRA adapters are merged by their updates, without a network around them: leave out"
            " --model, --data, --align, --repair and --except"
        )
    own = [read_adapter(checkpoint) for checkpoint in run.checkpoints]
    bases = {str(each.config.get("base_model_name_or_path")) for each in own}
    if len(bases) > 1:
        run.note(f"the adapters name different base networks: {', '.join(sorted(bases))}")
    counting = [number for number, count in enumerate(counts) if count > 0]
    shares = [counts[number] / sum(counts) for number in counting]
    scale, rank = own[counting[0]].scale, sum(own[number].rank for number in counting)
    first = run.checkpoints[0]
    weights: dict[str, Tensor] = {}
    squares = np.zeros(run.count)
    for names in own[0].pairs:
        pairs = [_factors(run, number, names) for number in range(run.count)]
        scales = [own[number].scale / scale for number in counting]
        merged = concatenated(
            [pairs[number] for number in counting],
            [w * s for w, s in zip(shares, scales, strict=True)],
        )
        weights |= dict(zip(names, merged, strict=True))
        for number, (a, b) in enumerate(pairs):
            squares[number] += squared_difference((a, own[number].scale * b), merged, scale)
    for name in first.names:
        if name not in weights:
            tensors = [checkpoint.tensor(name, finite=True) for checkpoint in run.checkpoints]
            mean = mean_tensor([tensors[number] for number in counting], shares, name)
            weights[name] = mean
            if name in first.floating:
                squares += [float((t.double() - mean.double()).square().sum()) for t in tensors]
    made = {"lmctool.made": described(run, "updates", counts)}
    files = {ADAPTER_CONFIG: config_text(own[0], rank, scale)}
    group = networks(run, ["updates"], counts, np.sqrt(squares)[None])
    group = replace(group, attributes={**group.attributes, "rank": rank})
    return Result("merge", {"merge/networks": group}, NewCheckpoint(weights, 0, made, files=files))


def _factors(run: Run, number: int, names: tuple[str, str]) -> Factors:
    a, b = (run.checkpoints[number].tensor(name, finite=True) for name in names)
    shapes = [run.checkpoints[0].shapes[name] for name in names]
    if a.shape[1:] != shapes[0][1:] or (b.shape[0], *b.shape[2:]) != (shapes[1][0], *shapes[1][2:]):
        raise LmctoolError(
            f"the update of {names[0]!r} has another shape in '{run.checkpoints[number].path}' than"
            f" in '{run.checkpoints[0].path}'"
        )
    return a, b


def concatenated(pairs: Sequence[Factors], shares: Sequence[float]) -> Factors:
    """Return one pair whose product is the sum of the products of pairs, each times its share.

    Args:
        pairs: A (rank, ...) and B (output, rank, ...) of each; the ranks may differ.
        shares: what each product is multiplied by.

    Returns:
        A and B of the sum of the ranks, in the dtype of the first pair.
    """
    import torch

    first_a, first_b = pairs[0]
    below = torch.cat([a.to(first_a.dtype) for a, _ in pairs])
    beside = [b.double() * share for (_, b), share in zip(pairs, shares, strict=True)]
    return below, torch.cat(beside, dim=1).to(first_b.dtype)


def squared_difference(own: Factors, merged: Factors, scale: float) -> float:
    """Return the squared norm of ``B A - scale B' A'``, in float64, from small products alone.

    Args:
        own: A and B.
        merged: A' and B'.
        scale: what the second product is multiplied by.
    """
    import torch

    below = torch.cat([own[0].double(), merged[0].double()]).flatten(1)
    beside = torch.cat([own[1].double(), -scale * merged[1].double()], dim=1)
    columns = beside.transpose(0, 1).flatten(1)
    return max(0.0, float(((columns @ columns.T) * (below @ below.T)).sum()))


def config_text(adapter: Adapter, rank: int, scale: float) -> str:
    """Return the adapter_config.json of a merged adapter: that of the first, of another rank."""
    alpha = scale * rank
    whole = round(alpha)
    changed = {
        "r": rank,
        "lora_alpha": whole if math.isclose(alpha, whole, rel_tol=1e-12) else alpha,
        "use_rslora": False,
    }
    return json.dumps({**adapter.config, **changed}, indent=2) + "\n"
