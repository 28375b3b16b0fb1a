"""The provenance of a run's result: all that is needed to make it again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lmctool.checkpoint.checkpoint import identify_all
from lmctool.results.doubt import GROUP as DOUBTS
from lmctool.results.doubt import doubt_group
from lmctool.results.provenance import GROUP, Provenance
from lmctool.results.provenance_records import (
    CheckpointRecord,
    ChoiceRecord,
    DataRecord,
    FileRecord,
    ModelRecord,
    ResultRecord,
    SeriesRecord,
    SplitRecord,
)
from lmctool.results.result import Attribute, Group, Result, Variable
from lmctool.run.environment import environment, now
from lmctool.symmetry.stored import PERMUTATIONS, permutation_group
from lmctool.weights.spectral_norm import spectral_norms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from lmctool.data.split import Split
    from lmctool.plugin.settings import Choice
    from lmctool.run.run import Run


Record = TypeVar("Record")


def complete(run: Run, result: Result, *, command: str, options: Mapping[str, Any]) -> Result:
    """Return the result with its permutations, their proof, and its provenance.

    Raises:
        PluginError: something wrote into the first checkpoint's tensors meanwhile.
    """
    run.resources.check_module()
    groups = {**result.groups, **run.alignments.groups()}
    if run.alignments.proved:
        for number, alignment in enumerate(run.alignments.proved):
            place = f"{PERMUTATIONS}/{number}" if number else PERMUTATIONS
            groups[place] = permutation_group(alignment.permutation)
        groups["proof"] = _proofs(run)
    if run.doubts:
        groups[DOUBTS] = doubt_group(run.doubts)
    attributes = provenance(run, command, options).attributes()
    groups[GROUP] = Group(indices(run), attributes)
    return replace(result, groups=groups)


def _proofs(run: Run) -> Group:
    """Return what the proof of every alignment showed."""
    proofs = [
        asdict(proof) | {"holds": proof.holds}
        for proof in (each.proof for each in run.alignments.proved)
    ]
    meanings = {
        "difference": "greatest absolute difference of an output of f(pi(B)) and f(B)",
        "tolerance": "greatest difference that rounding explains",
        "scale": "greatest absolute output",
        "examples": "examples compared",
        "holds": "whether the two are the same function",
    }
    numbers = np.array([str(number) for number in range(len(proofs))], dtype=object)
    pairs = Variable(numbers, ("alignment",), long_name="alignment")
    variables = {"alignment": pairs} | {
        key: Variable(np.array([proof[key] for proof in proofs]), ("alignment",), "1", meaning)
        for key, meaning in meanings.items()
    }
    dtypes = [str(proof["dtype"]) for proof in proofs]
    return Group(variables, {"dtype": dtypes})


def identity(run: Run, options: Mapping[str, Any]) -> dict[str, str]:
    """Return what the numbers of a run depend on, but for its data, by name.

    Args:
        run: the run.
        options: the analysis's own options, as the user gave them.
    """
    return _identity(run, options, _files(run))


def key(identity: Mapping[str, str]) -> str:
    """Return one word that stands for an identity: its SHA-256."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def provenance(run: Run, command: str, options: Mapping[str, Any]) -> Provenance:
    """Return how a result came to be.

    Args:
        run: the run.
        command: the command line.
        options: the analysis's own options, as the user gave them.
    """
    files = _files(run)
    model, data, example = run.model, run.data, run.resources.sources.example
    calibration = _calibration(run)
    return replace(
        files,
        command=command,
        options=options,
        started=run.started,
        finished=now(),
        key=key(_identity(run, options, files)),
        example=DataRecord(example.spec, example.origin) if example else None,
        data=DataRecord(data.spec, data.origin, data.dataset.source) if data else None,
        splits={split.name: _split(split) for split in _splits(run)},
        calibration=None if calibration is None else _split(calibration),
        model=ModelRecord(model.spec, model.arguments, model.origin) if model else None,
        aligner=_choice(run.settings.aligner),
        correction=_choice(run.settings.correction),
        settings=_settings(run),
    )


def indices(run: Run) -> dict[str, Variable]:
    """Return which examples of each stored split were used, where not all were."""
    used = {f"split_{split.name.replace('.', '_')}": split for split in _splits(run)}
    if (calibration := _calibration(run)) is not None:
        used["calibration"] = calibration
    return {
        f"index_{role}": Variable(
            split.index,
            (f"example_{role}",),
            long_name=f"positions in the stored split {split.name!r}",
        )
        for role, split in used.items()
        if len(split) < split.total
    }


def _identity(run: Run, options: Mapping[str, Any], files: Provenance) -> dict[str, str]:
    settings = asdict(run.settings)
    for name in ("checkpoints", "others", "series", "results", "spec", "apply", "device"):
        del settings[name]
    parts: dict[str, Any] = {
        "analysis": run.name,
        **{f"options.{name}": value for name, value in options.items()},
        **settings,
        **run.arithmetic,
        **files.environment,
        **{entry.key: entry.value for entry in files.entries() if entry.kind == "input"},
    }
    if run.model is not None:
        parts |= {"model": run.model.spec, "model.arguments": dict(run.model.arguments)}
    if run.data is not None:
        parts["data"] = run.data.spec
    if run.resources.sources.example is not None:
        parts["example"] = run.resources.sources.example.spec
    del parts["platform.release"]  # of the kernel
    return {name: json.dumps(value, default=str, sort_keys=True) for name, value in parts.items()}


def _files(run: Run) -> Provenance:
    """Return the provenance as far as programs and files make it, with digests of the files."""
    identify_all(run.checkpoints)
    settings = run.settings
    return Provenance(
        environment=environment(),
        checkpoints=_numbered(
            CheckpointRecord(str(checkpoint.path), checkpoint.sha256, checkpoint.digest)
            for checkpoint in run.checkpoints
        ),
        series=_numbered(SeriesRecord(str(each.path), list(each.steps)) for each in run.series),
        results=_numbered(ResultRecord(str(path), _sha256(path)) for path in settings.results),
        spec=_file(settings.spec),
        apply=_file(settings.apply),
    )


def _numbered(records: Iterable[Record]) -> dict[str, Record]:
    return {str(number): record for number, record in enumerate(records)}


def _file(path: Path | None) -> FileRecord | None:
    return None if path is None else FileRecord(str(path), _sha256(path))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _splits(run: Run) -> tuple[Split, ...]:
    return run.splits if run.data is not None else ()


def _calibration(run: Run) -> Split | None:
    """Return the calibration split if the run read it."""
    return run.calibration.split if run.data is not None and run.resources.calibrated else None


def _split(split: Split) -> SplitRecord:
    return SplitRecord(split.digest, len(split), split.total)


def _choice(choice: Choice | None) -> ChoiceRecord | None:
    return None if choice is None else ChoiceRecord(choice.name, choice.options)


def _settings(run: Run) -> dict[str, Attribute]:
    settings = run.settings
    attributes: dict[str, Attribute] = {
        "seed": settings.seed,
        "dtype": settings.dtype,
        "batch_size": run.batch_size.size,
        **run.arithmetic,
    }
    if run.strategy:
        attributes["strategy"] = run.strategy
    if run.model is not None:
        attributes["batchnorm"] = settings.batchnorm
    if run.count > 1 and spectral_norms(run.checkpoints[0].names):
        attributes["spectral_norm"] = "u and v of each mixture by power iteration"
    if run.data is not None:
        attributes["task"] = settings.task or run.data.dataset.task
    calibration = _calibration(run)
    for split in (*_splits(run), *(() if calibration is None else (calibration,))):
        scaling = {"scale": split.scale, "mean": list(split.mean), "std": list(split.std)}
        attributes["preprocessing"] = json.dumps(scaling)
    if calibration is not None:
        attributes["calibration.split"] = settings.calib_split
        attributes["calibration.batch"] = settings.calib_batch
    return attributes
