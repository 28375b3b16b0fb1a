"""Methods that need no data in whole runs of ``merge``: from files, from a base, onto another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lmctool.checkpoint import open_checkpoint
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.plugin.settings import Choice, Settings
from lmctool.report import figure
from lmctool.results.alignments import count
from lmctool.results.file import read
from lmctool.run.repair import renormalised_merge, renormalised_path
from lmctool.run.run import Run
from lmctool.symmetry import Permutation
from lmctool.testing import invoke
from lmctool.weights.mean import weighted_mean
from tests.plugins.pairs import save, trained

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from lmctool.results.result import Result

KEY = "mlp-batch"
FEW = ("--limit", "100", "--calib-size", "100", "--quiet")
BASED = ("--base", "c.safetensors")
METHODS = {
    "slerp": ("--method", "slerp", "--alphas", "0.3"),
    "task-arithmetic": ("--method", "task-arithmetic", *BASED, "--weights", "0.5,-0.25"),
    "ties": ("--method", "ties", *BASED, "--density", "0.3"),
    "dare": ("--method", "dare", *BASED, "--then", "ties"),
}


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write three networks with a stamp, and without one."""
    place = tmp_path_factory.mktemp("networks")
    for seed, name in enumerate("abc"):
        save(place / f"{name}.safetensors", KEY, trained(KEY, seed))
        save_file(dict(trained(KEY, seed)), place / f"bare-{name}.safetensors")
    return place


@pytest.fixture(autouse=True)
def here(networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(figure, "save", lambda *_: None)  # nobody looks at them here
    for each in networks.iterdir():
        (tmp_path / each.name).symlink_to(each)


def merged(path: Path, letters: str, *words: str) -> Result:
    files = [f"{letter}.safetensors" for letter in letters]
    done = invoke("merge", *files, *words, *FEW, "-o", path)
    assert done.exit_code == 0, done.output
    return read(path.with_suffix(".h5"))


def weights(name: str) -> dict[str, Tensor]:
    return load_file(f"{name}.safetensors")


def losses(result: Result) -> dict[str, float]:
    scores = result.groups["merge/scores"].variables
    names = [str(name) for name in scores["network"].values]
    found: dict[str, float] = dict(zip(names, scores["loss"].values[:, 0], strict=True))
    return found


@pytest.mark.parametrize("method", METHODS)
def test_a_merge_from_files_is_that_in_memory(method: str, tmp_path: Path) -> None:
    words = [word.replace("c.safe", "bare-c.safe") for word in METHODS[method]]
    made, distances = [], []
    for name, model in (("bare", []), ("known", ["--model", "mlp"])):
        files = ["bare-a.safetensors", "bare-b.safetensors"]
        done = invoke("merge", *files, *words, *model, "-o", tmp_path / name, "--quiet")
        assert done.exit_code == 0, done.output
        result = read(tmp_path / f"{name}.h5")
        assert ("model" in result.groups["provenance"].attributes) == bool(model)
        made.append(open_checkpoint(tmp_path / f"{name}.safetensors"))
        distances.append(result.groups["merge/networks"].variables["distance"].values)
    assert made[0].digest == made[1].digest
    np.testing.assert_allclose(distances[0], distances[1], rtol=1e-6)  # squares in float32


def test_running_statistics_are_averaged_and_counters_are_the_firsts(tmp_path: Path) -> None:
    merged(tmp_path / "out", "ab", *METHODS["ties"])
    found, a, b, c = (weights(name) for name in ("out", "a", "b", "c"))
    assert found.keys() == a.keys()
    for name, tensor in found.items():
        if "running" in name:
            assert torch.equal(tensor, ((a[name].double() + b[name].double()) / 2).float())
        elif name.endswith("tracked"):
            assert torch.equal(tensor, a[name])
    weight = "layers.0.weight"
    kept = found[weight] == c[weight]
    assert 0.4 < float(kept.float().mean()) < 0.8  # what neither of the two has among its 30 %


def test_a_checkpoint_and_its_result_say_how_it_was_made(tmp_path: Path) -> None:
    result = merged(tmp_path / "out", "ab", *METHODS["ties"])
    with safe_open("out.safetensors", "pt") as file:
        said = file.metadata()["lmctool.made"]
    assert said == (
        "merge by ties (density=0.3, scale=1.0) (plain) of 1 a.safetensors + 1 b.safetensors,"
        " from base c.safetensors"
    )
    told = result.groups["provenance"].attributes
    assert told["merge"] == "ties"
    assert losses(result).keys() == {"a", "b", "base", "plain"}


def test_one_network_and_alphas_go_from_the_base_to_it(tmp_path: Path) -> None:
    words = ("--method", "task-arithmetic", *BASED, "--alphas", "0,0.25,1")
    result = merged(tmp_path / "out", "a", *words)
    alphas, found = result.groups["merge/alphas"].variables, losses(result)
    ends = alphas["loss"].values[0, 0, [0, 2]]
    np.testing.assert_allclose(ends, [found["base"], found["a"]], rtol=1e-5)


def test_what_was_learned_goes_over_to_a_shuffled_base(tmp_path: Path) -> None:
    analysis = registry.load(ANALYSES, "merge")
    a, c = (tmp_path / f"{name}.safetensors" for name in "ac")
    run = Run("merge", analysis, Settings((a, c), merge=Choice("mean")))
    shuffle = Permutation.random(run.permutation_spec, run.generator("shuffle"))
    save(tmp_path / "onto.safetensors", KEY, shuffle.apply(run.weights(1)))
    words = ("--method", "task-arithmetic", *BASED, "--onto", "onto.safetensors")
    result = merged(tmp_path / "out", "a", *words, "--align", "weight")
    found = losses(result)
    assert found["onto"] == pytest.approx(found["base"], rel=1e-5)
    moved = shuffle.apply(run.weights(0))  # P(base) + P(a - base)
    names = [name for name, _ in run.resources.module.named_parameters()]
    for name in names:
        torch.testing.assert_close(weights("out")[name], moved[name], rtol=0, atol=1e-6)
    statistics = [name for name in moved if "running" in name]
    onto = weights("onto")
    assert statistics
    assert all(torch.equal(weights("out")[name], onto[name]) for name in statistics)
    assert "align" in found and "plain" in found
    assert "permutations" in result.groups


def test_networks_are_aligned_to_their_base(tmp_path: Path) -> None:
    words = (*METHODS["task-arithmetic"][:4], "--align", "weight")
    result = merged(tmp_path / "out", "ab", *words)
    assert count(result.groups, "permutations") == 2
    found = losses(result)
    assert found["align"] < found["plain"]


def test_repair_of_a_mean_is_that_of_the_point_of_the_path(tmp_path: Path) -> None:
    analysis = registry.load(ANALYSES, "merge")
    files = tuple(tmp_path / f"{name}.safetensors" for name in "abc")
    settings = Settings(files, merge=Choice("mean"), calib_size=100, dtype="float64")
    run = Run("merge", analysis, settings)
    a, b, c = (run.weights(index) for index in range(3))
    point = renormalised_path(run, a, b, storable=True, targets="both")(0.25)
    correct = renormalised_merge(run, [a, b], storable=True, targets="both")
    found = correct(run.batchnorm.mix(a, b, 0.25), (0.75, 0.25))
    assert all(torch.equal(found[name], tensor) for name, tensor in point.items())
    # of three the first layer, which no earlier one moves, shows the mean of their statistics
    soup = weighted_mean([a, b, c], (1, 1, 2))
    repaired = renormalised_merge(run, [a, b, c], storable=True, targets="both")(
        soup, (0.25, 0.25, 0.5)
    )
    target = run.resources.targets("layers")[0]
    axes = {target.tap: target.axis}
    shown = run.calibration.moments(repaired, axes)[target.tap]
    own = [run.calibration.moments(each, axes)[target.tap] for each in (a, b, c)]
    wanted = 0.25 * own[0].mean + 0.25 * own[1].mean + 0.5 * own[2].mean
    if target.batchnorm is None:
        torch.testing.assert_close(shown.mean, wanted)
    else:
        torch.testing.assert_close(repaired[target.batchnorm.mean], wanted)


@pytest.mark.parametrize("letters", ["ab", "abc"])
def test_merged_networks_are_repaired(letters: str, tmp_path: Path) -> None:
    words = ("--method", "slerp") if letters == "ab" else ()
    result = merged(tmp_path / "out", letters, *words, "--align", "weight", "--repair")
    found = losses(result)
    assert [*found][-2:] == ["align", "align+repair"]
    assert np.isfinite(found["align+repair"])
    assert not torch.equal(*(weights(name)["layers.1.weight"] for name in ("out", "a")))


@pytest.mark.parametrize(
    ("letters", "words", "sentence"),
    [
        ("abc", "--method slerp", "--method slerp takes two checkpoints, A and B; 3 given"),
        ("ab", "--method ties", "name that checkpoint with --base"),
        ("ab", "--method slerp --base c.safetensors", "--method slerp takes no --base; methods"),
        ("ab", "--base c.safetensors", "--method mean takes no --base; methods with a base are"),
        ("ab", "--method tise", "no merge is called 'tise'; did you mean 'ties'?"),
        ("ab", "--density 0.3", "option '--density' belongs to --method dare; give that too"),
        ("ab", "--method dare --base c.safetensors --density 0", "0 is not in the range 0<x<=1"),
        ("a", "--onto b.safetensors --method mean", "--method mean takes two checkpoints or more"),
        ("ab", "--onto c.safetensors --align", "name that one with --base"),
        (
            "a",
            "--method ties --base b.safetensors --onto c.safetensors",
            "by the alignment of --base to the new base; give --align",
        ),
        (
            "a",
            "--method ties --base b.safetensors --repair",
            "and one alone has none; --batchnorm reset",
        ),
        (
            "ab",
            "--method ties --base c.safetensors --onto c.safetensors --align --repair",
            "which are not those of another base; --batchnorm reset takes those of BatchNorms anew",
        ),
        (
            "ab",
            "--method slerp --repair closed-form",
            "any merged network is corrected by repair, rescale, reset, shift",
        ),
        (
            "ab",
            "--method ties --base c.safetensors --align --frame common",
            "with --base the order of the units is the base's; leave out --frame",
        ),
        (
            "ab",
            "--method ties --base c.safetensors --weights 0,0",
            "--weights must not all be 0, unlike '0,0'",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(
    letters: str, words: str, sentence: str
) -> None:
    files = [f"{letter}.safetensors" for letter in letters]
    done = invoke("merge", *files, *words.split(), *FEW, "-o", "out")
    assert done.exit_code == 2, done.output
    assert sentence in " ".join(done.stderr.split())


def test_whole_numbers_that_differ_from_the_bases_are_refused(tmp_path: Path) -> None:
    for name, codes in (("a", [1, 2]), ("b", [1, 2]), ("c", [1, 3])):
        path = tmp_path / f"whole-{name}.safetensors"
        save_file({"w": torch.ones(2), "codes": torch.tensor(codes)}, path)
    files = [f"whole-{name}.safetensors" for name in "ab"]
    words = ("--method", "ties", "--base", "whole-c.safetensors", "--quiet", "-o", "out")
    done = invoke("merge", *files, *words)
    assert done.exit_code == 2
    assert "tensor 'codes' is int64 and differs between the networks" in done.stderr
