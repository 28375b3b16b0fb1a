"""What a check claims of a plugin, said in a sentence where it does not hold."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError, PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lmctool.run.run import Run

CORRECTED = (
    "; weights on a path may hold '@TAP.scale' and '@TAP.shift' beside the model's tensors, where a"
    " correction stands at a value that no tensor can hold it for: pass on what begins with '@'"
)


class Refused(Exception):  # noqa: N818  # no failure: a plugin may say that it is not for a network
    """A plugin refused a network in a sentence of its own."""


class ClaimError(AssertionError):
    """Something does not hold of a plugin."""


def claim(holds: bool, sentence: str) -> None:
    """Raise a ClaimError with the sentence unless something holds."""
    if not holds:
        raise ClaimError(sentence)


@contextmanager
def working(who: str, hint: Callable[[Exception], str] = lambda _: "") -> Iterator[None]:
    """Let a plugin work inside.

    Args:
        who: the plugin, and on what.
        hint: says what may have been overlooked, of what broke it.

    Raises:
        ClaimError: it breaks; says how.
        Refused: it raises an LmctoolError.
    """
    try:
        yield
    except PluginError as cause:
        raise ClaimError(f"{who}: {cause}") from cause
    except LmctoolError as cause:
        raise Refused(str(cause)) from cause
    except (ClaimError, Refused):
        raise
    except Exception as cause:  # the plugin's own code
        text = hinted(f"{type(cause).__name__}: {cause}")
        raise ClaimError(f"{who} failed: {text}{hint(cause)}") from cause


def hinted(text: str) -> str:
    """Return what an exception says, and what it may come from."""
    return text + (CORRECTED if "KeyError: '@" in text else "")


def of_groups(run: Run, cause: Exception) -> str:
    """Return what is easily overlooked of the tensors and groups of a network's units."""
    for alias, name in run.graph.aliases.items():
        if isinstance(cause, KeyError) and cause.args == (alias,):
            return (
                f"; {alias!r} is tied to {name!r}, and weights hold both once, under {name!r}: pass"
                " over a name of spec.uses(group) that the weights don't have"
            )
    spec, hints = run.permutation_spec, []
    for group in spec.groups:
        if not spec.taps[group] and spec.inner(group):
            inner = " and ".join(map(repr, spec.inner(group)))
            hints.append(
                f"spec.taps[{group!r}] is empty, for its inner groups {inner} show its units"
                " (spec.inner(group)): match them together, as lmctool.api.match does"
            )
        if group in spec.per:
            hints.append(
                f"a move of {group!r} has the shape {spec.shape(group)}: spec.shape(group)"
            )
    return "".join(f"; {hint}" for hint in hints[:2])
