"""Recognising a checkpoint's model by the names and shapes of its tensors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError
from lmctool.model.build import blueprint, described, missing
from lmctool.model.shapes import aliases, difference, shapes_of
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.plugin.kinds import Argument


@dataclass
class Recognition:
    """What every registered word says of a checkpoint.

    Attributes:
        candidates: the words, each with its arguments, that give exactly these tensors.
        partial: the words that may give them, each with the arguments that shapes don't tell.
        near: how many names are in one of the two only, the word, and its first difference.
        broken: the plugins that could not be asked, with the reason.
    """

    candidates: list[tuple[str, dict[str, Argument]]] = field(default_factory=list)
    partial: list[tuple[str, list[str]]] = field(default_factory=list)
    near: list[tuple[int, str, str]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def recognise(shapes: Mapping[str, tuple[int, ...]]) -> Recognition:
    """Ask every registered family for the arguments that would give these names and shapes.

    A model is built without memory for its tensors, and each name and shape is compared.
    """
    found = Recognition()
    for word in registry.names(MODELS):
        try:
            family = registry.load(MODELS, word)
            read = family.read(word, shapes) if family.read else None
            if read is None:
                continue
            if untold := missing(family, read):
                found.partial.append((word, untold))
                continue
            module = blueprint(family, word, read, len(shapes))
            needed = shapes_of(module)
        except Exception as error:  # a stranger's family must not stop the others
            said = str(error) if isinstance(error, LmctoolError) else repr(error)
            found.broken.append(f"{word}: {said}")
            continue
        differs = difference(shapes, needed, aliases(module))
        if differs:
            found.near.append((len(shapes.keys() ^ needed.keys()), word, differs))
        else:
            found.candidates.append((word, dict(read)))
    return found


def only_candidate(shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, dict[str, Argument]]:
    """Return the one word and arguments that give these tensors.

    Raises:
        LmctoolError: none does, or several do.
    """
    found = recognise(shapes)
    if len(found.candidates) == 1:
        return found.candidates[0]
    if found.candidates:
        listed = "; ".join(described(word, arguments) for word, arguments in found.candidates)
        raise LmctoolError(f"these tensors fit several models: {listed}; pass --model with one")
    if found.partial:
        told = " or ".join(
            f"--model {word} {' '.join(f'--model-arg {name}=...' for name in names)}"
            for word, names in found.partial
        )
        raise LmctoolError(f"its names and shapes do not tell all of the model; pass {told}")
    message = "no registered model has tensors of these names and shapes"
    if found.near:
        _, word, differs = min(found.near)
        message += f" (nearest is {word}: {differs})"
    if found.broken:
        message += f" (not asked: {'; '.join(found.broken[:3])})"
    raise LmctoolError(f"{message}; pass --model WORD, timm:NAME or ./file.py:factory")
