"""Whether what a user asked for aligns networks in canonical form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.plugin import registry
from lmctool.plugin.kinds import ALIGNERS
from lmctool.symmetry.linear.stored import holds_transform

if TYPE_CHECKING:
    from lmctool.plugin.settings import Settings


def aligns_canonically(settings: Settings) -> bool:
    """Tell whether networks are aligned in canonical form: by an aligner or a result that is so.

    Raises:
        LmctoolError: there is no such aligner or result.
    """
    if settings.apply is not None:
        return holds_transform(settings.apply)
    choice = settings.aligner
    if choice is None:
        return False
    return registry.load(ALIGNERS, choice.name).is_canonical(choice.options)
