"""Parts of a network: its layers, blocks, stages, kinds of tensors, or what a pattern says.

They are read off the names and shapes of the tensors, so they need neither model nor data.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError
from lmctool.weights.name_words import nearest_names, reading, some

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STATISTICS = frozenset({"running_mean", "running_var", "num_batches_tracked"})
NORM = re.compile(r"(bn|norm)(?=\d*$)")
WORDS = ("layer", "block", "group", "kind")


def parts(shapes: Mapping[str, tuple[int, ...]], by: str) -> dict[str, tuple[str, ...]]:
    """Return the names of the tensors of each part, parts and names in the order given.

    Args:
        shapes: the shape of each tensor by name.
        by: ``layer``: the module that holds the tensors.  ``block``: a residual or transformer
            block, which is what carries a number in its path (``layer1.0``, ``blocks.3``), or
            else a layer with the normalisation behind it.  ``group``: a stage of blocks
            (``layer1``, ``blocks``), or else the block.  ``kind``: ``weights``, ``biases``,
            ``norm affine`` and ``norm statistics``.  A shell pattern, as
            ``lmctool.weights.name_words`` tells it, makes a part of each outermost module, or else
            tensor, whose name it fits: ``layer[12]*`` of ``layer1`` and ``layer2``.  Anything else
            is a regular expression, searched in the names: a part is what its first group, or
            else the whole match, says.  A name without a match is in no part.

    Raises:
        LmctoolError: the word is none of these, or matches no name.
    """
    if by == "kind":
        return _parts_of_pairs((name, kind(name, shapes)) for name in shapes)
    if by == "layer":
        return _parts_of_pairs((name, layer(name)) for name in shapes)
    if by in {"block", "group"}:
        blocks = _blocks(shapes)
        if by == "block":
            return _parts_of_pairs(blocks.items())
        return _parts_of_pairs(_stages(blocks).items())
    return _parts_by_word(shapes, by)


def layer(name: str) -> str:
    """Return the module that holds a tensor; a tensor of the model itself is its own layer.

    >>> layer("layer1.0.conv1.weight"), layer("cls_token")
    ('layer1.0.conv1', 'cls_token')
    """
    return name.rpartition(".")[0] or name


def kind(name: str, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Return what kind of tensor a name is of.

    A normalisation is a layer whose weight has one axis, or that has running statistics.
    """
    last = name.rpartition(".")[2]
    if last in STATISTICS:
        return "norm statistics"
    if _is_norm(layer(name), shapes):
        return "norm affine"
    return "biases" if last.endswith("bias") or last.startswith("bias") else "weights"


def _is_norm(module: str, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    if f"{module}.running_mean" in shapes:
        return True
    return len(shapes.get(f"{module}.weight", (0, 0))) == 1


def _blocks(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Return the block of each tensor; a normalisation may belong to the layer before it."""
    blocks: dict[str, str] = {}
    before = ""
    for name in shapes:
        module = layer(name)
        block = _numbered(module)
        if block == module and module != name and _is_norm(module, shapes):
            twin = NORM.sub("conv", module)  # in the order of names, bn1 comes before conv1
            block = next(
                (other for other in (twin, before) if _feeds(other, module, shapes)), block
            )
        else:
            before = module
        blocks[name] = block
    return blocks


def _feeds(module: str, norm: str, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Tell whether a layer gives what a normalisation takes, by its place and its channels."""
    if _parent(module) != _parent(norm) or _is_norm(module, shapes):
        return False
    channels = shapes.get(f"{norm}.weight", shapes.get(f"{norm}.running_mean", (0, 0)))
    return shapes.get(f"{module}.weight", ())[:1] == channels


def _numbered(module: str) -> str:
    """Return the innermost module around this one that is numbered, or else the module itself."""
    steps = module.split(".")
    for count in range(len(steps) - 1, 1, -1):
        if steps[count - 1].isdigit():
            return ".".join(steps[:count])
    return module


def _stages(blocks: Mapping[str, str]) -> dict[str, str]:
    """Return the stage of each tensor: what holds the outermost number of its block's path.

    A layer that is numbered itself, as those of a plain sequence are, is no block of a stage.
    """
    holders = {block for name, block in blocks.items() if layer(name).startswith(f"{block}.")}
    stages = {}
    for name, block in blocks.items():
        steps = block.split(".")
        number = next((n for n, step in enumerate(steps) if step.isdigit()), 0)
        stages[name] = ".".join(steps[:number]) if number and block in holders else block
    return stages


def _parent(module: str) -> str:
    return module.rpartition(".")[0]


def _parts_by_word(shapes: Mapping[str, tuple[int, ...]], word: str) -> dict[str, tuple[str, ...]]:
    """Return the parts that a shell pattern or a regular expression makes."""
    find = _outermost if reading(word) == "pattern" else _found
    try:
        places = [(name, find(word, name)) for name in shapes]
    except re.error as cause:
        raise LmctoolError(
            f"{word!r} is neither one of {', '.join(WORDS)} nor a regular expression: {cause}"
        ) from cause
    names_by_part = _parts_of_pairs((name, part) for name, part in places if part is not None)
    if not names_by_part:
        near = nearest_names(word, list(shapes)) or list(shapes)[:1]
        raise LmctoolError(
            f"{word!r} is neither one of {', '.join(WORDS)} nor found in the name of any"
            f" tensor, such as {some(near)}"
        )
    return names_by_part


def _outermost(pattern: str, name: str) -> str | None:
    """Return the outermost module around a tensor that a pattern fits, or the tensor itself."""
    steps = name.split(".")
    around = (".".join(steps[:count]) for count in range(1, len(steps) + 1))
    return next((place for place in around if fnmatchcase(place, pattern)), None)


def _found(expression: str, name: str) -> str | None:
    """Return what the first group, or else the whole, of an expression finds in a name."""
    match = re.search(expression, name)
    return match and ((match[1] if match.re.groups else match[0]) or match[0])


def _parts_of_pairs(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    names_by_part: dict[str, list[str]] = {}
    for name, part in pairs:
        names_by_part.setdefault(part, []).append(name)
    return {part: tuple(names) for part, names in names_by_part.items()}
