"""A result: named arrays with dims, units and meaning, ready for HDF5, tables and figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

Better = Literal["lower", "higher", ""]
Attribute = str | int | float | list[str] | list[int] | list[float]


@dataclass(frozen=True, slots=True)
class Variable:
    """One named array of a result.

    Attributes:
        values: numbers or strings (an array of ``str`` objects); bool becomes int8 in the file.
        dims: one name per axis; a variable called like its only dim is that dim's coordinate.
        unit: ``"1"`` for plain numbers and fractions, ``"nat"`` for losses.
        long_name: what it is, in a few words; the axis label of figures.
        metric: the public name of its elements as metrics, such as ``barrier.error``; empty for
            arrays that are no metrics.
        better: which way the metric is better: ``"lower"``, ``"higher"``, or ``""`` where
            neither is.
    """

    values: NDArray[Any]
    dims: tuple[str, ...] = ()
    unit: str = "1"
    long_name: str = ""
    metric: str = ""
    better: Better = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Variables that share dims, and attributes that hold for all of them."""

    variables: Mapping[str, Variable] = field(default_factory=dict)
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewCheckpoint:
    """A checkpoint that a run made and the host writes beside the result.

    Attributes:
        weights: the tensors by canonical name, in any floating dtype.
        like: which input checkpoint gives the stored names, dtypes and metadata (its index).
        metadata: entries to add to that checkpoint's own.
        groups_after: for weights that are computed when they are read, such as ``LazyWeights``:
            returns groups by path that join the result, once each tensor has been read.  The host
            then writes the checkpoint before the result, reading each tensor once, in any order.
        files: texts by name that take the place of small files in a folder, whose checkpoint may
            then have tensors of other shapes, as a merged adapter with its configuration.
        beside: more of them, each by what stands behind the name of this one, such as ``-2``;
            ``Analysis.beside`` tells the same names before the run.
    """

    weights: Mapping[str, Tensor]
    like: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)
    groups_after: Callable[[], Mapping[str, Group]] | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, NewCheckpoint] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """What one run of an analysis computed.

    Attributes:
        analysis: the name of the analysis, as the user types it.
        groups: groups by path, such as ``barrier/curve``; the host adds ``provenance``.
        checkpoint: weights to be written beside the result, if the analysis makes any.
    """

    analysis: str
    groups: Mapping[str, Group]
    checkpoint: NewCheckpoint | None = None
