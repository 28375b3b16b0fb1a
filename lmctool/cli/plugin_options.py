"""The options of the aligner, the correction and the way to merge that a command line names.

They are selected before click parses the words, because each brings options of its own.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmctool.errors import PluginError
from lmctool.plugin import registry
from lmctool.plugin.kinds import ALIGNERS, CORRECTIONS, MERGES
from lmctool.plugin.parameters import InputFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lmctool.plugin.kinds import Kind
    from lmctool.plugin.records import Analysis


@dataclass(frozen=True, slots=True)
class Slot:
    """A place of a command line for the name of a plugin.

    Attributes:
        kind: the kind of the plugin.
        flag: the option that names it.
        default: the plugin that is used when none is named.
        required: whether a plugin is used without the flag too, which then always takes a name;
            else the flag's name is optional.
    """

    kind: Kind[Any]
    flag: str
    default: str
    required: bool

    @property
    def parameter(self) -> str:
        """The name of the option's value."""
        return self.kind.word

    def option(self) -> click.Option:
        """Return the click option."""
        purpose = {
            "aligner": "Permute B's hidden units to match A's before the analysis",
            "correction": "Correct activation statistics of the networks between A and B",
            "merge": "How one network is made of several",
        }[self.parameter]
        names = [
            f"{name} (the default)" if name == self.default else name
            for name in registry.names(self.kind)
        ]
        return click.Option(
            [self.flag, self.parameter],
            metavar="NAME" if self.required else "[NAME]",
            default=self.default if self.required else None,
            help=f"{purpose}. NAME is one of: {', '.join(names)}.",
        )

    def name(self, words: Sequence[str]) -> str | None:
        """Return the plugin's name, after ``join_names``; None if no plugin is used."""
        name = self.explicit_name(words)
        return self.default if name is None and self.required else name

    def explicit_name(self, words: Sequence[str]) -> str | None:
        """Return the name in the words, after ``join_names``, or None; the last one counts."""
        name = None
        for position, word in enumerate(words):
            if word == "--":
                break
            if word.startswith(f"{self.flag}="):
                name = word.partition("=")[2]
            elif word == self.flag and position + 1 < len(words):
                name = words[position + 1]
        return name


def apply_option() -> click.Option:
    """Return the option that names a stored permutation, in place of an aligner."""
    return click.Option(
        ["--apply"],
        metavar="RESULT.h5",
        type=InputFile(),
        help="Apply the permutation stored in an earlier result to B, instead of an aligner.",
    )


@dataclass(frozen=True, slots=True)
class Stray:
    """A word after a flag that takes an optional name, where it is not such a name."""

    slot: Slot
    word: str


def slots(analysis: Analysis) -> tuple[Slot, ...]:
    """Return the places for plugins that an analysis has."""
    places = []
    if analysis.aligner != "never":
        required = analysis.aligner == "always"
        flag = "--aligner" if required else "--align"
        places.append(Slot(ALIGNERS, flag, "activation", required))
    if analysis.correction != "never":
        required = analysis.correction == "always"
        flag = "--correction" if required else "--repair"
        places.append(Slot(CORRECTIONS, flag, "repair", required))
    if analysis.merge != "never":
        places.append(Slot(MERGES, "--method", "mean", required=True))
    return tuple(places)


def join_names(words: Sequence[str], places: Iterable[Slot]) -> tuple[list[str], list[Stray]]:
    """Return the words with each optional name joined to its flag, and the words that are no name.

    The word after such a flag is a name only if a plugin is registered under it, so that
    ``--align a.safetensors`` becomes ``--align=activation a.safetensors``.
    """
    optional = {place.flag: place for place in places if not place.required}
    done: list[str] = []
    strays: list[Stray] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [*done, word, *rest], strays
        if word not in optional:
            done.append(word)
        elif rest and rest[0] in registry.names(optional[word].kind):
            done.append(f"{word}={rest.pop(0)}")
        else:
            done.append(f"{word}={optional[word].default}")
            strays += [Stray(optional[word], rest[0])] if rest else []
    return done, strays


def check_strays(strays: Iterable[Stray], checkpoints: Sequence[Path], most: int | None) -> None:
    """Refuse a stray word that became an argument and looks like a mistyped name.

    Args:
        strays: the words after flags with optional names.
        checkpoints: the arguments.
        most: the greatest number of checkpoints that the analysis takes; None for any number.

    Raises:
        PluginError: a stray word is no file, and either one checkpoint too many or close to an
            installed name.
    """
    for stray in strays:
        path = Path(stray.word)
        if path not in checkpoints or path.exists():
            continue
        installed = registry.names(stray.slot.kind)
        too_many = most is not None and len(checkpoints) == most + 1
        if too_many or difflib.get_close_matches(stray.word, installed, n=1):
            try:
                registry.find(stray.slot.kind, stray.word)
            except PluginError as error:
                raise PluginError(f"{error}; and '{stray.word}' is no file either") from None


@dataclass(frozen=True, slots=True)
class Selected:
    """A plugin that a command line uses, with its options loaded."""

    slot: Slot
    name: str
    options: tuple[click.Option, ...]


def select(places: Iterable[Slot], words: Sequence[str], *, show_all: bool) -> list[Selected]:
    """Return the plugins that a command line uses.

    Args:
        places: where plugins may be named.
        words: the command line after ``join_names``.
        show_all: select the default of a place that names none, so that help shows its options.

    Raises:
        PluginError: a named plugin is not there or cannot be used.
    """
    selected = []
    for slot in places:
        name = slot.name(words)
        if name is None and show_all:
            name = slot.default
        if name is not None:
            selected.append(Selected(slot, name, options(slot, name)))
    return selected


def options(slot: Slot, name: str) -> tuple[click.Option, ...]:
    """Return the options that a plugin brings."""
    record: Any = registry.load(slot.kind, name)
    return tuple(record.options)
