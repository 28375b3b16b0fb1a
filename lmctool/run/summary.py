"""The plan of a run in words: its inputs, its model and data, and the chosen plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.evaluate.device import MPS
from lmctool.model.build import described

if TYPE_CHECKING:
    from lmctool.run.run import Run

MOST = 26
"""Checkpoints that are told one by one."""


def plan(run: Run) -> list[tuple[str, str]]:
    """Return each part of the plan and its origin, as pairs of a name and a text."""
    lines = _inputs(run)
    for index, model in run.resources.models.items():
        text = f"{described(model.spec, model.arguments)}, from {model.origin}"
        lines.append((f"model of {_letter(index)}" if index else "model", text))
    if run.model is not None and run.resources.forward.output is not None:
        lines.append(("output", run.resources.forward.output))
    if run.settings.excepted:
        lines.append(("left out", ", ".join(run.settings.excepted)))
    if run.data is not None:
        lines.append(
            ("data", f"{run.data.spec}, from {run.data.origin}: {run.data.dataset.source}")
        )
        lines.append(("splits", ", ".join(run.settings.splits)))
        if (calib := run.resources.sources.calib) is not None:
            text = f"{calib.spec}, from {calib.origin}: {calib.dataset.source}"
            lines.append(("calibration set", text))
        if run.settings.score:
            lines.append(("scores", ", ".join(run.settings.score)))
    if run.resources.sources.example is not None:
        example = run.resources.sources.example
        lines.append(("example input", f"{example.spec}, from {example.origin}"))
    if run.settings.draws > 1:
        lines.append(("repeat", f"{run.settings.draws} draws of the calibration examples"))
    for role, path in (("spec", run.settings.spec), ("apply", run.settings.apply)):
        if path is not None:
            lines.append((role, str(path)))
    chosen = run.settings
    for kind, choice in (
        ("aligner", chosen.aligner),
        ("repair", chosen.correction),
        ("method", chosen.merge),
    ):
        if choice is not None:
            options = ", ".join(f"{key}={value}" for key, value in choice.options.items())
            lines.append((kind, choice.name + (f" ({options})" if options else "")))
    device = "mps for networks, else cpu" if run.settings.device == MPS else run.device
    lines.append(("device", f"{device}, {run.settings.dtype}, {run.settings.precision}"))
    return lines


def work(run: Run, networks: int | None) -> list[tuple[str, str]]:
    """Return how many networks a run measures on how many examples, where that is known.

    Args:
        run: the run; no input of its data is read.
        networks: how many on each split; None where the analysis doesn't know before.
    """
    if not networks:
        return []
    count = run.resources.splits.count
    limit = run.settings.limit
    splits = [f"{count(name, limit)} examples of {name}" for name in run.settings.splits]
    return [("networks", f"{networks}, on {' and on '.join(splits)}")]


def _inputs(run: Run) -> list[tuple[str, str]]:
    """Return the checkpoints: arguments by letter, those of a series together."""
    if run.series:
        lines = [
            (f"fork at step {series.steps[0]}", f"{series.path}, {len(series.steps)} siblings")
            if series.kind == "siblings"
            else (f"run {_letter(number)}", f"{series.path}, {len(series.steps)} checkpoints")
            for number, series in enumerate(run.series)
        ]
    else:
        paths = [checkpoint.path for checkpoint in run.checkpoints[: run.count]]
        lines = [(f"checkpoint {_letter(n)}", str(path)) for n, path in enumerate(paths[:MOST])]
        if left := len(paths) - len(lines):
            lines.append(("more checkpoints", f"{left}, the last of them {paths[-1]}"))
    others = run.checkpoints[run.count :]
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        lines.append(("other checkpoints", f"{others[0].path}{more}"))
    return [*lines, *(("result", str(path)) for path in run.settings.results)]


def _letter(number: int) -> str:
    """Return A, B, ..., Z, then numbers."""
    return chr(ord("A") + number) if number < 26 else str(number + 1)
