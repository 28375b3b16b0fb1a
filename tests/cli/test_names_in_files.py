"""Files whose names differ from the model's or from each other's, and say the same.

What a command finds of such a pair is what it finds of the pair with the model's own names, to
the bit.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from lmctool.checkpoint import open_checkpoint
from lmctool.report import figure
from lmctool.results.file import read
from lmctool.results.provenance import Provenance
from lmctool.testing import invoke, metrics
from tests.plugins.pairs import initial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Weights = dict[str, Tensor]
CHECKPOINTED = "_checkpoint_wrapped_module"
BARRIER = ("barrier", "--data", "digits", "--points", "3", "--allow-chance", "-q")


def under(prefix: str, weights: Mapping[str, Tensor]) -> Weights:
    return {f"{prefix}.{name}": tensor for name, tensor in weights.items()}


def lightning(weights: Weights) -> Weights:
    return {**under("model", weights), "criterion.weight": torch.ones(10)}


def renamed(weights: Mapping[str, Tensor], old: str, new: str) -> Weights:
    return {name.replace(old, new): tensor for name, tensor in weights.items()}


def fully_sharded(weights: Weights) -> Weights:
    return under("_fsdp_wrapped_module", renamed(weights, "layers.1", f"layers.1.{CHECKPOINTED}"))


def parallel(weights: Weights) -> Weights:
    return renamed(weights, "layers.", "layers.module.")


def profiled(weights: Weights) -> Weights:
    return {**weights, "total_ops": torch.ones(1), "layers.0.total_params": torch.ones(1)}


def uncounted(weights: Weights) -> Weights:
    return {name: tensor for name, tensor in weights.items() if "num_batches" not in name}


def averaged(weights: Weights) -> Weights:
    online = {name: torch.zeros_like(tensor) for name, tensor in weights.items()}
    return {**under("ema_model", weights), **under("online_model", online)}


def networks() -> tuple[Weights, Weights]:
    a, b = (dict(initial("mlp-batch", seed).state_dict()) for seed in (0, 1))
    for name in ("norms.0.num_batches_tracked", "norms.1.num_batches_tracked"):
        a[name], b[name] = torch.tensor(7), torch.tensor(9)
    return a, b


def single(path: Path, weights: Weights) -> Path:
    """Save weights as one file."""
    own = {name: tensor.clone() for name, tensor in weights.items()}
    save_file(own, path.with_suffix(".safetensors"))
    return path.with_suffix(".safetensors")


def sharded(path: Path, weights: Weights) -> Path:
    """Save weights as two shards of a folder."""
    path.mkdir()
    names = sorted(weights)
    shards = {"one.safetensors": names[::2], "two.safetensors": names[1::2]}
    for shard, own in shards.items():
        save_file({name: weights[name] for name in own}, path / shard)
    table = {name: shard for shard, own in shards.items() for name in own}
    (path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": table}))
    return path


def pickled(path: Path, weights: Weights) -> Path:
    """Save weights as PyTorch's own file, beside what a training program keeps."""
    torch.save({"state_dict": weights, "epoch": 3}, path.with_suffix(".ckpt"))
    return path.with_suffix(".ckpt")


@pytest.fixture(scope="module", autouse=True)
def undrawn() -> Iterator[None]:
    """Draw no figures: they take most of the time of these small runs, and tell nothing here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figure, "image", lambda *_: b"undrawn")
        yield


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float | None]]:
    """What commands find of the two networks under the model's own names."""
    place = tmp_path_factory.mktemp("plain")
    files = [single(place / name, each) for name, each in zip("ab", networks(), strict=True)]
    return {"barrier": metrics(*BARRIER, *files), "distance": metrics("distance", *files, "-q")}


@pytest.mark.parametrize(
    ("change_a", "change_b", "options", "save"),
    [
        (lightning, lightning, [], single),
        (lightning, dict, [], pickled),
        (dict, lightning, [], sharded),
        (lambda w: under("net", w), dict, [], sharded),
        (fully_sharded, lambda w: under("_forward_module.model", w), [], pickled),
        (profiled, dict, [], sharded),
        (parallel, parallel, [], pickled),
        (parallel, dict, [], single),
        (uncounted, dict, [], single),
        (dict, uncounted, [], pickled),
        (averaged, averaged, ["--key", "ema_model"], sharded),
        (averaged, averaged, ["--key", "state_dict.ema_model"], pickled),
        (averaged, dict, ["--strip", "ema_model", "--ignore", "online_model.*"], single),
        (lambda w: renamed(w, "layers", "layer"), dict, ["--rename", "layer=layers"], single),
    ],
)
def test_a_barrier_is_that_of_the_models_own_names(
    at: Path,
    plain: Mapping[str, Mapping[str, float | None]],
    change_a: Any,
    change_b: Any,
    options: list[str],
    save: Callable[[Path, Weights], Path],
) -> None:
    a, b = networks()
    files = save(at / "a", change_a(a)), save(at / "b", change_b(b))
    assert metrics(*BARRIER, *files, *options) == plain["barrier"]


@pytest.mark.parametrize(
    ("change", "options"),
    [
        (lambda weights: under("model.net", weights), []),
        (lightning, ["--key", "model"]),
        (fully_sharded, []),
        (uncounted, []),
        (profiled, []),
    ],
)
def test_a_distance_needs_no_model_to_see_that_names_say_the_same(
    at: Path, plain: Mapping[str, Mapping[str, float | None]], change: Any, options: list[str]
) -> None:
    a, b = networks()
    other = change(b) if options else b
    files = single(at / "a", change(a)), single(at / "b", other)
    assert metrics("distance", *files, *options, "-q") == plain["distance"]


def test_what_was_done_to_names_is_said_and_recorded(at: Path) -> None:
    a, b = networks()
    files = single(at / "a", lightning(a)), single(at / "b", b)
    done = invoke(*BARRIER[:-1], *files, "-o", "r.h5")
    assert f"'{files[0]}': prefix 'model.' is taken off" in done.stderr
    assert f"'{files[0]}': left out 'criterion.weight'" in done.stderr
    records = Provenance.of(read(Path("r.h5"))).checkpoints
    assert "left out 'criterion.weight'" in str(records["0"].names)
    assert records["1"].names is None
    assert records["0"].digest == open_checkpoint(files[0]).digest
    shown = invoke("inspect", files[0]).stdout
    assert "left out 'criterion.weight', which the model has not" in shown


def test_options_on_names_are_recorded_and_repeated(at: Path) -> None:
    a, b = networks()
    for name, each in (("a", a), ("b", b)):
        single(at / name, {**under("ema", each), **under("raw", uncounted(each))})
    words = ("a.safetensors", "b.safetensors", "--strip", "ema.", "--ignore", "raw.*")
    assert invoke(*BARRIER, *words, "-o", "r.h5").exit_code == 0
    said = Provenance.of(read(Path("r.h5"))).settings["naming"]
    asked = {"key": None, "strip": ["ema"], "rename": [], "ignore": ["raw.*"]}
    assert json.loads(str(said)) == asked
    again = invoke("rerun", "r.h5", "-q")
    assert again.stdout.endswith("agree bit for bit\n")
    other = invoke(*BARRIER, *words[:2], "--key", "ema", "-o", "r.h5", "--resume")
    assert other.exit_code == 2
    assert "is the result of another run: naming was" in other.stderr


def test_a_copy_under_other_names_is_told_to_be_the_same_network(at: Path) -> None:
    a, _ = networks()
    files = single(at / "a", a), single(at / "b", lightning(a))
    assert "A and B are the same network" in invoke(*BARRIER[:-1], *files).stderr


@pytest.mark.parametrize("like", [0, 1])
def test_a_merged_checkpoint_has_the_names_of_the_first(at: Path, like: int) -> None:
    a, b = networks()
    one, other = single(at / "a", lightning(a)), single(at / "b", uncounted(b))
    files = (one, other)[:: 1 - 2 * like]
    done = invoke("merge", *files, "--model", "mlp", "-o", "m.h5", "-q")
    assert done.exit_code == 0, done.output
    merged, own = load_file("m.safetensors"), load_file(files[0])
    assert merged.keys() == own.keys()
    prefix = "" if like else "model."
    for name, tensor in uncounted(a).items():
        torch.testing.assert_close(merged[prefix + name], (tensor + b[name]) / 2)
    if not like:
        assert int(merged["model.norms.0.num_batches_tracked"]) == 7
        assert torch.equal(merged["criterion.weight"], torch.ones(10))


def test_an_aligned_checkpoint_has_the_names_of_b(at: Path) -> None:
    a, b = networks()
    files = single(at / "a", uncounted(a)), single(at / "b", lightning(b))
    words = ("align", *files, "--aligner", "weight", "--input", "3x64", "-q", "-o", "r.h5")
    done = invoke(*words)
    assert done.exit_code == 0, done.output
    aligned = load_file("r.safetensors")
    assert aligned.keys() == load_file(files[1]).keys()
    moved = [name for name in b if not torch.equal(aligned[f"model.{name}"], b[name])]
    assert "layers.0.weight" in moved
    for name, tensor in b.items():
        values = aligned[f"model.{name}"].flatten().sort().values
        assert torch.equal(values, tensor.flatten().sort().values)


def test_parts_are_grafted_from_a_file_of_other_names(at: Path) -> None:
    a, b = networks()
    files = single(at / "a", uncounted(a)), single(at / "b", under("net", b))
    words = ("graft", files[0], "--from", files[1], "--layers", "layers.1", "-o", "g.h5", "-q")
    done = invoke(*words, "--by", "layer")
    assert done.exit_code == 0, done.output
    grafted = load_file("g.safetensors")
    assert grafted.keys() == uncounted(a).keys()
    for name in grafted:
        assert torch.equal(grafted[name], (b if name.startswith("layers.1.") else a)[name])


def test_a_run_of_many_steps_is_followed_under_other_names(at: Path) -> None:
    changes = {"a": averaged, "b": lambda weights: under("m", weights)}
    for run, each in zip("ab", networks(), strict=True):
        for place, change in ((at / run, changes[run]), (at / "plain" / run, dict)):
            place.mkdir(parents=True)
            for step in (1, 2):
                scaled = {n: t / step if t.is_floating_point() else t for n, t in each.items()}
                single(place / f"step{step}", change(scaled))
    words = ("--data", "digits", "--allow-chance", "-q")
    options = ("--strip", "ema_model", "--ignore", "online_model.*")
    found = metrics("trajectory", "a", "b", *words, *options)
    assert found == metrics("trajectory", "plain/a", "plain/b", *words)


FACTORY = """
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte = nn.Linear(64, 64, bias=False)
        self.head = nn.Linear(64, 64, bias=False)
        self.head.weight = self.wte.weight
    def forward(self, x):
        return self.head(self.wte(x.flatten(1)).relu())

def normed():
    return nn.Sequential(nn.Flatten(), weight_norm(nn.Linear(64, 8)), nn.ReLU(), nn.Linear(8, 10))

def spectral():
    return nn.Sequential(nn.Flatten(), spectral_norm(nn.Linear(64, 8)), nn.ReLU(), nn.Linear(8, 10))
"""


def tied(seed: int) -> Weights:
    weight = torch.randn(64, 64, generator=torch.Generator().manual_seed(seed)) / 8
    return {"wte.weight": weight, "head.weight": weight.clone()}


def test_a_tied_tensor_in_one_of_two_files_fits(at: Path) -> None:
    (at / "m.py").write_text(FACTORY)
    a, b = tied(0), tied(1)
    both = single(at / "a", a), single(at / "b", b)
    lone = single(at / "c", {"wte.weight": a["wte.weight"]})
    other = single(at / "d", {"head.weight": b["head.weight"]})
    assert metrics("distance", lone, both[1], "-q") == metrics("distance", *both, "-q")
    assert metrics("distance", both[0], other, "-q") == metrics("distance", *both, "-q")
    barrier = (*BARRIER, "--model", "./m.py:Tied")
    assert metrics(*barrier, lone, other) == metrics(*barrier, *both)
    assert invoke("distance", lone, other).exit_code == 2  # without a model nothing says so


@pytest.mark.parametrize("like", [0, 1])
def test_a_merge_of_a_tied_pair_stores_the_names_of_the_first(at: Path, like: int) -> None:
    a, b = tied(0), tied(1)
    files = [single(at / "a", a), single(at / "b", {"wte.weight": b["wte.weight"]})]
    whole = single(at / "c", b)
    first, second = files[like], files[1 - like]
    assert invoke("merge", first, second, "-o", "m.h5", "-q").exit_code == 0
    merged = load_file("m.safetensors")
    assert merged.keys() == load_file(first).keys()
    for tensor in merged.values():
        torch.testing.assert_close(tensor, (a["wte.weight"] + b["wte.weight"]) / 2)
    complete = (files[0], whole)[:: 1 - 2 * like]
    assert metrics("merge", first, second, "-q") == metrics("merge", *complete, "-q")


def old_names(form: str, weights: Weights) -> Weights:
    """Return weights under torch's old names of a parametrization of the first layer."""
    new = {"normed": ("original0", "original1"), "spectral": ("original", "0._u", "0._v")}[form]
    old = {"normed": ("g", "v"), "spectral": ("orig", "u", "v")}[form]
    table = {
        f"1.parametrizations.weight.{ours}": f"1.weight_{theirs}"
        for ours, theirs in zip(new, old, strict=True)
    }
    return {table.get(name, name): tensor for name, tensor in weights.items()}


@pytest.mark.parametrize("form", ["normed", "spectral"])
def test_a_normed_weight_of_torchs_old_form_fits_the_new_one(at: Path, form: str) -> None:
    (at / "m.py").write_text(FACTORY)
    pair = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        first = nn.Linear(64, 8)
        if form == "normed":
            parametrizations.weight_norm(first)
        else:
            parametrizations.spectral_norm(first)
        layers = nn.Flatten(), first, nn.ReLU(), nn.Linear(8, 10)
        pair.append(dict(nn.Sequential(*layers).state_dict()))
    a, b = (single(at / name, each) for name, each in zip("ab", pair, strict=True))
    c, d = (single(at / n, old_names(form, e)) for n, e in zip("cd", pair, strict=True))
    model = ("--model", f"./m.py:{form}")
    assert metrics(*BARRIER, *model, c, d) == metrics(*BARRIER, *model, a, b)
    values = [metrics("distance", one, other, "-q") for one, other in ((a, b), (a, d), (c, b))]
    whole = [{n: v for n, v in each.items() if n.count("=") == 1} for each in values]
    assert whole[0] and whole[0] == whole[1] == whole[2]


def test_a_model_of_torchs_old_form_takes_a_file_of_the_new_one(at: Path) -> None:
    old = "def old():\n    return nn.Sequential(nn.utils.spectral_norm(nn.Linear(4, 3)))\n"
    (at / "m.py").write_text(FACTORY + old)
    new = nn.Sequential(parametrizations.spectral_norm(nn.Linear(4, 3)))
    shown = invoke("inspect", single(at / "a", dict(new.state_dict())), "--model", "./m.py:old")
    assert "./m.py:old(), from --model" in shown.stdout
    assert "'0.parametrizations.weight.0._u' is '0.weight_u' of the model" in shown.stdout


def test_a_model_around_the_network_takes_the_networks_own_file(at: Path) -> None:
    (at / "m.py").write_text(FACTORY + "def around():\n    return nn.ModuleDict({'net': Tied()})\n")
    shown = invoke("inspect", single(at / "a", tied(0)), "--model", "./m.py:around")
    assert "./m.py:around(), from --model" in shown.stdout
    assert "'head.weight' is 'net.head.weight' of the model, and so on" in shown.stdout


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda w: renamed(w, "layers.1", "layer.1"),
            "tensor 'layers.1.bias' is in 'a.safetensors' but not in 'b.safetensors'; the nearest"
            " there is 'layer.1.bias': --rename layer=layers",
        ),
        (
            lambda w: renamed(renamed(w, "layers", "layer"), "norms", "norm"),
            "for 'layers.0.bias' the nearest there is",
        ),
        (
            lambda w: {**w, "extra.weight": torch.ones(1)},
            "tensor 'extra.weight' is in 'b.safetensors' but not in 'a.safetensors'",
        ),
        (
            averaged,
            "'b.safetensors' has all of 'a.safetensors' under 'ema_model.' and under"
            " 'online_model.': choose with --strip ema_model --ignore 'online_model.*' or",
        ),
    ],
)
def test_names_that_do_not_fit_are_told_with_the_nearest(at: Path, change: Any, told: str) -> None:
    a, b = networks()
    single(at / "a", a)
    single(at / "b", change(b))
    done = invoke("merge", "a.safetensors", "b.safetensors")
    assert done.exit_code == 2
    assert told in done.stderr


def test_a_distance_over_what_fits_tells_the_nearest_of_what_it_leaves_out(at: Path) -> None:
    a, b = networks()
    files = single(at / "a", a), single(at / "b", renamed(b, "layers.1", "layer.1"))
    done = invoke("distance", *files)
    assert done.exit_code == 0
    assert (
        "'layer.1.bias' (only in B; the nearest there is 'layers.1.bias': --rename" in done.stderr
    )
    whole = metrics("distance", *files, "--rename", "layer=layers", "-q")
    assert whole == metrics("distance", files[0], single(at / "c", b), "-q")


@pytest.mark.parametrize(
    ("change", "options", "told"),
    [
        (averaged, [], "; choose with --key ema_model or --key online_model"),
        (averaged, ["--model", "mlp"], ": choose with --key ema_model or --key online_model"),
        (
            lambda w: {**w, **under("ema", w)},
            ["--model", "mlp"],
            "without a prefix and under 'ema.': choose with --ignore 'ema.*' or --key ema",
        ),
        (
            lambda w: {**w, "loss.weight": torch.ones(1)},
            ["--model", "mlp"],
            "'loss.weight' of the checkpoint is not in the model; --ignore 'loss.*' leaves it out,"
            " if it is no part of the network",
        ),
        (
            lambda w: renamed(w, "norms.1", "norms.b"),
            ["--model", "mlp"],
            "'norms.1.weight' of shape (16,) is missing from the checkpoint; the nearest there is"
            " 'norms.b.weight': --rename norms.b=norms.1",
        ),
        (
            lambda w: {**under("net", w), "out.weight": torch.ones(3, 10)},
            [],
            "choose with --key net",
        ),
    ],
)
def test_a_file_that_fits_no_model_or_in_two_ways_is_told_how_to_go_on(
    at: Path, change: Any, options: list[str], told: str
) -> None:
    for name, each in zip("ab", networks(), strict=True):
        single(at / name, change(each))
    done = invoke(*BARRIER, "a.safetensors", "b.safetensors", *options)
    assert done.exit_code == 2
    assert told in done.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--strip", "modle"], "--strip 'modle' fits no tensor of any checkpoint"),
        (["--rename", "model="], "'model=' is not of the form OLD=NEW; --strip model takes"),
        (["--rename", "model"], "is not of the form OLD=NEW"),
        (["--rename", "a=b", "--rename", "a=c"], "'a' is given twice"),
        (["--strip", "."], "a prefix is empty"),
        (["--key", "ema"], "'a.safetensors' has no entry 'ema'; its names begin with "),
    ],
)
def test_options_on_names_that_say_nothing_are_refused(
    at: Path, options: list[str], told: str
) -> None:
    for name, each in zip("ab", networks(), strict=True):
        single(at / name, each)
    done = invoke("distance", "a.safetensors", "b.safetensors", *options)
    assert done.exit_code == 2
    assert told in done.stderr
