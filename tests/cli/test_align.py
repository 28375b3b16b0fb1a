"""Aligning from the command line: without data, by a stored permutation, to files and folders."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from lmctool.results.file import read, write
from lmctool.results.metrics import metrics
from lmctool.results.result import Group, Result, Variable
from lmctool.testing import ARGUMENTS, invoke, tiny_pair

if TYPE_CHECKING:
    from torch import Tensor

    from tests.cli.conftest import Install

REVERSE = '''
"""Put the units of every group in reverse order."""
from lmctool.api import Aligner, Permutation, hookimpl

def align(run, a, b):
    import torch
    spec = run.permutation_spec
    moves = {g: torch.arange(size).flip(0).expand(spec.shape(g)) for g, size in spec.groups.items()}
    return Permutation(spec, moves)

@hookimpl
def lmctool_aligner():
    """Add an aligner that needs no data."""
    return Aligner(align, needs=frozenset({"model"}))
'''
INPUT = ("--input", "3x1x8x8")
HIDDEN = "layers.0.weight"


@pytest.fixture(autouse=True)
def reverse(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    install("lmctool.aligners", "reverse", REVERSE)


@pytest.fixture
def bare(tmp_path: Path) -> tuple[Path, Path]:
    """Two checkpoints that name their model, but no data."""
    metadata = {"lmctool.model": "mlp", "lmctool.model_arguments": json.dumps(ARGUMENTS)}
    for path in tiny_pair(tmp_path):
        save_file(load_file(path), path, metadata)
    return tmp_path / "a.safetensors", tmp_path / "b.safetensors"


def shards(folder: Path, tensors: dict[str, Tensor]) -> Path:
    """Write tensors in two shards, and return the folder."""
    folder.mkdir()
    names = sorted(tensors)
    parts = {"model-1.safetensors": names[:2], "model-2.safetensors": names[2:]}
    for shard, held in parts.items():
        save_file({name: tensors[name] for name in held}, folder / shard)
    weight_map = {name: shard for shard, held in parts.items() for name in held}
    index = {"weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def test_align_runs_on_an_example_input_and_leaves_scores_out(bare: tuple[Path, Path]) -> None:
    done = invoke("align", *bare, "--aligner", "reverse", *INPUT)
    assert done.exit_code == 0, done.output
    before, after = load_file(bare[1]), load_file("align.safetensors")
    assert torch.equal(after[HIDDEN], before[HIDDEN].flip(0))
    result = read(Path("align.h5"))
    assert set(result.groups) == {
        *("align", "align/filters", "permutations", "proof", "provenance")
    }
    assert metrics(result) == {"align.moved": 1}
    assert result.groups["proof"].variables["examples"].values.tolist() == [3]
    said = result.groups["provenance"].attributes
    assert (said["example"], said["example.origin"]) == ("3x1x8x8", "--input")
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["layers.0", "16", "16"] in rows
    assert "32 of 32 units moved, in 2 groups" in done.stdout


def test_data_that_is_named_or_stamped_gives_scores(bare: tuple[Path, Path]) -> None:
    words = ("--aligner", "reverse", "--allow-chance", "--limit", "50")
    done = invoke("align", *bare, *words, "--data", "digits", "-o", "named")
    assert done.exit_code == 0, done.output
    assert "align/scores" in read(Path("named.h5")).groups
    stamped = tiny_pair(bare[0].parent)
    assert invoke("align", *stamped, *words, "-o", "stamped").exit_code == 0
    assert "align/scores" in read(Path("stamped.h5")).groups
    assert invoke("align", *stamped, *words, *INPUT, "-o", "asked").exit_code == 0
    assert "align/scores" not in read(Path("asked.h5")).groups


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--aligner", "reverse"], "neither data nor an example input is named: pass --data SPEC"),
        (["--aligner", "activation"], "no data named: pass --data SPEC"),
        ([*INPUT], "--input stands in for data, but aligner 'activation' needs it"),
        (["--aligner", "reverse", "--data", "digits", *INPUT], "but --data names 'digits'; leave"),
        (["--aligner", "reverse", "--input", "0x64"], "describes no input: a size is 0"),
    ],
    ids=["nothing", "an aligner that needs data", "input for it", "both", "no example"],
)
def test_what_is_missing_or_too_much_is_told(
    words: list[str], told: str, bare: tuple[Path, Path]
) -> None:
    done = invoke("align", *bare, *words)
    assert done.exit_code == 2
    assert told in done.stderr
    assert not Path("align.h5").exists()


def test_a_factory_may_bring_the_example_itself(bare: tuple[Path, Path]) -> None:
    source = f"""
        import torch
        from lmctool.plugin import registry
        from lmctool.plugin.kinds import MODELS
        def make():
            module = registry.load(MODELS, "mlp").build("mlp", **{ARGUMENTS!r})
            module.example_inputs = torch.rand(4, 64)
            return module
    """
    Path("net.py").write_text(dedent(source))
    done = invoke("align", *bare, "--aligner", "reverse", "--model", "./net.py:make")
    assert done.exit_code == 0, done.output
    assert read(Path("align.h5")).groups["provenance"].attributes["example.origin"] == "model"


GREEDY = REVERSE.replace("spec = run", "run.calibration.cross_moments(a, b, [])\n    spec = run")


def test_an_aligner_that_asks_for_data_it_did_not_announce_is_told(
    bare: tuple[Path, Path], install: Install
) -> None:
    install("lmctool.aligners", "greedy", GREEDY)
    done = invoke("align", *bare, "--aligner", "greedy", *INPUT)
    assert done.exit_code == 2
    told = "analysis 'align' asked for data, but none is in use; name data with --data"
    assert told in done.stderr


TWO_INPUTS = """
    import torch
    from torch import nn
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.mix, self.head = nn.Embedding(9, 4), nn.Linear(4, 4), nn.Linear(4, 2)
        def forward(self, ids, x):
            return self.head((self.embed(ids).mean(1) + self.mix(x)).relu())
"""


def test_a_model_of_several_inputs_is_traced_and_proved_on_all_of_them() -> None:
    Path("two.py").write_text(dedent(TWO_INPUTS))
    shapes = {"embed.weight": (9, 4), "mix.weight": (4, 4), "mix.bias": (4,)}
    shapes |= {"head.weight": (2, 4), "head.bias": (2,)}
    numbers = torch.Generator().manual_seed(0)
    for path in ("a.safetensors", "b.safetensors"):
        save_file({n: torch.randn(s, generator=numbers) for n, s in shapes.items()}, path)
    done = invoke(
        *("align", "a.safetensors", "b.safetensors", "--model", "./two.py:Two"),
        *("--aligner", "reverse", "--input", "ids:3x11", "--input", "3x4"),
    )
    assert done.exit_code == 0, done.output
    before, after = load_file("b.safetensors"), load_file("align.safetensors")
    assert torch.equal(after["embed.weight"], before["embed.weight"].flip(1))
    assert "example input  ids:3x11, 3x4, from --input" in done.stderr


def test_a_stored_permutation_moves_another_checkpoint_alike(bare: tuple[Path, Path]) -> None:
    a, b = bare
    assert invoke("align", a, b, "--aligner", "reverse", *INPUT, "-o", "first").exit_code == 0
    averaged = {name: tensor / 2 for name, tensor in load_file(b).items()}
    save_file(averaged, "c.safetensors")
    done = invoke("align", a, "c.safetensors", "--apply", "first.h5", *INPUT, "-o", "second")
    assert done.exit_code == 0, done.output
    first, second = load_file("first.safetensors"), load_file("second.safetensors")
    assert all(torch.equal(second[name], first[name] / 2) for name in first)
    said = read(Path("second.h5")).groups["provenance"].attributes
    assert said["apply"] == "first.h5" and len(str(said["apply.sha256"])) == 64
    assert "aligner" not in said


def forged(values: list[int], group: str = "layers.0") -> None:
    """Write a result that holds a permutation of one group."""
    variables = {
        "group": Variable(np.array([group], dtype=object), ("group",)),
        "size": Variable(np.array([len(values)]), ("group",)),
        "permutation_000": Variable(np.array(values), ("unit_000",)),
    }
    write(Result("align", {"permutations": Group(variables)}), Path("forged.h5"), force=True)


def test_a_permutation_of_another_model_is_refused(bare: tuple[Path, Path]) -> None:
    forged([1, 0, 2])
    done = invoke("align", *bare, "--apply", "forged.h5", *INPUT)
    assert done.exit_code == 2
    told = "the permutation of 'forged.h5' doesn't fit the model: group 'layers.0' has 3 units in"
    assert f"{told} it and 16 units in the model; apply it to the same" in done.stderr


def test_a_move_that_is_no_permutation_is_refused(bare: tuple[Path, Path]) -> None:
    assert invoke("align", *bare, "--aligner", "reverse", *INPUT).exit_code == 0
    result = read(Path("align.h5"))
    held = dict(result.groups["permutations"].variables)
    held["permutation_000"] = Variable(np.zeros(16, dtype=np.int64), ("unit_000",))
    write(Result("align", {"permutations": Group(held)}), Path("forged.h5"))
    done = invoke("align", *bare, "--apply", "forged.h5", *INPUT, "-o", "again")
    assert done.exit_code == 2
    assert "result 'forged.h5' holds no sound permutation" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["align", "--aligner", "reverse"], "--apply takes the place of --aligner; give one"),
        (["barrier", "--align"], "--apply takes the place of --align; give one of them"),
    ],
    ids=["align", "barrier"],
)
def test_a_stored_permutation_takes_the_place_of_an_aligner(words: list[str], told: str) -> None:
    forged([0])
    name, *rest = words
    done = invoke(name, "a", "b", "--apply", "forged.h5", *rest)
    assert done.exit_code == 2
    assert told in done.stderr


def test_the_result_that_is_applied_is_never_written_over(bare: tuple[Path, Path]) -> None:
    assert invoke("align", *bare, "--aligner", "reverse", *INPUT).exit_code == 0
    before = Path("align.h5").read_bytes()
    done = invoke("align", *bare, "--apply", "align.h5", *INPUT, "--force")
    assert done.exit_code == 2
    assert "output 'align.h5' is an input of this very command" in done.stderr
    assert Path("align.h5").read_bytes() == before


def test_resume_of_a_whole_run_leaves_its_sharded_checkpoint_alone(
    bare: tuple[Path, Path],
) -> None:
    folder = shards(Path("sharded"), load_file(bare[1]))
    command = ("align", bare[0], folder, "--aligner", "reverse", "--input", "4x64", "-o", "out.h5")
    assert invoke(*command).exit_code == 0
    written = {path: path.read_bytes() for path in Path("out").iterdir()}
    done = invoke(*command, "--resume")
    assert done.exit_code == 0, done.output
    assert "'out.h5' is whole already" in done.stderr
    assert {path: path.read_bytes() for path in Path("out").iterdir()} == written
    other = invoke(*command, "--resume", "--seed", "1")
    assert other.exit_code == 2
    assert "output 'out.h5' exists" in other.stderr


def test_a_sharded_checkpoint_gives_a_sharded_one(bare: tuple[Path, Path]) -> None:
    folder = shards(Path("sharded"), load_file(bare[1]))
    words = ("align", bare[0], folder, "--model", "mlp", "--aligner", "reverse", *INPUT)
    planned = invoke(*words, "-o", "out.h5", "--dry-run").stdout
    assert "checkpoint     out.safetensors or out" in planned
    done = invoke(*words, "-o", "out.h5")
    assert done.exit_code == 0, done.output
    assert sorted(p.name for p in Path("out").iterdir()) == sorted(p.name for p in folder.iterdir())
    assert "checkpoint  out\n" in done.stdout
    assert "output 'out' is a folder" not in invoke(*words, "-o", "out").stderr
    assert "output 'out.h5' exists" in invoke(*words, "-o", "out").stderr
    assert invoke(*words, "-o", "out", "--force").exit_code == 0
    assert invoke(*words, "-o", "one.safetensors").exit_code == 0
    merged = {
        k: v for shard in Path("out").glob("*.safetensors") for k, v in load_file(shard).items()
    }
    single = load_file("one.safetensors")
    assert merged.keys() == single.keys()
    assert all(torch.equal(merged[name], single[name]) for name in single)


def test_a_folder_that_is_read_or_holds_other_files_is_not_replaced(
    bare: tuple[Path, Path],
) -> None:
    folder = shards(Path("sharded"), load_file(bare[1]))
    words = ("align", bare[0], folder, "--model", "mlp", "--aligner", "reverse", *INPUT, "--force")
    done = invoke(*words, "-o", "sharded")
    assert done.exit_code == 2
    assert "output 'sharded' is an input of this very command" in done.stderr
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("mine")
    done = invoke(*words, "-o", "mine")
    assert done.exit_code == 2
    assert "output 'mine' holds 'notes.txt' too, which would be lost" in done.stderr
    assert not Path("mine.h5").exists()


TIED = """
    from torch import nn
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.head = nn.Linear(7, 5), nn.Linear(6, 3)
            self.inner, self.again = nn.Linear(5, 6), nn.Linear(5, 6)
            self.again.weight = self.inner.weight
        def forward(self, x):
            x = self.embed(x).relu()
            return self.head(self.inner(x).relu() + self.again(x).relu())
"""
SHAPES = {"embed": (5, 7), "inner": (6, 5), "again": (6, 5), "head": (3, 6)}


def tied(seed: int, names: list[str]) -> dict[str, Tensor]:
    """Return tensors of the model, the tied one under some of its names."""
    numbers = torch.Generator().manual_seed(seed)
    shared = torch.randn(6, 5, generator=numbers)
    tensors = {f"{n}.weight": torch.randn(s, generator=numbers) for n, s in SHAPES.items()}
    biases = {f"{n}.bias": torch.randn(s[0], generator=numbers) for n, s in SHAPES.items()}
    untied = {name: tensors[name] for name in ("embed.weight", "head.weight")}
    return {**untied, **biases, **{f"{name}.weight": shared.clone() for name in names}}


@pytest.mark.parametrize("names", [["inner"], ["again"], ["inner", "again"]], ids="+".join)
def test_tied_tensors_are_written_under_the_names_that_hold_them(names: list[str]) -> None:
    Path("tied.py").write_text(dedent(TIED))
    for seed, path in enumerate(("a.safetensors", "b.safetensors")):
        save_file(tied(seed, names), path)
    done = invoke(
        *("align", "a.safetensors", "b.safetensors", "--model", "./tied.py:Tied"),
        *("--aligner", "reverse", "--input", "3x7"),
    )
    assert done.exit_code == 0, done.output
    before, after = load_file("b.safetensors"), load_file("align.safetensors")
    assert after.keys() == before.keys()
    for name in names:
        assert torch.equal(after[f"{name}.weight"], before[f"{names[0]}.weight"].flip(0, 1))
