"""lmctool.toml and the environment: the user's standing choices."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

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


class ModelTable(Record, frozen=True):
    """``[model]`` of lmctool.toml."""

    spec: str | None = None
    arguments: dict[str, Any] = msgspec.field(default_factory=dict)


class DataTable(Record, frozen=True):
    """``[data]`` of lmctool.toml."""

    spec: str | None = None
    paths: dict[str, str] = msgspec.field(default_factory=dict)


class ConfigTable(Record, frozen=True):
    """What lmctool.toml may have."""

    model: ModelTable = ModelTable()
    data: DataTable = DataTable()


@dataclass(frozen=True, slots=True)
class Config:
    """The user's standing choices, each from lmctool.toml or the environment.

    Attributes:
        model: ``[model] spec``.
        model_arguments: ``[model.arguments]``.
        data: ``[data] spec``.
        data_paths: ``[data.paths]``: the folder or file of a dataset, by its word.
        environment_model: ``$LMCTOOL_MODEL``.
        environment_data: ``$LMCTOOL_DATASET``.
        data_folder: ``$LMCTOOL_DATA``, a folder that holds datasets in folders of their names.
    """

    model: str | None = None
    model_arguments: Mapping[str, Any] = field(default_factory=dict)
    data: str | None = None
    data_paths: Mapping[str, Path] = field(default_factory=dict)
    environment_model: str | None = None
    environment_data: str | None = None
    data_folder: Path | None = None


def load(folder: Path | None = None) -> Config:
    """Read lmctool.toml of a folder (by default the current one), and the environment.

    Raises:
        LmctoolError: the file is no TOML, or has a key or a value that means nothing.
    """
    path, table = _read(folder)
    data_folder = os.environ.get("LMCTOOL_DATA")
    return Config(
        model=table.model.spec,
        model_arguments=table.model.arguments,
        data=table.data.spec,
        data_paths={name: path.parent / place for name, place in table.data.paths.items()},
        environment_model=os.environ.get("LMCTOOL_MODEL"),
        environment_data=os.environ.get("LMCTOOL_DATASET"),
        data_folder=Path(data_folder) if data_folder else None,
    )


def origins(folder: Path | None = None) -> list[tuple[str, str, str]]:
    """Return each standing choice by its key: the value, and where it comes from.

    Raises:
        LmctoolError: as ``load``.
    """
    path, table = _read(folder)
    choices = {
        f"{section}.{key}": (str(value), str(path)) if value else ("", "not set")
        for section, values in asdict(table).items()
        for key, value in asdict(values).items()
    }
    choices["data.folder"] = ("", "not set")
    for key, variable in ENVIRONMENT.items():
        if os.environ.get(variable):
            choices[key] = (os.environ[variable], f"${variable}")
    return [(key, *choice) for key, choice in choices.items()]


def _read(folder: Path | None) -> tuple[Path, ConfigTable]:
    """Return the path of the file, and its content: empty where there is none."""
    path = (folder or Path.cwd()) / FILE
    return path, as_record(
        read_toml(path, str(path)) if path.exists() else {}, ConfigTable, str(path)
    )
