"""A faster way to the outputs of networks, held against the plain one before it is relied on."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import torch

from lmctool.errors import LmctoolError
from lmctool.evaluate.arithmetic import rounding
from lmctool.evaluate.functional import PassOutputs, outputs_of_each
from lmctool.graph.tap_affine import corrected_taps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from torch import Tensor

    from lmctool.evaluate.functional import Forward, Outputs

Item = TypeVar("Item")
Value = TypeVar("Value")

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-10, torch.float16: 1e-2}
"""Greatest difference over the greatest output that is still rounding; less exact dtypes 5 %."""
NETWORKS = 2
"""How many networks are checked: the second one tells whether the first one's weights remain."""


class UnableError(LmctoolError):
    """A faster way that a model cannot be computed in.

    Attributes:
        reason: why, without the advice that is for whoever asked for it.
    """

    def __init__(self, reason: str, asked: str) -> None:
        """Take the reason, and what of a command line asks for it, such as --strategy graphs."""
        super().__init__(f"{reason}; leave out {asked}")
        self.reason = reason


class Disproved(Exception):  # noqa: N818  # no error: it asks for the same pass once more
    """What a faster way gave for this network so far must not be used."""


class Proved:
    """Computes what a faster forward function does, or the plain one if they don't agree.

    A model that keeps what it computed from its weights, or one that branches on them, gives wrong
    numbers when it is replayed with others; a replay may also do nothing.  So the first and the
    last batch of each pass of the first networks are computed in both ways, and so are those of
    the first networks whose taps are corrected.  Where they differ, or the faster way cannot take
    the model, the plain way is taken from there on; ``retried`` computes the network again.

    Attributes:
        required: whether the user asked for the faster way, so that a model that it cannot take
            is an error.
        reason: why the faster way is no longer in use; empty while it is.
        relied: how many networks the faster way has been relied on for.
    """

    def __init__(self, fast: Forward, plain: Forward, *, required: bool = True) -> None:
        """Keep both; the first networks are checked."""
        self.fast = fast
        self.plain = plain
        self.required = required
        self.reason = ""
        self.relied = 0
        self._checked: dict[frozenset[str], int] = {}

    @property
    def holds(self) -> bool:
        """Whether the faster way is still in use."""
        return not self.reason

    def __call__(self, weights: Mapping[str, Tensor]) -> Outputs:
        """Return the outputs of the network that has these weights."""
        if not self.holds:
            return self.plain(weights)
        kind = frozenset(corrected_taps(weights))
        number = self._checked[kind] = self._checked.get(kind, 0) + 1
        self.relied += 1
        return _Outputs(self, weights, checks=number <= NETWORKS)

    def give_up(self, reason: str) -> Disproved:
        """Take the plain way from here on; return what asks for the present network again."""
        if self.holds:
            self.reason = reason
            self.relied -= 1
        return Disproved(reason)

    def ran(self, launch: str, plain: str = "module") -> str:
        """Return in words what networks were computed by: the faster way, the plain one, or both.

        Args:
            launch: what the faster way is called.
            plain: what the plain one is called.
        """
        if self.holds:
            return launch
        return f"{launch} then {plain}" if self.relied else plain

    def forget(self) -> None:
        """Free what was made for batches of one size."""
        forget = getattr(self.fast, "forget", None)
        if forget is not None:
            forget()


class _Outputs(PassOutputs):
    """The outputs of one network, by the faster way for as long as it holds."""

    def __init__(self, proved: Proved, weights: Mapping[str, Tensor], *, checks: bool) -> None:
        self._proved = proved
        self._weights = weights
        self._checks = checks
        self._fast = proved.fast(weights)

    @cached_property
    def _plain(self) -> Outputs:
        return self._proved.plain(self._weights)

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return the outputs of one batch."""
        outputs = self._computed(inputs)
        if self._checks and self._proved.holds:
            self._check(inputs, outputs)
        return outputs

    def each(self, batches: Iterable[tuple[Tensor, Item]]) -> Iterator[tuple[Tensor, Item]]:
        """Give the outputs for each batch, in order, with what came beside it.

        Raises:
            Disproved: the first or the last batch shows that the faster way computes another
                function; then all that was given is void.
        """
        if not self._proved.holds:
            yield from outputs_of_each(self._plain, batches)
            return
        last: tuple[Tensor, Tensor] | None = None
        carried = ((inputs, (inputs, beside)) for inputs, beside in batches)
        with self._able():
            for number, (outputs, (inputs, beside)) in enumerate(
                outputs_of_each(self._fast, carried)
            ):
                if self._checks:
                    if number == 0:
                        self._check(inputs, outputs)
                    else:
                        last = inputs, outputs
                yield outputs, beside
        if last is not None:
            self._check(*last)

    def _computed(self, inputs: Tensor) -> Tensor:
        if not self._proved.holds:
            return self._plain(inputs)
        with self._able():
            return self._fast(inputs)

    @contextmanager
    def _able(self) -> Iterator[None]:
        """Give the faster way up where it cannot take the model, unless the user asked for it."""
        try:
            yield
        except UnableError as error:
            if self._proved.required:
                raise
            raise self._proved.give_up(error.reason) from error

    def _check(self, inputs: Tensor, outputs: Tensor) -> None:
        if not agree(outputs, self._plain(inputs)):
            raise self._proved.give_up("it gave other outputs than the model itself")


def retried(compute: Callable[[], Value]) -> Value:
    """Return what is computed of a network, once more where a faster way turns out to be wrong."""
    try:
        return compute()
    except Disproved:  # from here on the plain way is taken
        return compute()


def agree(outputs: Tensor, expected: Tensor) -> bool:
    """Tell whether outputs differ by no more than rounding, not-a-number being equal to itself.

    The rounding is that of the arithmetic in force: TF32 has fewer digits than its float32.
    """
    tolerance = TOLERANCE.get(rounding(expected.dtype, expected.device), 0.05)
    finite = expected.isfinite()
    if not torch.equal(finite, outputs.isfinite()):
        return False
    scale = expected[finite].abs().max() if finite.any() else torch.zeros(())
    difference = (outputs - expected)[finite].abs().max() if finite.any() else torch.zeros(())
    return bool(difference <= tolerance * scale)
