"""The options on how to compute."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from lmctool.cli import parsing
from lmctool.cli.defaults import STANDARD
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Mapping

SEVERAL = re.compile(r"cuda:\d+(,cuda:\d+)+")
"""What ``--device`` is where several GPUs share the work."""


def options(*, networks: bool) -> list[click.Option]:
    """Return the options; with those on evaluation for an analysis of networks on data."""
    chosen = [
        click.Option(
            ["--device"],
            metavar="auto|cpu|cuda[:N]|mps",
            default=STANDARD.device,
            show_default=True,
            help="Device to compute on. On mps, the GPU of an Apple machine, are networks alone."
            + (" Several GPUs, cuda:0,cuda:1, share the work." if networks else ""),
        ),
        click.Option(
            ["--dtype"],
            type=click.Choice(["auto", "float32", "float64"]),
            default=STANDARD.dtype,
            show_default=True,
            help="Data type of weights and arithmetic; auto is float64 where a checkpoint is"
            " written and one that is read stores float64, else float32.",
        ),
    ]
    if networks:
        chosen += [
            click.Option(
                ["--precision"],
                type=click.Choice(["float32", "tf32", "bfloat16"]),
                default=STANDARD.precision,
                show_default=True,
                help="Precision of matrix products and convolutions.",
            ),
            click.Option(
                ["--batch-size"],
                metavar="N|auto",
                default="auto",
                show_default=True,
                callback=parsing.batch_size,
                help="Examples evaluated at once; auto halves the number when memory runs out.",
            ),
            click.Option(
                ["--strategy"],
                type=click.Choice(
                    ["auto", "plain", "channels-last", "graphs", "compile", "measure"]
                ),
                default=STANDARD.strategy,
                show_default=True,
                help="Way to evaluate networks; measure times several ways and takes the fastest.",
            ),
        ]
        chosen += [
            click.Option(
                ["--executor"],
                metavar="NAME[:ARGUMENTS]",
                help="Spread the work over workers, such as processes:4 or dask:slurm?jobs=8;"
                " the numbers are the same.",
            ),
            click.Option(
                ["--shard", "share"],
                metavar="I/N",
                callback=parsing.share,
                help="Compute share I of N of the work, into OUT.h5.work beside other shards, and"
                " write no result; the same command with --resume in its place does that.",
            ),
            click.Option(
                ["--mixed"],
                is_flag=True,
                help="Let workers and shards take part whose machine rounds differently.",
            ),
        ]
    seed = click.Option(
        ["--seed"],
        type=click.IntRange(min=0),
        metavar="N",
        default=STANDARD.seed,
        show_default=True,
        help="Seed of every random choice but that of examples.",
    )
    return [*chosen, seed]


def first_device(word: str) -> str:
    """Return the device that a run has of those that ``--device`` names: the first.

    >>> first_device("cuda:0,cuda:1"), first_device("auto")
    ('cuda:0', 'auto')
    """
    return word.partition(",")[0] if SEVERAL.fullmatch(word) else word


def spread(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values of options with one device, and the executor that several stand for.

    Raises:
        LmctoolError: there is an executor already.
    """
    device, executor = values["device"], values.get("executor")
    if "executor" not in values or not SEVERAL.fullmatch(device):
        return values
    if executor is not None:
        raise LmctoolError(
            f"--device {device} spreads the work over processes, one for each GPU, and --executor"
            f" {executor} spreads it otherwise; give one of them, or --device"
            f" {first_device(device)}"
        )
    return {**values, "device": first_device(device), "executor": f"processes:{device}"}
