"""The training script, as it is called."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.checkpoint import open_checkpoint
from lmctool.checkpoint.series import find_series
from lmctool.config import Config
from lmctool.data.opening import open_split
from lmctool.data.resolve import resolve_data
from lmctool.model.resolve import resolve_model
from tests import training
from tests.training import EXAMPLES

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


def words(name: str, *options: str, width: int | None = 16) -> list[str]:
    """Return how a small perceptron is trained on the digits, or what the options say."""
    small = ["--model", "mlp", "--data", "digits", "--epochs", "1", "--device", "cpu", "-o", name]
    if width is not None:
        small += ["--model-arg", f"width={width}"]
    return [*small, *options]


def train(folder: Path, name: str, *options: str, width: int | None = 16) -> Result:
    """Train in this folder."""
    return training.train(folder, *words(name, *options, width=width))


def error_of(done: Result) -> float:
    """Return the last test error that was told, in percent."""
    return float(done.stdout.split("test error ")[-1].split("%")[0])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    done = subprocess.run(
        [sys.executable, EXAMPLES / "train.py", *words("a.safetensors", "--save-at", "0,3")],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("epoch 1/1  train loss ")
    assert {path.stem for path in folder.iterdir()} == {"a", "a-step0", "a-step3"}
    return folder


@pytest.mark.parametrize(("seed", "same"), [("0", True), ("1", False)])
def test_one_seed_gives_one_file_to_the_last_bit(
    trained: Path, tmp_path: Path, seed: str, same: bool
) -> None:
    assert train(tmp_path, "b.safetensors", "--seed", seed).exit_code == 0
    first, second = trained / "a.safetensors", tmp_path / "b.safetensors"
    assert (first.read_bytes() == second.read_bytes()) == same


def test_what_a_file_is_stamped_with_is_recognised(trained: Path) -> None:
    checkpoint = open_checkpoint(trained / "a-step3.safetensors")
    model = resolve_model(checkpoint, spec=None, arguments={}, config=Config())
    assert (model.spec, model.origin) == ("mlp", "metadata")
    assert model.arguments["inputs"] == 64
    assert model.arguments["width"] == 16
    data = resolve_data(spec=None, metadata=[checkpoint.metadata], config=Config())
    assert (data.spec, data.origin) == ("digits", "metadata")
    training = json.loads(checkpoint.metadata["lmctool.training"])
    assert (training["step"], training["seed"], training["data_seed"]) == (3, 0, 0)


def test_the_files_of_one_training_are_a_run_over_its_steps(trained: Path) -> None:
    assert [step for step, _ in find_series(trained)] == [0, 3, 10]


def test_training_starts_from_a_checkpoint(trained: Path, tmp_path: Path) -> None:
    parent = trained / "a.safetensors"
    done = train(tmp_path, "b.safetensors", "--init", str(parent), "--save-at", "0")
    assert done.exit_code == 0, done.stderr
    weights = open_checkpoint(tmp_path / "b-step0.safetensors").weights()
    expected = open_checkpoint(parent).weights()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_a_fork_notes_the_network_and_the_step_that_it_comes_from(
    trained: Path, tmp_path: Path
) -> None:
    parent = trained / "a-step3.safetensors"
    assert train(tmp_path, "b.safetensors", "--init", str(parent)).exit_code == 0
    training = json.loads(open_checkpoint(tmp_path / "b.safetensors").metadata["lmctool.training"])
    assert (training["fork"], training["step"]) == (3, 10)
    assert training["init"] == open_checkpoint(parent).digest


def test_a_training_that_goes_on_does_the_steps_that_are_left(
    trained: Path, tmp_path: Path
) -> None:
    plain = ("--optimizer", "sgd", "--momentum", "0")  # nothing but the weights has a past
    go_on = ("--init", str(tmp_path / "a-step10.safetensors"), "--continue")
    assert (
        train(tmp_path, "a.safetensors", *plain, "--epochs", "2", "--save-at", "10").exit_code == 0
    )
    done = train(tmp_path, "b.safetensors", *plain, "--epochs", "2", *go_on, "--data-seed", "5")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("epoch 2/2")
    files = {name: open_checkpoint(tmp_path / f"{name}.safetensors") for name in "ab"}
    steps = [json.loads(each.metadata["lmctool.training"])["step"] for each in files.values()]
    assert steps == [20, 20]
    assert files["a"].digest != files["b"].digest


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--save-at", "99"], "--save-at 99 never comes: there are steps 0 to 10"),
        (["--lr", "1e9"], "the loss became"),
        (["--augment", "crop", "--data", "spiral"], "--augment crop needs images"),
        (["--model", "resnet21"], "no model is called 'resnet21'"),
        (["--left-out"], "--left-out says which of two sets: pass --class-share too"),
        (["--continue"], "--continue says how to go on from a checkpoint: pass --init too"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(tmp_path: Path, options: list[str], told: str) -> None:
    done = train(tmp_path, "a.safetensors", *options)
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: ")
    assert told in done.stderr
    assert list(tmp_path.iterdir()) == []


def answered(path: Path) -> set[int]:
    """Return the classes that a network answers on the digits' test split."""
    checkpoint = open_checkpoint(path)
    module = resolve_model(checkpoint, spec=None, arguments={}, config=Config()).module
    module.load_state_dict(checkpoint.weights())
    data = resolve_data(spec="digits", metadata=[], config=Config())
    split = open_split(data.dataset, "test", limit=None, seed=0, device=torch.device("cpu"))
    outputs = module.eval()(split.head(len(split), torch.float32))
    return set(outputs.argmax(1).tolist())


def test_two_networks_learn_disjoint_halves_of_the_classes(tmp_path: Path) -> None:
    share = ["--class-share", "1", "--epochs", "5", "--optimizer", "adam", "--lr", "0.01"]
    assert train(tmp_path, "first.safetensors", *share).exit_code == 0
    assert train(tmp_path, "other.safetensors", *share, "--left-out").exit_code == 0
    assert answered(tmp_path / "first.safetensors") <= {0, 1, 2, 3, 4}
    assert answered(tmp_path / "other.safetensors") <= {5, 6, 7, 8, 9}


def test_a_deep_perceptron_learns_from_he_and_not_from_its_own_start(tmp_path: Path) -> None:
    deep = ["--model-arg", "depth=20", "--epochs", "8", "--optimizer", "adam", "--lr", "0.003"]
    own = train(tmp_path, "own.safetensors", *deep, width=64)
    he = train(tmp_path, "he.safetensors", *deep, "--initial", "he", width=64)
    assert error_of(own) > 80  # chance is 90 %
    assert error_of(he) < 60


GPT2 = ["--model", "transformers:GPT2LMHeadModel", "--data", "text:text.txt?length=16"]
SIZES = {
    "n_embd": 16,
    "n_head": 2,
    "n_layer": 2,
    "resid_pdrop": 0,
    "embd_pdrop": 0,
    "attn_pdrop": 0,
}
LANGUAGE = [*GPT2, *(f"--model-arg={name}={value}" for name, value in SIZES.items())]


def test_a_language_model_learns_from_a_text_and_is_saved_with_one_name_a_tensor(
    tmp_path: Path,
) -> None:
    (tmp_path / "text.txt").write_text("In the beginning was the word. " * 300)
    learning = ["--optimizer", "adam", "--lr", "0.01", "--batch-size", "8"]
    done = train(tmp_path, "a.safetensors", *LANGUAGE, *learning, width=None)
    assert done.exit_code == 0, done.stderr
    assert error_of(done) < 50  # chance is 84 %
    checkpoint = open_checkpoint(tmp_path / "a.safetensors")
    assert "lm_head.weight" not in checkpoint.names
    assert checkpoint.metadata["lmctool.data"] == "text"
    model = resolve_model(checkpoint, spec=None, arguments={}, config=Config())
    assert model.spec == "transformers:GPT2LMHeadModel"
    assert model.arguments["max_position_embeddings"] == 16
    again = train(
        tmp_path, "b.safetensors", *LANGUAGE, "--init", "a.safetensors", "--epochs", "0",
        width=None,
    )  # fmt: skip
    assert again.exit_code == 0, again.stderr
    weights = open_checkpoint(tmp_path / "b.safetensors").weights()
    assert all(torch.equal(weights[name], value) for name, value in checkpoint.weights().items())


def test_a_setting_that_the_model_does_not_have_is_told(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("word " * 300)
    done = train(tmp_path, "a.safetensors", *GPT2, "--model-arg", "n_heads=2", width=None)
    assert done.exit_code == 2
    assert done.stderr == (
        "Error: model 'GPT2LMHeadModel' has no setting 'n_heads'; did you mean 'n_head'?\n"
    )


def test_images_settle_the_sizes_of_a_classifier_of_transformers(tmp_path: Path) -> None:
    sizes = {
        "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 16, "image_size": 8, "patch_size": 4,
    }  # fmt: skip
    options = [f"--model-arg={name}={value}" for name, value in sizes.items()]
    spec = "transformers:ViTForImageClassification"
    done = train(tmp_path, "a.safetensors", "--model", spec, *options, "--epochs", "0", width=None)
    assert done.exit_code == 0, done.stderr
    checkpoint = open_checkpoint(tmp_path / "a.safetensors")
    model = resolve_model(checkpoint, spec=None, arguments={}, config=Config())
    assert model.arguments["num_labels"] == 10
    assert model.arguments["num_channels"] == 1


@pytest.mark.parametrize("name", ["a", "b"])
def test_the_committed_digits_are_small_and_stamped(name: str) -> None:
    path = EXAMPLES / "digits" / f"{name}.safetensors"
    assert path.stat().st_size < 150_000
    checkpoint = open_checkpoint(path)
    assert checkpoint.metadata["lmctool.model"] == "mlp"
    assert checkpoint.metadata["lmctool.data"] == "digits"
