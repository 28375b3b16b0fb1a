"""The parts of training that a checkpoint's numbers depend on."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.errors import LmctoolError
from lmctool_plugins.models import resnet_cifar
from lmctool_plugins.tasks import causal_lm, classification

if TYPE_CHECKING:
    from types import ModuleType

FILE = Path(__file__).parents[2] / "examples" / "learning.py"


def imported() -> ModuleType:
    spec = importlib.util.spec_from_file_location("learning_under_test", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


learning = imported()


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine", "drops"])
def test_the_rate_rises_in_the_warm_up_and_is_whole_after_it(schedule: str) -> None:
    rates = [learning.factor(schedule, 4, step, 20) for step in range(20)]
    assert rates[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert rates[5:] == sorted(rates[5:], reverse=True)


def test_half_way_a_cosine_and_a_line_are_at_one_half() -> None:
    assert learning.factor("cosine", 0, 5, 10) == pytest.approx(0.5)
    assert learning.factor("linear", 0, 5, 10) == 0.5
    assert learning.factor("constant", 0, 9, 10) == 1


def test_the_rate_drops_tenfold_at_one_half_and_at_three_quarters() -> None:
    rates = [learning.factor("drops", 0, step, 8) for step in range(8)]
    assert rates == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])


def test_a_crop_is_a_window_of_the_padded_image() -> None:
    images = torch.arange(1, 257).view(1, 1, 16, 16).repeat(8, 1, 1, 1)
    padded = torch.nn.functional.pad(images, [learning.PADDING] * 4)
    windows = padded[:1].unfold(2, 16, 1).unfold(3, 16, 1).reshape(81, 16, 16)
    for cut in learning.augmented(images, "crop", seeded()):
        assert (windows == cut[0]).flatten(1).all(1).sum() == 1


def test_some_images_are_mirrored_and_all_keep_their_channels() -> None:
    images = torch.zeros(32, 2, 16, 16, dtype=torch.uint8)
    images[:, 1, 4:12, 4] = 1  # a column left of the middle, where no crop can lose it
    images[:, 1, 4:12, 5] = 2
    cut = learning.augmented(images, "flip+crop", seeded())
    assert cut.shape == images.shape
    assert (cut[:, 0] == 0).all()
    assert (cut[:, 1] == 2).flatten(1).any(1).all()
    first = (cut[:, 1] == 1).any(1).int().argmax(1)
    second = (cut[:, 1] == 2).any(1).int().argmax(1)
    assert set((second - first).tolist()) == {-1, 1}


def test_only_images_can_be_augmented() -> None:
    with pytest.raises(LmctoolError, match="--augment crop needs images"):
        learning.augmented(torch.zeros(3, 2), "crop", seeded())


def test_label_noise_replaces_the_share_asked_for() -> None:
    targets = torch.zeros(10_000, dtype=torch.int64)
    assert torch.equal(learning.with_noise(targets, 0.0, 10, 0), targets)
    noisy = learning.with_noise(targets, 0.5, 10, 0)
    # Half are replaced, one in ten of those by the same class; 0.015 is three deviations.
    assert (noisy != 0).float().mean().item() == pytest.approx(0.45, abs=0.015)
    assert torch.equal(noisy, learning.with_noise(targets, 0.5, 10, 0))
    assert noisy.max() == 9


def test_a_target_that_does_not_count_gets_no_noise() -> None:
    targets = torch.full((1000, 2), -100)
    targets[:, 0] = 3
    noisy = learning.with_noise(targets, 1.0, 10, 0)
    assert (noisy[:, 1] == -100).all()
    assert (noisy[:, 0] != 3).any()


@pytest.mark.parametrize(("classes", "taken"), [(4, [8, 8, 2, 2]), (3, [8, 8, 2])])
def test_the_first_of_two_sets_has_its_share_of_each_class(classes: int, taken: list[int]) -> None:
    targets = torch.arange(10 * classes) % classes
    first = learning.shared_out(targets, classes, 0.8, seed=0)
    assert targets[first].bincount(minlength=classes).tolist() == taken
    assert torch.equal(first, learning.shared_out(targets, classes, 0.8, seed=0))
    assert not torch.equal(first, learning.shared_out(targets, classes, 0.8, seed=1))


def test_only_classes_can_be_shared_out() -> None:
    for targets, classes in ((torch.rand(4), 0), (torch.zeros(4, 2, dtype=torch.int64), 5)):
        with pytest.raises(
            LmctoolError, match="--class-share needs data whose targets are classes"
        ):
            learning.shared_out(targets, classes, 0.8, seed=0)


def test_he_keeps_the_size_of_activations_through_many_layers() -> None:
    torch.manual_seed(0)
    layers = [torch.nn.Linear(256, 256) for _ in range(30)]
    x = torch.randn(64, 256)
    learning.draw_he(torch.nn.ModuleList(layers))
    assert all((layer.bias == 0).all() for layer in layers)
    for layer in layers:
        x = layer(x.relu())
    assert 1 / 3 < x.square().mean().item() < 3  # torch's own start leaves 6 ** -30 of it


def test_a_residual_network_as_torch_draws_it_answers_at_chance() -> None:
    torch.manual_seed(0)
    network = resnet_cifar.build("resnet20", channels=1).eval()
    images, even = torch.randn(8, 1, 8, 8), torch.full((8, 10), 0.1)
    assert not torch.allclose(network(images).softmax(1), even, atol=0.05)  # its own start is He's
    learning.draw_torch(network)
    assert torch.allclose(network(images).softmax(1), even, atol=0.05)


def test_a_mean_weighs_examples_by_their_tokens() -> None:
    values, targets = torch.tensor([1.0, 4.0]), torch.tensor([[5, 6, 7], [8, -100, -100]])
    assert learning.mean(values, targets, causal_lm.lmctool_task()) == 7 / 4
    assert learning.mean(values, targets, classification.lmctool_task()) == 5 / 2


def test_a_last_smaller_batch_is_left_out_unless_it_is_the_only_one() -> None:
    assert learning.steps_each(100, 30) == 3
    assert learning.steps_each(20, 30) == 1


def decayed(name: str, steps: int) -> list[float]:
    """Return a weight of 2 after each step of an optimizer whose gradient is 0."""
    module = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(module.weight, 2)
    settings = {"optimizer": name, "lr": 0.1, "weight_decay": 0.5, "momentum": 0.9}
    optimizer = learning.optimizer_of(module, settings)
    values = []
    for _ in range(steps):
        module.weight.grad = torch.zeros_like(module.weight)
        optimizer.step()
        values.append(module.weight.item())
    return values


def test_adamw_decays_weights_apart_from_their_gradient_and_adam_within_it() -> None:
    shrunk = 1 - 0.1 * 0.5
    assert decayed("adamw", 3) == pytest.approx([2 * shrunk, 2 * shrunk**2, 2 * shrunk**3])
    assert decayed("adam", 1) == pytest.approx([2 - 0.1])  # the rate, whatever the decay is
