"""What a network in training is measured by, at which steps, and that it notices nothing."""

from __future__ import annotations

import copy
import logging
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from lmctool.errors import LmctoolError
from lmctool.notebook.training.connectivity import Connectivity
from tests.notebook.training.conftest import Net, made

if TYPE_CHECKING:
    from tests.notebook.training.conftest import Arrays


def measuring(twin: Any, arrays: Arrays, every: int = 2, **options: Any) -> Connectivity:
    """Return what measures a network of these arrays."""
    options = {"data": arrays, "points": 3, **options}
    return Connectivity(twin, every=every, network="", options=options)


def costs(net: nn.Module, arrays: Arrays) -> np.ndarray:
    """Return loss and error, in float64."""
    x, y = map(torch.from_numpy, arrays)
    with torch.no_grad():
        outputs = copy.deepcopy(net).double().eval()(x.double())
    loss = nn.functional.cross_entropy(outputs, y)
    return np.array([loss.item(), (outputs.argmax(1) != y).double().mean().item()])


def middle(a: nn.Module, b: nn.Module) -> nn.Module:
    net = Net()
    states = a.state_dict(), b.state_dict()
    net.load_state_dict(
        {
            name: (states[0][name] + states[1][name]) / 2 if one.is_floating_point() else one
            for name, one in states[0].items()
        }
    )
    return net


def warned(caplog: pytest.LogCaptureFixture) -> str:
    """Return the one warning of lmctool."""
    (message,) = (each.getMessage() for each in caplog.records if each.name == "lmctool")
    return message


def test_barrier_gain_and_distance_are_what_the_two_networks_have(arrays: Arrays) -> None:
    a, b = made(0), made(1)
    found = measuring(b, arrays).begin(a, 0)
    ends, between = np.array([costs(a, arrays), costs(b, arrays)]), costs(middle(a, b), arrays)
    barrier = np.maximum(between - ends.mean(axis=0), 0)
    gain = ends.min(axis=0) - between
    for number, name in enumerate(("loss", "error")):
        assert found[f"lmc/barrier.{name}"] == pytest.approx(barrier[number], abs=1e-6)
        assert found[f"lmc/gain.{name}"] == pytest.approx(gain[number], abs=1e-6)
    apart, length = (
        torch.cat([p.detach().double().flatten() for p in parameters])
        for parameters in (
            [p - q for p, q in zip(a.parameters(), b.parameters(), strict=True)],
            [*a.parameters()],
        )
    )
    assert found["lmc/distance.l2"] == pytest.approx(apart.norm().item())
    assert found["lmc/distance.relative"] == pytest.approx((apart.norm() / length.norm()).item())
    assert set(found) == {
        *(f"lmc/{what}.{of}" for what in ("barrier", "gain") for of in ("loss", "error")),
        *(f"lmc/distance.{of}" for of in ("l2", "relative", "cosine")),
    }


def test_a_network_gains_nothing_over_itself_and_lies_nowhere_else(arrays: Arrays) -> None:
    net = made(0)
    found = measuring(net, arrays).begin(net, 0)
    zeros = {name for name, value in found.items() if value == 0}
    assert zeros == set(found) - {"lmc/distance.cosine"}
    assert found["lmc/distance.cosine"] == pytest.approx(1)


def test_several_variants_have_names_of_their_own(arrays: Arrays) -> None:
    found = measuring(made(1), arrays, align="weight", repair=True).begin(made(0), 0)
    for name in ("barrier.loss", "barrier.error", "gain.loss", "gain.error"):
        for variant in ("plain", "align", "align_repair"):
            assert f"lmc/{name}.{variant}" in found


def test_a_grid_without_its_middle_has_no_gain(arrays: Arrays) -> None:
    found = measuring(made(1), arrays, points=4).begin(made(0), 0)
    assert not [name for name in found if "gain" in name]
    assert "lmc/barrier.loss" in found


def test_it_measures_before_every_so_many_steps_and_at_the_end(arrays: Arrays) -> None:
    net, other = made(0), made(1)
    connectivity = measuring({0: other, 3: net}, arrays, every=2)
    connectivity.begin(net, 0)
    for step in (1, 2, 2, 3, 4, 5):
        connectivity.after(net, step)
    connectivity.after(net, 5, end=True)
    twins = {step: found["lmc/twin_step"] for step, found in connectivity.history.items()}
    assert twins == {0: 0, 2: 0, 4: 3, 5: 3}
    assert connectivity.history[2]["lmc/distance.l2"] > 0
    assert connectivity.history[4]["lmc/distance.l2"] == 0


def test_the_network_may_be_a_part_of_the_module(arrays: Arrays) -> None:
    net, other = made(0), made(1)
    whole = nn.ModuleDict({"net": net})
    options = {"data": arrays, "points": 3}
    part = Connectivity(other, every=1, network="net", options=options).begin(whole, 0)
    assert part == measuring(other, arrays).begin(net, 0)


def test_what_is_wrong_is_told_before_the_first_step_even_before_the_twins_first(
    arrays: Arrays,
) -> None:
    for twin in (nn.Linear(6, 3), {5: nn.Linear(6, 3)}):
        with pytest.raises(LmctoolError):
            measuring(twin, arrays).begin(made(0), 0)
    late = measuring({5: made(1)}, arrays)
    assert late.begin(made(0), 0) == late.after(made(0), 4) == {}


def test_later_nothing_stops_the_training(arrays: Arrays, caplog: pytest.LogCaptureFixture) -> None:
    connectivity = measuring({0: made(1), 2: nn.Linear(6, 3)}, arrays)
    assert connectivity.begin(made(0), 0)
    with caplog.at_level(logging.WARNING):
        assert connectivity.after(made(0), 2) == {}
    assert warned(caplog).startswith("not measured at step 2: ")


def test_networks_at_chance_are_left_out(arrays: Arrays, caplog: pytest.LogCaptureFixture) -> None:
    broken = made(0)
    nn.init.zeros_(broken.last.weight)
    connectivity = measuring(broken, arrays)
    with caplog.at_level(logging.WARNING):
        assert connectivity.begin(broken, 0) == {}
    assert "chance" in warned(caplog)
    assert connectivity.history == {}


def test_what_no_callback_can_do_is_refused(arrays: Arrays) -> None:
    with pytest.raises(LmctoolError, match="takes no out"):
        measuring(made(0), arrays, out="same.h5")
    with pytest.raises(LmctoolError, match="every is a number of steps, 1 or more, not 0"):
        measuring(made(0), arrays, every=0)


def test_a_measurement_disturbs_nothing(arrays: Arrays) -> None:
    net, other = made(0).train(), made(1)
    net.norm.eval()
    sum(p.sum() for p in net.parameters()).backward()  # type: ignore[union-attr]
    before = copy.deepcopy(net)
    grads = {name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None}
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    expected = random.random(), np.random.random(), torch.rand(())
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    measuring(other, arrays, align=True, repair=True).begin(net, 0)
    assert (random.random(), np.random.random(), torch.rand(())) == expected
    assert [part.training for part in net.modules()] == [True, True, False, True, True]
    for name, tensor in before.state_dict().items():
        assert torch.equal(net.state_dict()[name], tensor)
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None
        assert torch.equal(parameter.grad, grads[name])
        assert parameter.requires_grad
