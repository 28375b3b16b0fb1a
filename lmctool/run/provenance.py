"""The provenance of a run's result: all that is needed to make it again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.checkpoint.checkpoint import identify_all
from lmctool.results.result import Attribute, Group, Result, Variable
from lmctool.run.environment import environment, now
from lmctool.symmetry.stored import PERMUTATIONS, permutation_group

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lmctool.data.split import Split
    from lmctool.run.run import Run


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
    groups["provenance"] = Group(indices(run), provenance(run, command, options))
    return replace(result, groups=groups)


def _proofs(run: Run) -> Group:
    """Return what the proof of every alignment showed."""
    proofs = [
        asdict(proof) | {"holds": proof.holds}
        for proof in (each.proof for each in run.alignments.proved)
    ]
    shown = {
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
        for key, meaning in shown.items()
    }
    dtypes = [str(proof["dtype"]) for proof in proofs]
    return Group(variables, {"dtype": dtypes})


def identity(run: Run, options: Mapping[str, Any]) -> dict[str, str]:
    """Return what the numbers of a run depend on, but for its data, by name.

    Args:
        run: the run.
        options: the analysis's own options, as the user gave them.
    """
    return _identity(run, options, environment(), _inputs_by_content(run))


def _identity(
    run: Run,
    options: Mapping[str, Any],
    machine: Mapping[str, Attribute],
    content: Mapping[str, Attribute],
) -> dict[str, str]:
    settings = asdict(run.settings)
    for name in ("checkpoints", "others", "series", "results", "spec", "apply", "device"):
        del settings[name]
    said: dict[str, Any] = {
        "analysis": run.name,
        **{f"options.{name}": value for name, value in options.items()},
        **settings,
        **run.arithmetic,
        **machine,
        **content,
    }
    if run.model is not None:
        said |= {"model": run.model.spec, "model.arguments": dict(run.model.arguments)}
    if run.data is not None:
        said["data"] = run.data.spec
    if run.resources.sources.example is not None:
        said["example"] = run.resources.sources.example.spec
    said.pop("platform.release")  # of the kernel
    return {name: json.dumps(value, default=str, sort_keys=True) for name, value in said.items()}


def key(identity: Mapping[str, str]) -> str:
    """Return one word that says what ``identity`` does."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def _used(run: Run) -> dict[str, Split]:
    """Return the splits that the run read, by the role they had."""
    if run.data is None:
        return {}
    used = {f"split.{split.name}": split for split in run.splits}
    if run.resources.calibrated:
        used["calibration"] = run.calibration.split
    return used


def indices(run: Run) -> dict[str, Variable]:
    """Return which examples of each stored split were used, where not all were."""
    return {
        f"index_{role.replace('.', '_')}": Variable(
            split.index,
            (f"example_{role.replace('.', '_')}",),
            long_name=f"positions in the stored split {split.name!r}",
        )
        for role, split in _used(run).items()
        if len(split) < split.total
    }


def provenance(run: Run, command: str, options: Mapping[str, Any]) -> dict[str, Attribute]:
    """Return the attributes that say how a result came to be."""
    settings = run.settings
    machine, content = environment(), _inputs_by_content(run)
    said: dict[str, Attribute] = {
        "command": command,
        "options": json.dumps(dict(options), default=str),
        "started": run.started,
        "finished": now(),
        "seed": settings.seed,
        "dtype": settings.dtype,
        "batch_size": run.batch_size.size,
        **run.arithmetic,
        **machine,
    }
    for number, checkpoint in enumerate(run.checkpoints):
        said[f"checkpoint.{number}.path"] = str(checkpoint.path)
        said[f"checkpoint.{number}.sha256"] = checkpoint.sha256
    for number, series in enumerate(run.series):
        said[f"series.{number}.path"] = str(series.path)
    for number, result in enumerate(settings.results):
        said[f"result.{number}.path"] = str(result)
    said |= content
    said["key"] = key(_identity(run, options, machine, content))
    if run.strategy:
        said["strategy"] = run.strategy
    if run.model is not None:
        said["model"] = run.model.spec
        said["model.arguments"] = json.dumps(dict(run.model.arguments))
        said["model.origin"] = run.model.origin
        said["batchnorm"] = settings.batchnorm
    if run.resources.sources.example is not None:
        said["example"] = run.resources.sources.example.spec
        said["example.origin"] = run.resources.sources.example.origin
    for role, path in (("spec", settings.spec), ("apply", settings.apply)):
        if path is not None:
            said[role] = str(path)
    if run.data is not None:
        said["data"] = run.data.spec
        said["data.origin"] = run.data.origin
        said["data.source"] = run.data.dataset.source
        said["task"] = settings.task or run.data.dataset.task
    for role, split in _used(run).items():
        said[f"{role}.digest"] = split.digest
        said[f"{role}.examples"] = len(split)
        said[f"{role}.of"] = split.total
        said["preprocessing"] = json.dumps(
            {"scale": split.scale, "mean": list(split.mean), "std": list(split.std)}
        )
    if run.resources.calibrated:
        said["calibration.split"] = settings.calib_split
        said["calibration.batch"] = settings.calib_batch
    for kind, choice in (("aligner", settings.aligner), ("correction", settings.correction)):
        if choice is not None:
            said[kind] = choice.name
            said[f"{kind}.options"] = json.dumps(dict(choice.options), default=str)
    return said


def _inputs_by_content(run: Run) -> dict[str, Attribute]:
    """Return the digests of the files that a run reads, and the steps of its series."""
    identify_all(run.checkpoints)
    said: dict[str, Attribute] = {}
    for number, checkpoint in enumerate(run.checkpoints):
        said[f"checkpoint.{number}.digest"] = checkpoint.digest
    for number, series in enumerate(run.series):
        said[f"series.{number}.steps"] = list(series.steps)
    for number, result in enumerate(run.settings.results):
        said[f"result.{number}.sha256"] = _sha256(result)
    for role, path in (("spec", run.settings.spec), ("apply", run.settings.apply)):
        if path is not None:
            said[f"{role}.sha256"] = _sha256(path)
    return said


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
