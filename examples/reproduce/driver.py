"""The command line that the drivers of all papers share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import click
from page import rendered
from steps import Steps

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from page import Section

ROOT = Path(__file__).resolve().parents[2]
Size = TypeVar("Size")


@dataclass(frozen=True)
class Paper(Generic[Size]):
    """A paper, and the parts that its reproduction has.

    Attributes:
        folder: the driver's own, where its page goes.
        introduction: what the page begins with, its heading included, for a size.
        sizes: the settings of each size by name: tiny (seconds, to test the driver), small
            (minutes on two cores) and large (for a GPU).
        parts: what makes the sections of each part, in the order of the page.
    """

    folder: Path
    introduction: Callable[[Steps, Size], str]
    sizes: Mapping[str, Size]
    parts: Mapping[str, Callable[[Steps, Size], tuple[Section, ...]]]


def command(paper: Paper[Size]) -> click.Command:
    """Return the command line of a driver."""

    @click.command(context_settings={"show_default": True})
    @click.option("--folder", type=click.Path(path_type=Path), help="Of networks and results.")
    @click.option("--size", default="small", type=click.Choice(list(paper.sizes)))
    @click.option("--jobs", default=2, type=click.IntRange(min=1), help="Programs at a time.")
    @click.option("--only", multiple=True, type=click.Choice(list(paper.parts)), help="A part.")
    @click.option("--page", type=click.Path(path_type=Path), help="Folder of README.md.")
    @click.option("--force", is_flag=True, help="Do again what was done.")
    def main(
        folder: Path | None,
        size: str,
        jobs: int,
        only: tuple[str, ...],
        page: Path | None,
        force: bool,
    ) -> None:
        """Train, measure, and write the page; what was done before is kept."""
        place = folder or ROOT / "build" / "reproduce" / f"{paper.folder.name}-{size}"
        steps = Steps(place.resolve(), jobs, force)
        try:
            make(paper, steps, size, only or tuple(paper.parts), page or paper.folder)
        except LmctoolError as error:
            click.echo(f"Error: {error}", err=True)
            raise SystemExit(error.exit_code) from error

    return main


def make(paper: Paper[Size], steps: Steps, size: str, only: tuple[str, ...], folder: Path) -> None:
    """Make some parts, and the page of all parts that were ever made in the steps' folder."""
    settings = paper.sizes[size]
    for name in only:
        sections = paper.parts[name](steps, settings)
        text = "\n".join(rendered(section, folder) for section in sections)
        (steps.folder / f"{name}.md").write_text(text)
    made = [steps.folder / f"{name}.md" for name in paper.parts]
    texts = [path.read_text() for path in made if path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "README.md"
    texts = [paper.introduction(steps, settings), *texts]
    page.write_text("\n\n".join(text.strip() for text in texts) + "\n")
    click.echo(f"page  {page}")
