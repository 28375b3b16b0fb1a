"""The options of a command as keywords of a function, and their values as words."""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError
from lmctool.files.home import expanded

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click

    from lmctool.cli.analysis import AnalysisCommand

LEFT_OUT = frozenset({"document", "junit", "verbose", "debug", "dry_run", "share", "help"})
"""Options, by the name of their value, of a command that prints or writes anything beside a result,
or that makes none."""
GATES = frozenset({"require", "fail_if", "baseline", "tolerance"})
"""Options of gates, for which a result has a method."""


@dataclass(frozen=True, slots=True)
class Keyword:
    """One option of a command as a keyword.

    Attributes:
        name: the keyword: the option's long flag, with underscores.
        option: the option.
        named: whether its value is the name of a plugin that may be left out, as in
            ``--align [NAME]``.
    """

    name: str
    option: click.Option
    named: bool = False

    @property
    def is_flag(self) -> bool:
        """Whether its value is true or false."""
        return bool(self.option.is_flag)

    @property
    def default(self) -> Any:
        """Its value where it is not given; None where that is the run's own choice."""
        if self.named:
            return False
        default = self.option.default
        if callable(default) or default is None or _is_unset(default):
            return False if self.is_flag else None
        return default

    def words(self, value: Any) -> list[str]:
        """Return the words that give this value on a command line; none for the default.

        Args:
            value: what the option takes: true or false of a flag; of one that may be given
                several times a value or a sequence of them, of ``K=V`` a mapping; where the words
                have commas, a sequence; else a text, a number or a path.  None is the default.

        Raises:
            LmctoolError: no word can say it.
        """
        flag = long_flag(self.option)
        if value is None or (value is False and (self.is_flag or self.named)):
            off = self.option.secondary_opts if value is False and self.is_flag else ()
            return list(off[:1])
        if self.is_flag:
            if value is not True:
                raise LmctoolError(f"{self.name} is true or false, not {value!r}")
            return [flag]
        if self.named and value is True:
            return [flag]
        return [word for each in self._each(value) for word in _with_flag(flag, each)]

    def _each(self, value: Any) -> list[list[str]]:
        """Return the words of each time that the option is given."""
        value = _listed(value)
        if isinstance(value, Mapping):
            if not self.option.multiple:
                raise LmctoolError(f"{self.name} takes no mapping")
            return [[f"{key}={self._text(each)}"] for key, each in value.items()]
        if not isinstance(value, list):
            return [[self._text(value)]]
        if self.option.multiple:
            return [self._one(_listed(each)) for each in value]
        return [self._one(value)]

    def _one(self, value: Any) -> list[str]:
        """Return the words of one time: several of an option of several, else commas between."""
        texts = [self._text(each) for each in value] if isinstance(value, list) else []
        if self.option.nargs > 1 and len(texts) == self.option.nargs:
            return texts
        return [",".join(texts) if texts else self._text(value)]

    def _text(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, PathLike):
            return fspath(value) if isinstance(fspath(value), str) else str(fspath(value), "utf-8")
        if isinstance(value, bool | int | float):
            return repr(value)
        raise LmctoolError(f"{self.name} takes no {type(value).__name__!r}")


def keywords(command: AnalysisCommand, plugins: Iterable[click.Option] = ()) -> dict[str, Keyword]:
    """Return the keywords of an analysis's command by name, in the order of its help.

    Args:
        command: the command.
        plugins: the options of the aligner and the correction that are used.
    """
    shared = [option for _, options in command.shared for option in options]
    named = {slot.parameter for slot in command.slots if not slot.required}
    options = (*command.analysis.options, *command.choices, *plugins, *shared)
    each = (
        Keyword(python_name(option), option, str(option.name) in named)
        for option in options
        if str(option.name) not in LEFT_OUT | GATES
    )
    return {found.name: found for found in each}


def python_name(option: click.Option) -> str:
    """Return the keyword of an option: ``--calib-size`` is ``calib_size``."""
    name = long_flag(option).lstrip("-").replace("-", "_")
    return f"{name}_" if keyword.iskeyword(name) else name


def long_flag(option: click.Option) -> str:
    """Return the long flag of an option, or its only one."""
    return next((flag for flag in option.opts if flag.startswith("--")), option.opts[0])


def path_word(value: str | PathLike[str]) -> str:
    """Return a path as the word of an argument, with ``~`` as its user's home."""
    text = str(expanded(fspath(value))) if fspath(value).startswith("~") else fspath(value)
    return f"./{text}" if text.startswith("-") else text


def _with_flag(flag: str, values: Sequence[str]) -> list[str]:
    """Return a flag with its values, joined to it where one could be taken for another flag."""
    if len(values) == 1 and values[0].startswith("-"):
        return [f"{flag}={values[0]}"]
    return [flag, *values]


def _listed(value: Any) -> Any:
    """Return a sequence, an array or a tensor as a list, and the number in a scalar of these."""
    if isinstance(value, str | bytes | Mapping | PathLike):
        return value
    if hasattr(value, "tolist"):
        return value.tolist()
    return list(value) if isinstance(value, Sequence | set | frozenset | range) else value


def _is_unset(value: Any) -> bool:
    """Tell whether a default is click's own sign that there is none."""
    return type(value).__module__.partition(".")[0] == "click"
