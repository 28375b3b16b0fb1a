"""A network that is no function is told, and an alignment holds on every path or is refused."""

from __future__ import annotations

import runpy
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from lmctool.results.doubt import doubts_of
from lmctool.results.file import read
from lmctool.testing import invoke, tiny_run

if TYPE_CHECKING:
    from click.testing import Result

SOURCE = """
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Net(nn.Module):
        def __init__(self, hidden):
            super().__init__()
            self.a, self.o, self.hidden, self.calls = nn.Linear(6, 8), nn.Linear(8, 3), hidden, 0
        def forward(self, x):
            return self.o(self.hidden(self, self.a(x).relu()))

    def plain():
        return Net(lambda net, h: h)

    def dropout_on():
        return Net(lambda net, h: F.dropout(h, 0.3))

    def counter():
        def hidden(net, h):
            net.calls += 1
            return h * (1 + 0.1 * net.calls)
        return Net(hidden)

    def centred():
        return Net(lambda net, h: h - h.mean(0))

    def writer():
        def hidden(net, h):
            net.a.weight.data.mul_(1.01)
            return h
        return Net(hidden)

    def fixed():
        return Net(lambda net, h: h * torch.tensor([1.0, 2, 3, 4, 5, 6, 7, 8]))

    class Few(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.o = nn.Linear(6, 16), nn.Linear(16, 8), nn.Linear(8, 3)
        def forward(self, x):
            return self.o(self.b(self.a(x).cumsum(-1)).relu())

    class Branch(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.o = nn.Linear(6, 8), nn.Linear(6, 8), nn.Linear(8, 3)
        def forward(self, x):
            return self.o((self.a(x) if x.sum() > 1e6 else self.b(x)).relu())

    class Routed(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.o = nn.Linear(6, 8), nn.Linear(6, 8), nn.Linear(8, 3)
        def forward(self, x):
            rows = [self.a(r) if r.sum() > 0 else self.b(r) for r in x[:, None]]
            return self.o(torch.cat(rows).relu())

    class Sampler(nn.Module):
        def __init__(self):
            super().__init__()
            self.mu, self.d1, self.d2 = nn.Linear(6, 4), nn.Linear(4, 7), nn.Linear(7, 3)
        def forward(self, x):
            mu = self.mu(x)
            return self.d2(self.d1(mu + torch.randn_like(mu)).relu())
"""
FORGETFUL = """
    version = 1
    mode = "replace"
    [groups]
    d1 = 7
    [tensors]
    "d1.weight" = "d1, _"
    "d1.bias" = "d1"
"""
DATA = ("--data", "arrays:six.npz", "--allow-chance", "--split", "test")
IN_TWO_WAYS = {
    "evaluated": ("interpolate", *DATA, "--points", "3"),
    "followed": ("align", "--input", "4x6", "--aligner", "weight"),
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the networks, and data that fits them."""
    monkeypatch.chdir(tmp_path)
    Path("nets.py").write_text(dedent(SOURCE))
    drawn = np.random.default_rng(0)
    x, y = drawn.normal(size=(40, 6)).astype(np.float32), drawn.integers(0, 3, 40)
    np.savez("six.npz", allow_pickle=False, x=x, y=y)


def network(name: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    module: nn.Module = runpy.run_path("nets.py")[name]()
    return module


def pair(name: str) -> tuple[str, ...]:
    """Return the arguments that name two networks of a factory."""
    for seed, path in enumerate(("a.safetensors", "b.safetensors")):
        save_file(network(name, seed).state_dict(), path)
    return "a.safetensors", "b.safetensors", "--model", f"./nets.py:{name}"


def run(way: str, name: str, *more: str) -> Result:
    command, *words = IN_TWO_WAYS[way]
    return invoke(command, *pair(name), *words, *more, "-o", "out.h5")


@pytest.mark.parametrize("way", IN_TWO_WAYS)
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("dropout_on", "answers differently each time: dropout outside of eval"),
        ("counter", "answers differently each time"),
        ("centred", "depend on the other examples of the batch: batch statistics in forward?"),
        ("writer", "forward writes tensor 'a.weight'"),
    ],
)
def test_what_is_no_function_is_told_before_it_is_measured(name: str, told: str, way: str) -> None:
    done = run(way, name)
    assert done.exit_code == 4, done.output
    assert told in done.stderr
    assert not Path("out.h5").exists() and not Path("out.safetensors").exists()


def test_activations_of_what_is_no_function_are_not_measured_either() -> None:
    done = invoke("variance", *pair("dropout_on"), *DATA, "--calib-split", "test")
    assert done.exit_code == 4 and "answers differently each time" in done.stderr


def test_units_that_are_dropped_stay_and_their_statistics_repeat() -> None:
    aligned = (*DATA, "--calib-split", "test", "--points", "3", "--align", "--repair")
    curves = []
    for name in ("one.h5", "two.h5"):
        words = (*aligned, "--allow-stochastic", "-o", name)
        done = invoke("barrier", *pair("dropout_on"), *words)
        assert done.exit_code == 0, done.output
        assert "none of the 8 hidden units may move" in done.stderr
        curves.append(read(Path(name)).groups["barrier/curve"].variables["loss"].values)
    np.testing.assert_array_equal(curves[0], curves[1])


@pytest.mark.parametrize("name", ["counter", "centred", "writer"])
def test_the_flag_excuses_random_numbers_and_nothing_else(name: str) -> None:
    assert run("evaluated", name, "--allow-stochastic").exit_code == 4


def test_random_numbers_are_seeded_recorded_and_said() -> None:
    done = run("evaluated", "dropout_on", "--allow-stochastic", "--seed", "3")
    assert done.exit_code == 0, done.output
    assert "answers differently each time; what it draws is seeded by --seed 3" in done.stderr
    first = read(Path("out.h5"))
    assert first.groups["provenance"].attributes["stochastic"] == 1
    torch.rand(7)  # whatever else was drawn before
    words = ("dropout_on", "--allow-stochastic", "--force")
    assert run("evaluated", *words, "--seed", "3").exit_code == 0
    again = read(Path("out.h5"))
    for name, variable in first.groups["interpolate/curve"].variables.items():
        np.testing.assert_array_equal(
            variable.values, again.groups["interpolate/curve"].variables[name].values
        )
    assert run("evaluated", *words, "--seed", "4").exit_code == 0
    other = read(Path("out.h5")).groups["interpolate/curve"].variables["loss"].values
    assert not np.array_equal(other, again.groups["interpolate/curve"].variables["loss"].values)


def test_the_numbers_of_a_network_do_not_depend_on_those_before_it(tmp_path: Path) -> None:
    *ends, _, spec = pair("dropout_on")
    stochastic = tiny_run(
        tmp_path,
        checkpoints=tuple(map(Path, ends)),
        model=spec,
        data="arrays:six.npz",
        allow_stochastic=True,
    )
    a, b = stochastic.weights(0), stochastic.weights(1)
    loss = stochastic.evaluate([a, b]).loss
    np.testing.assert_array_equal(loss[:, ::-1], stochastic.evaluate([b, a]).loss)
    np.testing.assert_array_equal(loss[:, 1:], stochastic.evaluate([b]).loss)


def test_a_function_is_what_it_was_with_the_flag_and_nothing_is_recorded() -> None:
    assert run("evaluated", "plain").exit_code == 0
    before = read(Path("out.h5")).groups
    assert run("evaluated", "plain", "--allow-stochastic", "--force").exit_code == 0
    after = read(Path("out.h5")).groups
    place = "interpolate/curve"
    np.testing.assert_array_equal(
        before[place].variables["loss"].values, after[place].variables["loss"].values
    )
    assert "stochastic" not in after["provenance"].attributes


def test_noise_does_not_prove_a_wrong_spec() -> None:
    Path("wrong.toml").write_text(dedent(FORGETFUL))
    words = ("--spec", "wrong.toml", "--allow-stochastic")
    done = invoke("align", *pair("Sampler"), "--input", "4x6", "--aligner", "random", *words)
    assert done.exit_code == 4
    assert "changes the network" in done.stderr and "group 'd1'" in done.stderr
    assert not Path("align.safetensors").exists()


def outputs(weights: str, name: str, inputs: torch.Tensor) -> torch.Tensor:
    module = network(name).double()
    module.load_state_dict({k: v.double() for k, v in load_file(weights).items()})
    found: torch.Tensor = module(inputs.double())
    return found


def test_a_sampler_is_aligned_where_every_run_draws_the_same_noise() -> None:
    words = ("--aligner", "random", "--allow-stochastic")
    done = invoke("align", *pair("Sampler"), "--input", "4x6", *words)
    assert done.exit_code == 0, done.output
    inputs, found = torch.randn(5, 6), []
    assert "of 7 units moved" in done.stdout
    for path in ("b.safetensors", "align.safetensors"):
        torch.manual_seed(0)
        found.append(outputs(path, "Sampler", inputs))
    torch.testing.assert_close(*found, rtol=0, atol=1e-12)
    assert not torch.equal(
        load_file("b.safetensors")["d1.bias"], load_file("align.safetensors")["d1.bias"]
    )


def test_a_path_that_no_example_takes_is_told_by_the_tensors_that_it_alone_reads() -> None:
    done = run("followed", "Branch")
    assert done.exit_code == 4
    assert "none that was seen reads 'a.weight', 'a.bias'" in done.stderr
    assert not Path("out.safetensors").exists()


def test_a_spec_file_may_vouch_for_tensors_that_nothing_reads() -> None:
    Path("fixed.toml").write_text('version = 1\nmode = "extend"\n[rules]\nfix = ["a.*"]\n')
    done = run("followed", "Branch", "--spec", "fixed.toml")
    assert done.exit_code == 0, done.output
    assert "8 units moved, in 1 groups" in done.stdout


def test_units_of_all_paths_move_together_where_examples_take_all_of_them() -> None:
    done = run("followed", "Routed")
    assert done.exit_code == 0, done.output
    assert "of 8 units moved, in 1 groups" in done.stdout
    inputs = torch.randn(64, 6)
    expected, found = (
        outputs(path, "Routed", inputs) for path in ("b.safetensors", "out.safetensors")
    )
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    before, after = load_file("b.safetensors"), load_file("out.safetensors")
    assert not torch.equal(before["a.bias"], after["a.bias"])
    assert not torch.equal(before["b.bias"], after["b.bias"])


def test_nothing_to_align_is_told_and_carries_no_verdict() -> None:
    told = "none of the 8 hidden units may move, so nothing was aligned"
    aligned = ("--align", "weight", "--calib-split", "test")
    words = (*DATA, "--points", "3", *aligned, "--force", "-o", "out.h5")
    done = invoke("barrier", *pair("fixed"), *words)
    assert done.exit_code == 0 and done.stderr.count(told) == 1, done.output
    assert [doubt.where for doubt in doubts_of(read(Path("out.h5")))] == [
        {"variant": "align"},
        {"variant": "align+repair"},
    ]
    for variant, code in (("align", 4), ("plain", 0)):
        gate = ("--require", f"barrier.error[variant={variant}] <= 60%")
        assert invoke("barrier", *pair("fixed"), *words, *gate).exit_code == code
    done = run("followed", "fixed", "--force", "--require", "align.moved >= 1%")
    assert done.exit_code == 4 and told in done.stderr


def test_few_units_to_align_are_told_and_recorded() -> None:
    done = run("followed", "Few", "--require", "align.moved >= 1%")
    assert done.exit_code == 0, done.output
    assert "only 8 of 24 hidden units may move" in done.stderr
    said = read(Path("out.h5")).groups["permutations"].attributes
    assert (said["movable_units"], said["hidden_units"]) == (8, 24)
    whole = run("followed", "plain", "--force")
    assert whole.exit_code == 0 and "hidden units may move" not in whole.stderr
