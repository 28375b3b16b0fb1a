"""What weights are: by the recipe that made them, or else by the bytes of their tensors.

A recipe is worth having because reading every byte costs as much as a pass over a few examples: on
a GPU, a network between two others is measured in less time than its tensors take to be hashed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache, partial
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import ref

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from torch import Tensor

    from lmctool.weights.arithmetic import Weights


def recipe(kind: str, *ingredients: Any) -> str:
    """Return the digest of how something is made.

    Args:
        kind: what is done.
        ingredients: what it is done to: texts, numbers, and lists and dicts of these.

    Raises:
        TypeError: an ingredient is something else, whose text need not say all of it.
    """
    text = json.dumps([kind, *ingredients], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def content(tensors: Mapping[str, Tensor]) -> str:
    """Return the digest of tensors: their names, dtypes, shapes and bytes, in whatever order."""
    import torch

    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach()
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        flat = tensor.cpu().contiguous().flatten()  # before the view: a scalar has no last axis
        digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()


class KnownWeights(dict[str, "Tensor"]):
    """Weights whose recipe is known, as long as nobody changes them."""

    def __init__(self, tensors: Mapping[str, Tensor], recipe: Callable[[], str]) -> None:
        """Take the tensors, and what gives their recipe when it is first asked for."""
        super().__init__(tensors)
        self._make = recipe
        # weak: whoever takes tensors out one by one, to save memory, gets it back
        self._made_of = [(name, ref(tensor), tensor._version) for name, tensor in tensors.items()]

    @property
    def recipe(self) -> Callable[[], str] | None:
        """What gives the recipe; None once a tensor was replaced, removed or written into."""
        same = len(self) == len(self._made_of) and all(
            name == made and tensor is there() and tensor._version == version
            for (name, tensor), (made, there, version) in zip(
                self.items(), self._made_of, strict=True
            )
        )
        return self._make if same else None


class DeferredWeights(Mapping[str, "Tensor"]):
    """Weights whose recipe is known, made when one of their tensors is first asked for."""

    def __init__(self, make: Callable[[], KnownWeights], recipe: Callable[[], str]) -> None:
        """Take what makes them, and what gives their recipe."""
        self._form, self._make = make, recipe
        self._weights: KnownWeights | None = None
        self._making = Lock()

    @property
    def made(self) -> KnownWeights:
        """The weights themselves."""
        with self._making:  # threads may ask for the first tensor at the same time
            if self._weights is None:
                self._weights = self._form()
            return self._weights

    @property
    def recipe(self) -> Callable[[], str] | None:
        """What gives the recipe; None once a tensor was written into."""
        return self._make if self._weights is None else self._weights.recipe

    def __getitem__(self, name: str) -> Tensor:
        """Return a tensor."""
        return self.made[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self.made)

    def __len__(self) -> int:
        """Return how many tensors there are."""
        return len(self.made)


def identity(weights: Weights) -> str:
    """Return one word that tells weights from all others: their recipe, or else their content."""
    return promised(weights)()


def promised(weights: Weights) -> Callable[[], str]:
    """Return what gives the identity of weights later; it holds no tensor of known ones."""
    make = weights.recipe if isinstance(weights, (KnownWeights, DeferredWeights)) else None
    return make or partial(content, weights)


def derived(
    tensors: Weights, kind: str, of: Iterable[Weights], ingredients: Callable[[], list[Any]] = list
) -> dict[str, Tensor]:
    """Return weights that know they were made of others.

    Args:
        tensors: the weights.
        kind: what was done to the others.
        of: the others.
        ingredients: gives what else decided the outcome; see ``recipe``.
    """
    if any(tensor.is_inference() for tensor in tensors.values()):
        return dict(tensors)  # nothing counts what is written into these
    return KnownWeights(tensors, _of_others(kind, of, ingredients))


def deferred(
    make: Callable[[], Weights],
    kind: str,
    of: Iterable[Weights],
    ingredients: Callable[[], list[Any]] = list,
) -> DeferredWeights:
    """Return what ``derived`` does of weights that are made only if they are asked for.

    Args:
        make: makes the weights; whenever it is called, it makes the same.
        kind: as ``derived`` takes it.
        of: likewise.
        ingredients: likewise.
    """
    made_of = _of_others(kind, of, ingredients)
    return DeferredWeights(lambda: KnownWeights(make(), made_of), made_of)


def _of_others(
    kind: str, of: Iterable[Weights], ingredients: Callable[[], list[Any]]
) -> Callable[[], str]:
    """Return what gives the recipe of weights that are made of others, once."""
    sources = [promised(each) for each in of]
    return cache(lambda: recipe(kind, [each() for each in sources], *ingredients()))
