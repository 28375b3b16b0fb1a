"""Code of users and plugins that sets torch's switches: numbers are of the recorded arithmetic."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lmctool.evaluate.switches import kept
from lmctool.plugin import registry
from lmctool.plugin.kinds import ALIGNERS, ANALYSES
from lmctool.results.file import read
from lmctool.testing import invoke, tiny_pair

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

    from lmctool.plugin.kinds import Kind

NET = """
import torch
from torch import nn
IMPORTED
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        BUILT
        self.layers = nn.ModuleList([nn.Linear(64, 16), nn.Linear(16, 16)])
        self.classifier = nn.Linear(16, 10)
    def forward(self, x):
        FORWARD
        for layer in self.layers:
            x = layer(x.flatten(1)).relu()
        return self.classifier(x)
"""
PLUGINS = {
    ANALYSES: '''
"""Change a switch."""
import torch
from lmctool.api import Analysis, hookimpl
def compute(run):
    run.scores([0])
    CHANGE
    run.scores([1])
@hookimpl
def lmctool_analysis():
    """Add it."""
    return Analysis(compute, needs=frozenset({"model", "data"}), arity=2)
''',
    ALIGNERS: '''
"""Change a switch."""
import torch
from lmctool.api import Aligner, Permutation, hookimpl
def align(run, a, b):
    CHANGE
    return Permutation(run.permutation_spec, {})
@hookimpl
def lmctool_aligner():
    """Add it."""
    return Aligner(align)
''',
}
OF_A_CPU = "torch.backends.mkldnn.conv.fp32_precision = 'bf16'"
CHANGES = {
    OF_A_CPU: "torch.backends.mkldnn.conv.fp32_precision was 'ieee' for this run",
    "torch.set_float32_matmul_precision('high')": "torch.backends.mkldnn.matmul.fp32_precision was",
    "torch.set_default_dtype(torch.float64)": "torch.set_default_dtype was torch.float32 for",
}
OF_A_GPU = (
    "torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True",
    "torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = True, False",
)
CUSTOMARY = (
    *OF_A_GPU,
    "torch.backends.cudnn.rnn.fp32_precision = 'ieee'",
    "torch.backends.fp32_precision = 'tf32'",
    "torch.set_float32_matmul_precision('medium')",
)
WORDS = ("a.safetensors", "b.safetensors", "--alphas", "0.5", "--limit", "40", "--allow-chance")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    tiny_pair(tmp_path)
    with kept():  # what a model's file chooses as it is imported stays
        yield


def interpolate(*more: str, **statements: str) -> Result:
    """Evaluate networks of a model with statements in places of its source."""
    text = NET
    for place in ("IMPORTED", "BUILT", "FORWARD"):
        text = text.replace(place, statements.get(place, "pass"))
    Path("net.py").write_text(text)
    named = ("--model", "./net.py:Net", "--force", "-o", "out.h5")
    return invoke("interpolate", *WORDS, *named, *more)


def losses() -> Any:
    return read(Path("out.h5")).groups["interpolate/curve"].variables["loss"].values


@pytest.mark.parametrize("change", CHANGES)
def test_a_forward_that_changes_what_numbers_depend_on_is_refused(change: str) -> None:
    done = interpolate(FORWARD=change)
    assert done.exit_code == 4, done.output
    assert CHANGES[change] in done.stderr and "the model or of a plugin changed it" in done.stderr
    assert not Path("out.h5").exists()


def test_what_a_model_may_choose_changes_neither_numbers_nor_record() -> None:
    benchmark, more = torch.backends.cudnn.benchmark, torch.get_num_threads() + 1
    without = "with torch.backends.cudnn.flags(enabled=False): x = x + 0"
    done = interpolate(FORWARD=f"{without}\n        {'; '.join(OF_A_GPU)}")
    assert done.exit_code == 0, done.output
    plain = losses()  # on a CPU none of these decides anything
    assert torch.backends.cudnn.benchmark is benchmark
    chosen = "; ".join(CUSTOMARY)
    threads = f"torch.set_num_threads({more})"
    done = interpolate("--precision", "tf32", IMPORTED=f"{chosen}; {threads}", BUILT=chosen)
    assert done.exit_code == 0, done.output
    np.testing.assert_allclose(losses(), plain, rtol=1e-6)  # with another number of threads
    said = read(Path("out.h5")).groups["provenance"].attributes
    names = ("tf32", "cudnn.deterministic", "cudnn.benchmark", "threads")
    assert [said[name] for name in names] == [0, 1, 0, more]


@pytest.mark.parametrize("kind", PLUGINS, ids=lambda kind: kind.group)
def test_a_plugin_that_changes_a_switch_is_refused(
    kind: Kind[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"switching_{kind.group.rpartition('.')[2]}"
    Path(f"{name}.py").write_text(PLUGINS[kind].replace("CHANGE", OF_A_CPU))
    monkeypatch.syspath_prepend(tmp_path)
    original, entry = registry.installed, EntryPoint("switching", name, kind.group)

    def installed(asked: Kind[Any]) -> tuple[EntryPoint, ...]:
        return (*original(asked), entry) if asked is kind else original(asked)

    monkeypatch.setattr(registry, "installed", installed)
    words = ("switching", *WORDS[:2]) if kind is ANALYSES else ("interpolate", *WORDS)
    more = () if kind is ANALYSES else ("--align", "switching")
    done = invoke(*words, *more, "--limit", "40", "--allow-chance")
    sys.modules.pop(name, None)
    assert done.exit_code == 4, done.output
    assert CHANGES[OF_A_CPU] in done.stderr
