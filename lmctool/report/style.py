"""How figures look: the settings that hold while a figure is drawn and saved."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
"""The palette of Okabe and Ito, made for colour-blind readers, less its yellow (pale on white)."""
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DPI = 150
IGNORED = (r"Glyph \d+ .*missing from", "Data has no positive values")
"""Warnings of Matplotlib that are of no use to the reader of the figure."""
BACKEND = "MPLBACKEND"
"""The environment variable that says how Matplotlib shows figures on a screen."""


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
        "pgf.rcfonts": False,
        "savefig.dpi": DPI,
        "svg.hashsalt": "lmctool",
        "text.parse_math": False,
    }


@contextmanager
def applied(more: Mapping[str, Any] = MappingProxyType({})) -> Iterator[None]:
    """Draw in lmctool's style alone, and ``more``, whatever the user's own settings are.

    What Matplotlib's font has no form for is drawn as a box.
    """
    mpl = matplotlib()
    with mpl.rc_context(), warnings.catch_warnings():
        for message in IGNORED:
            warnings.filterwarnings("ignore", message)
        mpl.rcdefaults()
        parameters: Any = mpl.rcParams  # only some versions type its keys
        parameters.update({**settings(), **more})
        yield


@contextmanager
def user_style(more: Mapping[str, Any]) -> Iterator[bool]:
    """Draw in the user's own style, with ``more``; yield whether it takes ``$`` as mathematics."""
    mpl = matplotlib()
    with mpl.rc_context():
        parameters: Any = mpl.rcParams
        parameters.update(more)
        yield bool(parameters["text.parse_math"])


def rc_settings(style: Mapping[str, Any]) -> dict[str, Any]:
    """Return Matplotlib's settings by their own names, of which keywords can have no dots.

    >>> rc_settings({"font_size": 12, "axes_prop_cycle": "cycler('color', 'rgb')"})
    {'font.size': 12, 'axes.prop_cycle': "cycler('color', 'rgb')"}

    Args:
        style: values by name, with ``_`` for each dot.

    Raises:
        LmctoolError: Matplotlib has no such setting, or not such a value of it.
    """
    parameters: Any = matplotlib().rcParams
    known = {name.replace(".", "_"): name for name in parameters}
    for name in style:
        if name not in known:
            raise LmctoolError(
                f"{name!r} is no setting of figures; {did_you_mean(name, list(known))}"
                "write those of Matplotlib with _ for each dot, such as font_size=12"
            )
    found = {known[name]: value for name, value in style.items()}
    for name, value in found.items():
        try:
            parameters.validate[name](value)
        except (TypeError, ValueError) as cause:
            raise LmctoolError(f"{name} of a figure cannot be {value!r}: {cause}") from cause
    return found


def matplotlib() -> Any:
    """Import Matplotlib; what shows figures on a screen stays for the user's own code to choose.

    ``MPLBACKEND`` may name what is not installed here, at which the import itself would fail. It is
    kept unchecked, for pyplot to find.

    Raises:
        LmctoolError: the user's matplotlibrc is such that Matplotlib cannot be imported.
    """
    first = "matplotlib" not in sys.modules
    own = os.environ.pop(BACKEND, None) if first else None
    try:
        with quietly():
            import matplotlib as mpl
    except UnicodeDecodeError as cause:
        raise LmctoolError(f"the matplotlibrc that Matplotlib finds is no text: {cause}") from cause
    finally:
        os.environ.update({} if own is None else {BACKEND: own})
    if own:
        parameters: Any = mpl.rcParams
        parameters._set("backend", own)  # which its documentation calls public
    return mpl


@contextmanager
def quietly() -> Iterator[list[str]]:
    """Yield a list that gets what Matplotlib logs, in the place of the terminal."""
    told: list[str] = []
    logger = logging.getLogger("matplotlib")
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(handler)
    propagated, logger.propagate = logger.propagate, False
    try:
        yield told
    finally:
        logger.propagate = propagated
        logger.removeHandler(handler)
