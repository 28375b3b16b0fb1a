"""What is merged, how far it is from its networks, and how well it does."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import (
    Group,
    LazyNetworks,
    LinearTransform,
    LmctoolError,
    NewCheckpoint,
    Result,
    UnjudgedError,
    Variable,
    score_group,
)
from lmctool.api.advanced import cycle_displacement, is_adapter, letters, permutation_part
from lmctool_plugins.analyses.merge.adapters import merge_adapters
from lmctool_plugins.analyses.merge.calibrated import TEMPERATURE, calibrated, check_calibrated
from lmctool_plugins.analyses.merge.shares import distance, shares
from lmctool_plugins.analyses.merge.stream import Stream
from lmctool_plugins.analyses.merge.summary import lowest
from lmctool_plugins.analyses.merge.ways import Bases, check, of_run, parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from lmctool.api import Run, Weights
    from lmctool_plugins.analyses.merge.shares import Shares
    from lmctool_plugins.analyses.merge.ways import ProvedFrame, Way

STANDARD = "mean"
"""The method that is used where none is named."""
NO_BASES = Bases()
"""Of networks that are merged as they are."""


def network_count(
    run: Run,
    weights: str | None,
    alphas: str | None,
    frame: str,
    base: int | None = None,
    onto: int | None = None,
    calibrate_temperature: bool = False,
) -> int:
    """Return how many networks are measured: the checkpoints and the merged ones, with data."""
    check(run, frame, Bases(base, onto))
    if calibrate_temperature:
        check_calibrated(run)
    points = len(_points(run, weights, alphas, base))
    tried = points if points > 1 else 0
    ends = run.count + (base is not None) + (onto is not None)
    return 0 if run.data is None else ends + len(run.variant_names) * (tried + 1)


def _points(
    run: Run, weights: str | None, alphas: str | None, base: int | None
) -> list[tuple[float, ...]]:
    record = run.merge_method.record
    if record.alphas and weights is None and alphas is None:
        alphas = ",".join(map(repr, record.alphas))
    signed = record.counts == "factors"
    return shares(weights, alphas, run.count, signed=signed, based=base is not None)


def measure(
    run: Run,
    weights: str | None,
    alphas: str | None,
    frame: str,
    base: int | None = None,
    onto: int | None = None,
    calibrate_temperature: bool = False,
) -> Result:
    """Merge by each way, evaluate where there is data, and hand out the last way's network."""
    bases = Bases(base, onto)
    check(run, frame, bases)
    if calibrate_temperature:
        check_calibrated(run)
    points = _points(run, weights, alphas, base)
    if any(map(is_adapter, run.checkpoints)):
        if len(points) > 1:
            raise LmctoolError("of several --alphas data chooses one, and adapters take none")
        return merge_adapters(run, points[0])
    if run.data is not None:
        _ = run.ends  # ends that say nothing are refused before any work
    elif len(points) > 1:
        raise LmctoolError("of several --alphas data chooses one: pass --data SPEC, or one alpha")
    if run.model is None:
        return streamed(run, points[0], bases)
    ways, proved = of_run(run, frame, bases)
    best, groups = followed(run, ways, points) if len(points) > 1 else (0, {})
    merged = [way.merged(points[best]) for way in ways]
    weights_of = [each.weights for each in merged]
    counts = merged[-1].counts or points[best]
    groups["merge/networks"] = far_apart(run, ways, counts, weights_of, bases)
    if run.data is not None:
        names, measured = letters(run.ends.loss.shape[1]), [run.ends]
        for name, index in (("base", base), ("onto", onto)):
            if index is not None:
                names, measured = [*names, name], [*measured, run.scores((index,))]
        measured.append(run.evaluate(weights_of))
        names = [*names, *(way.name for way in ways)]
        groups["merge/scores"] = score_group("merge", names, measured)
    if proved is not None:
        groups |= frame_groups(run, proved, frame)
    groups |= merged[-1].groups
    made = described(run, ways[-1].name, counts, bases, merged[-1].described)
    metadata = {"lmctool.made": made}
    if calibrate_temperature:
        groups[TEMPERATURE] = found = calibrated(run, weights_of[-1])
        metadata["lmctool.temperature"] = repr(float(found.variables["temperature"].values))
    checkpoint = NewCheckpoint(weights_of[-1], metadata=metadata)
    return Result("merge", groups, checkpoint)


def streamed(run: Run, counts: Shares, bases: Bases) -> Result:
    """Merge networks as they are while the merged one is written, which tells the distances."""
    stream = Stream(run, counts, bases.base)

    def groups_after() -> dict[str, Group]:
        distances = np.sqrt(stream.squares)[None]
        return {"merge/networks": networks(run, ["plain"], counts, distances, bases)}

    made = {"lmctool.made": described(run, "plain", counts, bases)}
    checkpoint = NewCheckpoint(stream.weights, metadata=made, groups_after=groups_after)
    return Result("merge", {}, checkpoint)


def followed(
    run: Run, ways: Sequence[Way], points: Sequence[Shares]
) -> tuple[int, dict[str, Group]]:
    """Evaluate each way at each alpha, and choose one by the last way's calibration loss.

    Returns:
        Which alpha has the least loss on the calibration examples, and the group of all.

    Raises:
        UnjudgedError: none of these losses is a number.
    """
    splits = (*run.splits, run.calibration.split)
    rows = [
        run.evaluate(LazyNetworks(partial(_weights, way), points), splits, description=way.name)
        for way in ways
    ]
    each = [(m, np.array([row.values(m) for row in rows])) for m in run.metrics]
    metric, loss = each[0]
    if not np.isfinite(loss[-1, -1]).any():
        raise UnjudgedError("at no alpha is the loss on the calibration examples a number")
    best = lowest(loss[:, -1])
    alpha = np.array([counts[-1] for counts in points])
    over = ("variant", "split", "alpha")
    variables = {
        "variant": texts("variant", [way.name for way in ways]),
        "split": texts("split", [split.name for split in run.splits]),
        "alpha": Variable(alpha, ("alpha",), long_name="alpha"),
        **{own.name: own.variable(values[:, :-1], over) for own, values in each},
        "calibration": metric.variable(
            loss[:, -1], ("variant", "alpha"), "loss on the calibration examples"
        ),
        "chosen": Variable(alpha[best], long_name="alpha that is written", metric="merge.alpha"),
    }
    return best, {"merge/alphas": Group(variables)}


def _weights(way: Way, counts: Shares) -> Weights:
    return way.merged(counts).weights


def far_apart(
    run: Run,
    ways: Sequence[Way],
    counts: Shares,
    merged: Sequence[Weights],
    bases: Bases,
) -> Group:
    """Return each network's share, and its distance to what each way merged."""
    names = parameters(run)
    distances = np.array(
        [
            [distance(own, mean, names) for own in way.networks]
            for way, mean in zip(ways, merged, strict=True)
        ]
    )
    return networks(run, [way.name for way in ways], counts, distances, bases)


def networks(
    run: Run,
    variants: Sequence[str],
    counts: Shares,
    distances: NDArray[np.float64],
    bases: Bases = NO_BASES,
) -> Group:
    """Return how much each network counts, and its distances (variant, network) to the merged."""
    files = [checkpoint.path.name for checkpoint in run.checkpoints[: run.count]]
    method = run.merge_method
    shared = method.record.counts == "shares" and bases.base is None
    attributes = {"method": method.described}
    if run.left_out:
        attributes["excepted"] = ", ".join(sorted(run.left_out))
    for name, index in (("base", bases.base), ("onto", bases.onto)):
        if index is not None:
            attributes[name] = run.checkpoints[index].path.name
    return Group(
        {
            "variant": texts("variant", variants),
            "network": texts("network", letters(run.count)),
            "file": Variable(np.array(files, dtype=object), ("network",), long_name="file"),
            "weight": Variable(
                np.array(counts) / (sum(counts) if shared else 1),
                ("network",),
                long_name="share in the mean" if shared else "how much it counts",
            ),
            "distance": Variable(
                distances,
                ("variant", "network"),
                long_name="L2 distance of the parameters to the merged network's",
                metric="merge.distance",
            ),
        },
        attributes,
    )


def frame_groups(run: Run, proved: ProvedFrame, frame: str) -> dict[str, Group]:
    """Return the frame and its proof; the host adds each network's transform into it."""
    common = proved.frame
    linear = [each for each in common.transforms if isinstance(each, LinearTransform)]
    unaligned, *swept = common.spreads
    names = letters(run.count)
    permutations = map(permutation_part, common.transforms)
    moved = [sum(map(each.moved, each.moves)) for each in permutations]
    turned = Variable(
        np.array([each.distance for each in linear]),
        ("network",),
        long_name="root mean square of what linear maps move a unit by",
    )
    return {
        "merge/frame": Group(
            {
                "sweep": Variable(
                    np.arange(len(swept)),
                    ("sweep",),
                    long_name="sweeps after each was aligned with the first",
                ),
                "spread": Variable(
                    np.array(swept),
                    ("sweep",),
                    long_name="sum of squared distances to the mean",
                    metric="merge.spread",
                ),
                "unaligned": Variable(
                    np.array(unaligned), long_name="that sum of the networks as they are"
                ),
                "network": texts("network", names),
                "moved": Variable(np.array(moved), ("network",), long_name="units that moved"),
                **({"distance": turned} if linear else {}),
                "difference": Variable(
                    np.array([proof.difference for proof in proved.proofs]),
                    ("network",),
                    long_name="greatest absolute difference of an output of f(pi(X)) and f(X)",
                ),
                "displaced": Variable(
                    np.array(cycle_displacement(common.between, run.count)),
                    long_name="most units that a cycle of networks moves",
                    metric="merge.displaced",
                ),
            },
            {"frame": frame, "settled": int(common.settled)},
        )
    }


def described(
    run: Run, variant: str, counts: Shares, bases: Bases = NO_BASES, more: str = ""
) -> str:
    """Return in words what the written checkpoint is made of."""
    files = (checkpoint.path.name for checkpoint in run.checkpoints)
    method = run.merge_method
    shared = method.record.counts == "shares" and bases.base is None
    total = sum(counts) if shared else 1
    parts = [f"{count / total:.6g} {file}" for file, count in zip(files, counts, strict=False)]
    by = "" if method.name == STANDARD else f" by {method.described}"
    on = "" if bases.base is None else f", from base {run.checkpoints[bases.base].path.name}"
    on += "" if bases.onto is None else f" onto {run.checkpoints[bases.onto].path.name}"
    kept = f"; {', '.join(run.settings.excepted)} of the first" if run.settings.excepted else ""
    kept += ", in canonical form" if run.resources.canonical else ""
    kept += f"; {more}" if more else ""
    return f"merge{by} ({variant}) of {' + '.join(parts)}{on}{kept}"


def texts(dim: str, words: Iterable[str]) -> Variable:
    """Return the coordinate of a dim."""
    return Variable(np.array(list(words), dtype=object), (dim,), long_name=dim)
