"""Parts of a split's examples: its classes, or how hard its examples are.

Equal splits by EL2N score are those of Iyer et al. (section 4, figure 4): part 1 holds the
easiest examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from lmctool.errors import LmctoolError
from lmctool.plugin.parameters import ResultFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from lmctool.data.split import Split
    from lmctool.results.result import Result

SCORES = "el2n/examples"
"""The group of an ``el2n`` result that holds a score and a part for each example."""


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """To which part each example of a split belongs.

    Attributes:
        by: ``class`` or ``el2n``.
        parts: the names of the parts, in order; the same for every split of the data.
        members: (example,) int64 number of the part of each example, from 0.
    """

    by: str
    parts: tuple[str, ...]
    members: NDArray[np.int64]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many examples each part has, (part,)."""
        import numpy as np

        return np.bincount(self.members, minlength=len(self.parts))

    def means(
        self, values: NDArray[np.float64], weights: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Return the mean of each part's examples.

        Args:
            values: (..., example).
            weights: (example,) how much each counts; None where all count the same.

        Returns:
            (..., part) float64; NaN for a part without an example that counts.
        """
        import numpy as np

        share = np.ones(len(self.members)) if weights is None else weights
        means = np.full((*values.shape[:-1], len(self.parts)), np.nan)
        for part in range(len(self.parts)):
            own = np.flatnonzero((self.members == part) & (share > 0))
            if len(own):
                means[..., part] = np.average(values[..., own], axis=-1, weights=share[own])
        return means


def partition_options() -> tuple[click.Option, click.Option]:
    """Return the options ``--by-split`` and ``--scores``, as ``partitions`` takes their values."""
    return (
        click.Option(
            ["--by-split"],
            type=click.Choice(["class", "el2n"]),
            help="Also measure each class, or each equal split by EL2N score, separately.",
        ),
        click.Option(
            ["--scores"],
            type=ResultFile("el2n"),
            help="Result of lmctool el2n that --by-split el2n takes the scores of examples from;"
            " scores of networks are named with --score.",
        ),
    )


def partitions(
    splits: Sequence[Split], by: str | None, scores: Result | None
) -> dict[str, Partition]:
    """Return the partition of each split by its name; without ``by`` there are none.

    Raises:
        LmctoolError: as ``partition`` does, or there are scores that nothing asks for.
    """
    if by is None:
        if scores is not None:
            raise LmctoolError("--scores is used by --by-split el2n alone; give that too")
        return {}
    return {split.name: partition(split, by, scores) for split in splits}


def partition(split: Split, by: str, scores: Result | None) -> Partition:
    """Return the parts of a split's examples.

    Args:
        split: the split, of this run.
        by: ``class``: parts by target, named ``0``, ``1``, ...; ``el2n``: the equal splits of a
            result of ``lmctool el2n``, from the easiest, named ``1``, ``2``, ...
        scores: that result, else None.

    Raises:
        LmctoolError: the targets are no classes, there are scores too many or none, or they are
            of another split, of other examples or of other data.
    """
    if by == "class":
        if scores is not None:
            raise LmctoolError("--scores is used by --by-split el2n, not by --by-split class")
        return _classes(split)
    if scores is None:
        raise LmctoolError("--by-split el2n needs --scores FILE, a result of lmctool el2n")
    return _scored(split, scores)


def _classes(split: Split) -> Partition:
    if not split.classes or split.targets.ndim != 1:
        raise LmctoolError(
            f"the examples of split {split.name!r} have no class each, so they have no parts by"
            " class"
        )
    parts = tuple(map(str, range(split.classes)))
    return Partition("class", parts, split.targets.cpu().numpy())


def _scored(split: Split, scores: Result) -> Partition:
    from lmctool.curves.example_table import example_rows

    group = scores.groups.get(SCORES)
    count = group.attributes.get("splits") if group is not None else None
    if group is None or not isinstance(count, int) or "part" not in group.variables:
        raise LmctoolError(
            "--scores holds no parts of single examples, as lmctool el2n writes them"
        )
    members = group.variables["part"].values[example_rows(group, split, "--scores")] - 1
    if members.min() < 0 or members.max() >= count:
        raise LmctoolError(f"--scores holds a part that is none of its {count} equal splits")
    return Partition("el2n", tuple(str(part + 1) for part in range(count)), members)
