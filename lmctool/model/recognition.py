"""Recognising a checkpoint's model by the names and shapes of its tensors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmctool.checkpoint.fit import difference, usual_parts
from lmctool.checkpoint.names import is_under
from lmctool.errors import LmctoolError
from lmctool.model.build import blueprint, described, missing
from lmctool.model.shapes import aliases, shapes_of
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.checkpoint import Checkpoint
    from lmctool.plugin.records import Argument

LAYER_AXES = 2
"""Axes of a floating tensor from which on it is a layer's, and no loss's or metric's."""


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

    @property
    def fits(self) -> bool:
        """Whether any word gives these tensors, or may give them."""
        return bool(self.candidates or self.partial)

    def only(self) -> tuple[str, dict[str, Argument]]:
        """Return the one word and arguments that give these tensors.

        Raises:
            LmctoolError: none does, or several do.
        """
        if len(self.candidates) == 1:
            return self.candidates[0]
        if self.candidates:
            models = "; ".join(described(word, arguments) for word, arguments in self.candidates)
            raise LmctoolError(f"these tensors fit several models: {models}; pass --model with one")
        if self.partial:
            options = " or ".join(
                f"--model {word} {' '.join(f'--model-arg {name}=...' for name in names)}"
                for word, names in self.partial
            )
            raise LmctoolError(f"its names and shapes do not tell all of the model; pass {options}")
        message = "no registered model has tensors of these names and shapes"
        if self.near:
            _, word, differs = min(self.near)
            message += f" (nearest is {word}: {differs})"
        if self.broken:
            message += f" (not asked: {'; '.join(self.broken[:3])})"
        raise LmctoolError(f"{message}; pass --model WORD, timm:NAME or ./file.py:factory")


def recognise(shapes: Mapping[str, tuple[int, ...]]) -> Recognition:
    """Ask every registered family for the arguments that would give these names and shapes.

    A model is built without memory for its tensors, and each name and shape is compared.
    """
    recognition = Recognition()
    for word in registry.names(MODELS):
        try:
            family = registry.load(MODELS, word)
            read = family.read(word, shapes) if family.read else None
            if read is None:
                continue
            if unknown := missing(family, read):
                recognition.partial.append((word, unknown))
                continue
            module = blueprint(family, word, read, len(shapes))
            needed = shapes_of(module)
        except Exception as error:  # a stranger's family must not stop the others
            reason = str(error) if isinstance(error, LmctoolError) else repr(error)
            recognition.broken.append(f"{word}: {reason}")
            continue
        differs = difference(shapes, needed, aliases(module))
        if differs:
            recognition.near.append((len(shapes.keys() ^ needed.keys()), word, differs))
        else:
            recognition.candidates.append((word, dict(read)))
    return recognition


def recognised(checkpoint: Checkpoint) -> tuple[str, dict[str, Argument]]:
    """Return the one word and arguments that give a checkpoint's tensors.

    Where none gives them all, those under a usual prefix are looked at, and all else is left out
    as long as it holds no weights of a layer.

    Raises:
        LmctoolError: none does, or several do.
    """
    whole = recognise(checkpoint.shapes)
    if whole.fits:
        return whole.only()
    looked_at = ((prefix, recognise(part)) for prefix, part in usual_parts(checkpoint.shapes))
    found = [(prefix, inner) for prefix, inner in looked_at if inner.fits]
    if not found:
        return whole.only()
    prefix, first = found[0]
    outside = [name for name in checkpoint.floating if not is_under(name, prefix)]
    if len(found) > 1 or any(len(checkpoint.shapes[name]) >= LAYER_AXES for name in outside):
        inside = " and ".join(f"under '{each}.'" for each, _ in found)
        options = " or ".join(f"--key {each}" for each, _ in found)
        raise LmctoolError(
            f"a registered model fits its tensors {inside}, but others lie beside them; choose"
            f" with {options}"
        )
    return first.only()
