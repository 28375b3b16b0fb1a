"""Ways to evaluate networks: the same numbers from each, and the checks before one is relied on."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args
from unittest.mock import Mock

import click
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lmctool.cli.options import shared
from lmctool.data.split import Split
from lmctool.errors import LmctoolError
from lmctool.evaluate import Network, evaluate
from lmctool.evaluate.autotune import candidates, fastest
from lmctool.evaluate.batch_size import BatchSize
from lmctool.evaluate.chance import majority_error
from lmctool.evaluate.strategy import (
    CACHE,
    LEAST,
    MOST,
    Word,
    chosen,
    examples_at_once,
    largest_activation,
    made,
)
from lmctool.evaluate.verified import Proved, agree
from lmctool.graph.capture import capture
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
from lmctool.plugin.records import Analysis, Task
from lmctool.plugin.settings import Settings
from lmctool_plugins.tasks import classification

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.evaluate.functional import Outputs
    from lmctool.evaluate.strategy import Strategy

    Weights = Mapping[str, Tensor]

TASK = Task(classification.score, majority_error)


def images(count: int, side: int = 8) -> Split:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(256, (count, 3, side, side), generator=generator, dtype=torch.uint8)
    targets = torch.randint(10, (count,), generator=generator)
    return Split(
        "test", inputs, targets, np.arange(count), count, "", 1 / 255, (0.5,) * 3, (0.2,) * 3, 10
    )


def residual(device: str = "cpu") -> Network:
    torch.manual_seed(0)
    module = registry.load(MODELS, "resnet20").build("resnet20", channels=3)
    module = module.to(device).eval().requires_grad_(False)
    return Network(module, lambda: capture(module, torch.zeros(2, 3, 8, 8, device=device)))


def two_networks(network: Network) -> list[dict[str, Tensor]]:
    own = network.module.state_dict()
    generator = torch.Generator().manual_seed(1)
    other = {
        name: t + 0.01 * torch.randn(t.shape, generator=generator).to(t) if t.ndim > 1 else t
        for name, t in own.items()
    }
    return [dict(own), other]


def losses(strategy: Strategy, network: Network, split: Split) -> np.ndarray:
    scores = evaluate(
        strategy.forward, two_networks(network), [split], TASK,
        dtype=torch.float32, batch_size=BatchSize(strategy.size), per_example=True,
    )  # fmt: skip
    return scores.losses["test"]


class Striding(nn.Module):
    """Takes images for contiguous ones, and reads wrong numbers where they are not."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.as_strided(x, (len(x), 10), (x.stride(0), 1))


class Flattening(nn.Module):
    """Takes images apart by a view, which needs them contiguous."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3 * 8 * 8, 10)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.head(x.view(len(x), -1))
        return found


def flattening() -> Network:
    module = Flattening().eval().requires_grad_(False)
    return Network(module, lambda: capture(module, torch.zeros(2, 3, 8, 8)))


@pytest.mark.parametrize("word", ["plain", "channels-last", "auto"])
def test_every_strategy_gives_the_same_losses(word: Word) -> None:
    network, split = residual(), images(40)
    strategy = chosen(word, network, split.head(2, torch.float32))
    plain = made(network, "module", torch.contiguous_format, 7)
    np.testing.assert_allclose(
        losses(strategy, network, split), losses(plain, network, split), rtol=2e-5, atol=1e-5
    )


@pytest.mark.slow  # torch.compile calls the machine's C++ compiler, which takes its time
def test_compiled_networks_give_the_same_losses_and_take_new_weights() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(192, 16), nn.ReLU(), nn.Linear(16, 10))
    network = Network(module.eval().requires_grad_(False), lambda: capture(module, torch.zeros(2)))
    split = images(40)
    compiled = chosen("compile", network, split.head(2, torch.float32))
    plain = chosen("plain", network, split.head(2, torch.float32))
    got, expected = losses(compiled, network, split), losses(plain, network, split)
    np.testing.assert_allclose(got, expected, rtol=2e-5)
    assert not np.allclose(expected[0], expected[1])
    assert isinstance(compiled.forward, Proved) and compiled.forward.holds


def test_the_choice_on_a_cpu_follows_from_model_and_inputs_alone() -> None:
    head = images(4).head(2, torch.float32)
    first, second = (chosen("auto", residual(), head) for _ in range(2))
    assert (first.launch, first.layout, first.size) == (second.launch, second.layout, second.size)
    assert str(first) == "module, channels last"


def test_the_batch_is_such_that_the_largest_activation_fits_the_cache() -> None:
    network, head = residual(), images(4).head(2, torch.float32)
    assert largest_activation(network, head) == 16 * 8 * 8 * 4
    assert examples_at_once(network, head) == CACHE // (16 * 8 * 8 * 4)
    wide = Network(nn.Conv2d(3, 10_000, 1), lambda: capture(nn.Identity(), head))
    small = Network(nn.Identity(), lambda: capture(nn.Identity(), head))
    assert examples_at_once(wide, head) == LEAST
    assert examples_at_once(small, head) == MOST


def test_a_model_that_takes_no_channels_last_is_given_contiguous_images() -> None:
    network, head = flattening(), images(4).head(2, torch.float32)
    assert chosen("auto", network, head).layout == torch.contiguous_format
    with pytest.raises(LmctoolError, match="does not take images in that memory format"):
        chosen("channels-last", network, head)
    layouts = {layout for _, layout, _ in candidates(network, images(4), torch.float32, None)}
    assert layouts == {torch.contiguous_format}


def test_a_model_that_channels_last_would_change_is_given_contiguous_images() -> None:
    head = images(4).head(2, torch.float32)
    network = Network(Striding(), lambda: capture(nn.Identity(), head))
    assert chosen("auto", network, head).layout == torch.contiguous_format


def test_graphs_need_a_gpu() -> None:
    with pytest.raises(LmctoolError, match="needs a CUDA device, but the work is on 'cpu'"):
        chosen("graphs", residual(), images(4).head(2, torch.float32))


def test_what_was_timed_is_one_of_the_candidates_in_the_size_that_the_user_chose() -> None:
    strategy = fastest(flattening(), images(50), torch.float32, 20)
    assert (strategy.launch, strategy.layout) == ("module", torch.contiguous_format)
    assert strategy.size == 20


def test_the_words_of_the_option_are_those_of_the_settings() -> None:
    options = [o for each in shared("barrier", Analysis(Mock())) for o in each[1]]
    (option,) = (o for o in options if o.name == "strategy")
    assert isinstance(option.type, click.Choice)
    assert tuple(option.type.choices) == get_args(Word)
    assert Settings(checkpoints=()).strategy == "auto"


class Stale:
    """Computes every network with the weights of the first, as a bad capture would."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.first: Outputs | None = None

    def __call__(self, weights: Weights) -> Outputs:
        self.first = self.first or self.network(weights)
        return self.first


def test_a_faster_way_that_keeps_old_weights_is_given_up_and_does_no_harm() -> None:
    network, split = residual(), images(20)
    proved = Proved(Stale(network), network)
    plain = made(network, "module", torch.contiguous_format, 8)
    stale = made(network, "module", torch.contiguous_format, 8)
    object.__setattr__(stale, "forward", proved)
    assert losses(stale, network, split).tolist() == losses(plain, network, split).tolist()
    assert not proved.holds


def test_outputs_agree_up_to_rounding_and_in_what_is_no_number() -> None:
    outputs = torch.tensor([1.0, -2.0, torch.nan])
    assert agree(outputs + 1e-5, outputs)
    assert not agree(outputs + 1e-3, outputs)
    assert not agree(torch.tensor([1.0, -2.0, 3.0]), outputs)
    assert agree(torch.full((3,), torch.nan), torch.full((3,), torch.nan))


@pytest.mark.cuda
@pytest.mark.parametrize("word", ["plain", "graphs", "compile"])
def test_every_strategy_gives_the_same_losses_on_a_gpu(word: Word, gpu: torch.device) -> None:
    network = residual(str(gpu))
    split = images(40)
    for name in ("inputs", "targets"):
        object.__setattr__(split, name, getattr(split, name).to(gpu))
    strategy = chosen(word, network, split.head(2, torch.float32))
    plain = made(network, "module", torch.contiguous_format, 7)
    np.testing.assert_allclose(
        losses(strategy, network, split), losses(plain, network, split), rtol=1e-4
    )
