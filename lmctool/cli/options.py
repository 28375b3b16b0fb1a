"""The options that every analysis shares: the same words in the same order everywhere."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmctool.cli import gates, parsing
from lmctool.plugin.settings import Choice, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.cli.inputs import Inputs
    from lmctool.plugin.kinds import Analysis

STANDARD = Settings(checkpoints=())
"""The values of options that the user leaves out."""
POSITIVE = click.IntRange(min=1)
INPUT: Mapping[str, Any] = {
    "metavar": "SHAPE",
    "multiple": True,
    "callback": parsing.input_shapes,
    "help": "In place of data, the shape of a batch of inputs: 3x3x224x224 is 3 examples, ids:3x11"
    " is token ids (ids<50257:3x11 says the vocabulary too). Repeat it for each of several inputs.",
}
"""The option that describes an example input."""

Sections = list[tuple[str, list[click.Option]]]


def shared(name: str, analysis: Analysis) -> Sections:
    """Return the shared options that apply to an analysis, in sections of its help."""
    sections: Sections = [("Output", _output(name)), ("Gates", gates.options())]
    used = analysis.needs | analysis.optional
    both = {"model", "data"} <= used
    data = [*_data(analysis.splits), *(_calibration() if both else ())] if "data" in used else []
    if "model" in used:
        on_path = both and (analysis.aligner, analysis.correction) != ("never", "never")
        spec = [_spec()] if analysis.aligner != "never" else []
        sections.append(("Model", [*_model(batchnorm=on_path), *spec]))
        if "data" not in analysis.needs:
            data.append(click.Option(["--input", "inputs"], **INPUT))
    if data:
        sections.append(("Data", data))
    sections.append(("Computation", _computation(networks=both)))
    return sections


def settings(
    given: Mapping[str, Any],
    inputs: Inputs,
    *,
    aligner: Choice | None,
    correction: Choice | None,
) -> Settings:
    """Return the settings that parsed values give; what does not apply keeps its standard."""
    names = {field.name for field in fields(Settings)}
    found = {name: given[name] for name in names & given.keys()}
    found |= {
        name: getattr(inputs, name) for name in ("checkpoints", "others", "series", "results")
    }
    return Settings(**{**found, "aligner": aligner, "correction": correction})


def _spec() -> click.Option:
    return click.Option(
        ["--spec"],
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A permutation spec that extends or replaces the derived one;"
        " inspect --symmetry -o writes one to begin with.",
    )


def _output(name: str) -> list[click.Option]:
    return [
        click.Option(
            ["-o", "--out"],
            metavar="FILE",
            type=click.Path(path_type=Path),
            default=f"{name}.h5",
            show_default=True,
            help="The result; its figure, and a checkpoint if one is made, lie beside it under"
            " the same name with their own suffixes. A checkpoint in shards or a folder gives a"
            " folder of that name, unless FILE ends in .safetensors.",
        ),
        click.Option(["--force"], is_flag=True, help="Replace existing outputs."),
        click.Option(
            ["--resume"],
            is_flag=True,
            help="Go on with what an interrupted run of this command left in FILE.work.",
        ),
        click.Option(
            ["--json", "document"],
            metavar="FILE|-",
            help="Write the metrics as JSON too; - writes them to stdout in place of the table.",
        ),
        click.Option(["-q", "--quiet"], is_flag=True, help="No progress and no notes."),
        click.Option(["-v", "--verbose"], is_flag=True, help="Show the whole provenance."),
        click.Option(["--debug"], is_flag=True, help="Show tracebacks of errors."),
        click.Option(["--dry-run"], is_flag=True, help="Say what would be done, and stop."),
    ]


def _model(*, batchnorm: bool) -> list[click.Option]:
    found = [
        click.Option(
            ["--model"],
            metavar="SPEC",
            help="A registered model, timm:NAME, torchvision:NAME, package.module:factory or"
            " ./file.py:factory; else found out from the checkpoint.",
        ),
        click.Option(
            ["--model-arg", "model_arguments"],
            metavar="K=V",
            multiple=True,
            callback=parsing.pairs,
            help="An argument of the model (repeatable).",
        ),
    ]
    if batchnorm:
        found.append(
            click.Option(
                ["--batchnorm"],
                type=click.Choice(["interpolate", "reset", "a", "b"]),
                default=STANDARD.batchnorm,
                show_default=True,
                help="What happens to BatchNorm running statistics between A and B.",
            )
        )
    return found


def _data(splits: tuple[str, ...]) -> list[click.Option]:
    return [
        click.Option(
            ["--data"],
            metavar="SPEC",
            help="A registered dataset, WORD:PATH, a path, package.module:factory or"
            " ./file.py:factory; else what the checkpoints were stamped with.",
        ),
        click.Option(
            ["--split", "splits"],
            metavar="NAME",
            multiple=True,
            default=splits,
            show_default=True,
            callback=parsing.words,
            help="A split to evaluate on (repeatable, or a comma list).",
        ),
        click.Option(
            ["--limit"], type=POSITIVE, metavar="N", help="At most N examples of each split."
        ),
        click.Option(
            ["--mean"],
            metavar="M,…",
            callback=parsing.numbers,
            help="Mean per channel, for the data's.",
        ),
        click.Option(
            ["--std"],
            metavar="S,…",
            callback=parsing.numbers,
            help="Standard deviation per channel, for the data's.",
        ),
        click.Option(["--task"], metavar="NAME", help="What loss and error mean; else the data's."),
        click.Option(
            ["--allow-chance"], is_flag=True, help="Go on when every end answers at chance."
        ),
    ]


def _calibration() -> list[click.Option]:
    return [
        click.Option(
            ["--calib-split"],
            metavar="NAME",
            default=STANDARD.calib_split,
            show_default=True,
            help="The split that statistics are taken on.",
        ),
        click.Option(
            ["--calib-size"],
            type=POSITIVE,
            metavar="N",
            default=STANDARD.calib_size,
            show_default=True,
            help="At most N examples of it.",
        ),
        click.Option(
            ["--calib-batch"],
            type=click.IntRange(min=2),
            metavar="N",
            default=STANDARD.calib_batch,
            show_default=True,
            help="Examples whose batch statistics are taken together.",
        ),
    ]


def _computation(*, networks: bool) -> list[click.Option]:
    found = [
        click.Option(
            ["--device"],
            metavar="auto|cpu|cuda[:N]",
            default=STANDARD.device,
            show_default=True,
            help="Where the work is done.",
        ),
        click.Option(
            ["--dtype"],
            type=click.Choice(["float32", "float64"]),
            default=STANDARD.dtype,
            show_default=True,
            help="Of weights and arithmetic.",
        ),
    ]
    if networks:
        found += [
            click.Option(
                ["--precision"],
                type=click.Choice(["float32", "tf32", "bfloat16"]),
                default=STANDARD.precision,
                show_default=True,
                help="Of matrix products and convolutions.",
            ),
            click.Option(
                ["--batch-size"],
                metavar="N|auto",
                default="auto",
                show_default=True,
                callback=parsing.batch_size,
                help="Examples evaluated at once; auto halves it when memory runs out.",
            ),
            click.Option(
                ["--strategy"],
                type=click.Choice(
                    ["auto", "plain", "channels-last", "graphs", "compile", "measure"]
                ),
                default=STANDARD.strategy,
                show_default=True,
                help="How networks are evaluated; measure times several ways and takes the"
                " fastest, as auto does on a GPU.",
            ),
        ]
    seed = click.Option(
        ["--seed"],
        type=click.IntRange(min=0),
        metavar="N",
        default=STANDARD.seed,
        show_default=True,
        help="Of every random choice.",
    )
    return [*found, seed]
