"""Merging and grafting checkpoints of which nobody knows the model, tensor by tensor."""

from __future__ import annotations

import json
import time
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lmctool.checkpoint import open_checkpoint, tensor_writing, write_checkpoint
from lmctool.checkpoint.reading import BLOCK
from lmctool.errors import ExitCode
from lmctool.results.file import read
from lmctool.testing import invoke
from lmctool.weights.arithmetic import LazyWeights
from tests.plugins.pairs import initial

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor


def tensors(seed: int) -> dict[str, Tensor]:
    """Return tensors of several dtypes that no model is known to have, one longer than a block."""
    numbers = torch.Generator().manual_seed(seed)
    return {
        "first.weight": torch.randn(BLOCK // 64 + 3, 64, generator=numbers),
        "first.norm.running_mean": torch.randn(64, generator=numbers).double(),
        "first.norm.num_batches_tracked": torch.tensor(10 + seed),
        "second.half": torch.randn(7, 5, generator=numbers).half(),
        "second.short": torch.randn(9, generator=numbers).bfloat16(),
        "second.scalar": torch.randn((), generator=numbers),
        "second.none": torch.empty(0, 3),
    }


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Write three checkpoints of these tensors."""
    paths = [tmp_path / f"{letter}.safetensors" for letter in "abc"]
    for seed, path in enumerate(paths):
        save_file(tensors(seed), path, {"k": "v"})
    return paths


def distances(path: Path) -> NDArray[Any]:
    return read(path).groups["merge/networks"].variables["distance"].values


def test_a_merge_is_the_weighted_mean_and_keeps_dtypes_and_metadata(files: list[Path]) -> None:
    out = files[0].with_name("m.h5")
    done = invoke("merge", *files, "--weights", "1,2,5", "-o", out, "--quiet")
    assert done.exit_code == 0, done.output
    found, held = load_file(out.with_suffix(".safetensors")), [load_file(path) for path in files]
    for name, tensor in held[0].items():
        assert found[name].dtype == tensor.dtype
        if not tensor.is_floating_point():
            assert found[name] == tensor
            continue
        a, b, c = (own[name].double() for own in held)
        mean = (a + 2 * b + 5 * c) / 8
        # one tensor is stored in float64, so that all are mixed in it, and rounded once
        assert torch.equal(found[name], mean.to(tensor.dtype))
    with safe_open(out.with_suffix(".safetensors"), "pt") as file:
        said = file.metadata()
    assert said["k"] == "v"
    assert said["lmctool.made"] == (
        "merge (plain) of 0.125 a.safetensors + 0.25 b.safetensors + 0.625 c.safetensors"
    )
    told = read(out).groups["provenance"].attributes
    assert "model" not in told
    assert told["checkpoint.2.digest"] == open_checkpoint(files[2]).digest


def test_the_distances_are_those_of_the_parameters_to_the_mean(files: list[Path]) -> None:
    out = files[0].with_name("m.h5")
    assert invoke("merge", *files[:2], "-o", out).exit_code == 0
    a, b = (load_file(path) for path in files[:2])
    names = [name for name in a if a[name].is_floating_point() and "running" not in name]
    mean = {name: (a[name].double() + b[name].double()) / 2 for name in names}
    wanted = [
        sum(float((own[n].double() - mean[n]).square().sum()) for n in names) ** 0.5
        for own in (a, b)
    ]
    np.testing.assert_allclose(distances(out), [wanted], rtol=1e-12)


def test_a_merge_without_a_model_is_that_with_one(tmp_path: Path) -> None:
    paths = [tmp_path / f"{letter}.safetensors" for letter in "ab"]
    for seed, path in enumerate(paths):
        save_file(initial("mlp", seed).state_dict(), path)
    flags = ["--alphas", "0.3"]
    bare, known = tmp_path / "bare.h5", tmp_path / "known.h5"
    for out, words in ((bare, []), (known, ["--model", "mlp"])):
        done = invoke("merge", *paths, *flags, *words, "-o", out, "--quiet")
        assert done.exit_code == 0, done.output
    made = [open_checkpoint(out.with_suffix(".safetensors")) for out in (bare, known)]
    assert made[0].digest == made[1].digest
    np.testing.assert_allclose(distances(bare), distances(known), rtol=1e-6)
    assert "model" in read(known).groups["provenance"].attributes


@pytest.mark.parametrize("command", ["merge", "graft"])
def test_values_that_are_no_numbers_leave_nothing_behind(files: list[Path], command: str) -> None:
    bad = tensors(1)
    bad["second.half"][2, 3] = float("nan")
    save_file(bad, files[1])
    words = [files[1]] if command == "merge" else ["--from", files[1], "--layers", "second"]
    out = files[0].with_name("out.h5")
    done = invoke(command, files[0], *map(str, words), "-o", out, "--quiet")
    assert done.exit_code == ExitCode.UNJUDGED
    assert done.stderr == (
        f"Error: tensor 'second.half' of '{files[1]}' holds 1 values that are NaN or infinite,"
        " of 35\n"
    )
    assert sorted(files[0].parent.iterdir()) == files


def test_values_that_fit_no_float32_ask_for_more(files: list[Path]) -> None:
    for number, path in enumerate(files[:2]):
        save_file({"w": torch.tensor([1.0, 1e100 * number], dtype=torch.float64)}, path)
    out = files[0].with_name("out.h5")
    done = invoke("merge", *files[:2], "-o", out, "--quiet", "--dtype", "float32")
    assert done.exit_code == ExitCode.USAGE
    assert f"tensor 'w' of '{files[1]}' holds values too large for torch.float32" in done.stderr
    done = invoke("merge", *files[:2], "-o", out, "--quiet", "--dtype", "float64")
    assert done.exit_code == 0
    found = load_file(files[0].with_name("out.safetensors"))["w"]
    assert found.tolist() == [1.0, 5e99]


def test_a_graft_takes_the_named_parts_to_the_bit(files: list[Path]) -> None:
    out = files[0].with_name("g.h5")
    done = invoke("graft", files[0], "--from", files[1], "--layers", "sec.*", "-o", out)
    assert done.exit_code == 0, done.output
    found = load_file(out.with_suffix(".safetensors"))
    a, b = (load_file(path) for path in files[:2])
    for name, tensor in found.items():
        assert torch.equal(tensor, (b if name.startswith("second") else a)[name])
    with safe_open(out.with_suffix(".safetensors"), "pt") as file:
        said = json.loads(file.metadata()["lmctool.graft"])
    assert said["other"] == open_checkpoint(files[1]).digest
    assert said["parts"] == ["second"]
    assert "model" not in read(out).groups["provenance"].attributes


def test_writing_over_folders_of_shards_stays_atomic_and_whole(
    files: list[Path], tmp_path: Path
) -> None:
    folders = []
    for path in files[:2]:
        folder = tmp_path / path.stem
        folder.mkdir()
        held, weight_map = load_file(path), dict[str, str]()
        for number, part in enumerate(("first", "second")):
            own = {name: tensor for name, tensor in held.items() if name.startswith(part)}
            save_file(own, folder / f"{number}.safetensors")
            weight_map |= dict.fromkeys(own, f"{number}.safetensors")
        index = json.dumps({"weight_map": weight_map})
        (folder / "model.safetensors.index.json").write_text(index)
        folders.append(folder)
    for inputs, out in ((files[:2], tmp_path / "one"), (folders, tmp_path / "many")):
        assert invoke("merge", *inputs, "-o", out, "--quiet").exit_code == 0
    many = open_checkpoint(tmp_path / "many")
    assert len(many.files) == 2
    assert many.digest == open_checkpoint(tmp_path / "one.safetensors").digest


@pytest.mark.parametrize(("large", "most"), [(1 << 27, 1), (-1, 0)])
def test_while_a_tensor_is_made_one_is_written_at_most_and_none_that_is_large(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: int, most: int
) -> None:
    monkeypatch.setattr(tensor_writing, "LARGE", large)
    like = open_checkpoint(files[0])
    alive: list[weakref.ref[NDArray[Any]]] = []

    def make(name: str) -> Tensor:
        given_up = time.monotonic() + 10  # a thread lets go of what it wrote a moment later
        while sum(each() is not None for each in alive) > most:
            assert time.monotonic() < given_up
        values = torch.zeros(like.shapes[name], dtype=like.tensor(name).dtype)
        if values.dtype == torch.bfloat16:
            return values
        held = values.numpy().copy()
        alive.append(weakref.ref(held))
        return torch.from_numpy(held)

    write_checkpoint(tmp_path / "out.safetensors", LazyWeights(like.names, make), like=like)
    assert len(alive) > 4


def test_what_needs_a_model_still_asks_for_one(files: list[Path]) -> None:
    done = invoke("merge", *files[:2], "--align", "weight", "-o", files[0].with_name("m.h5"))
    assert done.exit_code == ExitCode.USAGE
    assert "model" in done.stderr
    done = invoke("graft", files[0], "--fresh", "--layers", "first")
    assert done.exit_code == ExitCode.USAGE
    assert "model" in done.stderr
