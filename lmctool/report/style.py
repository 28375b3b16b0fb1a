"""How figures look: the settings that hold while a figure is drawn and saved."""

from __future__ import annotations

import os
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
"""The palette of Okabe and Ito, made for colour-blind readers, less its yellow (pale on white)."""
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DPI = 150
BACKEND = "MPLBACKEND"
"""The environment variable that says how Matplotlib shows figures, which lmctool never does."""


def settings() -> dict[str, Any]:
    """Return Matplotlib's settings for all figures of lmctool.

    Lines differ in colour, dash and marker at once, so that they differ in grey too.
    Names come from untrusted files, so text between ``$`` is not taken as mathematics.
    """
    from cycler import cycler

    count = len(COLOURS) * len(DASHES)
    cycle = {
        "color": [COLOURS[index % len(COLOURS)] for index in range(count)],
        "linestyle": [DASHES[index % len(DASHES)] for index in range(count)],
        "marker": [MARKERS[index % len(MARKERS)] for index in range(count)],
    }
    return {
        "axes.prop_cycle": cycler(**cycle),
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 11,
        "axes.labelsize": 11,
        "font.size": 10,
        "grid.alpha": 0.3,
        "legend.fontsize": 9,
        "legend.frameon": False,
        "lines.linewidth": 1.6,
        "lines.markersize": 4,
        "pdf.fonttype": 42,
        "savefig.dpi": DPI,
        "svg.hashsalt": "lmctool",
        "text.parse_math": False,
    }


@contextmanager
def applied(more: Mapping[str, Any] = MappingProxyType({})) -> Iterator[None]:
    """Draw in lmctool's style alone, and ``more``, whatever the user's own settings are."""
    mpl = _matplotlib()
    with mpl.rc_context():
        mpl.rcdefaults()
        parameters: Any = mpl.rcParams  # only some versions type its keys
        parameters.update({**settings(), **more})
        yield


def _matplotlib() -> Any:
    """Import Matplotlib for files alone; ``MPLBACKEND`` may name what is not installed here."""
    own = os.environ.get(BACKEND)
    os.environ[BACKEND] = "agg"
    try:
        import matplotlib as mpl
    finally:
        os.environ.pop(BACKEND)
        os.environ.update({} if own is None else {BACKEND: own})
    return mpl
