"""What is shipped for the tests of plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

from lmctool import testing
from lmctool.api import Choice
from lmctool.plugin import registry
from lmctool.plugin.kinds import ALIGNERS
from lmctool.symmetry.linear.transform import permutation_part
from lmctool.testing import invoke, metrics, networks, save, tiny_pair, tiny_run

if TYPE_CHECKING:
    from pathlib import Path


def test_the_pair_is_the_same_every_time_and_leaves_the_random_state_alone(tmp_path: Path) -> None:
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    a, b = map(load_file, tiny_pair(tmp_path, steps=2))
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(8)
    again, _ = map(load_file, tiny_pair(tmp_path, steps=2))
    assert all(torch.equal(tensor, again[name]) for name, tensor in a.items())
    assert not any(torch.equal(tensor, b[name]) for name, tensor in a.items())


def test_a_trained_pair_needs_no_further_option(tmp_path: Path) -> None:
    a, b = tiny_pair(tmp_path, steps=100)
    found = metrics("barrier", a, b, "--points", "3")
    assert all(
        found[f"end.error[split=test,end={end}]"] == pytest.approx(0.09, abs=0.05) for end in "ab"
    )


def test_metrics_leave_no_file_unless_they_are_told_where(tmp_path: Path) -> None:
    a, b = tiny_pair(tmp_path)
    assert metrics("distance", a, b)["distance.l2[variant=plain]"] > 0  # type: ignore[operator]
    assert {path.name for path in tmp_path.iterdir()} == {"a.safetensors", "b.safetensors"}
    metrics("distance", a, b, "-o", tmp_path / "kept")
    assert (tmp_path / "kept.h5").is_file()


def test_what_goes_wrong_is_in_the_error(tmp_path: Path) -> None:
    a, b = tiny_pair(tmp_path)
    with pytest.raises(AssertionError, match=r"exit code 4: (.|\n)*answers at chance"):
        metrics("barrier", a, b)


def test_a_run_has_what_a_plugin_asks_for(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, aligner="weight", limit=20)
    a, b = run.weights(0), run.weights(1)
    permutation = permutation_part(run.align(a, b))
    assert permutation.spec is run.permutation_spec
    (scores,) = run.evaluate([a]).loss.T
    assert scores.shape == (1,) and len(run.splits[0]) == 20


def test_a_run_takes_checkpoints_of_your_own(tmp_path: Path) -> None:
    pair = tiny_pair(tmp_path)
    run = tiny_run(tmp_path / "none", "distance", checkpoints=pair[::-1])
    assert [checkpoint.path for checkpoint in run.checkpoints] == [*pair[::-1]]


def test_options_of_an_aligner_and_a_correction_have_their_defaults(tmp_path: Path) -> None:
    pair = tiny_pair(tmp_path)
    word = tiny_run(tmp_path, checkpoints=pair, aligner="weight", correction="repair")
    assert word.settings.correction == Choice("repair", {"targets": "both"})
    assert word.settings.aligner is not None and word.settings.aligner.options.keys() == {
        *(option.name for option in registry.load(ALIGNERS, "weight").options)
    }
    assert word.variants()[-1].at(0.5).keys() == word.weights(0).keys()
    given = tiny_run(tmp_path, checkpoints=pair, correction=Choice("repair", {"targets": "layers"}))
    assert given.settings.correction == Choice("repair", {"targets": "layers"})
    with pytest.raises(
        AssertionError, match=r"correction 'repair' declares no option 'target'; it"
    ):
        tiny_run(tmp_path, checkpoints=pair, correction=Choice("repair", {"target": "layers"}))


def test_a_run_may_be_on_any_of_the_small_networks(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, network="causal_lm", limit=4)
    expected = networks.state(networks.causal_lm, 1)
    assert run.weights(1).keys() == expected.keys() and run.task_name == "causal-lm"
    assert all(torch.equal(run.weights(1)[name], each) for name, each in expected.items())
    assert len(run.splits[0]) == 4
    with pytest.raises(ValueError, match="no network is called 'lenet'; there are: mlp, resnet"):
        tiny_run(tmp_path, network="lenet")


def test_a_network_of_your_own_is_stamped(tmp_path: Path) -> None:
    arguments = {"inputs": 2, "depth": 0, "classes": 2}
    module = nn.Sequential()
    module.classifier = nn.Linear(2, 2)
    path = save(tmp_path / "own.safetensors", module, model="mlp", arguments=arguments, data="x")
    with safe_open(path, "pt") as file:
        assert file.metadata()["lmctool.model"] == "mlp" and file.metadata()["lmctool.data"] == "x"
    assert invoke("inspect", path).exit_code == 0


def test_every_public_name_is_documented() -> None:
    for name in ("tiny_pair", "save", "tiny_run", "invoke", "metrics"):
        assert "\n" in (getattr(testing, name).__doc__ or ""), name
