"""The options on data, and on an example in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lmctool.cli import parsing
from lmctool.cli.defaults import STANDARD
from lmctool.plugin import registry
from lmctool.plugin.kinds import SCORES

if TYPE_CHECKING:
    from collections.abc import Mapping

POSITIVE = click.IntRange(min=1)
INPUT: Mapping[str, Any] = {
    "metavar": "SHAPE",
    "multiple": True,
    "callback": parsing.input_shapes,
    "help": "Shape of a random batch of inputs to use instead of data: 3x3x224x224 is 3 images,"
    " 3 is one number for each of 3 examples, ids:3x11 is token ids, ids<50257:3x11 is token ids"
    " below 50257. Repeat the option for a model with several inputs; NAME=SHAPE is the argument"
    " NAME of its forward.",
}
"""The option that describes an example input."""


SCORE: Mapping[str, Any] = {
    "metavar": "NAME,…",
    "multiple": True,
    "callback": parsing.words,
}
"""What is the same of the option ``--score`` everywhere."""


def data(splits: tuple[str, ...], *, scored: bool) -> list[click.Option]:
    """Return the options that choose what networks are evaluated on, and by what.

    Args:
        splits: the default of ``--split``.
        scored: whether other scores than loss and error are measured.
    """
    return [
        click.Option(
            ["--data"],
            metavar="SPEC",
            help="Dataset: a registered dataset, NAME:PATH, a path, package.module:factory or"
            " ./file.py:factory, a function that returns a torch Dataset or DataLoader, a pair"
            " (x, y), a datasets.Dataset or {'train': ..., 'test': ...} of these. Without it the"
            " dataset that the checkpoints' metadata names is used.",
        ),
        click.Option(
            ["--split", "splits"],
            metavar="NAME",
            multiple=True,
            default=splits,
            show_default=True,
            callback=parsing.words,
            help="Split to evaluate on (repeatable, or comma-separated).",
        ),
        click.Option(
            ["--limit"], type=POSITIVE, metavar="N", help="Use at most N examples of each split."
        ),
        click.Option(
            ["--subset-seed"],
            type=click.IntRange(min=0),
            metavar="N",
            default=STANDARD.subset_seed,
            show_default=True,
            help="Seed that chooses the examples of --limit and of the calibration set.",
        ),
        click.Option(
            ["--mean"],
            metavar="M,…",
            callback=parsing.numbers,
            help="Mean of each channel, in place of the dataset's.",
        ),
        click.Option(
            ["--std"],
            metavar="S,…",
            callback=parsing.numbers,
            help="Standard deviation of each channel, in place of the dataset's.",
        ),
        click.Option(
            ["--task"],
            metavar="SPEC",
            help="Task, which defines loss and error: a registered task, package.module:function or"
            " ./file.py:function, which returns an lmctool.api.Task, or takes outputs and targets"
            " and returns the loss and the error of each example. Without it the dataset's, or the"
            " one that its targets and the model's outputs tell.",
        ),
        *([_score()] if scored else []),
        click.Option(
            ["--allow-chance"],
            is_flag=True,
            help="Continue even if no checkpoint is better than chance.",
        ),
    ]


def _score() -> click.Option:
    known = ", ".join(registry.names(SCORES))
    return click.Option(
        ["--score"],
        help=f"Also measure networks by these scores, beside loss and error: {known}. Repeatable,"
        " or comma-separated.",
        **SCORE,
    )


def calibration(*, repeated: bool) -> list[click.Option]:
    """Return the options that choose what activation statistics are taken on.

    Args:
        repeated: whether an analysis may depend on which examples these are.
    """
    options = [
        click.Option(
            ["--calib"],
            metavar="SPEC",
            help="Dataset of the calibration set, on which activation statistics are computed; by"
            " default that of --data.",
        ),
        click.Option(
            ["--calib-split"],
            metavar="NAME",
            help="Split of the calibration set.  [default: train, or the only one]",
        ),
        click.Option(
            ["--calib-size"],
            type=POSITIVE,
            metavar="N",
            default=STANDARD.calib_size,
            show_default=True,
            help="Use at most N examples of the calibration split.",
        ),
        click.Option(
            ["--calib-batch"],
            type=click.IntRange(min=2),
            metavar="N",
            default=STANDARD.calib_batch,
            show_default=True,
            help="Batch size for BatchNorm statistics on the calibration set.",
        ),
    ]
    if repeated:
        options.append(
            click.Option(
                ["--repeat", "draws"],
                type=POSITIVE,
                metavar="N",
                default=STANDARD.draws,
                show_default=True,
                help="Draw the examples of the calibration set N times, by seeds that derive from"
                " --subset-seed, and give the average over the draws, as lmctool aggregate does"
                " over files.",
            )
        )
    return options
