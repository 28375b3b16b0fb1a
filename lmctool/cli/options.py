"""The options that every analysis shares: the same words in the same order everywhere."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import click

from lmctool.cli import (
    checkpoint_options,
    computation_options,
    data_options,
    gate_options,
    parsing,
)
from lmctool.cli.command import OutputFile
from lmctool.cli.defaults import STANDARD
from lmctool.plugin.parameters import InputFile
from lmctool.plugin.settings import Choice, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.cli.help_page import Sections
    from lmctool.cli.inputs import Inputs
    from lmctool.plugin.given import Given
    from lmctool.plugin.help_page import HelpPage
    from lmctool.plugin.records import Analysis

TRUST_CONFIG: Mapping[str, Any] = {
    "is_flag": True,
    "help": "Run Python code that lmctool.toml of this folder names as model or data.",
}
"""The option of every command that reads lmctool.toml."""

NO_CACHE: Mapping[str, Any] = {
    "is_flag": True,
    "help": "Use nothing in the cache folder ($LMCTOOL_CACHE), and keep nothing there. No number"
    " depends on it.",
}
"""The option of every command that keeps something for later runs."""

MODEL: Mapping[str, Any] = {
    "metavar": "SPEC",
    "help": "Model architecture; by default recognised from the checkpoint.",
}
"""The option --model of commands that are no analyses."""
MODEL_ARGUMENTS: Mapping[str, Any] = {
    "metavar": "K=V",
    "multiple": True,
    "callback": parsing.pairs,
    "help": "Argument of the model (repeatable).",
}
"""The option --model-arg."""

OWN = frozenset({"aligner", "correction", "merge", "given", "repeats"})
"""Settings that are no value of an option of the same name."""
MAIN = (
    *("--method", "--align", "--aligner", "--repair", "--correction", "--data", "--model"),
    *("--split", "--limit", "-o", "--require", "--device"),
)
"""Flags of the shared options that most need, which help shows behind an analysis's own."""
OBSERVER = "--observer"
"""The option that names an observer; it is part of no record."""


def shared(name: str, analysis: Analysis) -> Sections:
    """Return the shared options that apply to an analysis, in sections of its help."""
    sections: Sections = [
        ("Output", _output(name)),
        ("Gates", gate_options.options()),
        ("Checkpoints", checkpoint_options.options(excepted=analysis.partial != "never")),
    ]
    used = analysis.needs | analysis.optional
    both = {"model", "data"} <= used
    data = data_options.data(analysis.splits, scored=analysis.scored) if "data" in used else []
    on_path = both and (analysis.aligner, analysis.correction) != ("never", "never")
    if both:
        data += data_options.calibration(repeated=on_path or bool(analysis.calibrates))
    if "model" in used:
        spec = [_spec()] if analysis.aligner != "never" else []
        other = _model_b() if spec and analysis.partial != "never" else []
        sections.append(("Model", [*_model(batchnorm=on_path), *other, *spec]))
        if "data" not in analysis.needs:
            data.append(click.Option(["--input", "inputs"], **data_options.INPUT))
    if data:
        sections.append(("Data", data))
    sections.append(("Computation", computation_options.options(networks=both)))
    return sections


def help_page(analysis: Analysis) -> HelpPage:
    """Return what help shows of an analysis: its main options, then the main ones of all."""
    own = analysis.help.main or tuple(option.opts[0] for option in analysis.options)
    return replace(analysis.help, main=(*own, *MAIN))


def settings(
    values: Mapping[str, Any],
    inputs: Inputs,
    *,
    aligner: Choice | None,
    correction: Choice | None,
    merge: Choice | None,
    given: Given,
) -> Settings:
    """Return the settings of parsed values; options that do not apply keep their defaults."""
    names = {field.name for field in fields(Settings)}
    arguments = {name: values[name] for name in names & values.keys() - OWN}
    arguments |= {
        name: getattr(inputs, name) for name in ("checkpoints", "others", "series", "results")
    }
    arguments["naming"] = checkpoint_options.naming(values)
    return Settings(**arguments, aligner=aligner, correction=correction, merge=merge, given=given)


def _model_b() -> list[click.Option]:
    return [
        click.Option(
            ["--model-b"],
            metavar="SPEC",
            help="Model of checkpoints that don't fit A's with what --except leaves out; by default"
            " the same, built for their shapes.",
        ),
        click.Option(
            ["--model-arg-b", "model_arguments_b"],
            metavar="K=V",
            multiple=True,
            callback=parsing.pairs,
            help="Argument of that model in which it differs, such as classes=7 (repeatable).",
        ),
    ]


def _spec() -> click.Option:
    return click.Option(
        ["--spec"],
        metavar="FILE",
        type=InputFile(),
        help="A permutation spec that extends or replaces the derived one;"
        " lmctool inspect --symmetry -o writes one to edit.",
    )


def _output(name: str) -> list[click.Option]:
    return [
        click.Option(
            ["-o", "--out"],
            metavar="FILE",
            type=OutputFile(),
            default=f"{name}.h5",
            show_default=True,
            help="Path of the result. The figure and a new checkpoint get the same name with their"
            " own suffixes. If the input checkpoint is sharded or a folder, the new checkpoint is a"
            " folder, unless FILE ends in .safetensors.",
        ),
        click.Option(["--force"], is_flag=True, help="Replace existing outputs."),
        click.Option(
            ["--resume"],
            is_flag=True,
            help="Continue an interrupted run of the same command from its work in FILE.work.",
        ),
        click.Option(
            ["--json", "document"],
            metavar="FILE|-",
            type=OutputFile(dash=True),
            help="Also write the metrics as JSON; - prints JSON on stdout instead of the table.",
        ),
        click.Option(
            [OBSERVER, "observers"],
            metavar="NAME[:PLACE]",
            multiple=True,
            help="Also tell an observer of the run, such as tensorboard:runs/lmc, wandb:PROJECT or"
            " mlflow:EXPERIMENT (repeatable). It changes no number and is not recorded.",
        ),
        click.Option(["-q", "--quiet"], is_flag=True, help="Print no progress and no notes."),
        click.Option(["-v", "--verbose"], is_flag=True, help="Show the whole provenance."),
        click.Option(["--debug"], is_flag=True, help="Show tracebacks of errors."),
        click.Option(["--trust-config"], **TRUST_CONFIG),
        click.Option(["--no-cache"], **NO_CACHE),
        click.Option(
            ["--no-hash"],
            is_flag=True,
            help="Record no SHA-256 of the checkpoints' files, only the digest of their tensors.",
        ),
        click.Option(["--dry-run"], is_flag=True, help="Print what the run would do, and stop."),
    ]


def _model(*, batchnorm: bool) -> list[click.Option]:
    options = [
        click.Option(
            ["--model"],
            metavar="SPEC",
            help="Model architecture: a registered model, transformers:NAME, timm:NAME,"
            " torchvision:NAME, package.module:factory or ./file.py:factory. Without it the"
            " architecture is recognised from the checkpoint.",
        ),
        click.Option(
            ["--model-arg", "model_arguments"],
            **MODEL_ARGUMENTS,
        ),
        click.Option(
            ["--output"],
            metavar="NAME",
            help="Output that is scored, if the model returns several: its key, attribute or place,"
            " dotted if it lies deeper (heads.pi, 1). Without it the one called logits, else the"
            " first.",
        ),
        click.Option(
            ["--allow-stochastic"],
            is_flag=True,
            help="Continue even if the model answers differently each time; what it draws is"
            " seeded by --seed.",
        ),
    ]
    if batchnorm:
        options.append(
            click.Option(
                ["--batchnorm"],
                type=click.Choice(["interpolate", "reset", "a", "b"]),
                default=STANDARD.batchnorm,
                show_default=True,
                help="BatchNorm running statistics of the networks between A and B: interpolated,"
                " recomputed (reset), A's or B's.",
            )
        )
    return options
