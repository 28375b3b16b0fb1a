"""Checkpoints rewritten by ``lmctool convert``: other tensors, the same function."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from click.testing import CliRunner
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lmctool.checkpoint import open_checkpoint
from lmctool.cli import main
from lmctool.config import Config
from lmctool.graph.capture import capture
from lmctool.graph.module import fresh
from lmctool.graph.recorder import record_graph
from lmctool.model.resolve import resolve_model
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
from lmctool.symmetry.linear.canonical import canonical

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from lmctool.graph.graph import Graph
    from lmctool.symmetry.linear.spec import LinearSpec

NETS = '''
from torch import nn


class Net(nn.Module):
    """An MLP behind a LayerNorm, and another at the end whose head is the embedding."""

    def __init__(self, tied=True):
        super().__init__()
        self.embedding = nn.Embedding(7, 6)
        self.norm = nn.LayerNorm(6)
        self.up = nn.Linear(6, 5)
        self.down = nn.Linear(5, 6)
        self.last = nn.LayerNorm(6)
        self.head = nn.Linear(6, 7, bias=False)
        if tied:
            self.head.weight = self.embedding.weight

    def forward(self, ids):
        x = self.embedding(ids)
        x = x + self.down(self.up(self.norm(x)).tanh())
        return self.head(self.last(x))
'''
IDS = torch.arange(14).view(2, 7) % 7


@pytest.fixture(autouse=True)
def _followed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Follow each network once for all tests: an export takes seconds."""
    monkeypatch.setattr("lmctool.model.rewriting.capture", followed)


def followed(module: nn.Module, inputs: Tensor) -> Graph:
    key = str([name for name, _ in module.named_parameters()])  # tied names are there once
    if key not in GRAPHS:
        GRAPHS[key] = capture(module, inputs)
    return GRAPHS[key]


GRAPHS: dict[str, Graph] = {}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with the code of a tied network and a file of one."""
    (tmp_path / "nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    torch.save(randomised(tied(here=tmp_path)).state_dict(), "tied.pt")
    return tmp_path


def tied(here: Path, **arguments: Any) -> nn.Module:
    """Return the network that the code of a folder makes."""
    names: dict[str, Any] = {}
    exec((here / "nets.py").read_text(), names)
    module: nn.Module = names["Net"](**arguments)
    return module.eval().requires_grad_(False)


def randomised(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            numbers = torch.rand(tensor.shape, generator=generator)
            tensor.copy_(numbers + 0.5 if name.endswith("running_var") else numbers - 0.3)
    return module.eval().requires_grad_(False)


def convert(*words: str) -> Result:
    return CliRunner().invoke(main, ["convert", *words])


TIED = ("tied.pt", "out.safetensors", "--model", "./nets.py:Net", "--input", "ids:2x7")


def made(path: str = "out.safetensors") -> str:
    with safe_open(path, "pt") as file:
        return str(file.metadata()["lmctool.made"])


def test_norms_are_folded_once_nothing_is_tied(here: Path) -> None:
    refused = convert(*TIED, "--fold-norms")
    assert refused.exit_code == 2
    assert "the model ties 'head.weight' to other tensors" in refused.stderr
    assert not (here / "out.safetensors").exists()
    result = convert(*TIED, "--fold-norms", "--untie")
    assert result.exit_code == 0, result.output
    said = "untied 'head.weight'; folded 2 norms into 2 layers; centred what writes and reads"
    assert said in result.stderr
    assert "nothing says in the new file that its model ties nothing" in result.stderr
    assert made().startswith(f"convert: {said}")
    written = load_file("out.safetensors")
    before, module = tied(here), tied(here, tied=False)
    before.load_state_dict(torch.load("tied.pt"))
    module.load_state_dict(written)
    torch.testing.assert_close(module(IDS), before(IDS), rtol=0, atol=1e-6)
    assert (written["norm.weight"] == 1).all()
    assert not written["norm.bias"].any()
    assert (written["last.bias"] == 1).all()
    assert not torch.equal(written["head.weight"], written["embedding.weight"])


def test_tensors_are_untied_without_an_example(here: Path) -> None:
    result = convert("tied.pt", "out.safetensors", "--model", "./nets.py:Net", "--untie")
    assert result.exit_code == 0, result.output
    written = load_file("out.safetensors")
    assert torch.equal(written["head.weight"], written["embedding.weight"])
    assert made() == "convert: untied 'head.weight'"


def test_another_function_is_refused_and_nothing_is_written(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(spec: LinearSpec, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        form = canonical(spec, weights)
        return form | {"up.bias": form["up.bias"] + 1e-6}

    monkeypatch.setattr("lmctool.model.rewriting.canonical", wrong)
    result = convert(*TIED, "--fold-norms", "--untie")
    assert result.exit_code == 4
    assert "the rewriting changes the network: outputs differ by" in result.stderr
    assert not (here / "out.safetensors").exists()


def test_what_is_stored_is_held_against_the_original(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shuffled(*given: Any) -> dict[str, Tensor]:
        from lmctool.checkpoint.writing import in_stored_dtypes

        stored = in_stored_dtypes(*given)
        return stored | {"up.weight": stored["up.weight"].flip(0)}

    monkeypatch.setattr("lmctool.model.rewriting.in_stored_dtypes", shuffled)
    result = convert(*TIED, "--fold-norms", "--untie")
    assert result.exit_code == 4
    assert "stored as float32 the rewritten network differs by" in result.stderr


def batchnormed(name: str, dtype: torch.dtype = torch.float32) -> nn.Module:
    """Save an MLP with BatchNorm, and return it."""
    build = registry.load(MODELS, "mlp").build
    module = randomised(build("mlp", inputs=6, width=5, depth=2, classes=3, norm="batch"))
    state = {n: t.to(dtype) if t.is_floating_point() else t for n, t in module.state_dict().items()}
    save_file(state, name)
    return module


def test_batchnorms_are_fused_in_files_of_safetensors_and_of_a_narrow_dtype(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recorded(module: nn.Module, inputs: Tensor) -> Graph:
        return record_graph(fresh(module), (inputs,))

    for dtype in (torch.float32, torch.bfloat16):
        if dtype == torch.bfloat16:  # as a model that torch.export cannot follow
            monkeypatch.setattr("lmctool.model.rewriting.capture", recorded)
        module = batchnormed("a.safetensors", dtype)
        result = convert(
            *("a.safetensors", "out.safetensors", "--fuse-batchnorm", "--input", "4x6", "--force")
        )
        assert result.exit_code == 0, result.output
        assert "fused 2 BatchNorms; rounding changes outputs by" in result.stderr
        written = load_file("out.safetensors")
        assert {t.dtype for n, t in written.items() if "tracked" not in n} == {dtype}
        state = module.state_dict()
        inputs = torch.randn(4, 6)
        module.load_state_dict({name: load_file("a.safetensors")[name] for name in state})
        before = module(inputs)
        module.load_state_dict({name: written[name] for name in state})
        rounding = 1e-5 if dtype == torch.float32 else 0.05
        torch.testing.assert_close(module(inputs), before, rtol=rounding, atol=rounding)
        means = [tensor for name, tensor in written.items() if name.endswith("running_mean")]
        assert not torch.stack(means).any()


def test_a_folder_of_checkpoints_is_rewritten_under_the_names_that_are_asked_for(
    here: Path,
) -> None:
    (here / "run").mkdir()
    for name in ("a", "b"):
        batchnormed(f"run/{name}.safetensors")
    state = {f"net.{name}": tensor for name, tensor in load_file("run/a.safetensors").items()}
    save_file(state, "run/a.safetensors")
    words = ("--fuse-batchnorm", "--input", "4x6", "--rename", "net.=new.")
    result = convert("run/a.safetensors", "a.safetensors", *words)
    assert result.exit_code == 0, result.output
    assert all(name.startswith("new.") for name in load_file("a.safetensors"))
    result = convert("run", "out", "--fuse-batchnorm", "--input", "4x6")
    assert result.exit_code == 0, result.output
    assert [path.name for path in sorted((here / "out").iterdir())] == [
        "a.safetensors",
        "b.safetensors",
    ]
    assert all(name.startswith("net.") for name in load_file("out/a.safetensors"))


REFUSALS = {
    "nothing to fuse": (
        (*TIED, "--fuse-batchnorm"),
        "'tied.pt' stays as it is: the model has no BatchNorm with running statistics",
    ),
    "no example": (
        (*TIED[:4], "--fold-norms"),
        "neither data nor an example input is named",
    ),
    "a name of nothing": (
        (*TIED, "--untie", "--rename", "net.=new."),
        "--rename",
    ),
    "no rewriting": (TIED, "--model, --model-arg, --data and --input are for --fold-norms"),
    "two examples": (
        (*TIED, "--fuse-batchnorm", "--data", "digits"),
        "--input stands in for data; leave --data or --input out",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_be_rewritten_is_refused_in_a_sentence(case: str, here: Path) -> None:
    words, sentence = REFUSALS[case]
    result = convert(*words)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert not (here / "out.safetensors").exists()


def test_a_folder_of_transformers_says_that_nothing_is_tied(here: Path) -> None:
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 4, "vocab_size": 7, "n_positions": 7}
    build = registry.load(MODELS, "transformers").build
    state = randomised(build("transformers:GPT2LMHeadModel", **sizes)).state_dict()
    del state["lm_head.weight"]
    (here / "net").mkdir()
    save_file({name: tensor.clone() for name, tensor in state.items()}, "net/model.safetensors")
    config = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", **sizes}
    (here / "net" / "config.json").write_text(json.dumps(config))
    result = convert("net", "new", "--fold-norms", "--untie", "--input", "ids:2x7")
    assert result.exit_code == 0, result.output
    written = json.loads((here / "new" / "config.json").read_text())
    assert written == {**config, "tie_word_embeddings": False}
    outputs = []
    for name in ("net", "new"):
        checkpoint = open_checkpoint(here / name)
        module = resolve_model(checkpoint, spec=None, arguments={}, config=Config()).module
        outputs.append(torch.func.functional_call(module, checkpoint.weights(), (IDS,)))
    torch.testing.assert_close(outputs[1], outputs[0], rtol=0, atol=1e-5)
    assert not (load_file("new/model.safetensors")["transformer.ln_f.weight"] - 1).any()
