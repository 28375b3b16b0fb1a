"""What of a network is folded into its neighbours for its canonical form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lmctool.symmetry.linear.place import Place


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """A linear layer that reads a value.

    Attributes:
        weight: where the units of the value lie in its weight (power -1).
        bias: the name of its bias, along the other axis of the weight; empty for none.
    """

    weight: Place
    bias: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Norm:
    """A LayerNorm or RMSNorm over the units of one axis, whose gain and shift can be folded.

    Attributes:
        kind: which of the two.
        gain: the name of its gain; empty for none.
        offset: what is added to the gain before it multiplies (1 of Gemma's ``1 + weight``).
        shift: the name of its shift; empty for none.
        readers: the layers that read it, and nothing else does.
        last: whether a reader without a bias takes the shift by the direction of ones: the shift
            becomes 1 there and not 0.
    """

    kind: Literal["layer", "rms"]
    gain: str
    shift: str
    readers: tuple[Reader, ...]
    offset: float = 0.0
    last: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ValueBias:
    """The bias of an attention's values, which goes through its output projection.

    Attributes:
        bias: where it lies.
        reader: where the output projection reads the values.
        into: the bias of the output projection.
    """

    bias: Place
    reader: Place
    into: str


@dataclass(frozen=True, slots=True, eq=False)
class CanonicalSpec:
    """How a network is brought into canonical form without a change of its function.

    Attributes:
        norms: the norms whose gain and shift go into what reads them.
        centred: the linear groups whose writers and readers are centred, as LayerNorm subtracts
            the mean anyway.
        key_biases: where biases of keys lie, which softmax doesn't see; they become 0.
        value_biases: those of values, which go into the output projection's.
    """

    norms: tuple[Norm, ...] = ()
    centred: tuple[str, ...] = ()
    key_biases: tuple[Place, ...] = ()
    value_biases: tuple[ValueBias, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether every network is in canonical form as it is."""
        return not (self.norms or self.centred or self.key_biases or self.value_biases)
