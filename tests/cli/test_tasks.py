"""Commands on targets of every kind: the task is found, or named, or the user's own code."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from lmctool.graph.module import fresh
from lmctool.graph.recorder import record_graph
from lmctool.plugin import registry
from lmctool.plugin.kinds import DATASETS
from lmctool.report import figure
from lmctool.results.file import read
from lmctool.results.stored_metrics import metrics_of
from lmctool.run import resources
from lmctool.run.suited_task import UNTOLD
from lmctool.testing import invoke, tiny_pair

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result
    from torch import Tensor

    from lmctool.graph.graph import Graph

CODE = """
    import numpy as np
    import torch
    from torch import nn
    from lmctool.api import Dataset, Examples

    table = lambda n: nn.Linear(6, n)
    LAYERS = {"table": table, "positions": table, "image": lambda n: nn.Conv2d(2, n, 1)}

    def net(kind="table", outputs=1, column=True):
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = LAYERS[kind](outputs)

            def forward(self, x):
                return self.layer(x) if column else self.layer(x)[:, 0]
        return Net()

    def data():
        stored = np.load("stored.npz")
        splits = {s: lambda: Examples(stored["x"], stored["y"]) for s in ("train", "test")}
        return Dataset(splits, "memory", int(stored["classes"]), task=str(stored["task"]))
"""
OWN = """
    import torch
    from lmctool.api import ScoreMetric, Task

    def absolute(outputs, targets):
        distance = (outputs[:, 0] - targets).abs()
        return distance, distance > 1

    def factory():
        metric = ScoreMetric("error", "1", "squared", "{:.3f}", "lower", 0, 1e9, False)
        return Task(lambda o, t: (absolute(o, t)[0], absolute(o, t)[0] ** 2), lambda t: 1e9,
                    error=metric)

    def returning():
        return absolute

    def mean(outputs, targets):
        return torch.nn.functional.l1_loss(outputs[:, 0], targets), torch.zeros(len(targets))

    def classes(outputs, targets):
        loss = torch.nn.functional.cross_entropy(outputs, targets, reduction="none")
        return loss, outputs.argmax(1) != targets

    def nothing():
        return None
"""
MINE = ("--model", "./mine.py:net", "--data", "./mine.py:data", "--allow-chance")
SHAPES = {"table": (6,), "positions": (4, 6), "image": (2, 4, 5)}


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(figure, "image", lambda *_: b"")  # it takes a second
    monkeypatch.setattr(resources, "capture", recorded)
    Path("mine.py").write_text(dedent(CODE))
    Path("own.py").write_text(dedent(OWN))
    yield
    for name in ("mine", "own"):
        sys.modules.pop(name, None)


def recorded(module: nn.Module, inputs: Tensor, *_: object) -> Graph:
    """Return the graph of a model by running it once: torch.export takes seconds."""
    return record_graph(fresh(module), (inputs,))


def inputs(kind: str = "table") -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).normal(size=(40, *SHAPES[kind])).astype(np.float32)


def write(
    targets: np.ndarray[Any, Any], kind: str = "table", outputs: int = 1, task: str = UNTOLD
) -> nn.Module:
    """Write data and two networks, and return the first network."""
    classes = int(targets.max()) + 1 if targets.dtype.kind == "i" else 0
    np.savez("stored.npz", x=inputs(kind), y=targets, classes=classes, task=task)
    layers = []
    for seed, name in enumerate("ab"):
        torch.manual_seed(seed)
        layer: nn.Module = nn.Conv2d(2, outputs, 1) if kind == "image" else nn.Linear(6, outputs)
        layer.requires_grad_(False)
        save_file({f"layer.{n}": t for n, t in layer.state_dict().items()}, f"{name}.safetensors")
        layers.append(layer)
    return layers[0]


def run(*words: str, analysis: str = "interpolate", out: str = "o.h5") -> Result:
    more = ("--points", "3") if analysis in {"interpolate", "barrier"} else ()
    return invoke(analysis, "a.safetensors", "b.safetensors", *MINE, *more, "-o", out, *words)


def ends(*words: str) -> tuple[float, float, str]:
    """Return loss and error of the first network, and what was told."""
    done = run("--json", "-", *words)
    assert done.exit_code == 0, done.output
    result = read(Path("o.h5")).groups["interpolate/curve"]
    loss, error = (float(result.variables[name].values.flat[0]) for name in ("loss", "error"))
    return loss, error, done.stderr


def draw(*shape: int, below: int = 2) -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).integers(below, size=(40, *shape))


def told_task() -> Any:
    return read(Path("o.h5")).groups["provenance"].attributes["task"]


@pytest.mark.parametrize(("column", "dtype"), [("true", "int64"), ("false", "float32")])
def test_one_logit_and_the_classes_0_and_1_are_binary(column: str, dtype: str) -> None:
    targets = draw().astype(dtype)
    layer = write(targets)
    loss, error, told = ends("--model-arg", f"column={column}")
    logits = layer(torch.from_numpy(inputs()))[:, 0].double()
    wanted = torch.from_numpy(targets).double()
    right = functional.binary_cross_entropy_with_logits(logits, wanted)
    assert loss == pytest.approx(float(right), rel=1e-5)
    assert error == float(((logits > 0) != (wanted == 1)).double().mean())
    assert told.count("so the task is 'binary'; --task names another") == 1
    assert told_task() == "binary"


def test_floats_are_a_regression_in_its_own_units() -> None:
    targets = np.random.default_rng(1).normal(size=(40, 3)).astype(np.float32)
    layer = write(targets, outputs=3)
    loss, error, told = ends("--model-arg", "outputs=3")
    squared = (layer(torch.from_numpy(inputs())).double() - torch.from_numpy(targets)).square()
    assert loss == pytest.approx(float(squared.mean()), rel=1e-5)
    shares = squared.mean(0) / torch.from_numpy(targets).double().var(0, correction=0)
    assert error == pytest.approx(float(shares.mean()), rel=1e-5)
    assert "the targets are real numbers, so the task is 'regression'" in told
    assert told_task() == "regression"
    assert [metric.unit for metric in metrics_of(read(Path("o.h5")))] == ["1", "1"]


def test_rows_of_zeros_and_ones_are_labels_of_which_some_do_not_count() -> None:
    targets = draw(3)
    targets[::4, 1] = -100
    layer = write(targets, outputs=3)
    loss, error, told = ends("--model-arg", "outputs=3")
    logits, known = layer(torch.from_numpy(inputs())).double(), torch.from_numpy(targets) != -100
    wanted = torch.from_numpy(targets)[known]
    right = functional.binary_cross_entropy_with_logits(logits[known], wanted.double())
    assert loss == pytest.approx(float(right), rel=1e-5)
    assert error == pytest.approx(float(((logits[known] > 0) != (wanted == 1)).double().mean()))
    assert "so the task is 'multi-label'" in told


def test_masks_are_a_segmentation_of_which_some_pixels_do_not_count() -> None:
    targets = draw(4, 5, below=3)
    targets[::2, 1] = -100
    layer = write(targets, "image", 3)
    loss, error, told = ends("--model-arg", "outputs=3", "--model-arg", "kind=image")
    logits, masks = layer(torch.from_numpy(inputs("image"))).double(), torch.from_numpy(targets)
    assert loss == pytest.approx(float(functional.cross_entropy(logits, masks)), rel=1e-5)
    wrong = logits.argmax(1)[masks != -100] != masks[masks != -100]
    assert error == pytest.approx(float(wrong.double().mean()), rel=1e-12)
    assert "so the task is 'segmentation'" in told


@pytest.mark.parametrize("says", ["classification", "segmentation", "multi-label"])
def test_classes_of_positions_may_be_the_last_axis_of_an_output(says: str) -> None:
    targets = draw(4)
    layer = write(targets, "positions", 2, says)
    loss, error, told = ends("--model-arg", "outputs=2", "--model-arg", "kind=positions")
    logits, wanted = layer(torch.from_numpy(inputs("positions"))), torch.from_numpy(targets)
    right = functional.cross_entropy(logits.flatten(0, 1).double(), wanted.flatten())
    assert loss == pytest.approx(float(right), rel=1e-5)
    assert error == pytest.approx(float((logits.argmax(2) != wanted).double().mean()))
    assert "so the task is 'causal-lm'" in told


def test_a_task_that_is_named_is_the_task() -> None:
    layer = write(draw())
    loss, _, told = ends("--task", "regression")
    squared = (layer(torch.from_numpy(inputs()))[:, 0] - torch.from_numpy(draw())).square()
    assert loss == pytest.approx(float(squared.mean()), rel=1e-5)
    assert "so the task is" not in told
    assert told_task() == "regression"


@pytest.mark.parametrize(
    ("targets", "words", "said"),
    [
        (draw(below=3).astype(np.float32), ("outputs=3",), "say ?labels=classes behind the path"),
        (draw(below=3), ("outputs=1",), "if the targets are numbers to predict, say --task regre"),
        (1 + draw(below=3), ("outputs=3",), "if classes count from 1, say ?labels=from-1"),
        (draw(3, below=4), ("outputs=3",), "classification needs one class for each example"),
        (np.ones(40, np.float32) / 3, ("outputs=1",), "the targets are the same in all 40 exampl"),
    ],
    ids=["whole floats", "numbers", "from 1", "rows", "constant"],
)
def test_targets_that_do_not_fit_are_told_what_to_say(
    targets: np.ndarray[Any, Any], words: tuple[str, ...], said: str
) -> None:
    write(targets, outputs=int(words[0][-1]))
    done = run(*(word for pair in words for word in ("--model-arg", pair)))
    assert done.exit_code == 2, done.output
    assert said in done.stderr


def test_an_example_of_one_logit_has_an_el2n_score_and_a_class() -> None:
    layer = write(draw())
    assert run("--splits", "2", analysis="el2n").exit_code == 0
    group = read(Path("o.h5")).groups["el2n/examples"].variables
    probability = layer(torch.from_numpy(inputs()))[:, 0].double().sigmoid()
    other = nn.Linear(6, 1).requires_grad_(False)
    other.load_state_dict(_loaded("b.safetensors"))
    both = (probability, other(torch.from_numpy(inputs()))[:, 0].double().sigmoid())
    wanted = [2**0.5 * (p - torch.from_numpy(draw())).abs() for p in both]
    mean = torch.stack(wanted).mean(0).numpy()
    np.testing.assert_allclose(group["score"].values, mean, rtol=1e-5)
    parts = run("--by-split", "class", analysis="barrier", out="p.h5")
    assert parts.exit_code == 0, parts.output


def _loaded(path: str) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    return {name.removeprefix("layer."): value for name, value in load_file(path).items()}


@pytest.mark.parametrize("name", ["absolute", "returning", "factory"])
def test_a_task_may_be_the_users_own_code(name: str) -> None:
    targets = draw(below=5).astype(np.float32)
    layer = write(targets)
    loss, error, _ = ends("--task", f"./own.py:{name}")
    distance = (layer(torch.from_numpy(inputs()))[:, 0] - torch.from_numpy(targets)).abs()
    assert loss == pytest.approx(float(distance.mean()), rel=1e-5)
    wanted = distance.square() if name == "factory" else (distance > 1).double()
    assert error == pytest.approx(float(wanted.mean()), rel=1e-5)
    attributes = read(Path("o.h5")).groups["provenance"].attributes
    assert attributes["task"] == f"./own.py:{name}"
    assert any("own.py" in key for key in attributes)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mean", "'./own.py:mean' returned a loss of shape () for 40 examples"),
        ("nothing", "'./own.py:nothing' returned 'NoneType', not an lmctool.api.Task"),
        ("missing", "'./own.py' has no function 'missing'"),
    ],
)
def test_what_it_returns_is_looked_at_and_its_error_names_it(name: str, said: str) -> None:
    write(draw(below=5).astype(np.float32))
    done = run("--task", f"./own.py:{name}")
    assert done.exit_code == 2, done.output
    assert said in done.stderr


def test_its_source_is_part_of_the_run() -> None:
    write(draw(below=5).astype(np.float32))
    task = ("--task", "./own.py:absolute")
    assert run(*task).exit_code == 0
    assert "is whole already" in run(*task, "--resume").stderr
    code = Path("own.py").read_text()
    Path("own.py").write_text(code.replace("distance > 1", "distance > 2"))
    done = run(*task, "--resume")
    assert done.exit_code == 2
    assert "the source of own.py has changed" in done.stderr
    assert run(*task, out="new.h5").exit_code == 0
    assert "code.own.py.sha256" in invoke("compare", "o.h5", "new.h5").stdout


def test_a_record_may_not_have_it_imported_without_trust() -> None:
    a, b = tiny_pair(Path())
    words = ("--task", "./own.py:classes", "--allow-chance", "--limit", "20", "--points", "3")
    assert invoke("interpolate", a, b, *words, "-o", "o.h5").exit_code == 0
    code = Path("own.py").read_text()
    Path("own.py").write_text("raise ValueError('imported')")
    refused = invoke("rerun", "o.h5")
    assert refused.exit_code == 2
    assert "names code, --task ./own.py:classes" in refused.stderr
    assert "--trust" in refused.stderr
    assert "imported" not in refused.output
    Path("own.py").write_text(code)
    assert invoke("rerun", "o.h5", "--trust").exit_code == 0


def test_a_share_above_1_can_be_a_limit_of_the_error_of_a_regression() -> None:
    write(np.random.default_rng(1).normal(size=40).astype(np.float32))
    done = run("--require", "interpolate.highest_error <= 250%", "--json", "-")
    metrics = json.loads(done.stdout)["metrics"]
    name = "interpolate.highest_error"
    highest = max(value for key, value in metrics.items() if key.startswith(name))
    assert highest > 1
    assert done.exit_code == (0 if highest <= 2.5 else 3)


def judged(words: tuple[str, ...] = ()) -> Result:
    """Run a command that refuses networks which answer at chance."""
    names = ("a.safetensors", "b.safetensors", "--task", "binary", "--points", "3", "-o", "o.h5")
    return invoke("interpolate", *names, *MINE[:4], *words)


def test_rare_positives_that_are_never_answered_are_not_chance_where_the_loss_is_better() -> None:
    """2 % positives have the error of a constant answer, and here a loss of 0.08, not 0.098."""
    x = np.zeros((200, 6), np.float32)
    x[:12, 0] = 1  # of which a third are positive
    targets = np.zeros(200, np.int64)
    targets[:4] = 1
    write(targets)
    np.savez("stored.npz", x=x, y=targets, classes=2, task="binary")
    for name in "ab":
        weight = torch.zeros(1, 6)
        weight[0, 0] = 5.3 if name == "a" else 5.2
        tensors = {"layer.weight": weight, "layer.bias": torch.tensor([-6.0])}
        save_file(tensors, f"{name}.safetensors")
    done = judged()
    assert done.exit_code == 0, done.output
    curve = read(Path("o.h5")).groups["interpolate/curve"].variables
    assert float(curve["error"].values.flat[0]) == 0.02
    assert 0.03 < float(curve["loss"].values.flat[0]) < 0.09
    for name in "ab":  # nothing learned at all
        tensors = {"layer.weight": torch.zeros(1, 6), "layer.bias": torch.tensor([-3.9])}
        save_file(tensors, f"{name}.safetensors")
    assert judged(("--force",)).exit_code == 4


def test_a_split_of_one_class_or_of_one_example_is_measured() -> None:
    write(np.zeros(40, np.int64))
    assert judged().exit_code == 0
    write(draw())
    assert judged(("--limit", "1", "--force")).exit_code == 0


@pytest.mark.parametrize("gated", [False, True], ids=["told", "not judged"])
def test_bytes_where_the_stamp_names_constants_are_told_and_judged_by_no_gate(gated: bool) -> None:
    a, b = tiny_pair(Path())
    digits = registry.load(DATASETS, "digits").open("digits", None).splits["test"]()
    pixels = (digits.inputs[:60].astype(np.float32) * (255 / digits.inputs.max())).round()
    np.savez("bytes.npz", x=pixels, y=digits.targets[:60])
    words = ("--data", "bytes.npz", "--split", "test", "--allow-chance", "--points", "3")
    gate = ("--require", "interpolate.delta_error <= 99%") if gated else ()
    done = invoke("interpolate", a, b, *words, *gate, "-o", "o.h5")
    assert done.exit_code == (4 if gated else 0), done.output
    assert "but the data 'digits' that the checkpoint is stamped with names mean" in done.stderr
    assert "most likely they are not normalised as in training" in done.stderr
