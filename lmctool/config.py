"""lmctool.toml of this folder and of the user, and the environment: the standing choices."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import msgspec
from msgspec.structs import asdict

from lmctool.files.record import Record, as_record
from lmctool.files.toml import read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "lmctool.toml"
ENVIRONMENT = {
    "model.spec": "LMCTOOL_MODEL",
    "data.spec": "LMCTOOL_DATASET",
    "data.folder": "LMCTOOL_DATA",
}
"""The environment variable that stands before each choice of the file."""
VARIABLES = tuple(ENVIRONMENT.values())


class ModelTable(Record, frozen=True):
    """``[model]`` of lmctool.toml."""

    spec: str | None = None
    arguments: dict[str, Any] = msgspec.field(default_factory=dict)
    output: str | None = None


class DataTable(Record, frozen=True):
    """``[data]`` of lmctool.toml."""

    spec: str | None = None
    paths: dict[str, str] = msgspec.field(default_factory=dict)


class ConfigTable(Record, frozen=True):
    """What lmctool.toml may have."""

    model: ModelTable = ModelTable()
    data: DataTable = DataTable()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a standing choice was found, and whether it may name code.

    Attributes:
        name: what the user calls the place.
        permit: what has to be done before it may name code; empty where it may already.
        here: whether code that it names is looked for in the current folder too.
    """

    name: str
    permit: str = ""
    here: bool = True


TRUSTED = Origin(FILE)
"""lmctool.toml of a folder that the user trusts."""
DISTRUSTED = replace(TRUSTED, permit="pass --trust-config if you trust that file")
"""lmctool.toml of any folder: it may come from anywhere, as the files beside it."""


@dataclass(frozen=True, slots=True)
class Config:
    """The standing choices, each from an lmctool.toml or the environment.

    Attributes:
        model: ``[model] spec``.
        model_arguments: ``[model.arguments]``, of the same file.
        model_output: ``[model] output``, of the same file.
        model_origin: that file.
        data: ``[data] spec``.
        data_origin: the file that names it.
        data_paths: ``[data.paths]``: the folder or file of a dataset, by its word.
        environment_model: ``$LMCTOOL_MODEL``.
        environment_data: ``$LMCTOOL_DATASET``.
        data_folder: ``$LMCTOOL_DATA``, a folder that holds datasets in folders of their names.
        permit: what has to be done before the command and the environment may name code; empty
            where they may, as they do unless the command was read from a file.
    """

    model: str | None = None
    model_arguments: Mapping[str, Any] = field(default_factory=dict)
    model_output: str | None = None
    model_origin: Origin = DISTRUSTED
    data: str | None = None
    data_origin: Origin = DISTRUSTED
    data_paths: Mapping[str, Path] = field(default_factory=dict)
    environment_model: str | None = None
    environment_data: str | None = None
    data_folder: Path | None = None
    permit: str = ""


class Setting(NamedTuple):
    """One standing choice as it is shown.

    Attributes:
        key: such as ``model.spec``.
        value: its text; empty where it is not set.
        origin: the file or the variable that sets it.
        code: whether it may name code; None where it is not set.
    """

    key: str
    value: str
    origin: str
    code: bool | None


@dataclass(frozen=True, slots=True)
class _Source:
    """One lmctool.toml: its path, its content, and how far it is trusted."""

    path: Path
    table: ConfigTable
    origin: Origin


def load(folder: Path | None = None, *, trusted: bool = False, permit: str = "") -> Config:
    """Read lmctool.toml of a folder and of the user, and the environment.

    The folder's choices stand before the user's own.

    Args:
        folder: the folder, by default the current one.
        trusted: whether its file may name code.
        permit: as ``Config`` has it.

    Raises:
        LmctoolError: a file is no TOML, or has a key or a value that means nothing.
    """
    sources = _sources(folder, trusted=trusted, permit=permit)
    model = next((s for s in sources if s.table.model != ModelTable()), sources[0])
    data = next((s for s in sources if s.table.data.spec), sources[0])
    data_folder = os.environ.get("LMCTOOL_DATA")
    return Config(
        model=model.table.model.spec,
        model_arguments=model.table.model.arguments,
        model_output=model.table.model.output,
        model_origin=model.origin,
        data=data.table.data.spec,
        data_origin=data.origin,
        data_paths={
            name: source.path.parent / place
            for source in reversed(sources)
            for name, place in source.table.data.paths.items()
        },
        environment_model=os.environ.get("LMCTOOL_MODEL"),
        environment_data=os.environ.get("LMCTOOL_DATASET"),
        data_folder=Path(data_folder) if data_folder else None,
        permit=permit,
    )


def settings(folder: Path | None = None, *, trusted: bool = False) -> list[Setting]:
    """Return each standing choice: its value, where it was found, and whether it may name code.

    Raises:
        LmctoolError: as ``load``.
    """
    found = {
        key: Setting(key, "", "not set", None) for key in (*_texts(ConfigTable()), *ENVIRONMENT)
    }
    for source in reversed(_sources(folder, trusted=trusted)):
        for key, text in _texts(source.table).items():
            if text:
                found[key] = Setting(key, text, str(source.path), not source.origin.permit)
    for key, variable in ENVIRONMENT.items():
        if os.environ.get(variable):
            found[key] = Setting(key, os.environ[variable], f"${variable}", True)
    return list(found.values())


def _texts(table: ConfigTable) -> dict[str, str]:
    """Return each choice of a file as a text, empty where it has none."""
    return {
        f"{section}.{key}": str(value) if value else ""
        for section, values in asdict(table).items()
        for key, value in asdict(values).items()
    }


def _sources(folder: Path | None, *, trusted: bool, permit: str = "") -> list[_Source]:
    """Return the files that there may be, the strongest first; one that is not there is empty."""
    path = (folder or Path.cwd()) / FILE
    theirs = _Source(path, _read(path), TRUSTED if trusted else DISTRUSTED)
    own = Path(click.get_app_dir("lmctool")) / FILE
    if not own.is_absolute() or not _is_file(own):  # a relative one could be anybody's
        return [theirs]
    users = _Source(own, _read(own), Origin(str(own), permit, here=False))
    return [users] if path.is_file() and path.samefile(own) else [theirs, users]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except PermissionError:  # the home of another user, as in a container
        return False


def _read(path: Path) -> ConfigTable:
    """Return the content of a file; an empty one where there is none, and no link to none."""
    there = os.path.lexists(path)
    return as_record(read_toml(path, str(path)) if there else {}, ConfigTable, str(path))
