"""lmctool.toml and the environment: the user's standing choices."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "lmctool.toml"
KEYS = {"model": {"spec", "arguments"}, "data": {"spec", "paths"}}


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
    table = _table(path) if path.is_file() else {}
    for section, values in table.items():
        if section not in KEYS or not isinstance(values, dict):
            raise LmctoolError(f"{path} has no section [{section}]; there are {sorted(KEYS)}")
        for key in values.keys() - KEYS[section]:
            known = ", ".join(sorted(KEYS[section]))
            raise LmctoolError(f"{path} has an unknown key {key!r} in [{section}]; known: {known}")
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


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as cause:
        raise LmctoolError(f"{path} cannot be read as TOML: {cause}") from cause
