"""What keeps the functions of small transformers, written down by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from lmctool.symmetry.axis_form import AxisForm, Concat, Fixed, Free, Product
from lmctool.symmetry.linear.canonical_spec import CanonicalSpec, Norm, Reader, ValueBias
from lmctool.symmetry.linear.place import Place
from lmctool.symmetry.linear.spec import LinearGroup, LinearSpec
from lmctool.symmetry.spec import PermutationSpec
from lmctool.symmetry.unit_index import UnitIndex
from tests.symmetry.linear.transformers import (
    HEADS,
    HIDDEN,
    SHARED,
    SIZE,
    TOKENS,
    WIDTH,
    WORDS,
    Transformer,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


class Network(NamedTuple):
    """A transformer in float64, what keeps its function, and inputs for it."""

    module: nn.Module
    spec: LinearSpec
    inputs: Tensor

    def weights(self, seed: int = 0) -> dict[str, Tensor]:
        """Return random weights in float64, of which none is 0."""
        generator = torch.Generator().manual_seed(seed)
        return {
            name: torch.randn(tensor.shape, generator=generator, dtype=torch.float64) / 2
            for name, tensor in self.module.state_dict().items()
        }

    def output(self, weights: dict[str, Tensor]) -> Tensor:
        """Return what the network with these weights says of the inputs."""
        output: Tensor = torch.func.functional_call(self.module, weights, (self.inputs,))
        return output


@dataclass
class Written:
    """A spec that is being written: forms of axes, places of linear groups, and what is folded."""

    kind: str
    groups: dict[str, int] = field(default_factory=dict)
    per: dict[str, str] = field(default_factory=dict)
    tensors: dict[str, tuple[AxisForm | None, ...]] = field(default_factory=dict)
    norms: list[Norm] = field(default_factory=list)

    def norm(self, name: str, *readers: str, last: bool = False) -> None:
        stream = Free("stream", WIDTH)
        rms = self.kind == "llama"
        names = [f"{name}.weight"] if rms else [f"{name}.weight", f"{name}.bias"]
        self.tensors |= dict.fromkeys(names, (stream,))
        index = UnitIndex((1,), torch.arange(WIDTH)[:, None])
        biased = not rms and not (last and self.kind == "gpt2")
        self.norms.append(
            Norm(
                "rms" if rms else "layer",
                names[0],
                "" if rms else names[1],
                tuple(
                    Reader(Place(f"{each}.weight", index, -1), f"{each}.bias" if biased else "")
                    for each in readers
                ),
                offset=float(rms),
                last=last and not biased and not rms,
            )
        )

    def layer(
        self, name: str, out: AxisForm | None, into: AxisForm | None, *, bias: bool = True
    ) -> None:
        self.tensors[f"{name}.weight"] = (out, into)
        if bias and self.kind != "llama":
            self.tensors[f"{name}.bias"] = (out,)

    def permutations(self) -> PermutationSpec:
        return PermutationSpec(self.groups, self.tensors, self.per)


def network(kind: str) -> Network:
    """Return a ``gpt2``, a ``vit`` or a ``llama``, with its inputs and a spec written by hand."""
    module = Transformer(kind).double().eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(1)
    inputs = (
        torch.randn(2, TOKENS - 1, 6, generator=generator, dtype=torch.float64)
        if kind == "vit"
        else torch.randint(WORDS, (2, TOKENS), generator=generator)
    )
    return Network(module, spec(kind), inputs)


def spec(kind: str) -> LinearSpec:
    """Return what keeps the function of a transformer of one kind."""
    written = Written(kind, groups={"stream": WIDTH})
    stream, llama = Free("stream", WIDTH), kind == "llama"
    written.tensors |= {"embedding.weight": (None, stream)}
    if kind == "vit":
        written.tensors |= {
            "embedding.weight": (stream, None),
            "embedding.bias": (stream,),
            "token": (None, None, stream),
        }
    if not llama:
        written.tensors |= {"position": (None, None, stream)}
    for block in ("blocks.0", "blocks.1"):
        _block(written, block)
    written.norm("norm", "head", last=True)
    written.layer("head", None, stream, bias=kind == "vit")
    permutations = written.permutations()
    reads = ("qkv", "q", "k", "v", "gate", "up", "head")
    places = tuple(
        Place(name, index, -1 if name.endswith(tuple(f"{r}.weight" for r in reads)) else 1)
        for name, index in permutations.uses("stream")
        if "norm" not in name
    )
    groups = {"stream": LinearGroup("orthogonal", WIDTH, 1, places, "stream", keeps_ones=not llama)}
    for block in ("blocks.0", "blocks.1"):
        groups |= dict(_heads(permutations, kind, block))
    canonical = CanonicalSpec(
        norms=tuple(written.norms),
        centred=() if llama else ("stream",),
        key_biases=() if llama else tuple(_key_biases(kind)),
        value_biases=() if llama else tuple(_value_biases(groups, kind)),
    )
    return LinearSpec(permutations, groups, canonical)


def _block(written: Written, block: str) -> None:
    """Write down the axes of a block, and what reads its norms."""
    stream, hidden = Free("stream", WIDTH), Free(f"{block}.units", HIDDEN)
    heads, keys, values = (f"{block}.{each}" for each in ("heads", "keys", "values"))
    written.groups |= {heads: HEADS, values: SIZE, f"{block}.units": HIDDEN}
    written.per |= {values: heads}
    value = Product((Free(heads, HEADS), Free(values, SIZE)))
    if written.kind == "llama":
        queries = Product((Free(heads, HEADS), Fixed(SHARED), Fixed(SIZE)))
        key: AxisForm = Product((Free(heads, HEADS), Fixed(SIZE)))
        read = Product((Free(heads, HEADS), Fixed(SHARED), Free(values, SIZE)))
        written.layer(f"{block}.gate", hidden, stream)
    else:
        written.groups |= {keys: SIZE}
        written.per |= {keys: heads}
        queries = key = Product((Free(heads, HEADS), Free(keys, SIZE)))
        read = value
    if written.kind == "gpt2":
        written.layer(f"{block}.qkv", Concat((queries, key, value)), stream)
        written.norm(f"{block}.norm1", f"{block}.qkv")
    else:
        written.layer(f"{block}.q", queries, stream)
        written.layer(f"{block}.k", key, stream)
        written.layer(f"{block}.v", value, stream)
        written.norm(f"{block}.norm1", *(f"{block}.{each}" for each in "qkv"))
    written.layer(f"{block}.o", stream, read)
    written.layer(f"{block}.up", hidden, stream)
    written.layer(f"{block}.down", stream, hidden)
    gate = [f"{block}.gate"] if written.kind == "llama" else []
    written.norm(f"{block}.norm2", *gate, f"{block}.up")


def _heads(
    permutations: PermutationSpec, kind: str, block: str
) -> Iterator[tuple[str, LinearGroup]]:
    """Give the groups of the values, and of queries against keys, of a block."""
    heads, keys, values = (f"{block}.{each}" for each in ("heads", "keys", "values"))
    places = tuple(
        Place(name, index, -1 if name == f"{block}.o.weight" else 1)
        for name, index in permutations.uses(values)
    )
    yield values, LinearGroup("invertible", SIZE, HEADS, places, values, heads)
    if kind == "llama":
        each = torch.arange(HEADS * SHARED * SIZE).view(HEADS, SHARED, SIZE).mT.reshape(-1, SHARED)
        places = (
            Place(f"{block}.q.weight", UnitIndex((0,), each), 1),
            Place(f"{block}.k.weight", UnitIndex((0,), torch.arange(HEADS * SIZE)[:, None]), -1),
        )
        planes = torch.tensor([[0, 2], [1, 3]])
        yield (
            f"{block}.q",
            LinearGroup("rotation", SIZE, HEADS, places, outer=heads, planes=planes),
        )
        units = permutations.uses(f"{block}.units")
        places = tuple(
            Place(name, index, 1 if "up" in name else -1)
            for name, index in units
            if "gate" not in name
        )
        name = f"{block}.units"
        yield name, LinearGroup("scale", HIDDEN, 1, places, name)
    elif kind == "vit":
        places = tuple(
            Place(name, index, 1 if ".q." in name else -1)
            for name, index in permutations.uses(keys)
        )
        yield keys, LinearGroup("invertible", SIZE, HEADS, places, keys, heads)
    else:  # queries and keys lie in one tensor, of which each has a part
        places = tuple(
            Place(f"{block}.qkv.{each}", UnitIndex((0,), _packed(part)), 1 - 2 * part)
            for each in ("weight", "bias")
            for part in (0, 1)
        )
        yield keys, LinearGroup("invertible", SIZE, HEADS, places, keys, heads)


def _packed(part: int) -> Tensor:
    """Return (unit, 1) the positions of queries, keys or values where they are packed."""
    return (torch.arange(HEADS * SIZE) + part * HEADS * SIZE)[:, None]


def _key_biases(kind: str) -> Iterator[Place]:
    for block in ("blocks.0", "blocks.1"):
        if kind == "gpt2":
            yield Place(f"{block}.qkv.bias", UnitIndex((0,), _packed(1)), -1)
        else:
            yield Place(f"{block}.k.bias", UnitIndex((0,), _packed(0)), -1)


def _value_biases(groups: dict[str, LinearGroup], kind: str) -> Iterator[ValueBias]:
    for block in ("blocks.0", "blocks.1"):
        places = {place.tensor: place for place in groups[f"{block}.values"].places}
        bias = f"{block}.qkv.bias" if kind == "gpt2" else f"{block}.v.bias"
        yield ValueBias(places[bias], places[f"{block}.o.weight"], f"{block}.o.bias")
