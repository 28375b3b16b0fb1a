"""Weights under weight norm and spectral norm, which torch calls by old names and by new ones.

``torch.nn.utils.weight_norm`` keeps g and v of a weight as ``weight_g`` and ``weight_v``;
``torch.nn.utils.parametrizations.weight_norm`` keeps the same as
``parametrizations.weight.original0`` and ``original1``, and reads the old names by a hook.
``spectral_norm`` keeps ``weight_orig``, ``weight_u`` and ``weight_v`` of old, and
``parametrizations.weight.original``, ``0._u`` and ``0._v`` now; in evaluation mode both divide by
u . W v, so that they are the same function.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

FORMS = (
    (("{name}_g", "{name}_v"), ("original0", "original1")),
    (("{name}_orig", "{name}_u", "{name}_v"), ("original", "0._u", "0._v")),
)
"""The old names of what is kept of one weight, and the new ones."""
FIRST_OLD = re.compile(r"(?P<module>(?:.*\.)?)(?P<name>[^.]+)(?:_g|_orig)")
FIRST_NEW = re.compile(r"(?P<module>(?:.*\.)?)parametrizations\.(?P<name>[^.]+)\.original0?")


def as_wanted(names: Collection[str], wanted: Collection[str]) -> dict[str, str]:
    """Return the wanted name of each name that is of the other form than those that are wanted.

    A weight's names are changed together: all are there and none of the other form is, whose
    names are all wanted.

    >>> as_wanted(["w_g", "w_v"], ["parametrizations.w.original0", "parametrizations.w.original1"])
    {'w_g': 'parametrizations.w.original0', 'w_v': 'parametrizations.w.original1'}
    """
    changed: dict[str, str] = {}
    for name in names:
        match = FIRST_OLD.fullmatch(name) or FIRST_NEW.fullmatch(name)
        for old, new in _both_forms(match["module"], match["name"]) if match else ():
            for own, other in ((old, new), (new, old)):
                is_whole = name == own[0] and _all_in(own, names) and other[0] not in names
                if is_whole and name not in wanted and _all_in(other, wanted):
                    changed |= dict(zip(own, other, strict=True))
    return changed


def _both_forms(module: str, name: str) -> list[tuple[list[str], list[str]]]:
    return [
        (
            [module + each.format(name=name) for each in old],
            [f"{module}parametrizations.{name}.{each}" for each in new],
        )
        for old, new in FORMS
    ]


def _all_in(some: Collection[str], names: Collection[str]) -> bool:
    return all(each in names for each in some)
