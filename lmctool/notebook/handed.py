"""What a caller hands over, sorted into words of a command line and objects in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral
from os import PathLike
from pathlib import Path
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any, TypeGuard

from lmctool.errors import LmctoolError
from lmctool.notebook.keywords import path_word
from lmctool.plugin.given import Given
from lmctool.plugin.parameters import CheckpointFile, InputFile, SeriesFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.notebook.keywords import Keyword
    from lmctool.plugin.given import GivenNetwork

OBJECTS = frozenset({"model", "data", "calib"})
"""Keywords that take a word or an object."""


@dataclass
class Handed:
    """What one call hands over.

    Attributes:
        words: the words of the command line; an object has a stand-in there, or is left out.
        networks: the networks by the path that stands for each.
        series: the training runs and forks likewise.
        others: the other objects by keyword.
    """

    words: list[str] = field(default_factory=list)
    networks: dict[Path, GivenNetwork] = field(default_factory=dict)
    series: dict[Path, tuple[tuple[int, Path], ...]] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)

    @property
    def given(self) -> Given:
        """The objects, as the settings of a run have them."""
        return Given(networks=self.networks, series=self.series, **self.others)

    @property
    def named_by_words(self) -> bool:
        """Whether the words alone say everything, so that they can be typed again."""
        return not (self.networks or self.series or self.others)


def handed_over(
    arguments: Sequence[Any], values: Mapping[str, Any], keywords: Mapping[str, Keyword]
) -> Handed:
    """Sort the arguments of a call.

    Args:
        arguments: the checkpoints, the training runs, or the forks.
        values: the values of keywords.
        keywords: all keywords that there are.

    Raises:
        LmctoolError: one is nothing that lmctool takes, or cannot be said in words.
    """
    handed = Handed()
    taken = {str(each) for each in arguments if isinstance(each, str | PathLike)}
    for place, argument in enumerate(arguments):
        name = _free(ascii_uppercase[place] if place < 26 else str(place + 1), taken)
        if _is_forks(argument):
            handed.words += _forks(argument, name, handed)
        else:
            handed.words.append(_stand_in(argument, name, handed))
    for name, value in values.items():
        kind = keywords[name].option.type
        if name in OBJECTS and not isinstance(value, str | PathLike | None):
            handed.others[name] = value
            continue
        if isinstance(kind, CheckpointFile | SeriesFolder):
            value = _stand_ins(value, _free(name.rstrip("_"), taken), handed)
        elif isinstance(kind, InputFile):
            value = _file_of(name, value)
        handed.words += keywords[name].words(value)
    return handed


def _stand_ins(value: Any, name: str, handed: Handed) -> Any:
    """Return the word of a network, or of each of several."""
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return [_stand_in(each, f"{name}-{n}", handed) for n, each in enumerate(value)]
    return _stand_in(value, name, handed)


def _stand_in(value: Any, name: str, handed: Handed) -> str:
    """Return the path of a checkpoint or of a training run, or what stands for an object.

    Raises:
        LmctoolError: it is neither.
    """
    if isinstance(value, str | PathLike):
        return path_word(value)
    from lmctool.model.given_network import given_network

    place = Path(name)
    if _is_series(value):
        steps = {int(step): place / str(int(step)) for step in sorted(value)}
        handed.series[place] = tuple(steps.items())
        for step, each in value.items():
            handed.networks[steps[int(step)]] = given_network(each, f"{name} of step {step}")
    else:
        handed.networks[place] = given_network(value, name)
    return name


def _forks(value: Mapping[int, Sequence[Any]], name: str, handed: Handed) -> list[str]:
    """Return what stands for each fork of a mapping from steps to their siblings."""
    from lmctool.model.given_network import given_network

    for step in sorted(value):
        place = Path(name) / str(int(step))
        members = [place / str(number) for number in range(1, len(value[step]) + 1)]
        handed.series[place] = tuple((int(step), member) for member in members)
        for member, each in zip(members, value[step], strict=True):
            handed.networks[member] = given_network(each, f"sibling {member}")
    return [str(Path(name) / str(int(step))) for step in sorted(value)]


def _is_forks(value: Any) -> TypeGuard[Mapping[int, Sequence[Any]]]:
    """Tell whether a mapping has lists of networks by the step of their fork."""
    return _is_series(value) and all(isinstance(each, list | tuple) for each in value.values())


def _is_series(value: Any) -> TypeGuard[Mapping[int, Any]]:
    """Tell whether a mapping has networks by step, and no tensors by name."""
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(key, Integral) and not isinstance(key, bool) for key in value)
    )


def _free(name: str, taken: set[str]) -> str:
    """Return a name that no file has, and none of the paths of the call."""
    while name in taken or Path(name).exists():
        name = f"network-{name}"
    return name


def _file_of(name: str, value: Any) -> Any:
    """Return the path of a file, also of a result that is in one.

    Raises:
        LmctoolError: the result is in no file yet.
    """
    if not hasattr(value, "record"):
        return value
    if value.path is None:
        raise LmctoolError(
            f"{name} is a result that is in no file yet; save it first, as in found.save('x.h5')"
        )
    return value.path
