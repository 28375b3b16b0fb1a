"""A stored linear spec: the tables of a result that say where linear maps act, and read back."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from lmctool.results.result import Variable
from lmctool.symmetry.linear.canonical_spec import CanonicalSpec, Norm, Reader, ValueBias
from lmctool.symmetry.linear.place import Place
from lmctool.symmetry.linear.spec import LinearGroup, LinearSpec
from lmctool.symmetry.unit_index import UnitIndex

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from lmctool.symmetry.spec import PermutationSpec

    Variables = Mapping[str, Variable]

GROUP = {
    "group": "linear group",
    "kind": "what maps it has",
    "size": "units that a map acts on",
    "count": "maps, one under each outer unit",
    "units": "permutation group of the same units",
    "outer": "permutation group of the outer units",
    "keeps_ones": "whether maps keep the vector of ones",
    "centred": "whether networks in canonical form have it centred",
}
NORM = {
    "norm_kind": "LayerNorm or RMSNorm",
    "gain": "its gain",
    "offset": "added to the gain",
    "shift": "its shift",
    "last": "whether its shift becomes 1 in canonical form",
}
PLACE = {
    "tensor": "tensor that holds units",
    "axes": "axes of it along which they lie",
    "positions": "number of the array of their positions",
    "power": "what acts there: 1 for M, -1 for its inverse transposed, of scales their power",
    "role": "whether a group acts there, or which part of the canonical form",
    "of": "number of the group, norm or bias that it is a place of",
    "beside": "bias of a layer that reads a norm, or of the output projection",
}
ACTS, READS, KEY, VALUE, OUTPUT = "group", "norm", "key bias", "value bias", "output"
"""Roles of places: where a group acts, and four of the canonical form."""


@dataclass
class Places:
    """The rows of a table of places, and the arrays of positions that they share."""

    rows: list[tuple[object, ...]] = field(default_factory=list)
    arrays: list[torch.Tensor] = field(default_factory=list)

    def add(self, place: Place, role: str, of: int, beside: str = "") -> None:
        """Add a place."""
        positions = place.index.positions
        same = (n for n, each in enumerate(self.arrays) if torch.equal(each, positions))
        number = next(same, len(self.arrays))
        if number == len(self.arrays):
            self.arrays.append(positions)
        axes = ",".join(map(str, place.index.axes))
        self.rows.append((place.tensor, axes, number, place.power, role, of, beside))


def spec_variables(spec: LinearSpec) -> dict[str, Variable]:
    """Return all of a spec but its permutations and the values that show units, as tables."""
    places, form = Places(), spec.canonical
    for number, group in enumerate(spec.groups.values()):
        for place in group.places:
            places.add(place, ACTS, number)
    for number, norm in enumerate(form.norms):
        for reader in norm.readers:
            places.add(reader.weight, READS, number, reader.bias)
    for number, place in enumerate(form.key_biases):
        places.add(place, KEY, number)
    for number, value in enumerate(form.value_biases):
        places.add(value.bias, VALUE, number)
        places.add(value.reader, OUTPUT, number, value.into)
    groups = [
        (name, g.kind, g.size, g.count, g.units, g.outer, g.keeps_ones, name in form.centred)
        for name, g in spec.groups.items()
    ]
    norms = [(n.kind, n.gain, n.offset, n.shift, n.last) for n in form.norms]
    variables = _table("group", GROUP, groups) | _table("norm", NORM, norms)
    variables |= _table("place", PLACE, places.rows)
    for number, positions in enumerate(places.arrays):
        dims = (f"index_{number:03d}", f"column_{number:03d}")
        meaning = "positions of each unit along the axes, flattened"
        variables[f"positions_{number:03d}"] = Variable(positions.numpy(), dims, "1", meaning)
    for number, group in enumerate(spec.groups.values()):
        if group.planes is not None:
            dims = (f"plane_{number:03d}", "side")
            meaning = "units of each plane that is rotated"
            variables[f"planes_{number:03d}"] = Variable(group.planes.numpy(), dims, "1", meaning)
    return variables


def read_spec(
    variables: Variables, permutations: PermutationSpec, shapes: Mapping[str, tuple[int, ...]]
) -> LinearSpec:
    """Return the spec that tables hold.

    Args:
        variables: what ``spec_variables`` made.
        permutations: what may be permuted.
        shapes: those of the tensors.

    Raises:
        KeyError: a table is missing, or names something that there is not.
        ValueError: something does not fit.
    """
    arrays = _positions(variables)
    places: dict[tuple[str, int], list[tuple[Place, str]]] = {}
    for tensor, axes, number, power, role, of, beside in _rows(variables, PLACE):
        along = tuple(map(int, str(axes).split(",")))
        place = Place(str(tensor), UnitIndex(along, arrays[int(number)]), int(power))
        _check(place, shapes)
        _check_named(beside, shapes)
        places.setdefault((str(role), int(of)), []).append((place, str(beside)))
    groups, centred = {}, []
    for number, row in enumerate(_rows(variables, GROUP)):
        name, kind, size, count, units, outer, ones, centres = row
        planes = variables.get(f"planes_{number:03d}")
        groups[str(name)] = LinearGroup(
            cast("Any", str(kind)),
            int(size),
            int(count),
            tuple(place for place, _ in places.get((ACTS, number), ())),
            str(units),
            str(outer),
            bool(ones),
            None if planes is None else torch.from_numpy(planes.values.astype(np.int64)),
        )
        _check_group(str(name), groups[str(name)], permutations)
        centred += [str(name)] if centres else []
    norms = []
    for number, (kind, gain, offset, shift, last) in enumerate(_rows(variables, NORM)):
        _check_named(gain, shapes)
        _check_named(shift, shapes)
        readers = tuple(Reader(place, bias) for place, bias in places.get((READS, number), ()))
        norms.append(
            Norm(cast("Any", str(kind)), str(gain), str(shift), readers, float(offset), bool(last))
        )
    keys = tuple(place for (role, _), own in places.items() if role == KEY for place, _ in own)
    form = CanonicalSpec(tuple(norms), tuple(centred), keys, tuple(_value_biases(places)))
    return LinearSpec(permutations, groups, form)


def _value_biases(
    places: Mapping[tuple[str, int], Sequence[tuple[Place, str]]],
) -> Iterator[ValueBias]:
    for (role, number), own in places.items():
        if role == VALUE:
            ((bias, _),) = own
            ((reader, into),) = places[OUTPUT, number]
            yield ValueBias(bias, reader, into)


def _table(
    dim: str, columns: Mapping[str, str], rows: Sequence[tuple[object, ...]]
) -> dict[str, Variable]:
    """Return rows as a variable for each column; none where there is no row."""
    if not rows:
        return {}
    found = {}
    for (name, meaning), values in zip(columns.items(), zip(*rows, strict=True), strict=True):
        texts = isinstance(values[0], str)
        numbers: NDArray[Any] = np.array(values, dtype=object if texts else None)
        found[name] = Variable(numbers, (dim,), long_name=meaning)
    return found


def _rows(variables: Variables, columns: Mapping[str, str]) -> Iterator[tuple[Any, ...]]:
    """Give the rows of a table, of which a result without any row has no variable."""
    if any(name in variables for name in columns):
        yield from zip(*(variables[name].values for name in columns), strict=True)


def _positions(variables: Variables) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    while (name := f"positions_{len(found):03d}") in variables:
        values = variables[name].values
        if values.dtype.kind not in "iu" or values.ndim != 2:
            raise ValueError(f"{name!r} holds no positions")
        found.append(torch.from_numpy(values.astype(np.int64)))
    return found


def _check(place: Place, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Check that a place lies in its tensor."""
    shape, index = shapes[place.tensor], place.index
    axes = set(index.axes)
    if len(axes) != len(index.axes) or not axes <= set(range(len(shape))):
        raise ValueError(f"tensor {place.tensor!r} has no axes {index.axes}")
    flat, size = index.positions.flatten().tolist(), prod(shape[axis] for axis in axes)
    if len(set(flat)) != len(flat) or not set(flat) <= set(range(size)):
        raise ValueError(f"positions of tensor {place.tensor!r} lie outside of it, or twice")


def _check_named(name: object, shapes: Mapping[str, tuple[int, ...]]) -> None:
    if name and str(name) not in shapes:
        raise ValueError(f"no tensor is called {str(name)!r}")


def _check_group(name: str, group: LinearGroup, permutations: PermutationSpec) -> None:
    """Check that a group is of a known kind, and that its units lie where it acts."""
    if group.kind not in {"orthogonal", "invertible", "rotation", "scale"}:
        raise ValueError(f"group {name!r} is of no kind: {group.kind!r}")
    units = torch.arange(group.size) if group.kind == "rotation" else None
    planes = None if group.planes is None else group.planes.flatten().sort().values
    if (units is None) != (planes is None) or (
        units is not None and planes is not None and not torch.equal(units, planes)
    ):
        raise ValueError(f"the planes of group {name!r} are no planes of rotations")
    for other in (group.units, group.outer):
        if other and other not in permutations.groups:
            raise ValueError(f"no permutation group is called {other!r}")
    for place in group.places:
        if len(place.index.positions) != group.size * group.count:
            raise ValueError(f"group {name!r} has other units in tensor {place.tensor!r}")
        if group.kind != "scale" and place.power not in {1, -1}:
            raise ValueError(f"group {name!r} acts with power {place.power}")
