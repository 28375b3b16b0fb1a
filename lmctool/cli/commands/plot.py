"""Draw the figure of a result, or one figure of several."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmctool.cli import parsing
from lmctool.cli.command import Command, OutputFile
from lmctool.cli.lengths import inches
from lmctool.cli.stored_result import read_sound
from lmctool.cli.table_options import TableOutputs, table_options
from lmctool.errors import LmctoolError, did_you_mean
from lmctool.report.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


PANELS = ("variant", "split", "metric", "file")


def _panels(_: click.Context, option: click.Parameter, texts: Sequence[str]) -> tuple[str, ...]:
    """Split comma-separated kinds of panels, each of which has to be one."""
    words = parsing.words(_, option, texts)
    for word in words:
        if word not in PANELS:
            raise click.BadParameter(f"{word!r} is none of {', '.join(PANELS)}", param=option)
    return words


NAMES: dict[str, Any] = {"metavar": "NAME,…", "multiple": True, "callback": parsing.words}


@click.command("plot", cls=Command)
@click.argument(
    "paths", metavar="RESULT...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "-o",
    "--out",
    metavar="FIGURE",
    required=True,
    type=OutputFile(),
    help="Path of the figure, which ends in .pdf, .svg, .png or .pgf (which needs a TeX).",
)
@click.option("--force", is_flag=True, help="Replace existing files.")
@click.option(
    "--panels",
    metavar="KIND,…",
    multiple=True,
    callback=_panels,
    help="What a panel is of: variant, split, metric or file; a panel is always of one metric, and"
    " all else is overlaid. Of several RESULTs by default metric,split.",
)
@click.option("--metric", "metrics", help="Draw these metrics alone, such as error.", **NAMES)
@click.option("--variant", "variants", help="Draw these variants alone, such as align.", **NAMES)
@click.option("--split", "splits", help="Draw these splits alone, such as test.", **NAMES)
@click.option(
    "--label",
    "labels",
    metavar="FILE=NAME",
    multiple=True,
    callback=parsing.pairs,
    help="What a RESULT is called in the figure; by default what tells its file from the others."
    " Repeatable.",
)
@click.option("--width", callback=inches, metavar="LENGTH", help="Width, such as 3.25in or 8cm.")
@click.option("--height", callback=inches, metavar="LENGTH", help="Height; else as it needs.")
@click.option(
    "--style",
    metavar="paper|talk|FILE",
    default="",
    help="paper: letters of 8 pt and thin lines, 3.25in wide; talk: large letters, 10in wide; or a"
    " style file of Matplotlib, FILE.mplstyle. It goes over your matplotlibrc.",
)
@click.option("--font", metavar="NAME", default="", help="Font of all texts, such as 'Arial'.")
@click.option("--title", metavar="TEXT", default="", help="Title above the figure.")
@click.option("--percent", is_flag=True, help="Write all shares in per cent, as errors are.")
@click.option("--log", is_flag=True, help="Draw values on logarithmic scales.")
@click.option(
    "--legend",
    type=click.Choice(["outside", "none"]),
    default=None,
    help="Put legends below, or leave them out; by default they are where the figure has them.",
)
@click.option(
    "--dpi", type=click.IntRange(10, 2400), metavar="N", help="Dots per inch of .png and of images."
)
@table_options
def command(
    paths: tuple[Path, ...],
    out: Path,
    force: bool,
    panels: tuple[str, ...],
    metrics: tuple[str, ...],
    variants: tuple[str, ...],
    splits: tuple[str, ...],
    labels: Mapping[str, str],
    tables: TableOutputs,
    **options: Any,
) -> None:
    """Draw a figure of each RESULT, which are .h5 files.

    One RESULT is drawn as its analysis draws it; --metric and --split choose panels of that.
    Several, or one with --panels or --variant, are drawn as lines of their curves, or as bars of
    their metrics where they have no curves, or where --metric names metrics.
    """
    from lmctool.files.publish import refuse_existing, write_bytes
    from lmctool.report import by_analysis
    from lmctool.report.figure import kind
    from lmctool.report.finish import Finish
    from lmctool.report.several.choice import Words
    from lmctool.report.user_figure import Appearance, UserFigure

    form = kind(out)
    refuse_existing([out, *tables.paths], force)
    results = dict(zip(_names(paths, labels), map(read_sound, paths), strict=True))
    keys = ("width", "height", "style", "font", "dpi")
    appearance = Appearance(**{key: options[key] for key in keys})
    finish = Finish(options["title"], options["percent"], options["log"], options["legend"] or "")
    words = Words(metrics, variants, splits)
    wanted = UserFigure(results, words, panels, appearance, finish)
    first, path = next(iter(results.values())), paths[0]
    with by_analysis.mismatch_as_error(first, path):
        drawn = wanted.drawn(form)
    for note in drawn.notes:
        echo(f"Note: {note}", err=True)
    write_bytes(out, drawn.content, force)
    tables.write(drawn.shown, drawn.exact, force=force)
    if not tables.on_stdout:
        echo(out)


def _names(paths: Sequence[Path], labels: Mapping[str, str]) -> list[str]:
    """Return what each result is called: by its label, or else by what tells its file apart.

    Raises:
        LmctoolError: a label is of none of them, or two are called alike.
    """
    from lmctool.files.short_names import short_names
    from lmctool.report.terminal import printable

    given = {Path(text): name for text, name in labels.items()}
    for path in given:
        if path not in paths:
            near = did_you_mean(str(path), [str(each) for each in paths])
            raise LmctoolError(
                f"--label names '{path}', which is none of the results; {near}write their paths as"
                " they are given"
            )
    names = [
        printable(given.get(path, short))
        for path, short in zip(paths, short_names(paths), strict=True)
    ]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise LmctoolError(
                f"'{paths[names.index(name)]}' and '{paths[place]}' are both called {name!r}; give"
                " each file once, and a name of its own by --label"
            )
    return names
