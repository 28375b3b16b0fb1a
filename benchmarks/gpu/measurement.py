"""What the script measures: kept as JSON lines as it comes, and told as a Markdown table."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

Value = float | str | None
VERDICTS = {True: "yes", False: "**NO**", None: ""}


@dataclass(frozen=True, slots=True)
class Measurement:
    """One thing that a section found.

    Attributes:
        section: the section.
        name: what was measured.
        value: a number, or what there is to say in words.
        unit: of the number.
        passed: whether it is as it must be; None where nothing is demanded.
        expected: what it must be, or what was estimated.
    """

    section: str
    name: str
    value: Value
    unit: str = ""
    passed: bool | None = None
    expected: str = ""


class Journal:
    """Keeps measurements as they come, one JSON object a line, in one file or several."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Keep where they go."""
        self.paths = tuple(paths)

    def begin(self) -> None:
        """Forget what an earlier run left."""
        for path in self.paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("", encoding="utf-8")

    def add(self, found: Measurement) -> None:
        """Keep a measurement; it is on the disk when this returns."""
        line = json.dumps(asdict(found)) + "\n"
        for path in self.paths:
            with path.open("a", encoding="utf-8") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())

    def read(self) -> list[Measurement]:
        """Return what was kept; a line that was cut off by a kill is left out."""
        return list(_measurements(self.paths[0].read_text(encoding="utf-8").splitlines()))


def _measurements(lines: Iterable[str]) -> Iterator[Measurement]:
    for line in lines:
        try:
            yield Measurement(**json.loads(line))
        except json.JSONDecodeError:
            continue


def table(measurements: Iterable[Measurement]) -> str:
    """Return measurements as a Markdown table, in their order."""
    lines = [
        "| section | measured | value | expected | passed |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {m.section} | {_cell(m.name)} | {_cell(_text(m))} | {_cell(m.expected)}"
        f" | {VERDICTS[m.passed]} |"
        for m in measurements
    ]
    return "\n".join(lines) + "\n"


def _text(measurement: Measurement) -> str:
    value = measurement.value
    if value is None:
        return "none"
    number = _number(value) if isinstance(value, int | float) else value
    return f"{number} {measurement.unit}".rstrip()


def _number(value: float) -> str:
    """Return a number with four digits: 12,345 or 1.235 or 1.2e-05."""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
