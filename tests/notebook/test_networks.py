"""Networks of checkpoints as modules, and permuted by what a result holds."""

from __future__ import annotations

from collections import OrderedDict
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from lmctool.errors import LmctoolError, UnjudgedError
from lmctool.notebook.networks import load_model
from lmctool.notebook.permuted import permute
from lmctool.results.file import read, write
from lmctool.results.result import Group, Result
from lmctool.testing import invoke, tiny_pair
from tests.given_nets import SOURCE, state_of, state_of_torch

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def aligned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a pair, b aligned to a, and the results of it."""
    folder = tmp_path_factory.mktemp("aligned")
    a, b = tiny_pair(folder)
    (folder / "nets.py").write_text(SOURCE)
    options = ("--limit", "40", "--allow-chance", "--aligner", "weight")
    done = invoke("align", a, b, *options, "-o", folder / "align.h5")
    assert done.exit_code == 0, done.output
    return folder


def same(one: Any, other: Any) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_path_a_state_dict_and_a_module_become_what_align_wrote(aligned: Path) -> None:
    b, expected = aligned / "b.safetensors", load_file(aligned / "align.safetensors")
    assert not same(load_file(b), expected)
    found = aligned / "align.h5"
    assert same(permute(b, found), expected)
    assert same(permute(str(b), SimpleNamespace(record=read(found))), expected)
    module = load_model(b).train()
    module.layers[0].weight.requires_grad_(False)  # type: ignore[index,union-attr]
    before = state_of(module)
    state = module.state_dict()
    turned = permute(state, read(found))
    assert same(turned, expected)
    assert isinstance(turned, OrderedDict)
    assert turned._metadata == state._metadata  # type: ignore[attr-defined]
    new = permute(module, found)
    assert same(new.state_dict(), expected)
    assert type(new) is type(module)
    assert state_of(new)["requires"] == before["requires"]
    assert new.training
    assert state_of(module) == before
    inputs = torch.randn(5, 64)
    torch.testing.assert_close(new.eval()(inputs), module.eval()(inputs))


def test_another_network_becomes_what_apply_writes(aligned: Path, tmp_path: Path) -> None:
    a, b = aligned / "a.safetensors", aligned / "b.safetensors"
    options = ("--apply", aligned / "align.h5", "--limit", "40", "--allow-chance")
    done = invoke("align", b, a, *options, "-o", tmp_path / "applied.h5")
    assert done.exit_code == 0, done.output
    assert same(permute(a, aligned / "align.h5"), load_file(tmp_path / "applied.safetensors"))


def test_a_permuted_network_shares_nothing_with_the_one_that_was_given(aligned: Path) -> None:
    module = load_model(aligned / "b.safetensors")
    kept = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    for new in (
        permute(module, aligned / "align.h5").state_dict(),
        permute(module.state_dict(), aligned / "align.h5"),
    ):
        with torch.no_grad():
            for tensor in new.values():
                tensor.zero_()
    assert same(module.state_dict(), kept)


def test_names_are_read_as_a_run_reads_them_and_all_else_is_passed_on(aligned: Path) -> None:
    b, expected = load_file(aligned / "b.safetensors"), load_file(aligned / "align.safetensors")
    found = aligned / "align.h5"
    wrapped = {f"module.net.{name}": tensor.bfloat16() for name, tensor in b.items()}
    state = {**wrapped, "n_averaged": torch.tensor(3), "module.net._extra_state": "kept"}
    turned = permute(state, found)
    assert list(turned) == list(state)
    assert turned["module.net._extra_state"] == "kept"
    for name, tensor in expected.items():
        assert torch.equal(turned[f"module.net.{name}"], tensor.bfloat16())
    nested = {"model": b, "other": {"w": torch.ones(3)}, "epoch": 3}
    assert same(permute(nested, found, key="model"), expected)
    renamed = {f"x.{name}": tensor for name, tensor in b.items()} | {"y.w": torch.ones(3)}
    assert same(
        permute(renamed, found, strip=["x"], ignore=["y.*"]),
        {**{f"x.{name}": tensor for name, tensor in expected.items()}, "y.w": torch.ones(3)},
    )
    parallel = permute(nn.DataParallel(load_model(aligned / "b.safetensors")), found)
    assert same({k.removeprefix("module."): t for k, t in parallel.state_dict().items()}, expected)


def test_a_network_of_other_names_or_shapes_is_refused(aligned: Path) -> None:
    b = load_file(aligned / "b.safetensors")
    name = next(iter(b))
    others: list[tuple[dict[str, Any], str]] = [
        ({n: t for n, t in b.items() if n != name}, f"tensor '{name}' of shape .* is missing"),
        ({**b, name: torch.zeros(3)}, f"tensor '{name}' has shape"),
        ({**b, "more": torch.zeros(3)}, "tensor 'more' of the checkpoint is not in the model"),
        ({"epoch": 3}, "holds no state dict"),
        (3, "the network is of type 'int', where a path, a state dict"),  # type: ignore[list-item]
    ]
    for state, sentence in others:
        with pytest.raises(LmctoolError, match=sentence):
            permute(state, aligned / "align.h5")


def test_a_result_without_a_permutation_or_with_several_is_refused(
    aligned: Path, tmp_path: Path
) -> None:
    b, found = aligned / "b.safetensors", read(aligned / "align.h5")
    with pytest.raises(LmctoolError, match=r"result '.*bare\.h5' holds no permutation; take one"):
        write(Result("barrier", {}), tmp_path / "bare.h5")
        permute(b, tmp_path / "bare.h5")
    group = found.groups["permutations"]
    several = Result(
        "merge", {"permutations": group, "permutations/1": group, "permutations/2": group}
    )
    with pytest.raises(
        LmctoolError, match="holds 3 permutations; choose with number=0 to number=2"
    ):
        permute(b, several)
    assert same(permute(b, several, number=2), load_file(aligned / "align.safetensors"))
    with pytest.raises(LmctoolError, match="holds no permutation of number 3"):
        permute(b, several, number=3)
    held = {name: each for name, each in group.variables.items() if name != "axes"}
    with pytest.raises(LmctoolError, match="does not say which axes its permutation is of"):
        permute(b, Result("align", {"permutations": Group(held)}))


@pytest.mark.parametrize("kind", ["tied_resnet", "lm"])
def test_tied_tensors_move_together_under_every_name(
    aligned: Path, kind: str, tmp_path: Path
) -> None:
    factory, paths = f"{aligned / 'nets.py'}:{kind}", []
    for seed, name in enumerate("ab"):
        torch.manual_seed(seed)
        paths.append(tmp_path / f"{name}.safetensors")
        module = made(aligned, kind)
        save_file({n: t.clone() for n, t in module.state_dict().items()}, paths[-1])
    inputs = "ids<256:3x8" if kind == "lm" else "3x1x8x8"
    done = invoke(
        "align", *paths, "--model", factory, "--input", inputs, "--aligner", "weight",
        "-o", tmp_path / "al.h5",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    expected = load_file(tmp_path / "al.safetensors")
    assert not same(load_file(paths[1]), expected)
    assert same(permute(paths[1], tmp_path / "al.h5"), expected)
    whole = load_model(paths[1], model=factory)
    new = permute(whole, tmp_path / "al.h5")
    assert same(new.state_dict(), expected)
    assert len(list(new.parameters())) == len(list(whole.parameters())) < len(expected)
    assert len(list(whole.parameters())) == len(list(module.parameters()))
    other = "head.weight" if kind == "lm" else "second.0.weight"
    less = {name: tensor for name, tensor in load_file(paths[1]).items() if name != other}
    assert permute(less, tmp_path / "al.h5").keys() == less.keys()


def made(folder: Path, kind: str) -> nn.Module:
    names: dict[str, Any] = {}
    exec(compile((folder / "nets.py").read_text(), "nets", "exec"), names)
    module: nn.Module = names[kind]()
    return module


def test_a_loaded_model_computes_in_the_stored_dtype_and_can_be_trained(tmp_path: Path) -> None:
    path, _ = tiny_pair(tmp_path)
    tensors, before = load_file(path), state_of_torch()
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        place = tmp_path / "other.safetensors"
        save_file({n: t.to(dtype) for n, t in tensors.items()}, place)
        module = load_model(place, model="mlp")
        assert not module.training
        assert {p.dtype for p in module.parameters()} == {dtype}
        assert all(torch.equal(t, tensors[n].to(dtype)) for n, t in module.state_dict().items())
        module(torch.randn(2, 64, dtype=dtype)).sum().backward()
        assert all(parameter.grad is not None for parameter in module.parameters())
    before["generator"] = torch.get_rng_state().tolist()  # of the inputs here
    assert state_of_torch() == before


def test_a_model_is_found_as_commands_find_it_and_refused_in_their_words(
    aligned: Path, tmp_path: Path
) -> None:
    save_file({"w": torch.ones(2)}, tmp_path / "w.safetensors")
    with pytest.raises(LmctoolError, match=r"the model of '.*w\.safetensors' is not known"):
        load_model(tmp_path / "w.safetensors")
    factory = f"{aligned / 'nets.py'}:mlp"
    state = made(aligned, "mlp").state_dict()
    torch.save({"state": {f"net.{n}": t for n, t in state.items()}, "epoch": 1}, tmp_path / "m.pt")
    module = load_model(tmp_path / "m.pt", model=factory, model_arg={"width": 8}, strip="net")
    assert same(module.state_dict(), state)
    with pytest.raises(LmctoolError, match="does not fit model"):
        load_model(tmp_path / "m.pt", model=factory, model_arg={"width": 9})
    broken = {**state, "fc.bias": torch.full((8,), torch.nan)}
    save_file(broken, tmp_path / "nan.safetensors")
    with pytest.raises(UnjudgedError, match="holds 8 values that are NaN"):
        load_model(tmp_path / "nan.safetensors", model=factory)
    save_file({n: t.to(torch.float8_e5m2) for n, t in state.items()}, tmp_path / "f8.safetensors")
    with pytest.raises(LmctoolError, match="is stored as F8_E5M2"):
        load_model(tmp_path / "f8.safetensors", model=factory)
