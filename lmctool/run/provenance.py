"""The provenance of a run's result: all that is needed to make it again."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.model.build import described
from lmctool.plugin.settings import AS_STORED
from lmctool.results.aggregate.aggregate import DRAW
from lmctool.results.alignments import together
from lmctool.results.doubt import GROUP as DOUBTS
from lmctool.results.doubt import doubt_group
from lmctool.results.provenance import GROUP, Provenance
from lmctool.results.provenance_records import (
    ChoiceRecord,
    DataRecord,
    DrawRecord,
    ModelRecord,
    WorkerRecord,
)
from lmctool.results.result import Attribute, Group, Result, Variable
from lmctool.results.score_metric import STANDARD
from lmctool.results.stored_metrics import GROUP as METRICS
from lmctool.results.stored_metrics import metrics_group
from lmctool.run.environment import now
from lmctool.run.identity import Identity
from lmctool.run.proof_groups import proof_groups
from lmctool.run.records import (
    calibration_split,
    data_record,
    evaluated_splits,
    preprocessings,
    split_record,
)
from lmctool.spread.tally import workers_of
from lmctool.symmetry.linear.stored import TRANSFORMS, transform_group
from lmctool.symmetry.linear.transform import LinearTransform, permutation_part
from lmctool.symmetry.stored import PERMUTATIONS, permutation_group
from lmctool.weights.spectral_norm import spectral_norms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.plugin.settings import Choice
    from lmctool.run.run import Run


def complete(run: Run, result: Result, *, command: str, options: Mapping[str, Any]) -> Result:
    """Return the result with its permutations, their proof, and its provenance.

    Raises:
        PluginError: something wrote into the first checkpoint's tensors meanwhile.
    """
    return recorded(run, proved(run, result), command=command, options=options)


def recorded(
    run: Run,
    result: Result,
    *,
    command: str,
    options: Mapping[str, Any],
    executor: str | None = None,
) -> Result:
    """Return the result with its provenance.

    Args:
        run: the run.
        result: what it found.
        command: the command line.
        options: the analysis's own options, as the user gave them.
        executor: what the work was spread by, as the user typed it; None where it was not.
    """
    workers = _workers(run)
    record = replace(
        provenance(run, command, options), executor=executor if workers else None, workers=workers
    )
    attributes = record.attributes()
    return replace(result, groups={**result.groups, GROUP: Group(indices(run), attributes)})


def proved(run: Run, result: Result) -> Result:
    """Return the result with its permutations, their proof, and what there is to doubt.

    Raises:
        PluginError: something wrote into the first checkpoint's tensors meanwhile.
    """
    run.resources.check_module()
    groups = {**result.groups, **run.alignments.groups()}
    if run.alignments.proved:
        movable, hidden = run.symmetries.units
        units: dict[str, Attribute] = {"movable_units": movable, "hidden_units": hidden}
        permutations = [
            replace(
                permutation_group(permutation_part(each.transform), each.tensors), attributes=units
            )
            for each in run.alignments.proved
        ]
        transforms = {
            number: transform_group(each.transform)
            for number, each in enumerate(run.alignments.proved)
            if isinstance(each.transform, LinearTransform)
        }
        groups |= together(PERMUTATIONS, dict(enumerate(permutations)))
        groups |= together(TRANSFORMS, transforms)
        groups |= proof_groups(run)
    if run.doubts.found:
        groups[DOUBTS] = doubt_group(run.doubts.found)
    if run.strategy is not None and run.metrics != STANDARD:
        groups[METRICS] = metrics_group(run.metrics)
    return replace(result, groups=groups)


def provenance(run: Run, command: str, options: Mapping[str, Any]) -> Provenance:
    """Return how a result came to be.

    Args:
        run: the run.
        command: the command line.
        options: the analysis's own options, as the user gave them.
    """
    identity = Identity(run, options)
    data, example = run.data, run.resources.sources.example
    calib, calibration = run.resources.sources.calib, calibration_split(run)
    taken = () if calibration is None else (calibration,)
    read = evaluated_splits(run) if calib else (*evaluated_splits(run), *taken)
    return replace(
        run.files,
        command=command,
        options=options,
        started=run.started,
        finished=now(),
        key=identity.key(calibrated=identity.calibrated),
        probe=list(run.probe) or None,
        example=DataRecord(example.spec, example.origin) if example else None,
        data=data_record(data, read) if data else None,
        splits={split.name: split_record(split) for split in evaluated_splits(run)},
        calibration=None if calibration is None else split_record(calibration),
        draws=_draws(run),
        calib=data_record(calib, taken) if calib else None,
        model=_model(run),
        aligner=_choice(run.settings.aligner),
        correction=_choice(run.settings.correction),
        merge=_choice(run.settings.merge),
        settings=_settings(run),
    )


def indices(run: Run) -> dict[str, Variable]:
    """Return which examples of each stored split were used, where not all were."""
    used = {f"split_{split.name.replace('.', '_')}": split for split in evaluated_splits(run)}
    calibration = calibration_split(run)
    if calibration is not None:
        used["calibration"] = calibration
    found = {
        f"index_{role}": Variable(
            split.index,
            (f"example_{role}",),
            long_name=f"positions in the stored split {split.name!r}"
            + (f" of the {split.owner}" if split.owner else ""),
        )
        for role, split in used.items()
        if len(split) < split.total
    }
    if calibration is not None and run.settings.draws > 1:
        index = np.stack([run.resources.draw(n).index for n in range(run.settings.draws)])
        dims = (DRAW, "example_calibration")
        found["index_calibration"] = replace(found["index_calibration"], values=index, dims=dims)
    return found


def _workers(run: Run) -> dict[str, WorkerRecord]:
    """Return who computed items of the run, those who computed most first."""
    folder = run.journal.folder
    items: Counter[tuple[str, str, str]] = Counter()
    for worker, count in workers_of(folder).items() if folder is not None else ():
        items[worker.host, worker.device, worker.differs] += count
    ordered = sorted(items, key=lambda place: (-items[place], place))
    return {
        str(number): WorkerRecord(host, device, items[host, device, differs], differs or None)
        for number, (host, device, differs) in enumerate(ordered)
    }


def _draws(run: Run) -> dict[str, DrawRecord]:
    """Return the draws of the calibration examples; none where there is one alone."""
    numbers = range(run.settings.draws if run.settings.draws > 1 else 0)
    draws = {str(number): run.resources.draw(number) for number in numbers}
    return {number: DrawRecord(draw.seed, draw.digest) for number, draw in draws.items()}


def _model(run: Run) -> ModelRecord | None:
    model = run.model
    if model is None:
        return None
    graph = run.resources.graph_of_user_code or None
    return ModelRecord(model.spec, model.arguments, model.origin, graph)


def _choice(choice: Choice | None) -> ChoiceRecord | None:
    return None if choice is None else ChoiceRecord(choice.name, choice.options)


def _settings(run: Run) -> dict[str, Attribute]:
    settings = run.settings
    attributes: dict[str, Attribute] = {
        "seed": settings.seed,
        "subset_seed": settings.subset_seed,
        "dtype": settings.dtype,
        "batch_size": run.batch_size.size,
        **run.arithmetic,
    }
    if settings.draws > 1:
        attributes["draws"] = settings.draws
    if settings.naming != AS_STORED:
        attributes["naming"] = json.dumps(asdict(settings.naming), sort_keys=True)
    if run.batch_size.before_halving is not None:
        attributes["batch_size.before_halving"] = run.batch_size.before_halving
    if run.strategy is not None:
        attributes["strategy"] = str(run.strategy)
        if run.strategy.given_up:
            attributes["strategy.given_up"] = run.strategy.given_up
    if settings.excepted:
        attributes["excepted"] = list(settings.excepted)
    for index in run.resources.own:
        model = run.resources.models[index]
        attributes[f"model.{index}"] = described(model.spec, model.arguments)
    if run.model is not None:
        attributes["batchnorm"] = settings.batchnorm
    if run.resources.forward.stochastic:
        attributes["stochastic"] = 1
    if run.count > 1 and spectral_norms(run.checkpoints[0].names):
        attributes["spectral_norm"] = "u and v are the singular vectors of each mixture"
    if run.ends_shared:
        attributes["aligned_ends"] = "have the scores of B, whose permutation is proved"
    for kind, count in run.resources.corrected.items():
        attributes[f"correction.{kind}"] = count
    if (
        run.data is not None
        and (answers := run.resources.forward.answers)
        and run.resources.forward.scored
    ):
        attributes["output"] = run.resources.forward.scored
        attributes["output.of"] = len(answers.outputs)
    if run.resources.sources.scores:
        attributes["score"] = list(settings.score)
    if run.task_name is not None:
        attributes["task"] = run.task_name
    calibration = calibration_split(run)
    attributes |= preprocessings(evaluated_splits(run), calibration)
    if calibration is not None:
        attributes["calibration.split"] = calibration.name
        attributes["calibration.batch"] = settings.calib_batch
        if (compared := run.calibration.compared_at_once) is not None:
            attributes["alignment.batch"] = compared
    return attributes
