"""Weights of checkpoints: looked at once, read when they are needed, and few of them in memory."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lmctool.checkpoint import Checkpoint
from lmctool.checkpoint.checkpoint import open_checkpoint
from lmctool.errors import LmctoolError, UnjudgedError
from lmctool.evaluate import Network
from lmctool.graph.capture import exported
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
from lmctool.results.file import read
from lmctool.results.journal import MemoryJournal
from lmctool.run import alignment, loaded_weights
from lmctool.run.loaded_weights import LoadedWeights
from lmctool.symmetry import Permutation, PermutationSpec, prove
from lmctool.symmetry.axis_form import Free
from lmctool.testing import invoke
from lmctool.weights.arithmetic import lerp
from lmctool.weights.recipe import KnownWeights, identity
from lmctool.weights.streamed import StreamedWeights, streams
from lmctool_plugins.aligners.weight import likeness

if TYPE_CHECKING:
    from collections.abc import Iterator

ARGUMENTS = {"inputs": 64, "width": 256, "depth": 9}


@pytest.fixture(params=[False, True], ids=["small", "large"])
def large(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Let networks be large, or not."""
    monkeypatch.setattr(loaded_weights, "LARGE", 1 if request.param else 1 << 60)
    return bool(request.param)


class Tied(nn.Module):
    """Two layers that share their weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
        self.last.weight = self.first.weight


def loaded(folder: Path, *networks: dict[str, Tensor], **told: Any) -> LoadedWeights:
    paths = [folder / f"{number}.safetensors" for number in range(len(networks))]
    for path, weights in zip(paths, networks, strict=True):
        save_file(weights, path)
    files = [open_checkpoint(path) for path in paths]
    model: Any = SimpleNamespace(module=Tied(), **told)
    return LoadedWeights(files, model, torch.float32, torch.device("cpu"), {})


def tied(value: float, other: float) -> dict[str, Tensor]:
    weight, last = torch.full((3, 3), value), torch.full((3, 3), other)
    return {"first.weight": weight, "last.weight": last}


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        (tied(1.0, 2.0), "'first.weight' and 'last.weight' are one in the model, but differ"),
        (tied(1.0, float("nan")), "'last.weight' of .* holds 9 values that are NaN or infinite"),
    ],
)
def test_what_is_no_network_is_refused_when_it_is_asked_for(
    tmp_path: Path, large: bool, weights: dict[str, Tensor], told: str
) -> None:
    source = loaded(tmp_path, tied(1.0, 1.0), weights)
    source.weights(0)
    with pytest.raises(LmctoolError, match=told):
        source.weights(1)


def test_what_a_run_has_looked_at_is_not_read_again_to_be_known(
    tmp_path: Path, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, networks = MemoryJournal(), (tied(1.0, 1.0), tied(2.0, 2.0))
    for number in range(2):
        source = loaded(tmp_path, *networks)
        source.journal = journal
        weights = source.weights(1)
        if number == 0:
            known = identity(weights)
            monkeypatch.setattr(Checkpoint, "weight", None)
    assert identity(weights) == known and list(weights) == ["first.weight"]
    assert streams(weights)


def test_weights_that_pass_by_are_mixed_as_those_in_memory(tmp_path: Path) -> None:
    weights = loaded(tmp_path, tied(1.0, 1.0), tied(3.0, 3.0))
    journal = weights.journal = MemoryJournal()
    a, b = weights.weights(0), weights.weights(1)
    assert not streams(b)
    whole = lerp(a, b, 0.3)
    again = loaded(tmp_path, tied(1.0, 1.0), tied(3.0, 3.0))
    again.journal = journal
    there = again.weights(1)
    passed = lerp(a, there, 0.3)
    assert streams(there) and passed.keys() == whole.keys()
    assert all(torch.equal(tensor, whole[name]) for name, tensor in passed.items())


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the files of two networks in bfloat16."""
    monkeypatch.chdir(tmp_path)
    metadata = {"lmctool.model": "mlp", "lmctool.model_arguments": json.dumps(ARGUMENTS)}
    for seed in range(2):
        torch.manual_seed(seed)
        module = registry.load(MODELS, "mlp").build("mlp", **ARGUMENTS)
        tensors = {name: tensor.bfloat16() for name, tensor in module.state_dict().items()}
        save_file(tensors, f"{seed}.safetensors", metadata | {"lmctool.data": "digits"})
    return ["0.safetensors", "1.safetensors"]


@pytest.fixture
def nothing_else() -> Iterator[None]:
    """Let Python look for tensors among new objects alone: others are up to millions."""
    exported(nn.Linear(2, 2), torch.zeros(2, 2))  # imports what makes most of them
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def in_memory() -> int:
    """Return the bytes of all new tensors that are in memory, or mapped into it."""
    gc.collect()
    storages = [each.untyped_storage() for each in gc.get_objects() if type(each) in KINDS]
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


KINDS = (Tensor, nn.Parameter)


def make_large(monkeypatch: pytest.MonkeyPatch, *, large: bool) -> None:
    """Let all networks be large from here on, or none."""
    monkeypatch.setattr(loaded_weights, "LARGE", 1 if large else 1 << 60)
    monkeypatch.setattr(alignment, "LARGE", 1 if large else 1 << 60)
    monkeypatch.setattr(likeness, "MOST", 0 if large else 1 << 60)


@pytest.mark.usefixtures("nothing_else")
def test_paths_between_large_networks_take_little_more_than_two_and_have_the_same_numbers(
    pair: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []
    evaluated, one = Network.__call__, Checkpoint.weight

    def called(self: Network, weights: Any) -> Any:
        outputs = evaluated(self, weights)
        found.append(in_memory())
        return outputs

    def passing(self: Checkpoint, *arguments: Any) -> Tensor:
        tensor = one(self, *arguments)
        found.append(in_memory())
        return tensor

    monkeypatch.setattr(Network, "__call__", called)
    monkeypatch.setattr(Checkpoint, "weight", passing)
    module = registry.load(MODELS, "mlp").build("mlp", **ARGUMENTS)
    numbers = sum(tensor.numel() for tensor in module.parameters())
    del module
    words = ("--points", "3", "--limit", "8", "--batch-size", "4", "--allow-chance", "-q")
    losses = []
    for large in (True, False):
        make_large(monkeypatch, large=large)
        found.clear()
        done = invoke("interpolate", *pair, *words, "-o", f"{large}.h5")
        assert done.exit_code == 0, done.output
        copies = max(found) / (4 * numbers)
        assert (copies < 2.5) == large, copies
        losses.append(
            read(Path(f"{large}.h5")).groups["interpolate/curve"].variables["loss"].values
        )
    assert (losses[0] == losses[1]).all()


@pytest.fixture
def bare(pair: list[str]) -> list[str]:
    """Return folders of the same networks, the second's last layers permuted; data is not named."""
    order = torch.arange(256).roll(1)
    for number, path in enumerate(pair):
        tensors = load_file(path)
        if number:
            last = sorted(name for name in tensors if name.endswith("weight"))[-2:]
            tensors[last[0]] = tensors[last[0]][order]
            bias = last[0].replace("weight", "bias")
            tensors[bias] = tensors[bias][order]
            tensors[last[1]] = tensors[last[1]][:, order]
        metadata = {"lmctool.model": "mlp", "lmctool.model_arguments": json.dumps(ARGUMENTS)}
        save_file(tensors, path, metadata)
    return pair


ALIGN = ("--aligner", "weight", "--restarts", "1", "--input", "4x64", "--force", "-q")


@pytest.mark.usefixtures("nothing_else")
def test_large_networks_are_aligned_as_small_ones_while_their_tensors_pass(
    bare: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []
    one = Checkpoint.weight

    def passing(self: Checkpoint, *arguments: Any) -> Tensor:
        tensor = one(self, *arguments)
        found.append(in_memory())
        return tensor

    monkeypatch.setattr(Checkpoint, "weight", passing)
    results, files = [], []
    for large in (True, False):
        make_large(monkeypatch, large=large)
        found.clear()
        done = invoke("align", *bare, *ALIGN, "-o", f"{large}.h5")
        assert done.exit_code == 0, done.output
        assert "held in memory" not in done.output
        copies = max(found) / Path(bare[0]).stat().st_size
        # the files' own dtype takes half of float32's bytes; the largest tensor is an eighth of all
        assert copies < 2 if large else copies > 3, copies
        results.append(read(Path(f"{large}.h5")).groups)
        files.append(Path(f"{large}.safetensors").read_bytes())
    assert files[0] == files[1] != Path(bare[1]).read_bytes()
    first, second = (groups["weight"].variables["objective"].values for groups in results)
    np.testing.assert_allclose(first, second, rtol=1e-12)
    said = [groups["weight"].attributes["products"] for groups in results]
    assert said == ["made anew", "kept"]
    proofs = [groups["permutations"].attributes for groups in results]
    assert proofs[0] == proofs[1]


HELD = """\
import torch
from torch import nn

class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 300), nn.Linear(300, 300)

    def forward(self, x):
        self.last.weight.data_ptr()
        shown = self.last(self.first(x).relu())
        return torch.from_numpy(shown.numpy())
"""


def test_a_large_network_that_cannot_pass_is_aligned_all_the_same_and_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_large(monkeypatch, large=True)
    Path("network.py").write_text(HELD)
    for number in range(2):
        torch.manual_seed(number)
        first, last = nn.Linear(4, 300), nn.Linear(300, 300)
        save_file(
            nn.ModuleDict({"first": first, "last": last}).state_dict(), f"{number}.safetensors"
        )
    words = ("--model", "./network.py:Network", "--aligner", "weight", "--input", "4x4")
    done = invoke("align", "0.safetensors", "1.safetensors", *words)
    told = (
        "the first network is held in memory as a whole: its tensors were to pass one by one, but"
    )
    assert done.exit_code == 0, done.output
    assert done.stderr.count(told) == 1, done.output


class Written(nn.Linear):
    """A layer that writes into its weight as it computes, and puts it back."""

    def forward(self, inputs: Tensor) -> Tensor:
        self.weight.data.mul_(2)
        outputs = super().forward(inputs)
        self.weight.data.div_(2)
        return outputs


@pytest.mark.parametrize("kind", [nn.Linear, Written])
def test_a_wrong_permutation_is_refused_as_tensors_pass(kind: type[nn.Linear]) -> None:
    width = 300
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, width), nn.ReLU(), kind(width, width), nn.Linear(width, 2))
    module.requires_grad_(False).eval()
    kept = {name: tensor.clone() for name, tensor in module.state_dict().items()}

    def whole() -> KnownWeights:
        raise AssertionError("all of them were asked for")

    shapes = {name: tuple(tensor.shape) for name, tensor in kept.items()}
    weights = StreamedWeights(shapes, whole, lambda n: kept[n].clone(), lambda: "", large=True)
    axes = {"0.weight": (Free("g", width), None), "0.bias": (Free("g", width),)}
    right = PermutationSpec({"g": width}, {**axes, "2.weight": (None, Free("g", width))})
    order = {"g": torch.arange(width).roll(1)}
    inputs = torch.randn(5, 4)
    known = prove(module, kept, Permutation(right, order), inputs)
    assert prove(module, weights, Permutation(right, order), inputs) == known
    wrong = PermutationSpec({"g": width}, axes)
    with pytest.raises(UnjudgedError, match="the permutation changes the network"):
        prove(module, weights, Permutation(wrong, order), inputs)
