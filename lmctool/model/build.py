"""Building a registered model: as a blueprint without memory, and for real."""

from __future__ import annotations

import inspect
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch.nn.modules.module import register_module_parameter_registration_hook

from lmctool.errors import LmctoolError
from lmctool.graph.randomness import gpus_in_use

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import nn

    from lmctool.plugin.records import Argument, ModelFamily

LONGEST = 60
"""The most characters of an argument that are shown."""

SLACK = 4096
"""Parameters that a blueprint may have beyond four for each tensor of the checkpoint."""


def described(spec: str, arguments: Mapping[str, Argument]) -> str:
    """Return ``spec(name=value, ...)``, in one line of printable characters; long texts are cut."""
    values = ", ".join(f"{name}={_shortened(value)}" for name, value in arguments.items())
    return f"{spec}({values})"


def _shortened(value: Argument) -> str:
    text = str(value) if str(value).isprintable() else repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def missing(family: ModelFamily, arguments: Mapping[str, Argument]) -> list[str]:
    """Return the arguments that ``family.build`` has no default for and that are not given.

    Such are those that leave no trace in names and shapes, as the number of attention heads, and
    that must not be guessed.
    """
    parameters = inspect.signature(family.build).parameters.values()
    required = [each for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY]
    return [
        each.name
        for each in required
        if each.default is inspect.Parameter.empty and each.name not in arguments
    ]


def blueprint(
    family: ModelFamily, spec: str, arguments: Mapping[str, Argument], tensors: int
) -> nn.Module:
    """Build a model on the meta device: names and shapes, no memory.

    Args:
        family: the family of the model.
        spec: the registered word, or ``WORD:NAME``.
        arguments: its arguments, which may come from an untrusted file.
        tensors: how many tensors the checkpoint has.

    Raises:
        LmctoolError: the family cannot build it, or it has far more parameters than tensors.
    """
    with torch.device("meta"), _bounded(described(spec, arguments), tensors):
        return _build(family, spec, arguments)


def build(
    family: ModelFamily, spec: str, arguments: Mapping[str, Argument], seed: int = 0
) -> nn.Module:
    """Build a model in the initial state of a seed, whatever the state of torch's generator.

    Raises:
        LmctoolError: the family cannot build it.
    """
    with seeded(seed):
        return _build(family, spec, arguments)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's generators meanwhile, and leave their states as they were."""
    with torch.random.fork_rng(devices=gpus_in_use()):
        torch.manual_seed(seed)
        yield


def _build(family: ModelFamily, spec: str, arguments: Mapping[str, Argument]) -> nn.Module:
    try:
        # torch warns of tensors without elements, which sizes of 0 in a file can ask for
        with torch.random.fork_rng(devices=gpus_in_use()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return family.build(spec, **arguments)
    except LmctoolError:
        raise
    except Exception as cause:  # whatever the model's own code raises for such arguments
        raise LmctoolError(
            f"model {described(spec, arguments)} cannot be built: {type(cause).__name__}: {cause}"
        ) from cause


@contextmanager
def _bounded(model: str, tensors: int) -> Iterator[None]:
    """Stop a model from registering parameters for ever, as a depth of 10^9 would."""
    left = 4 * tensors + SLACK

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise LmctoolError(
                f"model {model} has far more parameters than the {tensors} tensors of the"
                " checkpoint"
            )

    handle = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()
