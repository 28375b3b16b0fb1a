"""What lmctool inspect tells."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
import torch
from safetensors.torch import load_file, save_file

from lmctool.graph import capture, export
from lmctool.testing import invoke, tiny_pair


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


def test_the_graph_is_followed_once_and_kept_unless_asked_not_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, _ = tiny_pair(tmp_path)
    monkeypatch.setenv("LMCTOOL_CACHE", str(tmp_path / "cache"))
    made = invoke("inspect", a, "--symmetry", "--no-cache")
    assert not (tmp_path / "cache").exists()
    invoke("inspect", a, "--symmetry")

    def refuse(*_: object) -> None:
        raise AssertionError("it was exported")

    monkeypatch.setattr(export, "export_graph", refuse)
    monkeypatch.setattr(capture, "record_graph", refuse)
    kept = invoke("inspect", a, "--symmetry")
    assert made.exit_code == kept.exit_code == 0
    assert made.stdout == kept.stdout


def test_symmetry_without_data_or_shape_says_how_to_go_on(tmp_path: Path) -> None:
    a, _ = tiny_pair(tmp_path)
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


KEPT = """
    import torch
    from torch import nn
    class Kept(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.middle, self.head = nn.Linear(4, 5), nn.Linear(5, 6), nn.Linear(6, 2)
            self.register_buffer("kept", torch.rand(6, 5) < 0.6)
        def forward(self, x):
            weight = torch.where(self.kept, self.middle.weight, 0)
            return self.head(nn.functional.linear(self.first(x).relu(), weight).relu())
"""


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Words that follow a command and its checkpoints: weights that a buffer chooses among."""
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(dedent(KEPT))
    shapes = {"first.weight": [5, 4], "middle.weight": [6, 5], "head.weight": [2, 6]}
    shapes |= {f"{name}.bias": [size] for name, size in [("first", 5), ("middle", 6), ("head", 2)]}
    numbers = torch.Generator().manual_seed(0)
    for path in ("a.safetensors", "b.safetensors"):
        tensors = {name: torch.randn(shape, generator=numbers) for name, shape in shapes.items()}
        save_file(tensors | {"kept": torch.rand(6, 5, generator=numbers) < 0.6}, path)
    return ("--model", "./net.py:Kept", "--input", "3x4")


def flat(text: str) -> str:
    """Return a text whose lines are not broken."""
    return " ".join(text.split())


def test_a_spec_file_frees_the_buffer_that_the_note_names(kept: tuple[str, ...]) -> None:
    show = ("inspect", "a.safetensors", "--symmetry", *kept)
    fixed = flat(invoke(*show).stdout)
    assert "no unit may be permuted, of 11 hidden units that there are" in fixed
    assert 'if the spec file says so (--spec): [rules] move = ["kept"]' in fixed
    Path("spec.toml").write_text('version = 1\nmode = "extend"\n[rules]\nmove = ["kept"]\n')
    done = invoke(*show, "--spec", "spec.toml")
    assert done.exit_code == 0, done.output
    assert "that is 100.0 % of the 11 hidden units there are" in flat(done.stdout)
    assert "[rules] move" not in done.stdout
    words = (*kept, "--spec", "spec.toml", "--aligner", "random")
    done = invoke("align", "a.safetensors", "b.safetensors", *words)
    assert done.exit_code == 0, done.output
    assert "of 11 units moved" in done.stdout
    before, after = load_file("b.safetensors")["kept"], load_file("align.safetensors")["kept"]
    assert not torch.equal(before, after) and before.sum() == after.sum()


def test_what_a_spec_file_extends_is_written_whole(kept: tuple[str, ...]) -> None:
    Path("spec.toml").write_text('version = 1\nmode = "extend"\n[rules]\nmove = ["kept"]\n')
    show = ("inspect", "a.safetensors", "--symmetry", *kept)
    first = invoke(*show, "--spec", "spec.toml", "-o", "whole.toml")
    assert first.exit_code == 0, first.output
    again = invoke(*show, "--spec", "whole.toml")
    assert again.stdout == first.stdout.removesuffix("\nspec  whole.toml\n")


def test_a_spec_file_is_for_the_symmetry_and_may_not_be_replaced(kept: tuple[str, ...]) -> None:
    Path("spec.toml").write_text('version = 1\nmode = "extend"\n')
    done = invoke("inspect", "a.safetensors", "--spec", "spec.toml")
    assert done.exit_code == 2 and "--spec is of no use without --symmetry" in done.stderr
    show = ("inspect", "a.safetensors", "--symmetry", *kept, "--spec", "spec.toml")
    assert invoke(*show, "-o", "spec.toml", "--force").exit_code == 2
