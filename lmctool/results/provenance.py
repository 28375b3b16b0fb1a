"""The provenance of a result, which is all that is needed to make it again.

It is stored as the attributes of the group ``provenance``, written and read here alone.  Keys that
no field stands for, as in the file of a newer version, are among the settings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lmctool.results.provenance_records import (
    CheckpointRecord,
    ChoiceRecord,
    CodeRecord,
    DataRecord,
    DrawRecord,
    Entry,
    FileRecord,
    ModelRecord,
    ResultRecord,
    SeriesRecord,
    SplitRecord,
    WorkerRecord,
    as_json,
    record_entries,
    stored,
    take_record,
    take_records,
    take_values,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.results.provenance_records import Input
    from lmctool.results.result import Attribute, Result

GROUP = "provenance"
ENVIRONMENT = ("versions.", "plugins.", "platform.")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a result comes from.  Every part may be missing: a file may hold anything.

    Attributes:
        command: the command line.
        options: the analysis's own options, as the user gave them.
        started: when the run started, in UTC as ISO 8601.
        finished: when it finished.
        key: one word for all that the numbers depend on.
        probe: the losses of the first network on a few examples, in hexadecimal.
        environment: versions of programs and the machine, by key.
        code: the source of lmctool, of plugins and of the user's model, by module.
        checkpoints: the checkpoints by number from "0", those of arguments first.
        series: the training runs or forks by number, where arguments are such.
        results: the earlier results that options name, by number.
        spec: the permutation spec.
        apply: the result whose permutation is applied.
        example: the example input.
        data: the data.
        splits: the splits that were read, by name.
        calibration: the calibration examples, if they were read.
        draws: the draws of the calibration examples by number, where there are several; what is
            said of one alone is of the first.
        calib: the data that these are of, where it is other than ``data``.
        model: the model.
        aligner: the aligner.
        correction: the correction.
        merge: the way to merge networks.
        executor: what the work was spread by, where it was, as the user typed it.
        workers: who computed items of the run beside the process that wrote it, by number.
        settings: everything else, by key: seed, device, precision, task, and keys unknown here.
    """

    command: str | None = stored("command", str)
    options: Mapping[str, Any] | None = stored("options", dict)  # each is an entry by itself
    started: str | None = stored("started", str)
    finished: str | None = stored("finished", str)
    key: str | None = stored("key", str)
    probe: Sequence[str] | None = stored("probe", list)
    environment: Mapping[str, Attribute] = field(default_factory=dict)
    code: Mapping[str, CodeRecord] = field(default_factory=dict)
    checkpoints: Mapping[str, CheckpointRecord] = field(default_factory=dict)
    series: Mapping[str, SeriesRecord] = field(default_factory=dict)
    results: Mapping[str, ResultRecord] = field(default_factory=dict)
    spec: FileRecord | None = None
    apply: FileRecord | None = None
    example: DataRecord | None = None
    data: DataRecord | None = None
    splits: Mapping[str, SplitRecord] = field(default_factory=dict)
    calibration: SplitRecord | None = None
    draws: Mapping[str, DrawRecord] = field(default_factory=dict)
    calib: DataRecord | None = None
    model: ModelRecord | None = None
    aligner: ChoiceRecord | None = None
    correction: ChoiceRecord | None = None
    merge: ChoiceRecord | None = None
    executor: str | None = stored("executor", str)
    workers: Mapping[str, WorkerRecord] = field(default_factory=dict)
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
            **take_values(rest, "", cls),
            environment={key: rest.pop(key) for key in [*rest] if key.startswith(ENVIRONMENT)},
            code=take_records(rest, "code.", CodeRecord),
            checkpoints=take_records(rest, "checkpoint.", CheckpointRecord),
            series=take_records(rest, "series.", SeriesRecord),
            results=take_records(rest, "result.", ResultRecord),
            spec=take_record(rest, "spec", FileRecord),
            apply=take_record(rest, "apply", FileRecord),
            example=take_record(rest, "example", DataRecord),
            data=take_record(rest, "data", DataRecord),
            splits=take_records(rest, "split.", SplitRecord),
            calibration=take_record(rest, "calibration", SplitRecord),
            draws=take_records(rest, "draw.", DrawRecord),
            calib=take_record(rest, "calib", DataRecord),
            model=take_record(rest, "model", ModelRecord),
            aligner=take_record(rest, "aligner", ChoiceRecord),
            correction=take_record(rest, "correction", ChoiceRecord),
            merge=take_record(rest, "merge", ChoiceRecord),
            workers=take_records(rest, "worker.", WorkerRecord),
            settings=rest,
        )

    def attributes(self) -> dict[str, Attribute]:
        """Return the attributes that store it."""
        return {entry.key: entry.value for entry in self.entries()}

    def entries(self) -> list[Entry]:
        """Return each attribute that stores it, with what a difference in it is one of."""
        return [
            *record_entries("", self),
            *(Entry(key, value, "version") for key, value in self.environment.items()),
            *(
                entry
                for name, each in {**self._sources(), **self.inputs()}.items()
                for entry in record_entries(name, each)
            ),
            *self.setting_entries(),
            *(
                entry
                for number, record in self.workers.items()
                for entry in record_entries(f"worker.{number}", record)
            ),
        ]

    def _sources(self) -> dict[str, CodeRecord]:
        return {f"code.{name}": record for name, record in self.code.items()}

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
            **{f"draw.{number}": record for number, record in self.draws.items()},
            "calib": self.calib,
        }
        return {name: record for name, record in named.items() if record is not None}

    def setting_entries(self) -> list[Entry]:
        """Return the attributes that store the settings, the model and the selected plugins."""
        selected = (
            ("model", self.model),
            ("aligner", self.aligner),
            ("correction", self.correction),
            ("merge", self.merge),
        )
        return [
            *(Entry(key, value, "setting") for key, value in self.settings.items()),
            *(
                entry
                for name, record in selected
                if record
                for entry in record_entries(name, record)
            ),
        ]

    def option_entries(self) -> list[Entry]:
        """Return each of the analysis's options by itself, as ``options.NAME`` in JSON."""
        return [
            Entry(f"options.{name}", as_json(value), "setting")
            for name, value in (self.options or {}).items()
        ]

    def own_options(self) -> dict[str, Any]:
        """Return the analysis's own options, but for those that name files of the run."""
        files = set(self.paths())
        return {
            name: value
            for name, value in (self.options or {}).items()
            if not _names_files(value, files)
        }

    def paths(self) -> list[str]:
        """Return the files that arguments and options of the command name, in order."""
        named = (self.checkpoints, self.series, self.results)
        paths = [record.path for records in named for record in records.values()]
        return [path for path in paths if path is not None]


def _names_files(value: object, files: set[str]) -> bool:
    named = value if isinstance(value, list) else [value]
    return bool(named) and all(isinstance(name, str) and name in files for name in named)
