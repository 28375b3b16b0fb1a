"""The records of what a run reads and runs on: files, code, examples, programs and the machine."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, TypeVar

from lmctool.checkpoint.checkpoint import identify_all
from lmctool.checkpoint.file_sums import FileSums
from lmctool.evaluate.machine import machine
from lmctool.results.provenance import Provenance
from lmctool.results.provenance_records import (
    CheckpointRecord,
    CodeRecord,
    DataRecord,
    FileRecord,
    ResultRecord,
    SeriesRecord,
    SplitRecord,
)
from lmctool.run.environment import environment, plugin_code, versions_of
from lmctool.run.preparation import told

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lmctool.checkpoint import Checkpoint
    from lmctool.data.resolve import Data
    from lmctool.data.split import Split
    from lmctool.plugin.data_records import Dataset, Preprocessing
    from lmctool.run.run import Run

Record = TypeVar("Record")
MOST_NAMES = 300
"""Names of classes that are recorded one by one."""


def files(run: Run) -> Provenance:
    """Return the provenance as far as files, code, programs and the machine make it.

    The checkpoints are read whole, once, for their digests and the sums of their files.
    """
    settings = run.settings
    sums = FileSums(run.resources.cache, wanted=not settings.no_hash)
    identify_all(run.checkpoints, sums)
    code = plugin_code()
    for model in run.resources.models.values():
        code |= model.code
    if run.resources.sources.task is not None:
        code |= run.resources.sources.task.code
    for data in (run.data, run.resources.sources.calib):
        if data is not None and data.code is not None:
            evaluated_splits(run)  # their loaders may import more
            code |= data.code()
    sources = code.sources.items()
    return Provenance(
        environment={**environment(), **versions_of(code.packages), **machine(run.device)},
        code={name: CodeRecord(source.path, source.sha256) for name, source in sources},
        checkpoints=_numbered(_checkpoint(checkpoint, sums) for checkpoint in run.checkpoints),
        series=_numbered(SeriesRecord(str(each.path), list(each.steps)) for each in run.series),
        results=_numbered(ResultRecord(str(path), _sha256(path)) for path in settings.results),
        spec=_file(settings.spec),
        apply=_file(settings.apply),
    )


def _checkpoint(checkpoint: Checkpoint, sums: FileSums) -> CheckpointRecord:
    own = checkpoint.file_sum if sums.wanted else sums.known(checkpoint.files)
    return CheckpointRecord(
        str(checkpoint.path),
        None if own is None else own.sha256,
        None if own is None else own.origin,
        checkpoint.digest,
        "; ".join(checkpoint.remarks) or None,
    )


def evaluated_splits(run: Run) -> tuple[Split, ...]:
    """Return the splits that the user asked to evaluate on; none where there is no data."""
    return run.splits if run.data is not None else ()


def calibration_split(run: Run) -> Split | None:
    """Return the calibration split if the run read it."""
    return run.calibration.split if run.data is not None and run.resources.calibrated else None


def data_record(data: Data, splits: Iterable[Split]) -> DataRecord:
    """Return the record of the data, of which these splits were read."""
    dataset = data.dataset
    prepared = (told(split.images) for split in splits if split.images is not None)
    return DataRecord(
        data.spec,
        data.origin,
        dataset.source,
        list(dataset.read_as) or None,
        class_names(dataset) or None,
        next(prepared, None),
    )


def class_names(dataset: Dataset) -> list[str]:
    """Return what the classes are called; of very many their number and digest instead."""
    names = list(dataset.class_names)
    if len(names) <= MOST_NAMES:
        return names
    text = json.dumps(names)
    return [f"{len(names)} names of sha256 {hashlib.sha256(text.encode()).hexdigest()}"]


def split_record(split: Split) -> SplitRecord:
    """Return the record of a split."""
    return SplitRecord(split.digest, len(split), split.total, split.way)


def preprocessing(split: Split) -> dict[str, Any]:
    """Return what is done to the stored inputs of a split before the model sees them."""
    done = {"scale": split.scale, "mean": list(split.mean), "std": list(split.std)}
    return done if split.images is None else {**done, "images": image_record(split.images)}


def preprocessings(splits: Sequence[Split], calibration: Split | None) -> dict[str, str]:
    """Return what is done to inputs, as JSON by the key of a provenance.

    Args:
        splits: the evaluated splits, which are prepared alike.
        calibration: the calibration examples if they were read; what is done to them has a key of
            its own where it is something else.
    """
    done = {}
    if splits:
        done["preprocessing"] = json.dumps(preprocessing(splits[-1]))
    if calibration is not None:
        text = json.dumps(preprocessing(calibration))
        if done.setdefault("preprocessing", text) != text:
            done["calibration.preprocessing"] = text
    return done


def image_record(how: Preprocessing) -> dict[str, Any]:
    """Return what makes inputs of images; nothing of an interpolation where none is resized."""
    filters = {"interpolation": how.interpolation} if how.resize else {}
    return {"resize": how.resize or (), "crop": how.crop, "channels": how.channels, **filters}


def _numbered(records: Iterable[Record]) -> dict[str, Record]:
    return {str(number): record for number, record in enumerate(records)}


def _file(path: Path | None) -> FileRecord | None:
    return None if path is None else FileRecord(str(path), _sha256(path))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
