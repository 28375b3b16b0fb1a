"""Models without ties: each name has a tensor of its own, in the module and in files."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from torch import nn

from lmctool.checkpoint.stamp import MODEL, MODEL_ARGUMENTS, MODEL_WORD
from lmctool.graph.module import fresh
from lmctool.model.tied import first_names, under_first
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lmctool.checkpoint import Checkpoint
    from lmctool.model.resolve import Model
    from lmctool.plugin.records import Argument

    Ties = Mapping[str, str]

TIES = "tie_word_embeddings"
"""What the configuration of a module of transformers says."""


def untie(module: nn.Module) -> dict[str, str]:
    """Give each name of a module a tensor of its own, in place.

    A part that has tensors and lies at several paths becomes a copy at each but the first.

    Returns:
        The first of the names that shared a tensor, by each of the others.
    """
    ties = {name: first for name, first in first_names(module).items() if name != first}
    _separate(module, set())
    config = getattr(module, "config", None)
    if ties and getattr(config, TIES, False):  # for what saves and loads the module later
        setattr(config, TIES, False)
    return ties


def _separate(module: nn.Module, seen: set[int]) -> None:
    """Replace each tensor that was seen elsewhere, and each part that has such tensors."""
    for name, part in list(module._modules.items()):
        if part is None or not part.state_dict():
            continue
        if id(part) in seen:
            part = fresh(part)
            module.add_module(name, part)
        seen.add(id(part))
        _separate(part, seen)
    for name, tensor in (*module._parameters.items(), *module._buffers.items()):
        if tensor is None:
            continue
        if id(tensor) in seen:
            copied = tensor.detach().clone()
            is_parameter = isinstance(tensor, nn.Parameter)
            tensor = nn.Parameter(copied, tensor.requires_grad) if is_parameter else copied
            setattr(module, name, tensor)
        seen.add(id(tensor))


def untied(weights: Mapping[str, Tensor], ties: Ties) -> dict[str, Tensor]:
    """Return the weights of a file that is of a tied model, as the untied one takes them.

    Args:
        weights: tied tensors are under one or more of their names.
        ties: what ``untie`` returned of the model.

    Raises:
        LmctoolError: names that were tied have different values.
    """
    own = under_first(weights, ties)
    return own | {name: own[first] for name, first in ties.items() if first in own}


def untied_form(checkpoint: Checkpoint, ties: Ties) -> Checkpoint:
    """Return what a checkpoint is written like that stores each name by itself.

    A name that the file lacks is stored where its tensor is, with the same words before it.

    Args:
        checkpoint: the file of a tied model, under its names.
        ties: what ``untie`` returned of the model.
    """
    places = dict(checkpoint.locations)
    for first in dict.fromkeys(ties.values()):
        names = [first, *(name for name, own in ties.items() if own == first)]
        known = next(name for name in names if name in places)
        taken: set[str] = set()
        for name in names:
            place = places.get(name)
            if place is None or place.name in taken:
                before = places[known].name.removesuffix(known)
                place = replace(places[known], name=f"{before}{name}")
            taken.add(place.name)
            places[name] = place
    return replace(checkpoint, locations=places)


def untied_metadata(model: Model) -> dict[str, str]:
    """Return the entries of a file that name a model without its ties; empty where none do."""
    if not (arguments := _untying(model)) or not MODEL_WORD.fullmatch(model.spec):
        return {}
    return {MODEL: model.spec, MODEL_ARGUMENTS: json.dumps({**model.arguments, **arguments})}


def untied_files(model: Model, checkpoint: Checkpoint) -> dict[str, str]:
    """Return the config.json of a folder as it is of a model without ties; empty for none."""
    if checkpoint.config is None or not (arguments := _untying(model)):
        return {}
    return {"config.json": json.dumps({**checkpoint.config, **arguments}, indent=2) + "\n"}


def _untying(model: Model) -> Mapping[str, Argument]:
    """Return the arguments that make a model tie nothing."""
    word = model.spec.partition(":")[0]
    return registry.load(MODELS, word).untied if word in registry.names(MODELS) else {}
