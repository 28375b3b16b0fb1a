"""lmctool.toml and the environment: the user's standing choices."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError, did_you_mean
from lmctool.files.toml import read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "lmctool.toml"
KEYS: Mapping[str, Mapping[str, type]] = {
    "model": {"spec": str, "arguments": dict},
    "data": {"spec": str, "paths": dict},
}
"""What each section may say, and as what."""
ENVIRONMENT = {
    "model.spec": "LMCTOOL_MODEL",
    "data.spec": "LMCTOOL_DATASET",
    "data.folder": "LMCTOOL_DATA",
}
"""The environment variable that stands before each choice of the file."""


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
        LmctoolError: the file is no TOML, or has a key that means nothing.
    """
    path = (folder or Path.cwd()) / FILE
    table = _checked(path)
    model, data = table.get("model", {}), table.get("data", {})
    folder_of_data = os.environ.get("LMCTOOL_DATA")
    return Config(
        model=model.get("spec"),
        model_arguments=model.get("arguments", {}),
        data=data.get("spec"),
        data_paths={name: path.parent / value for name, value in data.get("paths", {}).items()},
        environment_model=os.environ.get("LMCTOOL_MODEL"),
        environment_data=os.environ.get("LMCTOOL_DATASET"),
        data_folder=Path(folder_of_data) if folder_of_data else None,
    )


def origins(folder: Path | None = None) -> list[tuple[str, str, str]]:
    """Return each standing choice by its key: the value, and where it was found.

    Raises:
        LmctoolError: as ``load``.
    """
    path = (folder or Path.cwd()) / FILE
    found = {
        f"{section}.{key}": (str(value), str(path))
        for section, values in _checked(path).items()
        for key, value in values.items()
    }
    for key, variable in ENVIRONMENT.items():
        if os.environ.get(variable):
            found[key] = (os.environ[variable], f"${variable}")
    keys = [f"{section}.{key}" for section, keys in KEYS.items() for key in keys]
    return [(key, *found.get(key, ("", "not set"))) for key in dict.fromkeys([*keys, *ENVIRONMENT])]


def _checked(path: Path) -> dict[str, Any]:
    """Return what the file says, empty where there is none; every key of it is known."""
    table = read_toml(path, str(path)) if path.is_file() else {}
    for section, values in table.items():
        if section not in KEYS or not isinstance(values, dict):
            told = _unknown(section, list(KEYS))
            raise LmctoolError(f"{path} has no section [{section}]; {told}")
        for key, value in values.items():
            if key not in KEYS[section]:
                told = _unknown(key, list(KEYS[section]))
                raise LmctoolError(f"{path} has an unknown key {key!r} in [{section}]; {told}")
            _check(value, KEYS[section][key], f"{key!r} in [{section}] of {path}")
    return table


def _unknown(word: str, known: list[str]) -> str:
    return f"{did_you_mean(word, known)}known: {', '.join(sorted(known))}"


def _check(value: Any, kind: type, where: str) -> None:
    """Refuse a value of another kind; the paths of data are texts as well."""
    if not isinstance(value, kind):
        wanted = "a text in quotes" if kind is str else "a table"
        raise LmctoolError(f"{where} is {value!r}, which is not {wanted}")
    if isinstance(value, dict) and where.startswith("'paths'"):
        for name, path in value.items():
            _check(path, str, f"{name!r} of {where}")
