"""The identity of a run: all that its numbers depend on, by name.

``--resume`` goes on with the work of a run of the same identity alone; the key of a result is one
word for it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lmctool.plugin.given import Given
from lmctool.plugin.settings import AS_STORED
from lmctool.run.records import class_names, evaluated_splits, preprocessing, preprocessings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.data.split import Split
    from lmctool.results.provenance import Provenance
    from lmctool.run.run import Run

CALIBRATION = "calibration"
CALIBRATION_PARTS = f"{CALIBRATION}."
MACHINE_PARTS = ("device", "platform.", "versions.")
"""How the names of parts begin that say on which machine, and with which libraries."""
NOTHING = "nothing"
UNEXPLAINED = (
    "the first network's losses on the first examples are others here, though its code, data,"
    " versions and settings are the same; perhaps a file that the model reads has changed, or the"
    " processor or a library of this machine is another"
)
SAID_OTHERWISE = ("batch_size", "calib", "data", "example", "strategy")
"""Parts that a provenance says in other words, or with what came of them."""
IN_JSON = ("preprocessing", "calibration.preprocessing", "naming")
"""Attributes of a provenance that are JSON already."""
FILES = ("checkpoints", "others", "series", "results", "spec", "apply")
SLOTS = ("aligner", "correction", "merge")
"""Settings that choose a plugin."""
NO_CAUSES = (*FILES, "device", "given", "no_cache", "no_hash", "repeats", "trust", "trust_config")
"""Settings whose files and objects count by content, that the arithmetic says better, that stand
for what a run of its own would choose, that allow code, or that say what is kept for later runs or
what a record tells of files."""


class Identity:
    """What the numbers of a run depend on; it is found when it is first asked for.

    Attributes:
        run: the run.
        options: the analysis's own options, as the user gave them.
    """

    def __init__(self, run: Run, options: Mapping[str, Any]) -> None:
        """Take the run; nothing is read yet."""
        self.run = run
        self.options = options

    @property
    def calibrated(self) -> bool:
        """Whether the run has read its calibration examples by now."""
        return self.run.data is not None and self.run.resources.calibrated

    def parts(self, *, calibrated: bool) -> dict[str, str]:
        """Return each thing that the numbers depend on, as JSON, by name.

        What brings others with it stands before them: a seed chooses the examples.

        Args:
            calibrated: count the calibration examples, which are read for it.
        """
        data = self._data | (self._calibration if calibrated else {})
        return {**self._asked, **data, **self._machine}

    def key(self, *, calibrated: bool) -> str:
        """Return one word that stands for all of it, and for the other draws of ``--repeat``."""
        return key_of(self.parts(calibrated=calibrated) | (self.draws if calibrated else {}))

    @cached_property
    def _asked(self) -> dict[str, str]:
        """The files, the settings and the code."""
        run, example = self.run, self.run.resources.sources.example
        parts: dict[str, Any] = {"analysis": run.name}
        parts |= {e.key: e.value for e in self.run.files.entries() if e.kind == "input"}
        parts |= {f"options.{name}": value for name, value in self.options.items()}
        settings = asdict(replace(run.settings, given=Given()))  # it copies all that they hold
        parts |= {n: v for n, v in settings.items() if n not in NO_CAUSES}
        parts |= {f"code.{name}": each.sha256 for name, each in self.run.files.code.items()}
        if run.model is not None:
            parts |= {"model": run.model.spec, "model.arguments": dict(run.model.arguments)}
            parts["model.graph"] = run.resources.graph_of_user_code
            parts["output"] = run.resources.forward.output
        for index, own in run.resources.own.items():
            model, graph = run.resources.models[index], own.graph_of_user_code
            parts[f"model.{index}"] = [model.spec, dict(model.arguments), graph]
        if run.data is not None:
            parts["task"] = run.task_name
        for role, data in (("data", run.data), ("calib", run.resources.sources.calib)):
            if data is not None:
                told = {"read_as": data.dataset.read_as, "class_names": class_names(data.dataset)}
                parts[role] = data.spec
                parts |= {f"{role}.{name}": value for name, value in told.items() if value}
        if example is not None:
            parts["example"] = example.spec
        return _texts(parts)

    @cached_property
    def _data(self) -> dict[str, str]:
        splits = [_split(f"split.{split.name}", split) for split in evaluated_splits(self.run)]
        return {name: text for split in splits for name, text in split.items()}

    @cached_property
    def _calibration(self) -> dict[str, str]:
        split = self.run.calibration.split
        return _texts({f"{CALIBRATION}.split": split.name}) | _split(CALIBRATION, split)

    @cached_property
    def draws(self) -> dict[str, str]:
        """The examples of each draw but the first; those not read before are read for it."""
        numbers, draw = range(1, self.run.settings.draws), self.run.resources.draw
        return _texts({f"draw.{number}.digest": draw(number).digest for number in numbers})

    @cached_property
    def _machine(self) -> dict[str, str]:
        parts = {**self.run.arithmetic, **self.run.files.environment}
        parts["device"] = self.run.device.type  # which of equal GPUs it is decides no number
        del parts["platform.release"]  # of the kernel
        return _texts(parts)


def key_of(parts: Mapping[str, str]) -> str:
    """Return one word that stands for the parts of an identity."""
    return hashlib.sha256(json.dumps(dict(parts), sort_keys=True).encode()).hexdigest()


def without_machine(parts: Mapping[str, str]) -> dict[str, str]:
    """Return the parts of an identity that no machine may differ in, whatever its bits are."""
    return {name: text for name, text in parts.items() if not name.startswith(MACHINE_PARTS)}


def in_words_of(earlier: Mapping[str, str], parts: Mapping[str, str], run: Run) -> dict[str, str]:
    """Return the parts of an identity, with the digests of checkpoints as an earlier one has them.

    A version that took another digest told the same tensors otherwise: where its digest is still
    that of a run's checkpoint, nothing has changed.

    Args:
        earlier: the parts of the earlier one.
        parts: those of the run.
        run: the run.
    """
    told = dict(parts)
    for index, checkpoint in enumerate(run.checkpoints):
        name = f"checkpoint.{index}.digest"
        recorded = earlier.get(name, parts[name]).strip('"')
        if recorded != checkpoint.digest and checkpoint.has_digest(recorded):
            told[name] = earlier[name]
    return told


def first_difference(earlier: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return the first part in which two identities differ, in words; empty if in none."""
    names = [name for name in {**now, **earlier} if earlier.get(name) != now.get(name)]
    if not names:
        return ""
    was, is_now = (parts.get(names[0], NOTHING) for parts in (earlier, now))
    kind, _, subject = names[0].partition(".")
    if kind == "code":
        return f"the source of {subject} has changed"
    if names[0] == "model.graph":
        return "the model's code makes another network"
    if names[0].endswith(".digest") and kind != "checkpoint":
        what = f"split {subject.removesuffix('.digest')!r}" if kind == "split" else names[0]
        return f"the content of the data has changed: {what} was {was} and is {is_now}"
    return f"{names[0]} was {was} and is {is_now}"


def objection(earlier: Provenance, identity: Identity) -> str:
    """Return why a result is of another run, in words; empty if it is of this very one."""
    calibrated = earlier.calibration is not None
    if earlier.key == identity.key(calibrated=calibrated):
        same = tuple(earlier.probe or ()) == identity.run.probe
        return "" if same else UNEXPLAINED
    stored = [*earlier.entries(), *earlier.option_entries()]
    then = _texts({"draws": 1})
    then |= {entry.key: json.dumps(entry.value, sort_keys=True) for entry in stored}
    then |= {f"code.{name}": json.dumps(each.sha256) for name, each in earlier.code.items()}
    texts = (*(e for e in stored if e.key in IN_JSON), *earlier.option_entries())
    then |= _texts({"naming": asdict(AS_STORED)})
    then |= {entry.key: str(entry.value) for entry in texts}
    if earlier.model is not None:
        then |= _texts({"model.arguments": dict(earlier.model.arguments or {})})
    slots = {name: getattr(earlier, name) for name in SLOTS}
    then |= {name: json.dumps(record and record.name) for name, record in slots.items()}
    now = {"preprocessing": NOTHING, **identity.parts(calibrated=calibrated)}  # changes digests
    now |= _as_recorded(identity.run, calibrated=calibrated)
    now |= identity.draws if calibrated else {}
    now = in_words_of(then, now, identity.run)
    common = [name for name in now if name in then and name not in SAID_OTHERWISE]
    difference = first_difference({n: then[n] for n in common}, {n: now[n] for n in common})
    return difference or "it was made with other settings or versions"


def _as_recorded(run: Run, *, calibrated: bool) -> dict[str, str]:
    """Return what a provenance says in other words than the parts: plugins and preprocessing."""
    slots = {name: getattr(run.settings, name) for name in SLOTS}
    calibration = run.calibration.split if calibrated else None
    done = preprocessings(evaluated_splits(run), calibration)
    names = {name: choice and choice.name for name, choice in slots.items()}
    if run.model is not None and run.resources.forward.scored:
        names["output"] = run.resources.forward.scored
    return _texts(names) | done


def _split(name: str, split: Split) -> dict[str, str]:
    """Return what tells the examples of a split, as the model sees them, from others."""
    return _texts({f"{name}.digest": split.digest, f"{name}.preprocessing": preprocessing(split)})


def _texts(parts: Mapping[str, Any]) -> dict[str, str]:
    return {name: json.dumps(value, default=str, sort_keys=True) for name, value in parts.items()}
