"""Options of one name from two sides of a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import click

HELP = ("--help", "-h", "help", "--help-all", "help_all")
"""What every command has."""


def check_clashes(sides: Iterable[tuple[str, Sequence[click.Parameter]]]) -> None:
    """Refuse options that two sides call the same, as words or in Python.

    Args:
        sides: what each side is called in a sentence, and its options; a later one is at fault.

    Raises:
        PluginError: there are some; names both sides, and what to do.
    """
    owners = dict.fromkeys(HELP, ("lmctool itself", "--help"))
    for side, parameters in sides:
        for parameter in parameters:
            option, inside = parameter.opts[0], str(parameter.name)
            for word in (*parameter.opts, *parameter.secondary_opts, inside):
                other, its = owners.setdefault(word, (side, option))
                if other == side:
                    continue
                if word != inside:
                    raise PluginError(
                        f"option {word!r} of {side} clashes with {other}, which has one of that"
                        " name; give it another"
                    )
                raise PluginError(
                    f"option {option!r} of {side} clashes with {other}, whose {its!r} has the same"
                    f" name in Python, {inside!r}; give it another: click.Option([{option!r},"
                    " 'ANOTHER_NAME'])"
                )
