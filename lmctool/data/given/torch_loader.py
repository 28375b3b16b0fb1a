"""A DataLoader of torch as the examples that it loads, each once and in an order that stays."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmctool.data.given.access import ByIndex, Collated, InOrder, taken_apart
from lmctool.data.given.array_like import as_array, is_array, made_by
from lmctool.data.given.example_parts import parts_of
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lmctool.data.given.access import Given

PLAIN = ("default_collate", "default_convert")
"""torch's own functions, which make tensors and batches and change no example."""
COLLATED = 64
"""How many examples a function gets at once where the loader doesn't say."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a loader loads.

    Attributes:
        given: its examples.
        places: which examples of its data set these are, in order; None where its end tells.
        plain: whether they are as its data set has them.
        read_as: in words, what was made of the loader.
    """

    given: Given
    places: Sequence[int] | None
    plain: bool
    read_as: tuple[str, ...] = ()


def loaded_by(loader: Any, what: str) -> Loaded:
    """Return the examples of a ``torch.utils.data.DataLoader``, whose workers are not used.

    Those of a data set by index come in its own order where the loader shuffles; what a sampler
    leaves out stays out, and what ``drop_last`` drops does not.

    Args:
        loader: the loader.
        what: what to call it in an error.

    Raises:
        LmctoolError: it chooses other examples each time.
    """
    data, collate = loader.dataset, loader.collate_fn
    plain = getattr(collate, "__name__", "") in PLAIN and collate.__module__.startswith("torch.")
    places, notes = None, []
    if not made_by(data, "torch.utils.data.dataset", "IterableDataset"):
        places, shuffled = _places(loader, what)
        if shuffled:
            notes.append("examples are in the order of the data set, which its loader shuffles")
        if _sampler(loader)[1] and len(places) % (loader.batch_sampler.batch_size or 1):
            notes.append("the last examples are kept, which its loader drops")
    each = _each(data, places)
    if loader.batch_sampler is None:
        change = None if plain else collate
        if _is_batch(next(iter(_changed(each, change)), None), what):
            notes.append("each item of its loader is a batch of examples")
            given: Given = InOrder(lambda: _taken_apart(_changed(each, change)))
            return Loaded(given, None, False, tuple(notes))
        if change is not None:
            return Loaded(InOrder(lambda: _changed(each, change)), None, False, tuple(notes))
    given = InOrder(each) if places is None else ByIndex(data, places)
    if not plain:
        given = Collated(given, collate, loader.batch_size or COLLATED)
    return Loaded(given, places, plain, tuple(notes))


def _each(data: Any, places: Sequence[int] | None) -> Callable[[], Iterator[object]]:
    """Return what begins the examples of a data set."""
    return lambda: iter(data) if places is None else (data[place] for place in places)


def _changed(
    each: Callable[[], Iterator[object]], change: Callable[[Any], object] | None
) -> Iterator[object]:
    return each() if change is None else map(change, each())


def _taken_apart(batches: Iterator[object]) -> Iterator[object]:
    for batch in batches:
        yield from taken_apart(batch)


def _is_batch(item: object, what: str) -> bool:
    """Tell whether an item holds as many targets as inputs, each with an axis of its own."""
    if item is None:
        return False
    parts = parts_of(item, f"the first item of {what}")
    if not (is_array(parts.input) and is_array(parts.target)):
        return False
    inputs, targets = as_array(parts.input, what), as_array(parts.target, what)
    return inputs.ndim > 1 and targets.ndim > 0 and len(inputs) == len(targets)


def _sampler(loader: Any) -> tuple[Any, bool]:
    """Return what chooses a loader's examples, and whether the loader drops the last of them."""
    batches = loader.batch_sampler
    if made_by(batches, "torch.utils.data.sampler", "BatchSampler"):
        return batches.sampler, bool(batches.drop_last)
    if batches is not None:
        return (place for batch in batches for place in batch), False
    return loader.sampler, False


@contextmanager
def _generators_kept(loader: Any) -> Iterator[None]:
    """Leave the generators that samplers draw from as they are, for whoever trains with them."""
    import torch

    from lmctool.graph.randomness import seeded

    samplers = (loader, loader.sampler, loader.batch_sampler, _sampler(loader)[0])
    found = (getattr(each, "generator", None) for each in samplers)
    states = [(each, each.get_state()) for each in found if isinstance(each, torch.Generator)]
    try:
        with seeded(0):
            yield
    finally:
        for generator, state in states:
            generator.set_state(state)


def _places(loader: Any, what: str) -> tuple[list[int], bool]:
    """Return which examples a loader loads, and whether it shuffles them."""
    with _generators_kept(loader):
        first, again = (list(_sampler(loader)[0]) for _ in range(2))
    if first == again:
        return first, False
    try:
        places = sorted(first)
    except TypeError:
        places = []
    if places != sorted(again) or len(set(places)) != len(places):
        raise LmctoolError(
            f"{what} is a DataLoader whose sampler draws other examples each time; give its"
            " data set, or a loader without that sampler"
        )
    return places, True
