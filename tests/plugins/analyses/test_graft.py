"""Grafts: what is taken from where, to the last bit, and what each part is worth."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file, save_file

from lmctool.checkpoint import open_checkpoint
from lmctool.errors import ExitCode, LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
from lmctool.results.file import read
from lmctool.results.metrics import metrics
from lmctool.testing import invoke, tiny_pair
from lmctool_plugins.analyses.graft.selection import LISTED, chosen, grafted
from tests.plugins import pairs
from tests.plugins.pairs import plain_loss, save, trained

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result as Done
    from torch import Tensor

PARTS = ("conv1", "layer1.0", "layer1.1", "layer10", "fc")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["layer1.0"], ["layer1.0"]),  # the name, though the expression matches others too
        (["fc,conv1"], ["conv1", "fc"]),
        (["fc", "conv1", "fc"], ["conv1", "fc"]),
        ([r"layer1\..*"], ["layer1.0", "layer1.1"]),
        (["layer1."], ["layer10"]),  # an expression matches whole names
        (["layer1*,f?"], ["layer1.0", "layer1.1", "layer10", "fc"]),
        (["*.1", "conv*"], ["conv1", "layer1.1"]),
        ([".*"], list(PARTS)),
        ([], []),
    ],
)
def test_words_name_parts_or_match_them(words: list[str], found: list[str]) -> None:
    assert list(chosen(PARTS, words, "block")) == found


@pytest.mark.parametrize(
    ("word", "nearest"),
    [
        ("layer1.2", "; nearest: 'layer1.1', 'layer1.0', 'layer10'"),
        ("layer(", "; nearest: 'layer1.0', 'layer1.1', 'layer10'"),  # no expression either
        ("layer1*.conv*", "; nearest: 'layer1.0', 'layer1.1', 'layer10'"),
        ("conv", "; nearest: 'conv1'"),
        ("zzz", ""),
    ],
)
def test_a_word_that_names_nothing_is_told_with_the_nearest(word: str, nearest: str) -> None:
    with pytest.raises(LmctoolError) as told:
        chosen(PARTS, [word], "block")
    assert str(told.value) == (
        f"--layers names {word!r}, but no part of the network by 'block' is called so or matches"
        f" it{nearest}; there are: conv1, layer1.0, layer1.1, layer10, fc"
    )


def test_a_shell_pattern_grafts_what_the_names_graft(tmp_path: Path) -> None:
    a, b = tiny_pair(tmp_path)
    named = open_checkpoint(made(a, "--from", b, "--layers", "layers.0,layers.1"))
    fitting = open_checkpoint(made(a, "--from", b, "--layers", "layers*"))
    assert fitting.digest == named.digest
    assert json.loads(fitting.metadata["lmctool.graft"])["parts"] == ["layers.0", "layers.1"]


def test_a_list_of_names_has_an_end() -> None:
    many = [f"part{number}" for number in range(LISTED + 2)]
    with pytest.raises(LmctoolError, match=f"part{LISTED - 1} and 2 more$"):
        chosen(many, ["x"], "layer")


def test_tensors_are_taken_and_not_copied() -> None:
    base, other = {"a": [1], "b": [2]}, {"a": [3], "b": [4]}
    found = grafted(base, other, {"b"})
    assert found["a"] is base["a"]
    assert found["b"] is other["b"]


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Save two trained residual networks, whose BatchNorms have seen 60 and 20 batches."""
    weights = trained("resnet-batch", 0, 60), trained("resnet-batch", 1, 20)
    a, b = (
        save(tmp_path / f"{n}.safetensors", "resnet-batch", w)
        for n, w in zip("ab", weights, strict=True)
    )
    return a, b


def graft(base: Path, *options: str | Path, out: Path) -> Done:
    """Graft without any data, so that nothing is evaluated."""
    plain = base.with_name(f"plain-{base.name}")
    metadata = open_checkpoint(base).metadata
    stamps = {key: value for key, value in metadata.items() if key != "lmctool.data"}
    save_file(load_file(base), plain, stamps)
    return invoke("graft", plain, *options, "-o", out, "--force")


def made(base: Path, *options: str | Path) -> Path:
    """Graft, and return the checkpoint."""
    out = base.with_name("out.safetensors")
    done = graft(base, *options, out=out)
    assert done.exit_code == 0, done.output
    return out


@pytest.mark.parametrize("by", ["layer", "block", "group", "kind", "(.*)"])
def test_a_graft_of_every_part_is_the_other_checkpoint(two: tuple[Path, Path], by: str) -> None:
    a, b = two
    every = made(a, "--from", b, "--layers", ".*", "--by", by)
    assert open_checkpoint(every).digest == open_checkpoint(b).digest
    none = made(a, "--from", b, "--layers", ".*", "--by", by, "--all-but")
    assert open_checkpoint(none).digest == open_checkpoint(a).digest


def test_all_but_is_the_same_graft_the_other_way_round(two: tuple[Path, Path]) -> None:
    a, b = two
    there = open_checkpoint(made(a, "--from", b, "--by", "block", "--layers", "layer2.*,fc")).digest
    back = made(b, "--from", a, "--by", "block", "--layers", "layer2.*,fc", "--all-but")
    assert open_checkpoint(back).digest == there


def test_a_part_brings_its_integer_buffers_and_leaves_the_others(two: tuple[Path, Path]) -> None:
    found = load_file(made(two[0], "--from", two[1], "--by", "block", "--layers", "layer1.0"))
    counts = {name: int(t) for name, t in found.items() if name.endswith("num_batches_tracked")}
    assert {name for name, count in counts.items() if count == 20} == {
        "layer1.0.bn1.num_batches_tracked",
        "layer1.0.bn2.num_batches_tracked",
    }
    assert set(counts.values()) == {20, 60}


def test_tensors_in_no_part_go_with_all_but(two: tuple[Path, Path]) -> None:
    a, b = two
    options = ["--from", str(b), "--by", "layer1", "--layers", "layer1"]
    some, rest = load_file(made(a, *options)), load_file(made(a, *options, "--all-but"))
    first, second = (load_file(path) for path in two)
    for name in first:
        assert torch.equal(some[name], (second if "layer1" in name else first)[name]), name
        assert torch.equal(rest[name], (first if "layer1" in name else second)[name]), name


def test_doubles_are_grafted_bit_for_bit_in_a_run_of_floats(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    nets = [
        {
            name: t.double() + 1e-12 * torch.rand(t.shape, generator=generator, dtype=torch.float64)
            for name, t in trained("mlp", seed).items()
        }
        for seed in (0, 1)
    ]
    a, b = (save(tmp_path / f"{n}.safetensors", "mlp", w) for n, w in zip("ab", nets, strict=True))
    found = load_file(made(a, "--from", b, "--layers", "layers.0"))
    for name, tensor in found.items():
        assert torch.equal(tensor, nets[name.startswith("layers.0")][name]), name


def language(path: Path, seed: int, *, both: bool) -> dict[str, Tensor]:
    """Save a small language model whose embedding is its head too."""
    arguments: dict[str, int] = {"n_head": 2, "n_embd": 8, "n_layer": 1, "vocab_size": 20}
    arguments |= {"n_positions": 16, "tie_word_embeddings": True}
    torch.manual_seed(seed)
    spec = "transformers:GPT2LMHeadModel"
    state = registry.load(MODELS, "transformers").build(spec, **arguments).state_dict()
    left_out = set() if both else {"transformer.wte.weight"}
    tensors = {name: t.clone() for name, t in state.items() if name not in left_out}
    stamp = {"lmctool.model": spec, "lmctool.model_arguments": json.dumps(arguments)}
    save_file(tensors, path, stamp)
    return tensors


@pytest.mark.parametrize("both", [True, False])
def test_a_tied_tensor_is_grafted_under_all_its_names(tmp_path: Path, both: bool) -> None:
    a, b = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    first, second = language(a, 0, both=both), language(b, 1, both=both)
    found = load_file(made(a, "--from", b, "--layers", "transformer.wte"))
    tied = {"transformer.wte.weight", "lm_head.weight"}
    assert found.keys() == first.keys()
    for name, tensor in found.items():
        assert torch.equal(tensor, (second if name in tied else first)[name]), name


def test_fresh_parts_are_the_initial_state_of_the_seed(two: tuple[Path, Path]) -> None:
    options = ["--fresh", "--by", "block", "--layers", "layer3.2"]
    base = load_file(two[0])
    fresh, again, other = (
        load_file(made(two[0], *options, "--seed", seed)) for seed in ("3", "3", "4")
    )
    for name, tensor in base.items():
        own = not name.startswith("layer3.2")
        assert torch.equal(fresh[name], again[name])
        assert torch.equal(fresh[name], tensor) == own, name
    assert (fresh["layer3.2.bn1.running_var"] == 1).all()
    assert not torch.equal(fresh["layer3.2.conv1.weight"], other["layer3.2.conv1.weight"])


def test_the_written_checkpoint_scores_what_was_told(tmp_path: Path) -> None:
    a, b = (save(tmp_path / f"{n}.safetensors", "mlp", trained("mlp", n)) for n in (0, 1))
    out = tmp_path / "out"
    done = invoke("graft", a, "--from", b, "--layers", "layers.1", "-o", out)
    assert done.exit_code == 0, done.output
    held = read(out.with_suffix(".h5")).groups["graft/scores"].variables
    assert held["network"].values.tolist() == ["base", "other", "grafted"]
    paths = (a, b, out.with_suffix(".safetensors"))
    expected = [plain_loss("mlp", load_file(path)) for path in paths]
    assert held["loss"].values[:, 0] == pytest.approx(expected, rel=1e-5)  # float32 sums
    assert "1 of 3 parts" in done.output


def test_the_metadata_says_what_was_taken_and_from_where(two: tuple[Path, Path]) -> None:
    a, b = two
    metadata = open_checkpoint(made(a, "--from", b, "--by", "group", "--layers", "fc")).metadata
    assert metadata["lmctool.model"] == "resnet20"
    assert json.loads(metadata["lmctool.graft"]) == {
        "base": open_checkpoint(a).digest,
        "by": "group",
        "other": open_checkpoint(b).digest,
        "parts": ["fc"],
    }
    drawn = open_checkpoint(made(a, "--fresh", "--seed", "5", "--layers", "fc", "--all-but"))
    entry = json.loads(drawn.metadata["lmctool.graft"])
    assert entry["other"] == "initial state of seed 5"
    assert (entry["by"], entry["all but"]) == ("layer", ["fc"])


def test_without_data_the_parts_are_shown(two: tuple[Path, Path]) -> None:
    done = graft(
        two[0], "--fresh", "--by", "group", "--layers", "layer1", out=two[0].with_name("o")
    )
    assert done.exit_code == 0, done.output
    assert "taken from initial state of seed 0: 1 of 5 parts, " in done.output
    result = read(two[0].with_name("o.h5"))
    assert not {"graft/scores", "graft/robustness"} & result.groups.keys()
    sizes = {name: tensor.numel() for name, tensor in load_file(two[0]).items()}
    taken = sum(size for name, size in sizes.items() if name.startswith("layer1."))
    held = result.groups["graft/parts"].variables
    assert held["part"].values.tolist() == ["conv1", "layer1", "layer2", "layer3", "fc"]
    assert held["taken"].values.tolist() == [0, taken, 0, 0, 0]
    assert held["share"].values == taken / sum(sizes.values())
    assert metrics(result)["graft.share"] == held["share"].values


NEITHER = "parts are taken either --from a checkpoint or --fresh from the initialiser; "


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--layers", "fc"], NEITHER + "neither is given"),
        (["--layers", "fc", "--fresh", "--from", "{b}"], NEITHER + "both are given"),
        (["--fresh", "--all-but", "--evaluate"], "--all-but is everything but --layers; give that"),
        (["--fresh"], "nothing is asked for: name parts to take with --layers, such as 'conv1'"),
        (
            ["--fresh", "--layers", "fd"],
            "--layers names 'fd', but no part of the network by 'layer'",
        ),
        (["--fresh", "--evaluate"], "--evaluate measures loss and error, but no data is in use"),
        (["--from", "{c}", "--layers", "fc"], "the two checkpoints hold different architectures"),
    ],
)
def test_what_cannot_be_grafted_is_told(
    two: tuple[Path, Path], options: list[str], told: str
) -> None:
    folder = two[0].parent
    save(folder / "c.safetensors", "resnet-fixup", pairs.initial("resnet-fixup", 0).state_dict())
    places = {"b": two[1], "c": folder / "c.safetensors"}
    done = graft(two[0], *(text.format(**places) for text in options), out=folder / "out")
    assert done.exit_code == ExitCode.USAGE, done.output
    assert f"Error: {told}" in done.output.replace("'plain-", "'")
    assert not list(folder.glob("out*"))


def test_shapes_that_differ_are_told(tmp_path: Path) -> None:
    weights = dict(trained("mlp", 0))
    a = save(tmp_path / "a.safetensors", "mlp", weights)
    wide = weights | {"classifier.weight": torch.zeros(10, 17)}
    b = save(tmp_path / "b.safetensors", "mlp", wide)
    done = invoke("graft", a, "--from", b, "--layers", "classifier", "-o", tmp_path / "out")
    assert done.exit_code == ExitCode.USAGE
    wanted = "takes 'classifier.weight', which doesn't fit ((10, 16) in A, (10, 17) in B)"
    assert wanted in done.output
