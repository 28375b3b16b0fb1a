"""What help shows of the host's own commands, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.plugin.help_page import HelpPage

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGES: Mapping[str, HelpPage] = {
    "inspect": HelpPage(
        (
            "a.safetensors b.safetensors",
            "a.safetensors --symmetry -o spec.toml  # what may be permuted, as a file to edit",
        ),
        main=(
            *("--tensors", "--symmetry", "-o", "--spec", "--model", "--model-arg", "--data"),
            *("--input", "--key", "--ignore"),
        ),
        docs="docs/checkpoints.md",
    ),
    "show": HelpPage(
        ("barrier.h5", "barrier.h5 -v  # also where its numbers come from"), docs="docs/report.md"
    ),
    "plot": HelpPage(
        (
            "barrier.h5 -o barrier.pdf --style paper",
            "narrow.h5 wide.h5 -o widths.pdf --metric error --variant align",
        ),
        main=(
            *("-o", "--panels", "--metric", "--variant", "--split", "--label", "--style"),
            *("--width", "--height", "--csv"),
        ),
        docs="docs/figures.md",
    ),
    "metrics": HelpPage(
        ("barrier.h5", "--of barrier  # before there is a result"), docs="docs/outputs.md"
    ),
    "compare": HelpPage(
        ("old.h5 new.h5", "old.h5 new.h5 -o both.png --all"), docs="docs/report.md"
    ),
    "aggregate": HelpPage(
        (
            "seed0.h5 seed1.h5 seed2.h5 -o mean.h5",
            "matrix.h5 --over pair -o mean.h5 --require 'barrier.error.mean <= 2%'",
        ),
        main=("-o", "--over", "--json", "--force", "--require", "--fail-if", "--baseline"),
        docs="docs/aggregate.md",
    ),
    "report": HelpPage(
        (
            "barrier.h5 distance.h5 -o report.html",
            "*.h5 -o report.html --policy audit.toml  # with the verdicts of its gates",
        ),
        docs="docs/report.md",
    ),
    "audit": HelpPage(
        (
            "barrier.h5 distance.h5 --policy audit.toml",
            "new.h5 --baseline old.h5  # exit code 3 if a metric got worse",
        ),
        docs="docs/outputs.md",
    ),
    "rerun": HelpPage(
        ("barrier.h5", "barrier.h5 --tolerance 1e-6  # on another machine"),
        docs="docs/trust.md",
    ),
    "work": HelpPage(("matrix.h5.work",), docs="docs/clusters.md"),
    "schema": HelpPage(("result",), docs="docs/outputs.md"),
    "convert": HelpPage(
        (
            "last.ckpt last.safetensors --key state_dict",
            "gpt2 folded --fold-norms --untie --input ids:2x16  # the same function",
        ),
        docs="docs/checkpoints.md",
    ),
    "stamp": HelpPage(
        ("a.safetensors -o stamped.safetensors --model resnet20 --data fashion-mnist",),
        docs="docs/checkpoints.md",
    ),
}
