"""Numbers are those of a command line, whatever modes of torch a caller is within."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from lmctool.evaluate.surroundings import as_on_a_command_line
from lmctool.model.given_network import given_network
from lmctool.plugin.given import Given
from lmctool.plugin.settings import Choice
from lmctool.testing import tiny_run

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def default_device(name: str) -> Iterator[None]:
    torch.set_default_device(name)
    try:
        yield
    finally:
        torch.set_default_device(None)


def losses(module: nn.Module) -> list[float]:
    """Return what a run measures of a network and of itself permuted."""
    networks = {Path(name): given_network(module, name) for name in "AB"}
    run = tiny_run(
        Path(),
        checkpoints=tuple(networks),
        data="digits",
        limit=20,
        given=Given(networks),
        aligner=Choice("random"),
    )
    variants = run.variants()
    run.resources.check_module()
    found: list[float] = (
        run.evaluate([run.weights(0), variants[-1].at(0.5)]).loss.flatten().tolist()
    )
    return found


def test_numbers_are_the_same_within_every_mode_of_torch() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 10))
    expected = losses(module)
    with torch.inference_mode(), default_device("meta"), as_on_a_command_line():
        assert losses(module) == expected
    with torch.no_grad(), torch.autocast("cpu"), torch.device("meta"), as_on_a_command_line():
        assert losses(module) == expected
        assert torch.is_grad_enabled()
    with torch.inference_mode():
        torch.manual_seed(0)
        made_within = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 10))
    assert next(made_within.parameters()).is_inference()
    with as_on_a_command_line():
        assert losses(made_within) == expected


def test_the_modes_are_what_they_were_afterwards() -> None:
    with torch.inference_mode(), default_device("meta"):
        with as_on_a_command_line():
            assert not torch.is_inference_mode_enabled()
            assert torch.empty(1).device.type == "cpu"
        assert torch.is_inference_mode_enabled()
        assert torch.empty(1).device.type == "meta"
