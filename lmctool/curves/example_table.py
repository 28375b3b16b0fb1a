"""Values of single examples in a result, and how a later run finds these examples again.

An example is its place in its stored split; a fingerprint of its input and target tells whether
a later run's data are the same.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from lmctool.errors import LmctoolError
from lmctool.results.result import Group, Variable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from lmctool.data.split import Split

    Places = NDArray[np.int64]


def fingerprints(split: Split) -> Places:
    """Return 64 bits of a hash over each example's stored input and target, (example,) int64."""
    digests = (
        hashlib.blake2b(value.tobytes() + target.tobytes(), digest_size=8).digest()
        for piece in split.pieces()
        for value, target in zip(*(part.cpu().numpy() for part in piece), strict=True)
    )
    return np.frombuffer(b"".join(digests), dtype="<i8").astype(np.int64)


def example_group(splits: Sequence[Split], variables: Mapping[str, Variable]) -> Group:
    """Return values of single examples, with what finds them again.

    Args:
        splits: the splits whose examples they are.
        variables: arrays with a dim ``example``: that of the first split, then the next, ...

    Returns:
        Those, and over ``example``: ``index`` (place in the stored split), ``fingerprint``,
        ``within`` (the number of the split) and, where each example has one, ``target``; over
        ``split`` its name.
    """
    sizes = [len(split) for split in splits]
    within = np.repeat(np.arange(len(splits)), sizes)
    columns = {
        "index": (np.concatenate([split.index for split in splits]), "place in the stored split"),
        "within": (within, "number of the split"),
        "fingerprint": (
            np.concatenate([fingerprints(split) for split in splits]),
            "64 bits of a hash of input and target",
        ),
    }
    if all(split.targets.ndim == 1 for split in splits):
        targets = [split.targets.cpu().numpy() for split in splits]
        columns["target"] = (np.concatenate(targets), "target")
    names = np.array([split.name for split in splits], dtype=object)
    return Group(
        {"split": Variable(names, ("split",), long_name="split"), **variables}
        | {
            name: Variable(values, ("example",), long_name=meaning)
            for name, (values, meaning) in columns.items()
        }
    )


def example_rows(group: Group, split: Split, what: str) -> Places:
    """Return where each example of a split stands in such a group, (example,) int64.

    Args:
        group: what ``example_group`` made, in this run or an earlier one.
        split: the split, of this run.
        what: what to call the group in an error, such as ``--scores``.

    Raises:
        LmctoolError: the group holds another split, not all of its examples, or other data.
    """
    columns = {name: variable.values for name, variable in group.variables.items()}
    missing = sorted({"split", "index", "within", "fingerprint"} - columns.keys())
    if missing:
        raise LmctoolError(f"{what} holds no {missing[0]!r} of its examples, so none can be found")
    names = [str(name) for name in columns["split"]]
    if split.name not in names:
        there = ", ".join(map(repr, names))
        raise LmctoolError(
            f"{what} holds examples of split {there}, none of split {split.name!r};"
            f" pass --split {','.join(names)}, or a file that is made with --split {split.name}"
        )
    own = np.flatnonzero(columns["within"] == names.index(split.name))
    own = own[np.argsort(columns["index"][own], kind="stable")]
    place = np.searchsorted(columns["index"][own], split.index)
    rows: Places = own[np.minimum(place, len(own) - 1)] if len(own) else np.zeros(0, np.int64)
    matches = len(rows) > 0 and columns["index"][rows] == split.index
    if not np.all(matches):
        raise LmctoolError(
            f"{what} lacks {len(split) - np.count_nonzero(matches)} of the {len(split)} examples of"
            f" split {split.name!r}; it was made with another --limit or --subset-seed, or of other"
            " data"
        )
    differ = np.count_nonzero(columns["fingerprint"][rows] != fingerprints(split))
    if differ:
        raise LmctoolError(
            f"{what} was made with other data: {differ} of the {len(split)} examples of split"
            f" {split.name!r} have another input or target there"
        )
    return rows
