"""Networks of other class counts and vocabularies: distance, graft, align and merge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lmctool.errors import ExitCode
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
from lmctool.results.file import read
from lmctool.results.provenance import Provenance
from lmctool.testing import invoke, save

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from click.testing import Result as Done

    Weights = Mapping[str, Tensor]

INPUTS, WIDTH = 8, 6
IMAGES = ("--input", "5x8", "--dtype", "float64")
HEAD = ("--except", "classifier.*")


def mlp(classes: int, seed: int) -> nn.Module:
    """Return a network of two hidden layers that nothing in is trivially zero of."""
    arguments: dict[str, Any] = {"inputs": INPUTS, "width": WIDTH, "depth": 2, "classes": classes}
    torch.manual_seed(seed)
    module: nn.Module = registry.load(MODELS, "mlp").build("mlp", **arguments)
    return module.double().eval().requires_grad_(False)


@pytest.fixture
def networks(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A of 10 classes; B and C of 7 and of 4."""
    paths = tuple(tmp_path / f"{name}.safetensors" for name in "abc")
    for seed, (path, classes) in enumerate(zip(paths, (10, 7, 4), strict=True)):
        save_file(mlp(classes, seed).state_dict(), path, {"lmctool.model": "mlp"})
    a, b, c = paths
    return a, b, c


def run(folder: Path, *words: str | Path) -> Done:
    return invoke(*words, "-o", folder / "out.h5", "--force")


def body(weights: Weights) -> list[str]:
    return [name for name in weights if not name.startswith("classifier")]


def norm(tensors: list[Tensor]) -> float:
    return float(torch.cat([tensor.flatten() for tensor in tensors]).norm())


def test_the_distance_is_over_what_fits_and_lists_the_rest(
    networks: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    done = run(tmp_path, "distance", *networks[:2])
    assert done.exit_code == ExitCode.DONE, done.output
    a, b = map(load_file, networks[:2])
    apart = norm([a[name] - b[name] for name in body(a)])
    result = read(tmp_path / "out.h5")
    whole = result.groups["distance/whole"].variables
    assert whole["l2"].values[0] == pytest.approx(apart, rel=1e-12)
    assert whole["norm_a"].values[0] == pytest.approx(norm([a[name] for name in body(a)]))
    left = result.groups["distance/left_out"].variables
    assert list(left["left_out"].values) == ["classifier.bias", "classifier.weight"]
    assert left["numbers"].values.tolist() == [[10, 7], [60, 42]]
    counted = 8 * 6 + 6 + 6 * 6 + 6
    shares = [counted / (counted + 70), counted / (counted + 49)]
    assert left["compared"].values.tolist() == pytest.approx(shares)
    assert "classifier" not in [*result.groups["distance/block"].variables["block"].values]
    assert "over 57.83 % of A's parameters, 66.21 % of B's parameters" in done.stdout
    assert "left out: classifier.weight ((10, 6) in A, (7, 6) in B)" in done.stdout


def test_a_gate_on_a_partial_distance_needs_the_users_word(
    networks: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    gate = ("--require", "distance.relative <= 9")
    silent = run(tmp_path, "distance", *networks[:2], *gate)
    assert silent.exit_code == ExitCode.UNJUDGED
    assert "--except 'classifier.*' says that this is meant" in silent.stdout
    assert run(tmp_path, "distance", *networks[:2], *gate, *HEAD).exit_code == ExitCode.DONE
    share = ("--require", "distance.compared >= 60%")
    assert run(tmp_path, "distance", *networks[:2], *share, *HEAD).exit_code == ExitCode.GATE


def test_two_architectures_stay_an_error(tmp_path: Path) -> None:
    for name, width in (("a", 3), ("b", 9)):
        save_file({"x.weight": torch.ones(width, 9)}, tmp_path / f"{name}.safetensors")
    paths = [tmp_path / f"{name}.safetensors" for name in "ab"]
    assert run(tmp_path, "distance", *paths).exit_code == ExitCode.USAGE


def test_parts_that_fit_are_grafted_and_the_others_stay(
    networks: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    a, b = map(load_file, networks[:2])
    done = run(tmp_path, "graft", networks[0], "--from", networks[1], "--layers", "layers.1")
    assert done.exit_code == ExitCode.DONE, done.output
    made = load_file(tmp_path / "out.safetensors")
    assert all(
        torch.equal(made[name], (b if name.startswith("layers.1.") else a)[name]) for name in a
    )
    done = run(
        tmp_path, "graft", networks[0], "--from", networks[1], "--layers", "layers.1", "--all-but"
    )
    made = load_file(tmp_path / "out.safetensors")
    assert all(
        torch.equal(made[name], (b if name.startswith("layers.0.") else a)[name]) for name in a
    )
    assert "left out: classifier.bias, classifier.weight" in done.stdout


def test_a_part_that_does_not_fit_is_grafted_only_without_it(
    networks: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    words = ("graft", networks[0], "--from", networks[1], "--layers", ".*")
    refused = run(tmp_path, *words)
    assert refused.exit_code == ExitCode.USAGE
    assert "--except 'classifier.*' leaves it as it is" in refused.stderr
    assert run(tmp_path, *words, *HEAD).exit_code == ExitCode.DONE
    a, b = map(load_file, networks[:2])
    made = load_file(tmp_path / "out.safetensors")
    assert all(torch.equal(made[name], b[name]) for name in body(a))
    assert torch.equal(made["classifier.weight"], a["classifier.weight"])


def test_each_part_that_fits_is_evaluated(tmp_path: Path) -> None:
    paths = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for seed, (path, classes) in enumerate(zip(paths, (10, 7), strict=True)):
        torch.manual_seed(seed)
        arguments = {"inputs": 64, "width": 4, "depth": 1, "classes": classes}
        save(path, registry.load(MODELS, "mlp").build("mlp", **arguments), model="mlp")
    done = run(
        tmp_path, "graft", paths[0], "--from", paths[1], "--evaluate", "--limit", "40",
        "--allow-chance", "--model-arg", "classes=10",
    )  # fmt: skip
    assert done.exit_code == ExitCode.DONE, done.output
    result = read(tmp_path / "out.h5")
    assert list(result.groups["graft/robustness"].variables["part"].values) == ["layers.0"]
    assert list(result.groups["graft/scores"].variables["network"].values) == ["base"]
    assert "not evaluated, as tensors of theirs are left out: classifier" in done.stderr


@pytest.mark.parametrize("aligner", ["weight", "random"])
def test_aligned_b_is_the_function_of_b_with_its_own_head(
    networks: tuple[Path, Path, Path], tmp_path: Path, aligner: str
) -> None:
    done = run(tmp_path, "align", *networks[:2], *HEAD, *IMAGES, "--aligner", aligner)
    assert done.exit_code == ExitCode.DONE, done.output
    b, aligned = load_file(networks[1]), load_file(tmp_path / "out.safetensors")
    module, inputs = mlp(7, 0), torch.randn(9, INPUTS, dtype=torch.float64)
    module.load_state_dict(b)
    wanted = module(inputs)
    module.load_state_dict(aligned)
    torch.testing.assert_close(module(inputs), wanted, rtol=1e-12, atol=1e-12)
    assert not torch.equal(aligned["classifier.weight"], b["classifier.weight"])


def test_a_planted_permutation_under_another_head_is_found_again(
    networks: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    a, b = map(load_file, networks[:2])
    order, other = torch.randperm(WIDTH), torch.randperm(WIDTH)
    planted = b | {
        "layers.0.weight": a["layers.0.weight"][order],
        "layers.0.bias": a["layers.0.bias"][order],
        "layers.1.weight": a["layers.1.weight"][other][:, order],
        "layers.1.bias": a["layers.1.bias"][other],
        "classifier.weight": b["classifier.weight"][:, other],
    }
    save_file(planted, networks[1], {"lmctool.model": "mlp"})
    for aligner in ("weight", "activation"):
        data = IMAGES
        if aligner == "activation":
            data = ("--data", str(images(tmp_path)), "--dtype", "float64")
        done = run(tmp_path, "align", *networks[:2], *HEAD, *data, "--aligner", aligner)
        assert done.exit_code == ExitCode.DONE, done.output
        aligned = load_file(tmp_path / "out.safetensors")
        assert all(torch.equal(aligned[name], a[name]) for name in body(a))
        assert torch.equal(aligned["classifier.weight"], b["classifier.weight"])


def images(folder: Path) -> Path:
    """Write random examples of 10 classes for networks that read 8 numbers."""
    numbers = np.random.default_rng(0)
    inputs = numbers.normal(size=(200, INPUTS)).astype(np.float32)
    targets = numbers.integers(0, 10, 200)
    np.savez(folder / "data.npz", x_train=inputs, y_train=targets, x_test=inputs, y_test=targets)
    return folder / "data.npz"


def test_what_is_excepted_is_recorded_and_repeated(
    networks: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    run(tmp_path, "align", *networks[:2], *HEAD, *IMAGES, "--aligner", "weight")
    settings = Provenance.of(read(tmp_path / "out.h5")).settings
    assert settings["excepted"] in (["classifier.*"], "classifier.*")
    assert "classes=7" in str(settings["model.1"])
    again = invoke("rerun", tmp_path / "out.h5")
    assert again.exit_code == ExitCode.DONE, again.output
    assert "bit for bit" in again.stdout


def test_without_the_option_a_refusal_names_it(
    networks: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    for command in ("align", "merge", "barrier"):
        refused = run(tmp_path, command, *networks[:2])
        assert refused.exit_code == ExitCode.USAGE
        assert "--except 'classifier.*'" in refused.stderr


def test_a_merge_takes_excepted_tensors_from_the_first_network(
    networks: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    a, b, c = map(load_file, networks)
    done = run(tmp_path, "merge", *networks, *HEAD)
    assert done.exit_code == ExitCode.DONE, done.output
    merged = load_file(tmp_path / "out.safetensors")
    for name in a:
        mean = (a[name] + b[name] + c[name]) / 3 if name in body(a) else a[name]
        torch.testing.assert_close(merged[name], mean, rtol=1e-6, atol=1e-7)
    assert "of the first network, not merged: classifier.bias, classifier.weight" in done.stdout


def test_aligned_copies_under_other_heads_merge_to_the_first_network(
    networks: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    a = load_file(networks[0])
    for path in networks[1:]:
        other, order = load_file(path), torch.randperm(WIDTH)
        other |= {name: a[name].clone() for name in body(a)}
        other["layers.0.weight"] = a["layers.0.weight"][order]
        other["layers.0.bias"] = a["layers.0.bias"][order]
        other["layers.1.weight"] = a["layers.1.weight"][:, order].contiguous()
        save_file(other, path, {"lmctool.model": "mlp"})
    for count in (2, 3):
        done = run(tmp_path, "merge", *networks[:count], *HEAD, *IMAGES, "--align", "weight")
        assert done.exit_code == ExitCode.DONE, done.output
        merged = load_file(tmp_path / "out.safetensors")
        assert all(torch.equal(merged[name], a[name]) for name in a)


FACTORY = """
from torch import nn

class Reader(nn.Module):
    def __init__(self, words, classes):
        super().__init__()
        self.words, self.body = nn.Embedding(words, 6), nn.Linear(6, 9)
        self.head = nn.Linear(9, classes)

    def forward(self, ids):
        return self.head(self.body(self.words(ids)).relu())

def make(words=11, classes=3):
    return Reader(words, classes)
"""


@pytest.fixture
def readers(tmp_path: Path) -> tuple[Path, Path, str]:
    """Two readers of 11 words and 13, of 3 classes and 5, and the factory of both."""
    place = tmp_path / "reader.py"
    place.write_text(FACTORY)
    paths = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    for path, words, classes in ((paths[0], 13, 3), (paths[1], 11, 5)):
        shapes = {
            "words.weight": (words, 6),
            "body.weight": (9, 6),
            "body.bias": (9,),
            "head.weight": (classes, 9),
            "head.bias": (classes,),
        }
        save_file({n: torch.randn(s, dtype=torch.float64) for n, s in shapes.items()}, path)
    return *paths, f"{place}:make"


def test_a_factory_is_told_what_differs_and_an_embedding_is_permuted_along(
    readers: tuple[Path, Path, str], tmp_path: Path
) -> None:
    a, b, model = readers
    words = (
        "align", a, b, "--model", model, "--model-arg", "words=13", "--aligner", "weight",
        "--input", "ids:4x7", "--dtype", "float64", "--except", "words", "--except", "head",
    )  # fmt: skip
    refused = run(tmp_path, *words)
    assert refused.exit_code == ExitCode.USAGE
    assert "--model-arg-b, such as classes=7" in refused.stderr
    own = ("--model-arg-b", "words=11", "--model-arg-b", "classes=5")
    done = run(tmp_path, *words, *own)
    assert done.exit_code == ExitCode.DONE, done.output
    theirs, aligned = load_file(b), load_file(tmp_path / "out.safetensors")

    def answers(weights: Weights) -> Tensor:
        seen = torch.relu(weights["words.weight"] @ weights["body.weight"].T + weights["body.bias"])
        return seen @ weights["head.weight"].T + weights["head.bias"]

    torch.testing.assert_close(answers(aligned), answers(theirs), rtol=1e-12, atol=1e-12)
    assert not torch.equal(aligned["words.weight"], theirs["words.weight"])
    assert not torch.equal(aligned["head.weight"], theirs["head.weight"])


def test_models_of_their_own_are_for_networks_that_need_one(
    networks: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    a = networks[0]
    refused = run(tmp_path, "align", a, a, *HEAD, *IMAGES, "--model-arg-b", "classes=7")
    assert refused.exit_code == ExitCode.USAGE
    assert "leave these options out" in refused.stderr


def test_an_aligner_that_runs_mixtures_is_refused(
    networks: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    refused = run(tmp_path, "align", *networks[:2], *HEAD, *IMAGES, "--aligner", "midpoint")
    assert refused.exit_code == ExitCode.USAGE
    assert "name one of activation, identity, random, weight" in refused.stderr
