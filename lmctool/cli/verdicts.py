"""Verdicts on gates, in the terminal."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from lmctool.report.terminal import STYLES, echo, print_pieces, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.gates.gate import Verdict

NARROWEST = 20
"""Cells beside the word of a verdict, at least, for what is said of it."""


def show_verdicts(verdicts: Sequence[Verdict]) -> None:
    """Print each verdict on stdout, and at last how many passed."""
    from rich.console import Console

    from lmctool.report.blocks import folded

    if not verdicts:
        return
    console = Console()
    echo()
    width = max(len(verdict.word) for verdict in verdicts) + 2
    for verdict in verdicts:
        text = printable(line(verdict))
        style = STYLES["warning" if verdict.mild else verdict.status]
        room = max(console.width - width, NARROWEST)
        pieces = folded(text, room) if console.is_terminal else [text]
        for word, piece in zip_longest([verdict.word], pieces, fillvalue=""):
            print_pieces(console, (f"{word:<{width}}", style), (piece, ""))
    passed = sum(verdict.status == "passed" for verdict in verdicts)
    noun = "gate" if len(verdicts) == 1 else "gates"
    echo(f"{passed} of {len(verdicts)} {noun} passed")


def line(verdict: Verdict) -> str:
    """Return what is said of a verdict beside its word."""
    gate = verdict.gate
    source = f" of {verdict.source}" if verdict.source else ""
    asked = gate.asked if gate.kind == "fail-if" else f"wanted: {gate.asked}"
    wanted = f" ({asked})" if gate.name and verdict.status != "passed" else ""
    reason = f"; {gate.reason}" if gate.reason and verdict.status != "passed" else ""
    return f"{gate.shown}{source}: {verdict.message}{wanted}{reason}"
