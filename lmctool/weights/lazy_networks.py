"""Networks that are formed when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, overload

from lmctool.weights.recipe import identity

if TYPE_CHECKING:
    from lmctool.weights.arithmetic import Weights


class LazyNetworks(Sequence["Weights"]):
    """Networks ``form(item)`` of items, each formed when it is asked for and not kept.

    An evaluation never has more than one of them in memory, and does not form those that were
    measured before the run was interrupted, where their recipes tell them without that.
    """

    def __init__(
        self,
        form: Callable[[Any], Weights],
        items: Iterable[Any],
        recipe: Callable[[Any], str] = lambda _: "",
    ) -> None:
        """Take what forms a network, what each is formed of, and what gives its recipe."""
        self.form, self.items, self._recipe = form, tuple(items), recipe

    def __len__(self) -> int:
        """Return the number of networks."""
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> Weights: ...

    @overload
    def __getitem__(self, index: slice) -> LazyNetworks: ...

    def __getitem__(self, index: int | slice) -> Weights | LazyNetworks:
        """Form one network, or return some of them unformed."""
        if isinstance(index, slice):
            return LazyNetworks(self.form, self.items[index], self._recipe)
        return self.form(self.items[index])

    def recipe(self, index: int) -> str:
        """Return the recipe of one network; empty if nobody said it."""
        return self._recipe(self.items[index])


class Candidate:
    """A network that may have to be measured."""

    def __init__(self, form: Callable[[], Weights], recipe: Callable[[], str] = str) -> None:
        """Take what forms it, and what gives its recipe, or an empty text."""
        self._form = form
        self._recipe = recipe
        self._weights: Weights | None = None

    def weights(self) -> Weights:
        """Return its weights, formed once."""
        if self._weights is None:
            self._weights = self._form()
        return self._weights

    def identity(self) -> str:
        """Return what tells it from all others; it is formed only if no recipe does."""
        return self._recipe() or identity(self.weights())


def candidates(
    networks: Iterable[Weights], order: Iterable[int] | None = None
) -> Iterator[tuple[int, Candidate]]:
    """Yield the networks with their numbers, none of them formed by this.

    Args:
        networks: a sequence, or a generator, which gives its next one for each.
        order: the numbers in the order in which networks are wanted; a generator gives the next
            one whatever its number.  By default from 0 up.
    """
    if not isinstance(networks, Sequence):
        # map holds no network while the generator forms the next one, as zip would
        next_one = partial(_numbered, map(_formed, networks))
        return map(next_one, count() if order is None else order)
    known = getattr(networks, "recipe", lambda _: "")
    return (
        (number, Candidate(partial(networks.__getitem__, number), partial(known, number)))
        for number in (range(len(networks)) if order is None else order)
    )


def _numbered(networks: Iterator[Candidate], number: int) -> tuple[int, Candidate]:
    return number, next(networks)


def _formed(weights: Weights) -> Candidate:
    return Candidate(lambda: weights)
