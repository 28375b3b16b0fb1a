"""What the curves of the parts say, as groups of a result."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import Group, Variable, barrier
from lmctool.api.advanced import ShapeRule, draw_up
from lmctool_plugins.analyses.layerwise.kernel import shares

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from lmctool.api import Weights
    from lmctool_plugins.analyses.layerwise.kernel import Paths

    Array = NDArray[Any]
    Told = tuple[str, Array, str, str]

UNITS = {"loss": "nat", "error": "1"}
OVER = ("variant", "rest", "split", "part")
WHOLE = ("variant", "split")
SAID = {
    "batchnorm": "interpolated with their part",
    "buffers": "of A, at alpha 1 of B",
    "share": "[L(part at alpha*) - L(rest)] / [L(all at alpha*) - L(rest)], alpha* that of the"
    " full path's barrier; of cumulative parts the difference to the parts moved before",
}
"""What holds for every result."""


def summary(
    texts: Mapping[str, list[str]],
    paths: Mapping[str, Paths],
    rule: ShapeRule,
    said: Mapping[str, str],
) -> dict[str, Group]:
    """Return the curves of the parts and of the full path, and what they say.

    Args:
        texts: the coordinates: ``variant``, ``rest``, ``split`` and ``part``.
        paths: for ``loss`` and ``error``.
        rule: what shapes are.
        said: ``by``, ``cumulative`` and ``definition``.
    """
    names = coordinates(texts)
    alpha = Variable(paths["loss"].alpha, ("alpha",), long_name="position between A (0) and B (1)")
    curve, found = names | {"alpha": alpha}, dict(names)
    full = {name: names[name] for name in WHOLE} | {"alpha": alpha}
    for name, unit in UNITS.items():
        each = paths[name]
        curve[name] = Variable(each.parts, (*OVER, "alpha"), unit, name)
        full[name] = Variable(each.full, (*WHOLE, "alpha"), unit, f"{name} of the full path")
        shapes = (rule.shapes(name, each.alpha, values) for values in (each.parts, each.full))
        for group, dims, values in zip((found, full), (OVER, WHOLE), shapes, strict=True):
            group[f"shape_{name}"] = Variable(values, dims, long_name=f"shape of the {name}")
        whole = _heights(each.alpha, each.full, said["definition"], unit)
        full |= _variables(name, whole, WHOLE, "the full path's", "full_")
        own = [*_heights(each.alpha, each.parts, said["definition"], unit), *_shares(each, said)]
        own.append(("other", each.other, unit, "{} with the part in the other state"))
        found |= _variables(name, own, OVER, "the part's", "")
    told = {**SAID, **said, **asdict(rule)}
    return {
        "layerwise/curve": Group(curve, told),
        "layerwise/full": Group(full, told),
        "layerwise/summary": Group(found, told),
    }


def membership(parts: Mapping[str, Sequence[str]], weights: Weights) -> Group:
    """Return the size of each part, and the part of each tensor."""
    own = {name: number for number, names in enumerate(parts.values()) for name in names}
    member = np.array([own.get(name, -1) for name in weights])
    # integer buffers do not move, so they count for nothing
    numbers = {n: tensor.numel() * tensor.is_floating_point() for n, tensor in weights.items()}
    sizes = np.array([sum(numbers[name] for name in names) for names in parts.values()])
    return Group(
        coordinates({"part": list(parts), "tensor": list(weights)})
        | {
            "size": Variable(sizes, ("part",), long_name="numbers in the part"),
            "member": Variable(member, ("tensor",), long_name="number of its part, -1 for none"),
        },
        {"numbers": sum(numbers.values())},
    )


def coordinates(texts: Mapping[str, list[str]]) -> dict[str, Variable]:
    """Return a coordinate of texts for each dim."""
    return {
        name: Variable(np.array(values, dtype=object), (name,), long_name=name)
        for name, values in texts.items()
    }


def _heights(alpha: Array, values: Array, definition: str, unit: str) -> list[Told]:
    height, at = barrier(alpha, values, definition)
    return [
        ("barrier", height, unit, "barrier of {whose} {}"),
        ("alpha", at, "1", "alpha of {whose} {} barrier"),
        ("delta", draw_up(values), unit, "largest rise of {whose} {}"),
    ]


def _shares(paths: Paths, said: Mapping[str, str]) -> list[Told]:
    cumulative: Any = said["cumulative"]
    values = shares(paths, said["definition"], cumulative)
    return [("share", values, "1", "share of the full path's {} barrier that the part explains")]


def _variables(
    name: str, told: Iterable[Told], dims: tuple[str, ...], whose: str, prefix: str
) -> dict[str, Variable]:
    return {
        f"{key}_{name}": Variable(
            values,
            dims,
            unit,
            meaning.format(name, whose=whose),
            f"layerwise.{prefix}{key}_{name}",
        )
        for key, values, unit, meaning in told
    }
