"""The provenance of a result, which is all that is needed to make it again, and its stored form.

It is stored as the attributes of the group ``provenance``.  A record such as a checkpoint takes
several of them, under keys that begin alike: ``checkpoint.0.path``, ``checkpoint.0.digest``.  What
no field here stands for, as in the file of a newer version, is among the settings under its key.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lmctool.results.result import Attribute, Result

GROUP = "provenance"
ENVIRONMENT = ("versions.", "plugins.", "platform.")

Kind = Literal["input", "version", "setting"]
"""What a difference between two runs is one of: inputs by their content, versions, settings."""


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


def _stored(suffix: str, form: type, kind: Kind | None = None) -> Any:
    """Declare an optional field: the end of its key, its type (``dict`` is JSON), its kind."""
    return field(default=None, metadata={"suffix": suffix, "form": form, "kind": kind})


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """A checkpoint: where it was, its bytes, and its tensors, which storing anew leaves alone."""

    path: str | None = _stored(".path", str)
    sha256: str | None = _stored(".sha256", str)
    digest: str | None = _stored(".digest", str, "input")


@dataclass(frozen=True, slots=True)
class SeriesRecord:
    """The checkpoints of one training run: where they were, and their steps."""

    path: str | None = _stored(".path", str)
    steps: Sequence[int] | None = _stored(".steps", list, "input")


@dataclass(frozen=True, slots=True)
class ResultRecord:
    """An earlier result that an option names."""

    path: str | None = _stored(".path", str)
    sha256: str | None = _stored(".sha256", str, "input")


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A permutation spec, or the result whose permutation is applied."""

    path: str | None = _stored("", str)
    sha256: str | None = _stored(".sha256", str, "input")


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """The model, its arguments, and its origin."""

    spec: str | None = _stored("", str, "setting")
    arguments: Mapping[str, Any] | None = _stored(".arguments", dict, "setting")
    origin: str | None = _stored(".origin", str)


@dataclass(frozen=True, slots=True)
class DataRecord:
    """The data or the example input: its spec, the spec's origin, and where the data was."""

    spec: str | None = _stored("", str)
    origin: str | None = _stored(".origin", str)
    source: str | None = _stored(".source", str)


@dataclass(frozen=True, slots=True)
class SplitRecord:
    """The examples of a split that were read: their digest, and how many of how many."""

    digest: str | None = _stored(".digest", str, "input")
    examples: int | None = _stored(".examples", int, "setting")
    total: int | None = _stored(".of", int, "setting")


@dataclass(frozen=True, slots=True)
class ChoiceRecord:
    """A plugin selected by name, with the values of its own options."""

    name: str | None = _stored("", str, "setting")
    options: Mapping[str, Any] | None = _stored(".options", dict, "setting")


Input = CheckpointRecord | SeriesRecord | ResultRecord | FileRecord | DataRecord | SplitRecord
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a result comes from.  Every part may be missing: a file may hold anything.

    Attributes:
        command: the command line.
        options: the analysis's own options, as the user gave them.
        started: when the run started, in UTC as ISO 8601.
        finished: when it finished.
        key: one word for all that the numbers depend on.
        environment: versions of programs and the machine, by key.
        checkpoints: the checkpoints by number from "0", those of arguments first.
        series: the training runs by number, where arguments are runs.
        results: the earlier results that options name, by number.
        spec: the permutation spec.
        apply: the result whose permutation is applied.
        example: the example input.
        data: the data.
        splits: the splits that were read, by name.
        calibration: the calibration examples, if they were read.
        model: the model.
        aligner: the aligner.
        correction: the correction.
        settings: everything else, by key: seed, device, precision, task, and keys unknown here.
    """

    command: str | None = _stored("command", str)
    options: Mapping[str, Any] | None = _stored("options", dict)  # each is an entry by itself
    started: str | None = _stored("started", str)
    finished: str | None = _stored("finished", str)
    key: str | None = _stored("key", str)
    environment: Mapping[str, Attribute] = field(default_factory=dict)
    checkpoints: Mapping[str, CheckpointRecord] = field(default_factory=dict)
    series: Mapping[str, SeriesRecord] = field(default_factory=dict)
    results: Mapping[str, ResultRecord] = field(default_factory=dict)
    spec: FileRecord | None = None
    apply: FileRecord | None = None
    example: DataRecord | None = None
    data: DataRecord | None = None
    splits: Mapping[str, SplitRecord] = field(default_factory=dict)
    calibration: SplitRecord | None = None
    model: ModelRecord | None = None
    aligner: ChoiceRecord | None = None
    correction: ChoiceRecord | None = None
    settings: Mapping[str, Attribute] = field(default_factory=dict)

    @classmethod
    def of(cls, result: Result) -> Provenance:
        """Return the provenance of a result; empty where it has none."""
        group = result.groups.get(GROUP)
        return cls.read(group.attributes if group else {})

    @classmethod
    def read(cls, attributes: Mapping[str, Attribute]) -> Provenance:
        """Return the provenance that attributes store, with those of another type as settings."""
        rest = dict(attributes)
        return cls(
            **_values(rest, "", cls),
            environment={key: rest.pop(key) for key in [*rest] if key.startswith(ENVIRONMENT)},
            checkpoints=_several(rest, "checkpoint.", CheckpointRecord),
            series=_several(rest, "series.", SeriesRecord),
            results=_several(rest, "result.", ResultRecord),
            spec=_record(rest, "spec", FileRecord),
            apply=_record(rest, "apply", FileRecord),
            example=_record(rest, "example", DataRecord),
            data=_record(rest, "data", DataRecord),
            splits=_several(rest, "split.", SplitRecord),
            calibration=_record(rest, "calibration", SplitRecord),
            model=_record(rest, "model", ModelRecord),
            aligner=_record(rest, "aligner", ChoiceRecord),
            correction=_record(rest, "correction", ChoiceRecord),
            settings=rest,
        )

    def attributes(self) -> dict[str, Attribute]:
        """Return the attributes that store it."""
        return {entry.key: entry.value for entry in self.entries()}

    def entries(self) -> list[Entry]:
        """Return each attribute that stores it, with what a difference in it is one of."""
        return [
            *_entries("", self),
            *(Entry(key, value, "version") for key, value in self.environment.items()),
            *(entry for name, each in self.inputs().items() for entry in _entries(name, each)),
            *self.setting_entries(),
        ]

    def inputs(self) -> dict[str, Input]:
        """Return what the run read, by name: ``checkpoint.0``, ``split.test``, ``spec``."""
        named: dict[str, Input | None] = {
            **{f"checkpoint.{number}": record for number, record in self.checkpoints.items()},
            **{f"series.{number}": record for number, record in self.series.items()},
            **{f"result.{number}": record for number, record in self.results.items()},
            "spec": self.spec,
            "apply": self.apply,
            "example": self.example,
            "data": self.data,
            **{f"split.{name}": record for name, record in self.splits.items()},
            "calibration": self.calibration,
        }
        return {name: record for name, record in named.items() if record is not None}

    def setting_entries(self) -> list[Entry]:
        """Return the attributes that store the settings, the model and the selected plugins."""
        selected = (
            ("model", self.model),
            ("aligner", self.aligner),
            ("correction", self.correction),
        )
        return [
            *(Entry(key, value, "setting") for key, value in self.settings.items()),
            *(entry for name, record in selected if record for entry in _entries(name, record)),
        ]

    def option_entries(self) -> list[Entry]:
        """Return each of the analysis's options by itself, as ``options.NAME`` in JSON."""
        return [
            Entry(f"options.{name}", _json(value), "setting")
            for name, value in (self.options or {}).items()
        ]

    def paths(self) -> list[str]:
        """Return the files that arguments and options of the command name, in order."""
        named = (self.checkpoints, self.series, self.results)
        paths = [record.path for records in named for record in records.values()]
        return [path for path in paths if path is not None]


def _entries(prefix: str, record: Any) -> Iterator[Entry]:
    """Give the attributes that store the declared fields of a record."""
    for each in fields(record):
        value = getattr(record, each.name)
        if each.metadata and value is not None:
            stored = _json(value) if each.metadata["form"] is dict else value
            yield Entry(prefix + each.metadata["suffix"], stored, each.metadata["kind"])


def _json(value: Any) -> str:
    return json.dumps(value, default=str)


def _values(rest: dict[str, Attribute], prefix: str, kind: type) -> dict[str, Any]:
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


def _record(rest: dict[str, Attribute], prefix: str, kind: type[Record]) -> Record | None:
    values = _values(rest, prefix, kind)
    return kind(**values) if values else None


def _several(rest: dict[str, Attribute], prefix: str, kind: type[Record]) -> dict[str, Record]:
    """Take the records whose keys are a prefix, the record's name and the end of a field's key."""
    keys = [key.removeprefix(prefix) for key in rest if key.startswith(prefix)]
    names = dict.fromkeys(key.rpartition(".")[0] for key in keys)
    records = {name: _record(rest, prefix + name, kind) for name in names}
    return {name: record for name, record in records.items() if record is not None}
