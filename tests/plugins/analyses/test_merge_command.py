"""The command ``merge``: what it writes and shows, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
from lmctool.results.alignments import count
from lmctool.results.file import read
from lmctool.results.provenance import Provenance
from lmctool.testing import ARGUMENTS, invoke, tiny_pair
from lmctool_plugins.analyses.merge.view import draw

INPUT = ("--input", "3x1x8x8")
FEW = ("--allow-chance", "--limit", "100", "--calib-size", "100")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    a, b = tiny_pair(tmp_path)
    mean = {name: (tensor + load_file(b)[name]) / 2 for name, tensor in load_file(a).items()}
    with safe_open(a, "pt") as file:
        save_file(mean, "c.safetensors", file.metadata())
    bare = {"lmctool.model": "mlp", "lmctool.model_arguments": json.dumps(ARGUMENTS)}
    for name in "abc":
        save_file(load_file(f"{name}.safetensors"), f"bare-{name}.safetensors", bare)


def named(letters: str, prefix: str = "") -> list[str]:
    return [f"{prefix}{letter}.safetensors" for letter in letters]


def test_the_merged_checkpoint_loads_into_the_architecture_and_says_what_it_is() -> None:
    done = invoke("merge", *named("ab"), "--weights", "3,1", *FEW)
    assert done.exit_code == 0, done.output
    a, b, merged = (load_file(f"{name}.safetensors") for name in ("a", "b", "merge"))
    for name, tensor in merged.items():
        expected = (3 * a[name].double() + b[name].double()) / 4
        assert torch.equal(tensor, expected.float())
    registry.load(MODELS, "mlp").build("mlp", **ARGUMENTS).load_state_dict(merged)
    with safe_open("merge.safetensors", "pt") as file:
        said = file.metadata()
    assert said["lmctool.made"] == "merge (plain) of 0.75 a.safetensors + 0.25 b.safetensors"
    assert said["lmctool.data"] == "digits"
    assert "Merge of 2 networks (weights 0.75, 0.25); plain is written" in done.stdout


ULP = 2.0**-23
"""The distance of float32 numbers above 1."""


def refined(name: str, step: float, dtype: torch.dtype) -> dict[str, Tensor]:
    """Write a network again, with every number raised by a part of its last float32 digit."""
    with safe_open(f"{name}.safetensors", "pt") as file:
        said = file.metadata()
    raised = {n: t.double() * (1 + step * ULP) for n, t in load_file(f"{name}.safetensors").items()}
    stored = {n: t.to(dtype) for n, t in raised.items()}
    save_file(stored, f"{name}.safetensors", said)
    return {n: t.double() for n, t in stored.items()}


@pytest.mark.parametrize("prefix", ["", "bare-"])  # in memory, and a block at a time
@pytest.mark.parametrize("first", [torch.float64, torch.float32])
def test_networks_of_float64_are_merged_in_float64(prefix: str, first: torch.dtype) -> None:
    if prefix:
        for name in "ab":
            save_file(load_file(f"{name}.safetensors"), f"bare-{name}.safetensors")
    a = refined(f"{prefix}a", 0.0, first)
    b = refined(f"{prefix}b", 0.4, torch.float64)
    more = () if prefix else FEW
    done = invoke("merge", *named("ab", prefix), *more, "--weights", "1,2")
    assert done.exit_code == 0, done.output
    merged = load_file("merge.safetensors")
    exact = {name: (a[name] + 2 * b[name]) / 3 for name in a}
    narrow = {name: (a[name].float() + 2 * b[name].float().double()) / 3 for name in a}
    for name, tensor in merged.items():
        assert tensor.dtype == first  # of the first network, to which the mean is rounded once
        assert torch.equal(tensor, exact[name].to(first))
    assert any(not torch.equal(exact[n].to(first), narrow[n].to(first)) for n in a)
    assert Provenance.of(read(Path("merge.h5"))).settings["dtype"] == "float64"


def test_what_is_asked_for_in_float32_is_merged_in_float32() -> None:
    for name in "ab":
        refined(name, 0.4, torch.float64)
    done = invoke("merge", *named("ab"), *FEW, "--dtype", "float32")
    assert done.exit_code == 0, done.output
    merged = load_file("merge.safetensors")
    assert all(torch.equal(tensor, tensor.float().double()) for tensor in merged.values())
    assert Provenance.of(read(Path("merge.h5"))).settings["dtype"] == "float32"


def test_what_is_stored_narrow_is_written_narrow() -> None:
    for name in "ab":
        with safe_open(f"{name}.safetensors", "pt") as file:
            said = file.metadata()
        halves = {n: t.to(torch.bfloat16) for n, t in load_file(f"{name}.safetensors").items()}
        save_file(halves, f"{name}.safetensors", said)
    assert invoke("merge", *named("aa"), *FEW, "-o", "same").exit_code == 0
    own, again = load_file("a.safetensors"), load_file("same.safetensors")
    for name, tensor in own.items():
        assert torch.equal(again[name].view(torch.int16), tensor.view(torch.int16))


def test_without_data_there_are_distances_and_no_scores() -> None:
    done = invoke("merge", *named("abc", "bare-"))
    assert done.exit_code == 0, done.output
    result = read(Path("merge.h5"))
    assert set(result.groups) == {"merge/networks", "provenance"}
    held = result.groups["merge/networks"].variables
    assert held["file"].values.tolist() == named("abc", "bare-")
    far = held["distance"].values[0]
    assert far[0] == pytest.approx(far[1], rel=1e-5) and far[2] < 1e-5  # c is the mean of both
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["network", "file", "weight", "distance,", "plain"] in rows


def test_aligning_without_data_needs_an_example_input() -> None:
    words = ("merge", *named("abc", "bare-"), "--align", "weight", "--frame", "common")
    assert "neither data nor an example input is named" in invoke(*words).stderr
    done = invoke(*words, *INPUT)
    assert done.exit_code == 0, done.output
    assert "frame common: a cycle of networks moves 0 units" in done.stdout
    result = read(Path("merge.h5"))
    assert count(result.groups, "permutations") == 3
    figure = Figure()
    draw(result, figure)
    search, far = figure.axes
    spread = result.groups["merge/frame"].variables["spread"].values
    np.testing.assert_array_equal(search.lines[0].get_ydata(), spread)
    names = [text.get_text() for text in far.get_yticklabels()]
    assert names == ["a: bare-a", "b: bare-b", "c: bare-c"]
    assert invoke("show", "merge.h5").exit_code == 0


def test_several_alphas_are_a_curve_and_the_chosen_one_is_said() -> None:
    done = invoke("merge", *named("ab"), "--alphas", "0.2,0.5,0.8", "--split", "test,train", *FEW)
    assert done.exit_code == 0, done.output
    result = read(Path("merge.h5"))
    held = result.groups["merge/alphas"].variables
    assert held["loss"].values.shape == (1, 2, 3)
    chosen = float(held["chosen"].values)
    assert f"alpha {chosen:g} of 0.2, 0.5, 0.8: least loss on the calibration" in done.stdout
    figure = Figure()
    draw(result, figure)
    errors, curves = figure.axes
    assert [text.get_text() for text in errors.get_yticklabels()] == ["a", "b", "plain"]
    assert len(curves.lines) == 2 + 1 + 1  # splits, calibration examples, the chosen alpha
    np.testing.assert_array_equal(curves.lines[-1].get_xdata(), [chosen, chosen])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["a", "--frame", "common"], "--method mean takes two checkpoints or more; 1 given"),
        (["ab", "--frame", "common"], "--frame common says where --align brings the units"),
        (["ab", "--frame", "common", "--align"], "--frame common is for three networks or more"),
        (["abc", "--repair", "closed-form"], "any merged network is corrected by repair, rescale"),
        (["abc", "--batchnorm", "b"], "--batchnorm b is for two networks, not 3"),
        (["abc", "--alphas", "0.5"], "--alphas lie between two networks, not 3"),
        (["ab", "--weights", "1,2,3"], "--weights has 3 numbers for 2 networks: '1,2,3'"),
    ],
    ids=["one", "no aligner", "two", "repair", "batchnorm", "alphas", "weights"],
)
def test_flags_that_do_not_fit_are_refused(words: list[str], told: str) -> None:
    letters, *rest = words
    done = invoke("merge", *named(letters), *rest, *FEW)
    assert done.exit_code == 2
    assert told in done.stderr
    assert not Path("merge.h5").exists()


def test_a_stored_permutation_is_for_two_networks() -> None:
    assert invoke("merge", *named("ab"), "--align", *FEW, "-o", "two").exit_code == 0
    again = invoke("merge", *named("ab"), "--apply", "two.h5", *FEW, "-o", "again")
    assert again.exit_code == 0, again.output
    first, second = load_file("two.safetensors"), load_file("again.safetensors")
    assert all(torch.equal(first[name], second[name]) for name in first)
    done = invoke("merge", *named("abc"), "--apply", "two.h5", *FEW)
    assert done.exit_code == 2
    assert "--apply permutes one network, and 2 would be permuted; give --align" in done.stderr


def test_of_several_alphas_only_data_can_choose() -> None:
    done = invoke("merge", *named("ab", "bare-"), "--alphas", "0.2,0.8")
    assert done.exit_code == 2
    assert "of several --alphas data chooses one: pass --data SPEC" in done.stderr
