"""Aligning models of all kinds: the file that is written is the same function, told by torch."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from lmctool.testing import invoke

PRUNED = """
    from torch import nn
    from torch.nn.utils import prune
    def make():
        a, b = nn.Linear(6, 8), nn.Linear(8, 7)
        prune.random_unstructured(a, "weight", 0.4)
        prune.random_unstructured(a, "bias", 0.4)
        prune.l1_unstructured(b, "weight", 0.4)
        return nn.Sequential(a, nn.ReLU(), b, nn.ReLU(), nn.Linear(7, 3))
"""
WEIGHT_NORM = """
    import warnings
    from torch import nn
    def normed(layer):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return nn.utils.weight_norm(layer)
    def make():
        a, b = normed(nn.Linear(6, 8)), normed(nn.Linear(8, 7))
        return nn.Sequential(a, nn.ReLU(), b, nn.ReLU(), nn.Linear(7, 3))
"""
SPECTRAL_NORM = """
    from torch import nn
    from torch.nn.utils.parametrizations import spectral_norm
    def make():
        a, b = spectral_norm(nn.Linear(6, 8)), spectral_norm(nn.Linear(8, 7))
        return nn.Sequential(a, nn.ReLU(), b, nn.ReLU(), nn.Linear(7, 3))
"""

DROPOUT = """
    from torch import nn
    class Dropped(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(6, 8), nn.Linear(8, 3)
        def forward(self, x):
            return self.b(nn.functional.dropout(self.a(x).relu(), 0.3, training=True))
    make = Dropped
"""
WORDS = ("--model", "./net.py:make", "--aligner", "random", "--input", "4x6")


def made(source: str) -> Any:
    """Return what a factory makes, run here as a user's script would run it."""
    names: dict[str, Any] = {}
    exec(dedent(source), names)
    return names["make"]()


def outputs(source: str, path: Path, inputs: torch.Tensor) -> torch.Tensor:
    module = made(source)
    module.load_state_dict(load_file(path))
    with torch.no_grad():
        found: torch.Tensor = module.double().eval()(inputs)
    return found


def written(source: str) -> tuple[Path, Path]:
    """Write a factory and two networks of it, and return their paths."""
    Path("net.py").write_text(dedent(source))
    paths = Path("a.safetensors"), Path("b.safetensors")
    for seed, path in enumerate(paths):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            tensors = made(source).state_dict()
        save_file({name: tensor.detach().clone() for name, tensor in tensors.items()}, path)
    return paths


@pytest.mark.parametrize(
    ("source", "units"),
    [(PRUNED, 15), (WEIGHT_NORM, 15), (SPECTRAL_NORM, 15)],
    ids=["pruned", "weight norm", "spectral norm"],
)
def test_an_aligned_file_is_the_same_function(
    source: str, units: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    a, before = written(source)
    done = invoke("align", a, before, *WORDS)
    assert done.exit_code == 0, done.output
    assert f"of {units} units moved" in done.stdout
    after = Path("align.safetensors")
    assert any(not torch.equal(x, load_file(before)[n]) for n, x in load_file(after).items())
    inputs = torch.randn(5, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(
        outputs(source, after, inputs), outputs(source, before, inputs), rtol=0, atol=1e-12
    )


def test_a_model_that_drops_units_at_random_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    paths = written(DROPOUT)
    done = invoke("align", *paths, *WORDS)
    assert done.exit_code == 4 and "answers differently each time" in done.stderr
    done = invoke("align", *paths, *WORDS, "--allow-stochastic")
    assert done.exit_code == 0, done.output
    assert "none of the 8 hidden units may move, so nothing was aligned" in done.stderr
