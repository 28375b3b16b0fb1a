"""Settings of figures that users make: of their matplotlibrc, of a style, of a font."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError, did_you_mean
from lmctool.report.style import matplotlib, quietly

if TYPE_CHECKING:
    from collections.abc import Mapping

    Settings = Mapping[str, Any]

SUFFIX = ".mplstyle"
STYLES: Mapping[str, Settings] = {
    "paper": {
        "axes.linewidth": 0.6,
        "figure.figsize": (3.25, 2.4),
        "font.size": 8,
        "axes.titlesize": 8,
        "axes.labelsize": 8,
        "grid.linewidth": 0.4,
        "legend.fontsize": 8,
        "lines.linewidth": 1.0,
        "lines.markersize": 2.5,
        "savefig.dpi": 300,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
    },
    "talk": {
        "axes.linewidth": 1.2,
        "figure.figsize": (10, 6),
        "font.size": 18,
        "axes.titlesize": 20,
        "axes.labelsize": 18,
        "legend.fontsize": 16,
        "lines.linewidth": 3,
        "lines.markersize": 9,
    },
}
"""The styles that have a name: of a column of a paper, and of a slide."""
KEPT = {"backend", "interactive", "svg.hashsalt", "text.parse_math", "text.usetex"}
KEPT |= {"text.latex.preamble", "pgf.preamble"}
"""Settings that no file changes: names of results are no formulas, and no TeX is run for them."""
OF_FONT = {"axes.titlesize": "medium", "axes.labelsize": "medium", "legend.fontsize": "medium"}
"""What follows the size of the font where a file sets that and nothing more."""
FALLBACK = "DejaVu Sans"
"""The font of what another one has no form for; it comes with Matplotlib."""


def user_settings() -> dict[str, Any]:
    """Return what the user's matplotlibrc sets, whatever was set in Python since.

    Raises:
        LmctoolError: it is broken.
    """
    return _of_file(Path(matplotlib().matplotlib_fname()), "matplotlibrc", strict=False)


def style_settings(style: str) -> dict[str, Any]:
    """Return the settings of a style.

    Args:
        style: ``paper``, ``talk``, or the path of a style file of Matplotlib.

    Raises:
        LmctoolError: there is no such style, or its file is broken.
    """
    if style in STYLES:
        return dict(STYLES[style])
    if not style.endswith(SUFFIX):
        raise LmctoolError(
            f"no style is called {style!r}; {did_you_mean(style, [*STYLES])}there are"
            f" {' and '.join(STYLES)}, and style files of Matplotlib that end in {SUFFIX}"
        )
    return _of_file(Path(style), "style file", strict=True)


def font_settings(font: str) -> dict[str, Any]:
    """Return the settings that make a font that of all texts.

    Args:
        font: the name of an installed font, or ``serif``, ``sans-serif`` or ``monospace``.

    Raises:
        LmctoolError: no such font is installed.
    """
    matplotlib()
    from matplotlib.font_manager import fontManager

    known = [*fontManager.get_font_names(), "serif", "sans-serif", "monospace"]
    same = [name for name in known if name.lower() == font.lower()]
    if not same:
        near = did_you_mean(font, known)
        raise LmctoolError(
            f"no font called {font!r} is installed; {near}Matplotlib finds {len(known)} here, such"
            f" as {', '.join(sorted(known)[:3])}; after installing one remove Matplotlib's cache of"
            " fonts"
        )
    return {"font.family": [same[0], FALLBACK], "pgf.rcfonts": True}


def _of_file(path: Path, noun: str, *, strict: bool) -> dict[str, Any]:
    """Return what a file sets.

    Args:
        path: the file.
        noun: what it is.
        strict: what Matplotlib doesn't know is an error; else it is passed over.

    Raises:
        LmctoolError: it cannot be read, or holds what Matplotlib cannot take.
    """
    mpl = matplotlib()
    if not path.is_file():
        raise LmctoolError(f"{noun} '{path}' does not exist")
    try:
        with quietly() as told:
            found = mpl.rc_params_from_file(path, fail_on_error=True, use_default_template=False)
    except (OSError, ValueError, TypeError) as cause:
        raise LmctoolError(f"{noun} '{path}' cannot be used: {_line(cause)}") from cause
    if told and strict:
        raise LmctoolError(f"{noun} '{path}' cannot be used: {_line(told[0])}")
    chosen = {name: value for name, value in found.items() if name not in KEPT}
    return {**(OF_FONT if "font.size" in chosen else {}), **chosen}


def _line(told: object) -> str:
    """Return the first lines of what Matplotlib says, as one."""
    return " ".join(str(told).strip().split("\n")[0].split())
