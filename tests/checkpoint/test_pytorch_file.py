"""Files of PyTorch: every value as torch reads it, and nothing of them executed."""

from __future__ import annotations

import argparse
import json
import os
import pickle
from collections import OrderedDict
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from lmctool.checkpoint import open_checkpoint
from lmctool.errors import UnjudgedError
from lmctool.testing import invoke
from tests.checkpoint.pytorch_files import error_text, pickled

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from .conftest import Save

STATE = {"w": torch.arange(4.0), "b": torch.ones(2, dtype=torch.bfloat16)}
OLD_DTYPES = [
    "float64",
    "float32",
    "float16",
    "bfloat16",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint8",
    "bool",
    "complex64",
]
NEW_DTYPES = [
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
    "uint16",
    "uint32",
    "uint64",
]


class Trap:
    """An object whose pickle makes a folder when it is loaded."""

    def __init__(self, path: Path) -> None:
        """Remember which folder."""
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        """Say what loading would call."""
        return os.mkdir, (str(self.path),)


def same(a: Tensor, b: Tensor) -> bool:
    """Tell whether tensors have the same dtype, shape and bytes."""
    if (a.dtype, a.shape) != (b.dtype, b.shape):
        return False
    one, two = (each.detach().contiguous().flatten().view(torch.uint8) for each in (a, b))
    return torch.equal(one, two)


def varied() -> OrderedDict[str, Tensor]:
    """Return tensors of every kind that a state dict may have."""
    base = torch.randn(6, 5, 4, 3, generator=torch.Generator().manual_seed(0))
    noted = nn.Parameter(base[0, 0].clone())
    noted.note = "text"  # type: ignore[attr-defined]
    return OrderedDict(
        base=base,
        tied=base,
        rows=base[1:4],
        column=base[1:3, :, 2],
        turned=base.permute(3, 1, 0, 2),
        channels_last=base.clone().to(memory_format=torch.channels_last),
        repeated=torch.ones(3, 1).expand(3, 4),
        empty=torch.empty(0, 3),
        empty_beyond=base[6:6, 5:5],
        scalar=torch.tensor(3.5),
        parameter=nn.Parameter(base[0]),
        noted=noted,
        **{word: (base * 10).to(getattr(torch, word)) for word in OLD_DTYPES},
    )


@pytest.mark.parametrize("zipped", [True, False])
def test_every_value_is_as_torch_reads_it(tmp_path: Path, zipped: bool) -> None:
    content = varied()
    if zipped:  # torch cannot read its own older files of these
        content |= {word: content["base"].to(getattr(torch, word)) for word in NEW_DTYPES}
    path = pickled(tmp_path, content, zipped)
    checkpoint = open_checkpoint(path)
    expected = torch.load(path, weights_only=True)
    assert set(checkpoint.names) == set(expected)
    for name, tensor in expected.items():
        assert same(checkpoint.tensor(name), tensor), name
        blocks = list(map(torch.Tensor.clone, checkpoint.blocks(name, 1, 50, size=7)))
        flat = torch.cat(blocks) if blocks else tensor.flatten()[:0]
        assert same(flat, tensor.flatten()[1:50]), name


@pytest.mark.parametrize("zipped", [True, False])
def test_the_digest_is_that_of_the_tensors_in_safetensors(
    tmp_path: Path, save: Save, zipped: bool
) -> None:
    content = varied()
    whole = {name: tensor.detach().clone().contiguous() for name, tensor in content.items()}
    expected = open_checkpoint(save("b.safetensors", whole)).digest
    assert open_checkpoint(pickled(tmp_path, content, zipped)).digest == expected


def test_weights_are_those_of_the_same_tensors_in_safetensors(tmp_path: Path, save: Save) -> None:
    tensors = {"w": torch.randn(4, 3).T, "h": torch.randn(5).half(), "n": torch.tensor(3)}
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    weights = open_checkpoint(save("b.safetensors", whole)).weights(torch.float64)
    again = open_checkpoint(pickled(tmp_path, tensors)).weights(torch.float64)
    assert weights.keys() == again.keys()
    assert all(same(again[name], weights[name]) for name in weights)


@pytest.mark.parametrize("zipped", [True, False])
def test_what_is_no_tensor_gets_an_inert_stand_in(tmp_path: Path, zipped: bool) -> None:
    trap = tmp_path / "sprung"
    content = {
        "model": {**STATE, "note": Trap(trap)},
        "args": argparse.Namespace(lr=0.1, nested=argparse.Namespace(path=PurePosixPath("/x"))),
        "best": np.float64(0.9),
        "rng": [np.random.get_state(), torch.get_rng_state()],
        "trap": Trap(trap),
        "optimizer": {"state": {0: {"exp_avg": STATE["w"]}}, "param_groups": [{"lr": 0.1}]},
        "set": {1, 2},
        "epoch": 3,
    }
    checkpoint = open_checkpoint(pickled(tmp_path, content, zipped))
    assert checkpoint.left_out == ("model.note", *(name for name in content if name != "model"))
    assert all(same(checkpoint.tensor(name), tensor) for name, tensor in STATE.items())
    assert not trap.exists()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_of_pickles_is_read(tmp_path: Path, protocol: int) -> None:
    content = {"model": STATE, "args": argparse.Namespace(a={1}), "trap": Trap(tmp_path / "no")}
    torch.save(content, tmp_path / "in.pt", pickle_protocol=protocol)
    assert open_checkpoint(tmp_path / "in.pt").left_out == ("args", "trap")
    assert not (tmp_path / "no").exists()


def test_a_pickle_of_someone_elses_is_told_unrun(tmp_path: Path) -> None:
    (tmp_path / "in.pt").write_bytes(pickle.dumps(Trap(tmp_path / "sprung"), protocol=2))
    assert error_text(tmp_path / "in.pt").startswith("FILE is a pickle, but none that torch.save")
    assert error_text(pickled(tmp_path, Trap(tmp_path / "sprung"))).startswith(
        "FILE holds a posix.mkdir where a state dict is due"
    )
    assert not (tmp_path / "sprung").exists()


class Block(nn.Module):
    """A module with what a state dict has and has not."""

    def __init__(self) -> None:
        """Make tied layers, buffers of both kinds and none at all."""
        super().__init__()
        self.first, self.none = nn.Linear(3, 3), None
        self.tied = nn.Linear(3, 3)
        self.tied.weight = self.first.weight
        self.norm = nn.BatchNorm1d(3)
        self.register_buffer("kept", torch.arange(3))
        self.register_buffer("transient", torch.zeros(9), persistent=False)
        self.register_parameter("absent", None)
        self.plain = torch.zeros(7)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
def test_a_module_saved_whole_is_its_state_dict(tmp_path: Path, zipped: bool) -> None:
    module = nn.Sequential(Block(), nn.ModuleList([Block()]))
    expected = module.state_dict()
    for content in (module, {"model": module, "epoch": 3}):
        checkpoint = open_checkpoint(pickled(tmp_path, content, zipped))
        assert set(checkpoint.names) == set(expected)
        assert all(same(checkpoint.tensor(name), expected[name]) for name in expected)


def test_steps_beside_the_state_dict_are_metadata(tmp_path: Path) -> None:
    told = {"state_dict": STATE, "iteration": 2, "global_step": 7, "epoch": 1, "step": True}
    path = pickled(tmp_path, told)
    assert open_checkpoint(path).metadata == {"lmctool.training": '{"step": 7, "epoch": 1}'}
    path = pickled(tmp_path, {"state_dict": STATE, "step": 10**5000, "epoch": -1})
    assert open_checkpoint(path).metadata == {}


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda ones: ones.to_sparse(), "sparse"),
        (lambda ones: ones.to(torch.complex128), "of the dtype complex128"),
        (lambda ones: ones.to("meta"), "without values, on the device meta"),
        (lambda ones: ones.to(torch.complex64).conj(), "stored as the negative or conjugate of"),
        (lambda ones: torch.quantize_per_tensor(ones, 0.1, 0, torch.qint8), "quantized"),
    ],
)
@pytest.mark.filterwarnings("ignore")  # torch warns of some of these as it makes them
def test_tensors_that_are_no_plain_arrays_are_told(
    tmp_path: Path, make: Callable[[Tensor], Tensor], what: str
) -> None:
    text = error_text(pickled(tmp_path, {**STATE, "x": make(torch.ones(2))}))
    assert text.startswith(f"tensor 'x' of FILE is {what}")


def test_values_that_are_no_numbers_are_found_in_views_too(tmp_path: Path) -> None:
    base = torch.ones(4, 3)
    base[3, 2] = torch.nan
    with pytest.raises(UnjudgedError, match=r"tensor 'w' of .* holds 1 values that are NaN"):
        open_checkpoint(pickled(tmp_path, {"w": base.T})).locations["w"].check("w")


def test_a_file_of_many_tensors_opens_without_reading_them(tmp_path: Path) -> None:
    names = [f"layers.{number}.weight" for number in range(3000)]
    path = pickled(tmp_path, {name: torch.ones(2) for name in names})
    checkpoint = open_checkpoint(path)
    assert list(checkpoint.names) == names
    with path.open("r+b") as file:  # a value that is changed now is read as it is then
        file.seek(checkpoint.locations[names[7]].offset)
        file.write(torch.tensor([5.0]).numpy().tobytes())
    assert torch.equal(checkpoint.tensor(names[7]), torch.tensor([5.0, 1.0]))


def test_commands_read_files_of_pytorch_as_they_read_safetensors(
    tmp_path: Path, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        state = {"w": torch.randn(3, 4), "b": torch.randn(3)}
        save(f"{name}.safetensors", state)
        turned = {**state, "w": state["w"].T.contiguous().T}
        torch.save({"model": turned, "args": argparse.Namespace(a=1)}, f"{name}.pt")
    for command in ("distance", "merge"):
        pt, st = (
            invoke(
                command,
                f"a{suffix}",
                f"b{suffix}",
                "-o",
                f"{suffix[1:]}.h5",
                "--json",
                "-",
                "--force",
            )
            for suffix in (".pt", ".safetensors")
        )
        assert (pt.exit_code, st.exit_code) == (0, 0), pt.output + st.output
        assert json.loads(pt.stdout)["metrics"] == json.loads(st.stdout)["metrics"]
        assert pt.stderr.count("left out of 'a.pt' and 1 more: args") == 1
    written = [open_checkpoint(Path(f"{kind}.safetensors")) for kind in ("pt", "safetensors")]
    assert written[0].digest == written[1].digest
    assert "left out of 'a.pt': args" in invoke("inspect", "a.pt").stdout
