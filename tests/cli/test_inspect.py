"""What lmctool inspect tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors.torch import save_file

from lmctool.testing import invoke, tiny_pair

if TYPE_CHECKING:
    from pathlib import Path


def test_inspect_tells_identities_and_the_model_of_each_file(tmp_path: Path) -> None:
    a, b = tiny_pair(tmp_path)
    done = invoke("inspect", a, b)
    assert done.exit_code == 0, done.output
    assert done.stdout.count("from metadata") == 2
    assert done.stdout.count("parameters") == 2
    assert "1,482" in done.stdout  # 65 * 16 + 17 * 16 + 17 * 10
    assert "tensor digest" in done.stdout


def test_inspect_lists_tensors(tmp_path: Path) -> None:
    a, _ = tiny_pair(tmp_path)
    lines = [line.split() for line in invoke("inspect", a, "--tensors").stdout.splitlines()]
    assert ["layers.0.weight", "16x64", "F32"] in lines


def test_inspect_of_an_unknown_model_tells_why_and_is_no_failure(tmp_path: Path) -> None:
    save_file({"w": torch.zeros(3)}, tmp_path / "odd.safetensors")
    done = invoke("inspect", tmp_path / "odd.safetensors")
    assert done.exit_code == 0
    assert "model          none: " in done.stdout
    done = invoke("inspect", tmp_path / "odd.safetensors", "--symmetry")
    assert done.exit_code == 2


def test_symmetry_takes_the_input_from_the_data_or_from_its_shape(tmp_path: Path) -> None:
    a, _ = tiny_pair(tmp_path)
    by_data = invoke("inspect", a, "--symmetry")
    by_shape = invoke("inspect", a, "--symmetry", "--input", "3x1x8x8")
    assert "layers.0.bias      16     layers.0" in by_data.stdout
    assert by_data.stdout == by_shape.stdout


def test_symmetry_without_data_or_shape_says_how_to_go_on(tmp_path: Path) -> None:
    a, _ = tiny_pair(tmp_path)
    from safetensors.torch import load_file

    save_file(load_file(a), tmp_path / "bare.safetensors")
    done = invoke("inspect", tmp_path / "bare.safetensors", "--symmetry", "--model", "mlp")
    assert done.exit_code == 2
    assert "or the shape of a batch of inputs with --input" in done.stderr


def test_a_shape_of_nonsense_is_refused(tmp_path: Path) -> None:
    a, _ = tiny_pair(tmp_path)
    done = invoke("inspect", a, "--symmetry", "--input", "1xx8")
    assert done.exit_code == 2
    assert "'1xx8' is no shape such as 3x3x32x32" in done.stderr


def test_symmetry_takes_data_or_a_shape_but_not_both(tmp_path: Path) -> None:
    a, _ = tiny_pair(tmp_path)
    done = invoke("inspect", a, "--symmetry", "--data", "digits", "--input", "3x1x8x8")
    assert done.exit_code == 2
    assert "leave --data or --input out" in done.stderr


def test_a_spec_is_written_of_the_symmetry_of_one_checkpoint(tmp_path: Path) -> None:
    a, b = tiny_pair(tmp_path)
    for words in ([a], [a, b, "--symmetry"]):
        done = invoke("inspect", *words, "-o", tmp_path / "spec.toml")
        assert done.exit_code == 2
        assert "-o writes what --symmetry shows of one checkpoint" in done.stderr


def test_the_written_spec_is_told_and_never_replaced_unasked(tmp_path: Path) -> None:
    a, _ = tiny_pair(tmp_path)
    out = tmp_path / "spec.toml"
    done = invoke("inspect", a, "--symmetry", "-o", out)
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith(f"spec  {out}\n")
    assert out.is_file()
    assert "exists" in invoke("inspect", a, "--symmetry", "-o", out).stderr
    assert invoke("inspect", a, "--symmetry", "-o", out, "--force").exit_code == 0
