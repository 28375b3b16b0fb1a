"""The page of a reproduction: sections of claims, tables, figures and verdicts in Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from verdict import Finding

WIDTH = 900
"""Of a figure on a page, in pixels."""
COLOURS = 256


@dataclass(frozen=True, slots=True)
class Section:
    """What a page says of one figure or table of a paper.

    Attributes:
        title: with the figure's number in the paper.
        claim: what the paper shows, in our words.
        setting: what we did in its place.
        commands: the commands that give the result.
        body: tables and other Markdown.
        figures: PNG files and their alternative texts.
        findings: statements and verdicts.
    """

    title: str
    claim: str
    setting: str
    commands: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    figures: tuple[tuple[Path, str], ...] = ()
    findings: tuple[Finding, ...] = ()


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; fractions are told by the caller in words of its own."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def percent(values: Sequence[float] | float, places: int = 1) -> str:
    """Return a fraction in percent, or several as their mean and half their range."""
    if isinstance(values, int | float):
        return f"{100 * values:.{places}f} %"
    middle, half = sum(values) / len(values), (max(values) - min(values)) / 2
    spread = f" ± {100 * half:.{places}f}" if len(values) > 1 else ""
    return f"{100 * middle:.{places}f}{spread} %"


def rendered(section: Section, folder: Path) -> str:
    """Return a section in Markdown, and put its figures in the page's folder."""
    parts = [
        f"## {section.title}",
        f"**Paper.** {section.claim}",
        f"**Here.** {section.setting}",
    ]
    if section.commands:
        parts.append("```console\n" + "\n".join(f"$ {line}" for line in section.commands) + "\n```")
    parts += section.body
    parts += [f"![{text}]({shrunk(figure, folder).name})" for figure, text in section.figures]
    if section.findings:
        rows = [(f"**{each.outcome}**", each.statement, each.evidence) for each in section.findings]
        parts.append(table(("verdict", "the paper's statement", "what we find"), rows))
    return "\n\n".join(parts) + "\n"


def shrunk(figure: Path, folder: Path) -> Path:
    """Put a PNG into a page's folder, in a size and a palette that keep the repository small."""
    from PIL import Image

    with Image.open(figure) as image:
        height = round(image.height * WIDTH / image.width)
        small = image.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS)
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / figure.name
    small.quantize(COLOURS).save(place, optimize=True)
    return place
