"""The powers to which values and tensors scale when units do, and what operations say of them.

When a unit is scaled by s, each place of it, in a tensor or in a value, is multiplied by a power
of s.  Operations relate these powers: a layer's output has that of its rows, a sum those of all
that it adds, a product the sum of its operands'; where nothing relates the power of a place to
others, it is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from typing import TYPE_CHECKING, NamedTuple

from torch import fx

from lmctool.symmetry.axis_form import Blockwise, groups_of
from lmctool.symmetry.unit_index import occurrences

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from torch import Tensor

    from lmctool.graph.graph import Graph
    from lmctool.symmetry.axis_form import AxisForm, ValueForms

Number = int | Fraction


class Slot(NamedTuple):
    """A place of a group in a graph whose power is asked for: one of those on an axis of a value.

    Attributes:
        node: the name of the node; of tied tensors that of the first.
        axis: the axis.
        place: which of the places on this axis, of all groups.
        group: the group.
    """

    node: str
    axis: int
    place: int
    group: str


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """A place of a group on an axis, or on a part of it.

    Attributes:
        slot: whose power it has.
        units: (position,) int64: the unit at each position, -1 where none is.
        key: the same as bytes: equal where the same units lie.
    """

    slot: Slot
    units: Tensor
    key: bytes

    def within(self, begin: int, size: int) -> Stretch | None:
        """Return what lies on a part of the axis, if anything does."""
        units = self.units[begin : begin + size]
        return Stretch(self.slot, units, _key(units)) if bool((units >= 0).any()) else None


def _key(units: Tensor) -> bytes:
    return units.numpy().tobytes()


Along = list[Stretch]
"""All that lies along one axis."""
Equation = dict[Slot, Number]
"""Coefficients of powers whose sum is 0."""


Rule = Callable[["Powers", fx.Node, fx.Node], None]
"""Takes the powers, an operation, and the node whose value it tells of: see ``scale_rules``."""


class Powers:
    """Collects what the operations of a graph say of the powers of scales.

    Attributes:
        stops: for each group the operations that no scale of it passes, in the order of the graph.
        shapeless: groups that lie somewhere in a way that no power can be told of.
    """

    def __init__(self, graph: Graph, forms: ValueForms) -> None:
        """Begin with nothing known.

        Args:
            graph: the graph.
            forms: where the groups lie in its values.
        """
        self.stops: dict[str, dict[str, None]] = {}
        self.shapeless: set[str] = set()
        self._equations: dict[str, list[Equation]] = {}
        self._told: list[Equation] = []  # of the operation that is told of
        self._order: dict[Slot, int] = {}
        self._slots: dict[str, list[Slot]] = {}
        self._forms: dict[AxisForm | None, list[tuple[str, Tensor, bytes]]] = {}
        self._mentioned: set[Slot] = set()
        self._axes: dict[str, list[Along]] = {}
        self._stored = {node.name for node in graph.nodes if node.op == "placeholder"}
        self._aliases = graph.aliases
        self._tensors: dict[str, list[Along]] = {}
        for node in graph.nodes:
            tensor = self._first(graph.tensors.get(node.name, ""))
            axes = self._tensors.get(tensor)  # one that another is tied to has its powers
            if axes is None:
                axes = [self._along(node.name, *each) for each in enumerate(forms[node.name])]
            self._axes[node.name] = axes
            if tensor:
                self._tensors[tensor] = axes

    def _first(self, tensor: str) -> str:
        return self._aliases.get(tensor, tensor)

    def _along(self, node: str, axis: int, form: AxisForm | None) -> Along:
        if isinstance(form, Blockwise):
            self.shapeless.update(groups_of(form))
        if form not in self._forms:
            found = occurrences(form) if form else []
            self._forms[form] = [(group, units, _key(units)) for group, units in found]
        along = []
        for place, (group, units, key) in enumerate(self._forms[form]):
            slot = Slot(node, axis, place, group)
            self._order[slot] = len(self._order)
            self._slots.setdefault(group, []).append(slot)
            along.append(Stretch(slot, units, key))
        return along

    def axes(self, node: fx.Node) -> list[Along]:
        """Return what lies along each axis of a node's value."""
        return self._axes[node.name]

    def stored(self, tensor: str) -> list[Along]:
        """Return what lies along each axis of a tensor."""
        return self._tensors[self._first(tensor)]

    def relate(self, *terms: tuple[Iterable[Stretch], Number]) -> None:
        """Let the powers of the same units add up to 0.

        Args:
            terms: axes or parts of axes of one size, and how often the powers there count.  Where
                a unit lies along some of them only, it counts 0 in the others.
        """
        same: dict[tuple[str, bytes], Equation] = {}
        for along, coefficient in terms:
            for stretch in along:
                equation = same.setdefault((stretch.slot.group, stretch.key), {})
                equation[stretch.slot] = equation.get(stretch.slot, 0) + coefficient
        for equation in same.values():
            self.state(equation)

    def state(self, equation: Equation) -> None:
        """Let powers of places of one group add up to 0."""
        self._mentioned.update(equation)
        self._told.append(equation)

    def pass_over(self, along: Iterable[Stretch]) -> None:
        """Let an operation leave the powers along an axis to others."""
        self._mentioned.update(stretch.slot for stretch in along)

    def close(self, values: Iterable[fx.Node], operation: str = "") -> None:
        """End what an operation says: what it didn't speak of has the power 0.

        Args:
            values: its operands and its value.
            operation: what the operation is called; empty for none, where values are constants.
        """
        for value in values:
            for stretch in (each for along in self.axes(value) for each in along):
                if stretch.slot not in self._mentioned:
                    self.state({stretch.slot: 1})
        for equation in self._told:
            group = next(iter(equation)).group
            self._equations.setdefault(group, []).append(equation)
            if operation and len(equation) == 1:
                self.stops.setdefault(group, {})[operation] = None
        self._told.clear()
        self._mentioned.clear()

    def of(self, group: str) -> dict[Slot, int]:
        """Return the power at each place of a group; empty where no scale acts on it.

        Of the values that scale the first has a positive power.  Where several scales act on the
        same units, as on either factor of a product, it is the one that acts latest in the graph.
        """
        slots = self._slots.get(group, [])
        powers = {} if group in self.shapeless else self._latest(group, slots)
        if not powers:
            return {}
        denominator = lcm(*(power.denominator for power in powers.values()))
        whole = {slot: int(power * denominator) for slot, power in powers.items()}
        computed = (whole[slot] for slot in slots if slot.node not in self._stored)
        positive = next(filter(None, computed), 1) > 0
        divisor = gcd(*whole.values()) * (1 if positive else -1)
        return {slot: power // divisor for slot, power in whole.items()}

    def _latest(self, group: str, slots: Sequence[Slot]) -> dict[Slot, Fraction]:
        """Return the solution of a group's equations in which only the last free power is 1."""
        later: dict[Slot, Equation] = {}  # a power that others tell, by what they are
        for equation in self._equations.get(group, []):
            left = _substituted(equation, later)
            if left:
                latest = max(left, key=self._order.__getitem__)
                scale = Fraction(-left.pop(latest))
                later[latest] = {slot: number / scale for slot, number in left.items()}
        free = [slot for slot in slots if slot not in later]
        powers: dict[Slot, Fraction] = {}
        for slot in slots if free else ():
            told = later.get(slot)
            if told is None:
                powers[slot] = Fraction(slot == free[-1])
            else:
                powers[slot] = sum((n * powers[each] for each, n in told.items()), Fraction())
        return powers


def _substituted(equation: Equation, known: Mapping[Slot, Equation]) -> Equation:
    """Return an equation between powers of which no other tells any."""
    left = dict(equation)
    while (slot := next((each for each in left if each in known), None)) is not None:
        count = left.pop(slot)
        for other, number in known[slot].items():
            left[other] = left.get(other, 0) + count * number
    return {slot: number for slot, number in left.items() if number}
