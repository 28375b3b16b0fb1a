"""Train any built-in model on any registered dataset, and save stamped checkpoints.

python examples/train.py --model resnet20 --data fashion-mnist --seed 0 --epochs 5 -o a.safetensors

One seed gives one file: on the CPU, with the same number of threads, to the last bit.
"""

from __future__ import annotations

import inspect
import json
import math
import re
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import torch
from learning import draw_he, draw_torch, shared_out, steps_each, test_error, train, with_noise
from safetensors.torch import save_file

from lmctool import config
from lmctool.checkpoint import open_checkpoint
from lmctool.checkpoint.fit import difference
from lmctool.checkpoint.pytorch_file import TRAINING
from lmctool.checkpoint.stamp import MODEL, MODEL_ARGUMENTS, data_metadata, stamp, typed_value
from lmctool.checkpoint.training import count_of, training_of
from lmctool.data.opening import open_split
from lmctool.data.resolve import Data, resolve_data
from lmctool.errors import LmctoolError
from lmctool.files.publish import refuse_existing
from lmctool.model.build import missing
from lmctool.model.shapes import aliases, shapes_of
from lmctool.plugin import registry
from lmctool.plugin.kinds import DATASETS, MODELS, TASKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from lmctool.checkpoint import Checkpoint
    from lmctool.data.split import Split


class Network(NamedTuple):
    """A module, and the words that its checkpoints are stamped with."""

    module: nn.Module
    spec: str
    arguments: Mapping[str, Any]


def settled(word: str, data: Data, split: Split) -> dict[str, int]:
    """Return the arguments of a registered word's models that the data settles."""
    shape = tuple(split.inputs.shape[1:])
    classes = 1 if data.dataset.task == "binary" else split.classes
    if data.dataset.task == "causal-lm":
        return {"vocab_size": classes, "max_position_embeddings": shape[0]}
    channels = shape[0] if len(shape) == 3 else 0
    if word == "transformers":
        return {"num_labels": classes} | ({"num_channels": channels} if channels else {})
    known = {"classes": classes, "num_classes": classes, "inputs": math.prod(shape)}
    if channels:
        known |= {"channels": channels, "in_chans": channels, "size": shape[1]}
    return known


def build(spec: str, given: Mapping[str, Any], known: Mapping[str, int], seed: int) -> Network:
    """Return the named model in its initial state of this seed.

    Args:
        spec: the registered word, or ``WORD:NAME``.
        given: the arguments that the user gave.
        known: arguments to fill in where the family takes them and the user gave none.
        seed: the seed of the initial state.

    Raises:
        LmctoolError: there is no such model, or it needs an argument that nobody gave.
    """
    family = registry.load(MODELS, spec.partition(":")[0])
    own, named = inspect.signature(family.build).parameters, family.metadata_arguments
    arguments = {n: value for n, value in known.items() if n in own or n in named} | dict(given)
    if untold := missing(family, arguments):
        told = " ".join(f"--model-arg {name}=..." for name in untold)
        raise LmctoolError(f"model {spec!r} needs {', '.join(untold)}; pass {told}")
    torch.manual_seed(seed)
    return Network(family.build(spec, **arguments), spec, arguments)


def save(
    network: Network, data: Data, training: Mapping[str, Any], path: Path, force: bool
) -> None:
    """Write the network's tensors, stamped with model, data and training.

    A tensor of several names is written once, under the first, as Hugging Face does.
    """
    metadata = {
        MODEL: network.spec,
        MODEL_ARGUMENTS: json.dumps(network.arguments, sort_keys=True),
        TRAINING: json.dumps(training, sort_keys=True),
    }
    word = re.split("[:?]", data.spec)[0]
    if word in registry.names(DATASETS):  # a file may name no path and no code
        metadata |= data_metadata(word)
    state = network.module.state_dict(keep_vars=True)
    first = {id(tensor): name for name, tensor in reversed(state.items())}
    tensors = {
        name: tensor.detach().cpu().contiguous().clone()
        for name, tensor in state.items()
        if first[id(tensor)] == name
    }
    with TemporaryDirectory() as folder:
        # Stamped afterwards: safetensors itself writes metadata in an order that varies.
        plain = Path(folder) / "plain.safetensors"
        save_file(tensors, plain, {"format": "pt"})
        stamp(plain, path, metadata, force)


def steps_of(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, ...]:
    """Read the option ``--save-at``: numbers of steps, with commas between."""
    try:
        return tuple(sorted({int(part) for part in value.split(",") if part}))
    except ValueError as cause:
        raise click.BadParameter(f"{value!r} is not numbers with commas between") from cause


def arguments_of(
    context: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> dict[str, Any]:
    """Read the option ``--model-arg``: ``NAME=VALUE``, repeated."""
    for text in value:
        if "=" not in text:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE")
    return {name: typed_value(text) for name, _, text in (each.partition("=") for each in value)}


def device_of(word: str) -> torch.device:
    """Return the device of an option; ``auto`` is the GPU where there is one."""
    gpu = torch.cuda.is_available()
    return torch.device(("cuda" if gpu else "cpu") if word == "auto" else word)


@click.command(context_settings={"show_default": True})
@click.option("--model", required=True, help="Registered word of the model, such as resnet20.")
@click.option("--model-arg", "model_arguments", multiple=True, callback=arguments_of)
@click.option("--data", "spec", help="Data spec, such as fashion-mnist.")
@click.option("--seed", default=0, help="Seed of the initial state.")
@click.option("--data-seed", type=int, help="Seed of the order of examples.  [default: --seed]")
@click.option("--epochs", default=5, type=click.IntRange(min=0))
@click.option("--batch-size", default=128, type=click.IntRange(min=1))
@click.option("--lr", default=0.1, help="Largest learning rate.")
@click.option("--optimizer", default="sgd", type=click.Choice(["sgd", "adam", "adamw"]))
@click.option("--momentum", default=0.9, help="Of SGD.")
@click.option("--weight-decay", default=5e-4)
@click.option(
    "--schedule",
    default="cosine",
    type=click.Choice(["cosine", "linear", "constant", "drops"]),
    help="Of the learning rate; drops: a tenth from half of the steps on, and again from 3/4.",
)
@click.option("--warmup", default=0.05, help="Share of all steps in which the rate rises from 0.")
@click.option("--augment", default="none", type=click.Choice(["none", "crop", "flip+crop"]))
@click.option("--label-noise", default=0.0, help="Share of train labels replaced at random.")
@click.option("--limit", type=int, help="Train on so many examples, in the classes' proportions.")
@click.option(
    "--class-share",
    type=click.FloatRange(0, 1),
    help="Train on this share of each class of the first half and on the rest of the second.",
)
@click.option("--left-out", is_flag=True, help="Train on what --class-share leaves out.")
@click.option(
    "--initial",
    default="own",
    type=click.Choice(["own", "he", "torch"]),
    help="Initial weights: the model's own, as He et al. 2015, or those of torch's layers.",
)
@click.option("--init", type=click.Path(path_type=Path), help="Start from this checkpoint.")
@click.option(
    "--continue",
    "go_on",
    is_flag=True,
    help="Go on from the step of --init: the learning rates and the steps that --epochs leave.",
)
@click.option("--save-at", default="", callback=steps_of, help="Save after these steps too.")
@click.option("--device", default="auto", help="auto, cpu, cuda or cuda:N.")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace existing files.")
def main(
    model: str, model_arguments: dict[str, Any], out: Path, force: bool, **settings: Any
) -> None:
    """Train MODEL on DATA and save OUT, with --save-at also OUT-stepN beside it."""
    try:
        run(model, model_arguments, out, force, settings)
    except LmctoolError as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(error.exit_code) from error


def run(
    model: str, model_arguments: dict[str, Any], out: Path, force: bool, settings: dict[str, Any]
) -> None:
    """Do what the command line says."""
    places = {step: out.with_stem(f"{out.stem}-step{step}") for step in settings.pop("save_at")}
    refuse_existing([out, *places.values()], force)
    if settings["left_out"] and settings["class_share"] is None:
        raise LmctoolError("--left-out says which of two sets: pass --class-share too")
    if settings["data_seed"] is None:
        settings["data_seed"] = settings["seed"]
    device, init = device_of(settings.pop("device")), settings.pop("init")
    go_on, start = settings.pop("go_on"), 0
    if go_on and init is None:
        raise LmctoolError("--continue says how to go on from a checkpoint: pass --init too")
    data = resolve_data(spec=settings.pop("spec"), metadata=[], config=config.load())
    task = registry.load(TASKS, data.dataset.task)
    learnt, tested = (
        # Seed 0: networks of all seeds share one limited training set.
        open_split(data.dataset, name, limit=limit, seed=0, device=device)
        for name, limit in (("train", settings["limit"]), ("test", None))
    )
    if settings["class_share"] is not None:
        learnt = biased(learnt, settings["class_share"], settings["left_out"])
    noise = settings["label_noise"], learnt.classes, settings["data_seed"]
    learnt = replace(learnt, targets=with_noise(learnt.targets, *noise))
    steps = settings["epochs"] * steps_each(len(learnt), settings["batch_size"])
    if init is not None:
        parent = open_checkpoint(init)
        settings |= forked_from(parent)
        start = settings.get("fork", 0) if go_on else 0
        if go_on:
            check_start(init, settings, steps)
    check_steps(places, start, steps)
    network = build(
        model, model_arguments, settled(model.partition(":")[0], data, learnt), settings["seed"]
    )
    if settings["initial"] != "own":
        {"he": draw_he, "torch": draw_torch}[settings["initial"]](network.module)
    if init is not None:
        load(parent, network)
    network.module.to(device)
    network.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def reached(step: int) -> None:
        if step in places:
            save(network, data, {**settings, "step": step}, places[step], force)

    begin = time.perf_counter()
    losses = train(network.module, learnt, task, settings, reached, start)
    first = 1 + start // steps_each(len(learnt), settings["batch_size"])
    for epoch, loss in enumerate(losses, start=first):
        error = test_error(network.module, tested, task)
        seconds = time.perf_counter() - begin
        click.echo(
            f"epoch {epoch}/{settings['epochs']}  train loss {loss:.4f}"
            f"  test error {error:.2%}  {seconds:.1f} s"
        )
    save(network, data, {**settings, "step": steps}, out, force)


def biased(split: Split, share: float, left_out: bool) -> Split:
    """Return one of the two disjoint sets that share the classes unevenly.

    Seed 0: both are drawn alike, whatever the networks' seeds.
    """
    first = shared_out(split.targets, split.classes, share, seed=0)
    place = (first != left_out).nonzero().flatten()
    return replace(
        split,
        inputs=split.inputs[place],
        targets=split.targets[place],
        index=split.index[place.cpu().numpy()],
    )


def check_steps(places: Mapping[int, Path], start: int, steps: int) -> None:
    """Check that every step to be saved comes.

    Raises:
        LmctoolError: one is after the last, or before the first.
    """
    for step in places:
        if not start <= step <= steps:
            raise LmctoolError(f"--save-at {step} never comes: there are steps {start} to {steps}")


def check_start(init: Path, settings: Mapping[str, Any], steps: int) -> None:
    """Check that a training can go on from a checkpoint.

    Raises:
        LmctoolError: the checkpoint tells no step, or one after the last.
    """
    if "fork" not in settings:
        raise LmctoolError(f"'{init}' tells no step to go on from; leave --continue out")
    if settings["fork"] > steps:
        raise LmctoolError(
            f"'{init}' is of step {settings['fork']}, and --epochs {settings['epochs']} end at"
            f" step {steps}; pass more"
        )


def forked_from(parent: Checkpoint) -> dict[str, Any]:
    """Return what is noted of the network that a training starts from.

    Returns:
        ``init``, its digest, and ``fork``, the step that its own training had reached, if it
        tells that.
    """
    step = count_of(training_of(parent.metadata), "step")
    return {"init": parent.digest, **({} if step is None else {"fork": step})}


def load(parent: Checkpoint, network: Network) -> None:
    """Load a checkpoint into the network.

    Raises:
        LmctoolError: it is unreadable, or of another model.
    """
    module = network.module
    differs = difference(parent.shapes, shapes_of(module), aliases(module))
    if differs:
        raise LmctoolError(f"'{parent.path}' does not fit {network.spec!r}: {differs}")
    module.load_state_dict(parent.weights(), strict=False)  # a tied tensor has one name there


if __name__ == "__main__":
    main()
