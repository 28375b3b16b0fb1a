"""Which of several things are turned alike, and which the other way round."""

from __future__ import annotations


class Parity:
    """A forest of joined things, each alike to its root or opposite to it."""

    def __init__(self) -> None:
        """Begin with nothing joined."""
        self._above: dict[int, tuple[int, int]] = {}

    def find(self, item: int) -> tuple[int, int]:
        """Return the root of an item, and 1 if it is turned alike, -1 if the other way round."""
        root, sign = item, 1
        while root in self._above:
            root, turn = self._above[root]
            sign *= turn
        if root != item:
            self._above[item] = root, sign
        return root, sign

    def join(self, first: int, second: int, sign: int) -> bool:
        """Note that two are turned alike (1) or oppositely (-1); tell whether they can be."""
        (a, turn_a), (b, turn_b) = self.find(first), self.find(second)
        if a == b:
            return turn_a * turn_b == sign
        self._above[b] = a, turn_a * turn_b * sign
        return True
