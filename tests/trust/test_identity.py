"""What a number depends on: code, data and machine that change between two runs are noticed."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lmctool.evaluate import probe as probing
from lmctool.evaluate.machine import machine
from lmctool.graph.module import fresh
from lmctool.graph.recorder import record_graph
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.plugin.source_code import Code
from lmctool.plugin.user_code import Factory
from lmctool.report import figure
from lmctool.results import file, journal
from lmctool.results.provenance import Provenance
from lmctool.run import records, resources
from lmctool.run.environment import plugin_code
from lmctool.testing import invoke, tiny_pair
from tests.interruption import interrupt_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result
    from torch import Tensor, nn

    from lmctool.graph.graph import Graph
    from lmctool.plugin.kinds import Kind

MODEL = """
import json
from pathlib import Path
from torch import nn
from helper import ACTIVATION

def make():
    act = getattr(nn, ACTIVATION)
    scale = json.loads(Path("scale.json").read_text())
    class Scaled(nn.Sequential):
        def forward(self, x):
            return super().forward(x.flatten(1) * scale)
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = Scaled(nn.Linear(64, 16), act(), nn.Linear(16, 10))
        def forward(self, x):
            return self.layers(x)
    return Net()
"""
HELPER = 'ACTIVATION = "ReLU"\n'
WORDS = ("barrier", "a.safetensors", "b.safetensors", "--points", "5", "-q", "--allow-chance")
MINE = (*WORDS, "--model", "./mine.py:make", "--data", "data.npz")


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in a folder with two networks, the code of their model, and their data."""
    from safetensors.torch import save_file

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(journal, "PAUSE", 0)
    monkeypatch.setattr(resources, "capture", recorded)
    monkeypatch.setattr(figure, "image", lambda *_: b"")  # it takes a second
    Path("mine.py").write_text(MODEL)
    Path("helper.py").write_text(HELPER)
    Path("scale.json").write_text("1.0")
    for seed, name in enumerate("ab"):
        torch.manual_seed(seed)
        shapes = {"0.weight": (16, 64), "0.bias": (16,), "2.weight": (10, 16), "2.bias": (10,)}
        tensors = {f"layers.{key}": torch.randn(shape) / 8 for key, shape in shapes.items()}
        save_file(tensors, f"{name}.safetensors")
    write_data(0)
    yield
    for name in ("mine", "helper"):
        sys.modules.pop(name, None)


def recorded(module: nn.Module, inputs: Tensor, *_: object) -> Graph:
    """Return the graph of a model by running it once: torch.export takes seconds."""
    return record_graph(fresh(module), (inputs,))


def write_data(seed: int) -> None:
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((60, 1, 8, 8)).astype(np.float32)
    np.savez("data.npz", x=x, y=generator.integers(10, size=60))


def run(*more: str, words: tuple[str, ...] = MINE) -> Result:
    """Run a command as a new process would: with the modules as they are now."""
    sys.modules.pop("helper", None)
    return invoke(*words, *more)


def interrupted(monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...] = MINE) -> None:
    with monkeypatch.context() as patch:
        interrupt_after(2, patch)
        assert run(words=words).exit_code == 130


def edit(path: str, old: str, new: str) -> None:
    text = Path(path).read_text()
    assert old in text
    Path(path).write_text(text.replace(old, new))


CHANGES: dict[str, tuple[Callable[[], None], str]] = {
    "the module of the model": (
        lambda: edit("mine.py", "nn.Linear(16, 10))", "nn.Linear(16, 10), nn.Tanh())"),
        "the source of mine.py has changed",
    ),
    "a module that it imports": (
        lambda: edit("helper.py", "ReLU", "GELU"),
        "the source of helper has changed",
    ),
    "a file that it reads": (
        lambda: edit("scale.json", "1.0", "2.0"),
        "the model's code makes another network",
    ),
    "the data": (lambda: write_data(1), "the content of the data has changed: split 'test' was"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_interrupted_run_does_not_go_on_with_other(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    do, told = CHANGES[change]
    interrupted(monkeypatch)
    do()
    done = run("--resume")
    assert done.exit_code == 2, done.output
    assert told in done.stderr
    assert list(Path("barrier.h5.work").glob("*.npz"))
    assert not Path("barrier.h5").exists()


@pytest.mark.parametrize("change", CHANGES)
def test_a_finished_result_is_not_whole_for_other(change: str) -> None:
    do, told = CHANGES[change]
    assert run().exit_code == 0
    before = Path("barrier.h5").read_bytes()
    assert "is whole already" in invoke(*[w for w in MINE if w != "-q"], "--resume").stderr
    do()
    done = run("--resume", "--require", "barrier.error <= 90%")
    assert done.exit_code == 2, done.output
    assert told in done.stderr
    assert Path("barrier.h5").read_bytes() == before
    assert run("--resume", "--force").exit_code == 0
    assert Path("barrier.h5").read_bytes() != before


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("the module of the model", "code.mine.py.sha256"),
        ("a module that it imports", "code.helper.sha256"),
        ("a file that it reads", "model.graph"),
        ("the data", "split.test.digest"),
    ],
)
def test_compare_and_rerun_name_other(change: str, name: str) -> None:
    assert run("-o", "old.h5").exit_code == 0
    CHANGES[change][0]()
    assert run("-o", "new.h5").exit_code == 0
    compared = invoke("compare", "old.h5", "new.h5")
    assert name in compared.stdout
    assert "are the same" not in compared.stdout.replace("All values are the same", "")
    sys.modules.pop("helper", None)
    again = invoke("rerun", "old.h5", "--trust")
    assert again.exit_code == 3
    assert name in again.stdout
    assert "the first network's losses on the first examples are not what they were" in again.stderr
    assert CHANGES[change][1] in again.stderr


def test_a_run_whose_inputs_are_the_same_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(monkeypatch)
    Path("notes.py").write_text("nobody imports this\n")
    assert run("--resume").exit_code == 0
    assert run("-o", "whole.h5").exit_code == 0
    assert "All values are the same" in invoke("compare", "barrier.h5", "whole.h5").stdout


def test_the_calibration_examples_count_once_they_are_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def data(seed: int) -> None:
        test, train = np.random.default_rng(0), np.random.default_rng(seed)
        np.savez(
            "data.npz",
            y_test=test.integers(10, size=30),
            x_test=test.random((30, 64)),
            y_train=train.integers(10, size=30),
            x_train=train.random((30, 64)),
        )

    words = (*MINE, "--align", "--repair")
    data(0)
    with monkeypatch.context() as patch:
        interrupt_after(4, patch)
        assert run(words=words).exit_code == 130
    data(1)
    done = run("--resume", words=words)
    assert done.exit_code == 2, done.output
    assert "the content of the data has changed: calibration.digest was" in done.stderr


PLUGIN = '''
"""Scores of networks in a stranger's way."""
from lmctool.api import Analysis, Group, Result, Variable, hookimpl
from their_helper import FACTOR

def compute(run):
    import numpy as np
    loss = run.evaluate([run.weights(0), run.weights(1)]).loss[0] * FACTOR
    return Result("theirs", {"theirs": Group({"loss": Variable(loss, ("of",), metric="t.l")})})

@hookimpl
def lmctool_analysis():
    """Add it."""
    return Analysis(compute, needs=frozenset({"model", "data"}), arity=2)
'''


def test_a_plugin_that_is_edited_in_place_does_not_resume(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    Path("theirs_plugin.py").write_text(PLUGIN)
    Path("their_helper.py").write_text("FACTOR = 1.0\n")
    entry = EntryPoint("theirs", "theirs_plugin", ANALYSES.group)
    original = registry.installed

    def installed(kind: Kind[Any]) -> tuple[EntryPoint, ...]:
        return (*original(kind), entry) if kind is ANALYSES else original(kind)

    monkeypatch.setattr(registry, "installed", installed)
    a, b = tiny_pair(tmp_path)
    words = ("theirs", str(a), str(b), "-q")
    with monkeypatch.context() as patch:
        interrupt_after(1, patch)
        assert invoke(*words).exit_code == 130
    edit("their_helper.py", "1.0", "2.0")
    done = invoke(*words, "--resume")
    assert done.exit_code == 2
    assert "the source of their_helper has changed" in done.stderr
    for name in ("theirs_plugin", "their_helper"):
        sys.modules.pop(name, None)
    assert invoke(*words, "--force").exit_code == 0
    code = Provenance.of(file.read(Path("theirs.h5"))).code
    assert {"lmctool", "theirs_plugin", "their_helper"} <= code.keys()


def test_lmctools_own_source_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(monkeypatch)
    real = plugin_code()
    edited = real | Code({"lmctool": replace(real.sources["lmctool"], sha256="0" * 64)})
    monkeypatch.setattr(records, "plugin_code", lambda: edited)
    assert "the source of lmctool has changed" in run("--resume").stderr


def test_another_kind_of_processor_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(monkeypatch)
    real = machine(torch.device("cpu"))
    assert real["platform.cpu"] and real["platform.blas"]
    monkeypatch.setattr(records, "machine", lambda _: {**real, "platform.cpu": "SSE"})
    done = run("--resume")
    assert done.exit_code == 2
    assert f'platform.cpu was "{real["platform.cpu"]}" and is "SSE"' in done.stderr


def test_the_probe_notices_what_nobody_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(monkeypatch)
    assert run("-o", "old.h5").exit_code == 0
    forward = torch.nn.Linear.forward

    def other(self: torch.nn.Linear, x: torch.Tensor) -> torch.Tensor:
        return forward(self, x) * (1 + 2**-22)

    monkeypatch.setattr(torch.nn.Linear, "forward", other)
    monkeypatch.setattr("lmctool.graph.graph.Graph.fingerprint", graph_of("old.h5"))
    for more in ((), ("-o", "old.h5")):
        done = run("--resume", *more)
        assert done.exit_code == 2, done.output
        assert "losses on the first examples are others here" in done.stderr


def graph_of(path: str) -> str:
    model = Provenance.of(file.read(Path(path))).model
    assert model is not None and model.graph is not None
    return model.graph


def test_a_result_holds_the_probe_to_the_bit() -> None:
    assert run().exit_code == 0
    stored = Provenance.of(file.read(Path("barrier.h5"))).probe
    assert stored is not None and len(stored) == probing.EXAMPLES
    x, y = (np.load("data.npz")[name][:32] for name in "xy")
    from safetensors.torch import load_file

    net = Factory("./mine.py:make").call({}).eval()
    net.load_state_dict(load_file("a.safetensors"))
    with torch.no_grad():
        outputs = net(torch.tensor(x))
        loss = torch.nn.functional.cross_entropy(outputs, torch.tensor(y), reduction="none")
    assert [float.fromhex(word) for word in stored] == loss.double().tolist()


def test_the_greatest_difference_of_probes() -> None:
    one, other = ((1.0).hex(), (2.0).hex()), ((1.0).hex(), (2.5).hex())
    assert probing.greatest_difference(one, one) == 0
    assert probing.greatest_difference(one, other) == 0.5
    assert probing.greatest_difference(one, one[:1]) == float("inf")
