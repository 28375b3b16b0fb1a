"""The data of a run, from the option, the environment, lmctool.toml or the checkpoints."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from lmctool.checkpoint.stamp import typed_value
from lmctool.config import Origin
from lmctool.data.given.adopted import adopted
from lmctool.errors import LmctoolError, PluginError
from lmctool.files.home import expanded
from lmctool.files.input_files import check_input
from lmctool.plugin import registry
from lmctool.plugin.kinds import DATASETS
from lmctool.plugin.user_code import Factory, imports_code, refuse_code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lmctool.config import Config
    from lmctool.plugin.data_records import Dataset
    from lmctool.plugin.records import Argument
    from lmctool.plugin.source_code import Code

KEY = "lmctool.data"
QUERY = re.compile(r"(.+)\?(\w+=[^?&]*(?:&\w+=[^?&]*)*)")
"""A spec with arguments behind it: ``text:PATH?length=64``."""

COMMAND: Final = Origin("--data")
NO_ARGUMENTS: Final[Mapping[str, Argument]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Data:
    """A dataset, and how it came to be chosen.

    Attributes:
        dataset: the opened dataset.
        spec: what named it, as it was written.
        origin: who named it: ``--data``, ``$LMCTOOL_DATASET``, ``lmctool.toml`` or ``metadata``;
            ``--calib``; ``data=`` or ``calib=`` for an object of Python code.
        code: returns the user's own code that it comes of, as far as it was loaded; None where it
            comes of none.
    """

    dataset: Dataset
    spec: str
    origin: str
    code: Callable[[], Code] | None = None


def resolve_data(
    *, spec: str | None, metadata: Sequence[Mapping[str, str]], config: Config
) -> Data:
    """Open the data of a run.

    The option comes first, then ``$LMCTOOL_DATASET``, lmctool.toml, and what the checkpoints
    were stamped with.

    Args:
        spec: ``WORD``, ``WORD:PATH``, ``PATH``, ``package.module:factory`` or
            ``./file.py:factory``, from the user; a word or path may be followed by arguments,
            as in ``WORD:PATH?NAME=VALUE&NAME=VALUE``.
        metadata: the metadata of each checkpoint, which may name registered words only.
        config: the user's standing choices.

    Raises:
        LmctoolError: nobody names any data, the checkpoints disagree or name what a file may
            not, or the data cannot be opened.
    """
    sources = (
        (Origin("--data", config.permit), spec),
        (Origin("$LMCTOOL_DATASET", config.permit), config.environment_data),
        (config.data_origin, config.data),
    )
    for origin, text in sources:
        if text:
            return open_spec(text, config, origin)
    word = stamped(metadata)
    if word is None:
        raise LmctoolError(f"no data named: pass --data SPEC; registered: {_registered()}")
    return Data(open_word(word, None, config), word, "metadata")


def stamped(metadata: Sequence[Mapping[str, str]]) -> str | None:
    """Return the word of the data that the checkpoints were stamped with, if any was.

    Raises:
        LmctoolError: they name different data, or anything but a registered word.
    """
    words = sorted({entries[KEY] for entries in metadata if KEY in entries})
    if len(words) > 1:
        listed = " and ".join(map(repr, words))
        raise LmctoolError(
            f"the checkpoints were stamped with different data, {listed}; pass --data"
        )
    if words and words[0] not in registry.names(DATASETS):
        raise LmctoolError(
            f"the checkpoint's metadata names data {words[0]!r}, and a file may name only"
            f" registered words ({_registered()}); pass --data yourself"
        )
    return words[0] if words else None


def open_spec(spec: str, config: Config, origin: Origin = COMMAND) -> Data:
    """Open what a spec of the user names.

    Raises:
        LmctoolError: it names nothing, or what cannot be opened.
        UntrustedError: it names code, and its origin may not.
    """
    factory = _factory(spec, origin)
    if factory is None:
        return Data(_open_spec(spec, config), spec, origin.name)
    return Data(made(factory), spec, origin.name, factory.code)


def _factory(spec: str, origin: Origin) -> Factory | None:
    """Return the code that a spec names, where it names code and its origin may.

    Raises:
        UntrustedError: it may not.
    """
    if not imports_code(spec, DATASETS):
        return None
    refuse_code(spec, DATASETS, origin)
    return Factory(spec, origin.here)


def _open_spec(spec: str, config: Config) -> Dataset:
    target, arguments = _split(spec)
    word, colon, location = target.partition(":")
    if word in registry.names(DATASETS):
        if colon and not location:
            raise LmctoolError(f"{spec!r} ends with ':' and names no path")
        return open_word(word, expanded(location) if colon else None, config, arguments)
    path = expanded(target)
    if path.exists():
        return open_path(path, arguments)
    raise LmctoolError(
        f"no dataset is called {spec!r}, and no such file or folder exists;"
        f" registered: {_registered()}"
    )


def open_word(
    word: str,
    location: Path | None,
    config: Config,
    arguments: Mapping[str, Argument] = NO_ARGUMENTS,
) -> Dataset:
    """Open a registered dataset, at its path or where the configuration has it.

    Raises:
        LmctoolError: the path does not exist, the dataset takes no such argument, or it cannot
            be opened.
    """
    place = location or config.data_paths.get(word)
    if place is not None and not place.exists():
        whose = "" if location else " of lmctool.toml"
        raise LmctoolError(f"data {word!r} was not found: there is no '{place}'{whose}")
    if place is None and config.data_folder and (config.data_folder / word).exists():
        place = config.data_folder / word
    return _open(word, place, arguments)


def open_path(path: Path, arguments: Mapping[str, Argument] = NO_ARGUMENTS) -> Dataset:
    """Open a path by the one format whose content it has.

    Raises:
        LmctoolError: no format can read it, several could, or it takes no such argument.
    """
    _check_place(path)
    words, broken = [], []
    for word in registry.names(DATASETS):
        try:
            detect = registry.load(DATASETS, word).detect
            can = detect is not None and detect(path)
            if can if isinstance(can, bool) else word in can:
                words.append(word)
        except PluginError as error:  # another's broken plugin must not stop this one
            broken.append(str(error))
        except Exception as error:
            broken.append(f"dataset {word!r} failed on it: {error}")
    if len(words) > 1:
        choices = " or ".join(f"{word}:{path}" for word in words)
        raise LmctoolError(f"'{path}' could be {', '.join(words)}; say {choices}")
    if not words:
        notes = "".join(f"; {note}" for note in broken)
        raise LmctoolError(f"no registered format ({_registered()}) can read '{path}'{notes}")
    return _open(words[0], path, arguments)


def made(factory: Factory) -> Dataset:
    """Return the dataset that the user's own code makes, whatever of those that people have.

    Raises:
        LmctoolError: there is no such code, it fails, or it returns something else.
    """
    return adopted(factory.call({}), factory.spec, factory.running)


def _split(spec: str) -> tuple[str, dict[str, Argument]]:
    """Return a spec without its arguments, and these, unless all of it is a path that exists."""
    match = QUERY.fullmatch(spec)
    if match is None or expanded(spec.partition(":")[2] or spec).exists():
        return spec, {}
    pairs = (each.partition("=") for each in match[2].split("&"))
    return match[1], {name: typed_value(value) for name, _, value in pairs}


def _open(word: str, place: Path | None, arguments: Mapping[str, Argument]) -> Dataset:
    data_format = registry.load(DATASETS, word)
    for name in sorted(arguments.keys() - data_format.arguments):
        has = ", ".join(sorted(data_format.arguments)) or "none"
        raise LmctoolError(f"data {word!r} has no argument {name!r}; it has {has}")
    if place is not None:
        _check_place(place)
    return data_format.open(word, place, **arguments)


def _check_place(place: Path) -> None:
    """Refuse what is neither a folder nor a regular file, before any format looks into it."""
    if not place.is_dir():
        check_input(place, f"data '{place}'")


def _registered() -> str:
    return ", ".join(registry.names(DATASETS))
