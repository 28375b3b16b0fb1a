"""The records that a provenance is made of, and how attributes store one.

A record such as a checkpoint takes several attributes, under keys that begin alike:
``checkpoint.0.path``, ``checkpoint.0.digest``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lmctool.results.result import Attribute

Record = TypeVar("Record")
Kind = Literal["input", "version", "setting"]
"""What a difference between two runs is one of: files and data by their content, versions (of
programs, their source and the machine), settings."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored attribute.

    Attributes:
        key: its name.
        value: its value.
        kind: what a difference in it is one of; None where it changes no number by itself, as
            times and paths do.
    """

    key: str
    value: Attribute
    kind: Kind | None

    @property
    def text(self) -> str:
        """The value as text."""
        return self.value if isinstance(self.value, str) else json.dumps(self.value)


def stored(suffix: str, form: type, kind: Kind | None = None) -> Any:
    """Declare an optional field: the end of its key, its type (``dict`` is JSON), its kind."""
    return field(default=None, metadata={"suffix": suffix, "form": form, "kind": kind})


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """A checkpoint: where it was, its bytes, and its tensors, which storing anew leaves alone.

    Where the sum of its bytes comes from is ``file``, ``cache``, or ``skipped`` where none was
    wanted.  What became of its names, beyond what the user asked, is told in sentences.
    """

    path: str | None = stored(".path", str)
    sha256: str | None = stored(".sha256", str)
    sha256_from: str | None = stored(".sha256_from", str)
    digest: str | None = stored(".digest", str, "input")
    names: str | None = stored(".names", str, "input")


@dataclass(frozen=True, slots=True)
class SeriesRecord:
    """The checkpoints of one training run or fork: where they were, and the step of each."""

    path: str | None = stored(".path", str)
    steps: Sequence[int] | None = stored(".steps", list, "input")


@dataclass(frozen=True, slots=True)
class ResultRecord:
    """An earlier result that an option names."""

    path: str | None = stored(".path", str)
    sha256: str | None = stored(".sha256", str, "input")


@dataclass(frozen=True, slots=True)
class CodeRecord:
    """The source of a module, or of lmctool as a whole."""

    path: str | None = stored(".path", str)
    sha256: str | None = stored(".sha256", str, "version")


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A permutation spec, or the result whose permutation is applied."""

    path: str | None = stored("", str)
    sha256: str | None = stored(".sha256", str, "input")


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """The model, its arguments, its origin, and the digest of its graph where it is user code."""

    spec: str | None = stored("", str, "setting")
    arguments: Mapping[str, Any] | None = stored(".arguments", dict, "setting")
    origin: str | None = stored(".origin", str)
    graph: str | None = stored(".graph", str, "version")


@dataclass(frozen=True, slots=True)
class DataRecord:
    """The data or the example input: its spec, the spec's origin, and where the data was.

    Of data also what it was taken for, a sentence each, what its classes are called, and what
    became of its images by whose word.
    """

    spec: str | None = stored("", str)
    origin: str | None = stored(".origin", str)
    source: str | None = stored(".source", str)
    read_as: Sequence[str] | None = stored(".read_as", list, "setting")
    class_names: Sequence[str] | None = stored(".class_names", list, "input")
    images: str | None = stored(".images", str)


@dataclass(frozen=True, slots=True)
class SplitRecord:
    """The examples of a split that were read: their digest, how many of how many, chosen how."""

    digest: str | None = stored(".digest", str, "input")
    examples: int | None = stored(".examples", int, "setting")
    total: int | None = stored(".of", int, "setting")
    subset: str | None = stored(".subset", str, "setting")


@dataclass(frozen=True, slots=True)
class DrawRecord:
    """One draw of the calibration examples: the seed that chose them, and their digest."""

    seed: int | None = stored(".seed", int, "setting")
    digest: str | None = stored(".digest", str, "input")


@dataclass(frozen=True, slots=True)
class ChoiceRecord:
    """A plugin selected by name, with the values of its own options."""

    name: str | None = stored("", str, "setting")
    options: Mapping[str, Any] | None = stored(".options", dict, "setting")


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """The workers of one device of one machine: how many items of the run they computed.

    ``mixed`` says why they may have rounded differently, where they took part all the same.
    """

    host: str | None = stored(".host", str)
    device: str | None = stored(".device", str)
    items: int | None = stored(".items", int)
    mixed: str | None = stored(".mixed", str)


Input = (
    CheckpointRecord
    | SeriesRecord
    | ResultRecord
    | FileRecord
    | DataRecord
    | SplitRecord
    | DrawRecord
)


def record_entries(prefix: str, record: Any) -> Iterator[Entry]:
    """Give the attributes that store the declared fields of a record."""
    for each in fields(record):
        value = getattr(record, each.name)
        if each.metadata and value is not None:
            form = as_json(value) if each.metadata["form"] is dict else value
            yield Entry(prefix + each.metadata["suffix"], form, each.metadata["kind"])


def as_json(value: Any) -> str:
    """Return a value as JSON, with the text of what JSON has no form for, such as a path."""
    return json.dumps(value, default=str)


def take_values(rest: dict[str, Attribute], prefix: str, kind: type) -> dict[str, Any]:
    """Take the declared fields of a record from attributes, those that have the right type."""
    values = {}
    for each in fields(kind):
        if not each.metadata or (key := prefix + each.metadata["suffix"]) not in rest:
            continue
        value = _decoded(rest[key], each.metadata["form"])
        if value is not None:
            values[each.name] = value
            del rest[key]
    return values


def _decoded(value: Attribute, form: type) -> Any:
    """Return a value in its type, or None if it has another one."""
    if form is dict and isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):  # a file may hold anything
            return None
    return value if isinstance(value, form) else None


def take_record(rest: dict[str, Attribute], prefix: str, kind: type[Record]) -> Record | None:
    """Take a record from attributes; None if they store none."""
    values = take_values(rest, prefix, kind)
    return kind(**values) if values else None


def take_records(rest: dict[str, Attribute], prefix: str, kind: type[Record]) -> dict[str, Record]:
    """Take the records whose keys are a prefix, the record's name and the end of a field's key."""
    keys = [key.removeprefix(prefix) for key in rest if key.startswith(prefix)]
    names = dict.fromkeys(key.rpartition(".")[0] for key in keys)
    records = {name: take_record(rest, prefix + name, kind) for name in names}
    return {name: record for name, record in records.items() if record is not None}
