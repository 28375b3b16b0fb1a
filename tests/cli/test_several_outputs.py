"""Commands on models of several outputs and inputs, held against what plain torch computes."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lmctool.results.file import read
from lmctool.testing import invoke, metrics
from tests.plugins.pairs import digits

if TYPE_CHECKING:
    from click.testing import Result

MODELS = """
    from collections import namedtuple
    from dataclasses import dataclass
    from typing import Any

    import torch
    from torch import nn

    Pair = namedtuple("Pair", "policy value")

    @dataclass
    class Heads:
        policy: Any
        value: Any

    class Network(nn.Module):
        def __init__(self, kind):
            super().__init__()
            self.kind = kind
            self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 12))
            self.policy, self.value = nn.Linear(12, 10), nn.Linear(12, 10)
            self.own = nn.Linear(12, 7)
            self.last = nn.Linear(7, 2)

        def forward(self, x):
            h = self.body(x).relu()
            return self.kind(self.policy(h), self.value(h), self.last(self.own(h).relu()))

    def alone():
        return Network(lambda p, v, o: v)

    def pair():
        return Network(lambda p, v, o: (p, v, o))

    def table():
        return Network(lambda p, v, o: {"policy": p, "best": p.argmax(1), "value": v, "own": o})

    def named():
        return Network(lambda p, v, o: (Pair(p, v), o, None))

    def record():
        return Network(lambda p, v, o: {"heads": Heads(p, v), "rest": [o, "text", 3]})

    class Timed(nn.Module):
        def __init__(self):
            super().__init__()
            self.t, self.a, self.o = nn.Linear(1, 8), nn.Linear(6, 8), nn.Linear(8, 3)

        def forward(self, x, label=None, t=None):
            h = self.a(x) if t is None else self.a(x) + self.t(t[:, None])
            return self.o(h.relu())

    def timed():
        return Timed()
"""
KINDS = {"pair": "1", "table": "value", "named": "0.value", "record": "heads.value"}
PAIRED = ("barrier", "0.safetensors", "1.safetensors")
ALIGNED = Path("align.safetensors")
UNITS = 16 + 12 + 7
DATA = ("--data", "digits", "--allow-chance")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.py"
    path.write_text(dedent(MODELS))
    return path


def built(file: Path, name: str) -> nn.Module:
    found = importlib.util.spec_from_file_location("mine", file)
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    network: nn.Module = getattr(module, name)()
    return network


def saved(file: Path, name: str) -> tuple[Path, Path]:
    """Write two random networks of a model."""
    for seed in (0, 1):
        torch.manual_seed(seed)
        save_file(built(file, name).state_dict(), f"{seed}.safetensors")
    return Path("0.safetensors"), Path("1.safetensors")


def computed(file: Path, name: str, weights: Path, *inputs: Tensor | None) -> Any:
    """Return what plain torch computes, in float64."""
    network = built(file, name).double()
    network.load_state_dict({name: t.double() for name, t in load_file(weights).items()})
    with torch.no_grad():
        return network(*inputs)


def run(*words: str | Path) -> Result:
    done = invoke(*words)
    assert done.exit_code == 0, done.output
    return done


def leaves(value: Any) -> list[Tensor]:
    """Return the tensors of what these models return."""
    parts = vars(value).values() if hasattr(value, "__dataclass_fields__") else value
    parts = value.values() if isinstance(value, dict) else parts
    if isinstance(value, Tensor):
        return [value]
    nested = isinstance(value, tuple | list | dict) or parts is not value
    return [leaf for part in parts for leaf in leaves(part)] if nested else []


@pytest.mark.parametrize(("kind", "output"), KINDS.items())
def test_an_aligned_network_gives_every_output_as_before_and_the_named_one_is_scored(
    file: Path, kind: str, output: str
) -> None:
    a, b = saved(file, "alone")
    words = ("align", a, b, "--model", f"{file}:{kind}", "--aligner", "random", "--output", output)
    run(*words, *DATA)
    split = digits("test")
    inputs = split.normalised(split.inputs[:], torch.float64)
    before, after = (leaves(computed(file, kind, path, inputs)) for path in (b, ALIGNED))
    assert len(before) == len(after) == (4 if kind == "table" else 3)
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    assert not torch.equal(*(load_file(path)["own.weight"] for path in (b, ALIGNED)))
    result = read(Path("align.h5"))
    assert result.groups["permutations"].attributes["movable_units"] == UNITS
    said = result.groups["provenance"].attributes
    assert (said["output"], said["output.of"]) == (output, len(before))
    loss = cross_entropy(computed(file, "alone", a, inputs), split.targets)
    assert scored(result) == pytest.approx(loss.item(), rel=1e-5)


def scored(result: Any) -> float:
    """Return the loss of the first network."""
    scores = result.groups["align/scores"].variables
    return float(scores["loss"].values.flat[0])


def test_without_a_name_the_first_is_scored_and_it_is_said(file: Path) -> None:
    a, b = saved(file, "alone")
    words = ("barrier", a, b, "--model", f"{file}:table", "--points", "3", *DATA)
    done = run(*words)
    assert "the model returns 4 outputs, of which 'policy' is scored; --output ch" in done.stderr
    first = read(Path("barrier.h5")).groups["provenance"].attributes
    assert (first["output"], first["output.of"]) == ("policy", 4)
    done = run(*words, "--output", "value", "-o", "value.h5")
    assert "--output" not in done.stderr
    assert "output" in run("compare", "barrier.h5", "value.h5").stdout.split()
    run("rerun", "value.h5", "--trust")


def test_parts_that_no_output_needs_are_told(file: Path) -> None:
    a, b = saved(file, "alone")
    words = ("--model", f"{file}:alone", "--aligner", "random", "--input", "2x1x8x8")
    done = run("align", a, b, *words)
    assert "no output needs 'policy.weight', 'policy.bias', 'own.weight', 'own.bias'" in done.stderr
    assert "'last.weight' and 1 more in evaluation mode: left as they are" in done.stderr
    one, other = load_file(b), load_file(ALIGNED)
    assert torch.equal(one["own.weight"], other["own.weight"])
    assert not torch.equal(one["value.weight"], other["value.weight"])


def test_a_name_that_is_none_is_told_with_those_there_are(file: Path) -> None:
    a, b = saved(file, "alone")
    done = invoke("barrier", a, b, "--model", f"{file}:table", *DATA, "--output", "vlaue")
    assert done.exit_code == 2
    assert "no output 'vlaue'; did you mean 'value'? it returns policy (float32 4x" in done.stderr
    words = ("align", a, b, "--aligner", "random", "--model", f"{file}:alone", "--input", "2x1x8x8")
    done = invoke(*words, "--output", "out.h5")
    assert done.exit_code == 2
    assert "--output out.h5 has nothing to choose; leave it out" in done.stderr


def test_a_choice_may_stand_in_the_file_of_the_folder(file: Path) -> None:
    a, b = saved(file, "alone")
    Path("lmctool.toml").write_text(f'[model]\nspec = "{file}:table"\noutput = "value"\n')
    words = ("barrier", a, b, "--points", "3", *DATA, "--trust-config")
    assert metrics(*words) == metrics(*words, "--output", "value")
    done = run(*words, "--output", "policy", "--dry-run")
    assert ["output", "policy"] in [line.split() for line in done.stdout.splitlines()]
    Path("lmctool.toml").write_text('[model]\noutput = "value"\n')
    done = invoke(*words)
    assert done.exit_code == 2 and "has output in [model] but no spec in [model]" in done.stderr


WAYS = {
    "midpoint": (*PAIRED, "--align", "midpoint", "--steps", "2", "--points", "3"),
    "layerwise": ("layerwise", *PAIRED[1:], "--alphas", "0.5"),
}


@pytest.mark.parametrize("words", WAYS.values(), ids=WAYS)
def test_every_analysis_takes_the_named_output(
    file: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmctool.evaluate.shared_prefix.WORK", 0)
    saved(file, "alone")
    alone = metrics(*words, *DATA, "--model", f"{file}:alone")
    several = metrics(*words, *DATA, "--model", f"{file}:record", "--output", "heads.value")
    assert several.keys() == alone.keys()
    for name, value in alone.items():
        assert several[name] == (value if value is None else pytest.approx(value, rel=1e-4)), name


def test_a_second_input_may_be_a_number_for_each_example_and_go_by_name(file: Path) -> None:
    a, b = saved(file, "timed")
    words = ("align", a, b, "--model", f"{file}:timed", "--aligner", "random")
    run(*words, "--input", "4x6", "--input", "t=4")
    x, t = torch.randn(5, 6).double(), torch.randn(5).double()
    before, after = (computed(file, "timed", path, x, None, t) for path in (b, ALIGNED))
    torch.testing.assert_close(before, after, rtol=1e-12, atol=1e-12)
    assert read(Path("align.h5")).groups["permutations"].attributes["movable_units"] == 8
    assert not torch.equal(*(load_file(path)["t.weight"] for path in (b, ALIGNED)))
    assert read(Path("align.h5")).groups["provenance"].attributes["example"] == "4x6, t=4"
    done = invoke(*words, "--input", "4x6", "--input", "labl=4", "--force")
    assert done.exit_code == 2 and "did you mean 'label'? its arguments are x, lab" in done.stderr


def test_two_examples_in_place_of_one_are_told(file: Path) -> None:
    a, b = saved(file, "timed")
    words = (a, b, "--model", f"{file}:timed", "--aligner", "random", "--input", "1x6")
    done = run("align", *words)
    assert "1x6 as 2 examples: one alone does not tell its axis from the others" in done.stderr
    said = read(Path("align.h5")).groups["provenance"].attributes
    assert said["example"] == "1x6 as 2 examples"
    shown = run("inspect", a, "--model", f"{file}:timed", "--symmetry", "--input", "1x6")
    assert "1x6 as 2 examples" in shown.stdout


def test_inspect_names_the_outputs_that_stay(file: Path) -> None:
    a, _ = saved(file, "alone")
    done = run("inspect", a, "--model", f"{file}:record", "--symmetry", "--input", "2x1x8x8")
    assert "heads.policy, heads.value, rest.0" in done.stdout
