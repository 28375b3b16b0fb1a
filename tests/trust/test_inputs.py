"""What a run is given: buffers, words, grids, ends, inputs and code that would mislead it."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from lmctool.results.file import read
from lmctool.testing import invoke, tiny_pair
from lmctool.weights.mean import weighted_mean
from tests.plugins.pairs import digits

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result
    from torch import Tensor

    Weights = dict[str, Tensor]

FEW = ("--limit", "60", "--points", "3")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two perceptrons that have learned the digits, stamped; they must not be changed."""
    return tiny_pair(tmp_path_factory.mktemp("pair"), steps=100)


def tells(done: Result, code: int, *words: str) -> None:
    """Check an exit code, and that stderr has these words."""
    assert done.exit_code == code, done.output
    for word in words:
        assert word in done.stderr, done.stderr


# buffers that have no midpoint, or follow from weights

QUANTISED = """
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("qweight", torch.zeros(10, 64, dtype=torch.int8))
            self.register_buffer("steps", torch.tensor(0))
            self.scale = nn.Parameter(torch.ones(10))

        def forward(self, x):
            return x.flatten(1) @ self.qweight.to(x).T * self.scale
"""


def quantised(path: Path, seed: int) -> Path:
    numbers = torch.Generator().manual_seed(seed)
    weight = torch.randint(-9, 9, (10, 64), dtype=torch.int8, generator=numbers)
    save_file({"qweight": weight, "steps": torch.tensor(seed), "scale": torch.ones(10)}, path)
    return path


@pytest.fixture
def codes(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Two networks of one scale whose int8 weights differ, and the file of their model."""
    model = tmp_path / "quantised.py"
    model.write_text(dedent(QUANTISED))
    a, b = (quantised(tmp_path / f"{seed}.safetensors", seed) for seed in (0, 1))
    return a, b, model


def test_whole_numbers_that_differ_are_no_distance_of_0(
    codes: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    a, b, _ = codes
    gate = ("--require", "distance.relative <= 1%", "-o", tmp_path / "d.h5")
    told = "'qweight' is I8 and differs between the checkpoints"
    tells(invoke("distance", a, b, *gate), 4, told, "dequantise first")
    assert not (tmp_path / "d.h5").exists()


@pytest.mark.parametrize("command", ["barrier", "layerwise", "merge"])
def test_whole_numbers_that_differ_are_mixed_by_no_command(
    codes: tuple[Path, Path, Path], tmp_path: Path, command: str
) -> None:
    a, b, model = codes
    words = ("--model", f"{model}:Net", "--data", "digits", "--allow-chance", "--limit", "20")
    done = invoke(command, a, b, *words, "-o", tmp_path / f"o{'.h5' if command != 'merge' else ''}")
    tells(done, 2, "'qweight' is int8 and differs between the networks", "dequantise first")


def test_a_merge_without_a_model_mixes_no_whole_numbers_either_and_a_graft_takes_them_whole(
    codes: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    a, b, _ = codes
    out = tmp_path / "m.safetensors"
    tells(invoke("merge", a, b, "-o", tmp_path / "m.h5"), 2, "'qweight' is int8 and differs")
    assert not out.exists()
    tells(invoke("graft", a, "--from", b, "--layers", "qweight", "-o", tmp_path / "m.h5"), 0)
    assert torch.equal(load_file(out)["qweight"], load_file(b)["qweight"])


SPECTRAL = """
    import warnings
    from torch import nn
    from torch.nn.utils import parametrizations

    def new():
        norm = parametrizations.spectral_norm
        return nn.Sequential(
            nn.Flatten(), norm(nn.Linear(64, 16)), nn.ReLU(), norm(nn.Linear(16, 10))
        )

    def old():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            norm = nn.utils.spectral_norm
            return nn.Sequential(
                nn.Flatten(), norm(nn.Linear(64, 16)), nn.ReLU(), norm(nn.Linear(16, 10))
            )
"""
NORMALISED = {"new": "{}.parametrizations.weight.original", "old": "{}.weight_orig"}


def spectral(folder: Path, form: str) -> tuple[Path, Path, str]:
    """Write two networks under spectral norm, their u and v settled, and their model."""
    file = folder / "spectral.py"
    file.write_text(dedent(SPECTRAL))
    space: dict[str, object] = {}
    exec(compile(file.read_text(), file.name, "exec"), space)
    paths = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        module: nn.Module = space[form]()  # type: ignore[operator]
        for _ in range(60):
            module.train()(torch.zeros(2, 64))
        paths.append(folder / f"{form}{seed}.safetensors")
        save_file({n: t.contiguous() for n, t in module.state_dict().items()}, paths[-1])
    return paths[0], paths[1], f"{file}:{form}"


def middle_loss(a: Weights, b: Weights, form: str) -> float:
    """Return the test loss halfway, each weight divided by its own greatest singular value."""
    split = digits("test")
    ((hidden, targets),) = split.batches(1000, torch.float64)
    hidden = hidden.flatten(1)
    for layer in ("1", "3"):
        name = NORMALISED[form].format(layer)
        weight = ((a[name] + b[name]) / 2).double()
        bias = ((a[f"{layer}.bias"] + b[f"{layer}.bias"]) / 2).double()
        hidden = hidden @ (weight / float(np.linalg.norm(weight.numpy(), 2))).T + bias
        hidden = hidden.relu() if layer == "1" else hidden
    return float(nn.functional.cross_entropy(hidden, targets))


@pytest.mark.parametrize("form", NORMALISED)
def test_between_networks_under_spectral_norm_each_weight_has_its_own_norm(
    tmp_path: Path, form: str
) -> None:
    a, b, model = spectral(tmp_path, form)
    right = middle_loss(load_file(a), load_file(b), form)
    words = ("--model", model, "--data", "digits", "--allow-chance", "--points", "3")
    out = tmp_path / "o.h5"
    tells(invoke("barrier", a, b, *words, "-o", out), 0)
    result = read(out)
    curve = result.groups["barrier/curve"].variables["loss"].values
    assert curve[0, 0, 1] == pytest.approx(right, rel=1e-5)
    assert "singular vectors" in str(result.groups["provenance"].attributes["spectral_norm"])


def test_a_merge_of_files_has_the_singular_vectors_of_the_mean(tmp_path: Path) -> None:
    a, b, _ = spectral(tmp_path, "old")
    tells(invoke("merge", a, b, "-o", tmp_path / "m.h5"), 0)
    merged, mean = (
        load_file(tmp_path / "m.safetensors"),
        weighted_mean([load_file(a), load_file(b)], (1, 1)),
    )
    assert all(torch.equal(merged[name], mean[name]) for name in mean)


def test_a_graft_takes_along_what_follows_from_a_weight(tmp_path: Path) -> None:
    a, b, _ = spectral(tmp_path, "new")
    words = ("--by", r"original", "--layers", "original", "-o", tmp_path / "g.h5")
    tells(invoke("graft", a, "--from", b, *words), 0)
    grafted, whole = load_file(tmp_path / "g.safetensors"), load_file(b)
    names = [name for name in whole if "parametrizations" in name]
    assert all(torch.equal(grafted[name], whole[name]) for name in names)
    assert torch.equal(grafted["1.bias"], load_file(a)["1.bias"])


# what B says of itself


def stamped(path: Path, source: Path, model: str, **arguments: object) -> Path:
    words = {"lmctool.model": model, "lmctool.model_arguments": json.dumps(arguments)}
    save_file(load_file(source), path, metadata={**words, "lmctool.data": "digits"})
    return path


def test_a_stamp_of_any_checkpoint_that_says_another_model_is_refused(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    a, b = pair
    other = stamped(tmp_path / "c.safetensors", b, "lenet")
    tells(invoke("barrier", a, other, *FEW), 2, "names model 'mlp'", "names 'lenet'", "--model")
    tells(invoke("matrix", a, b, other, *FEW), 2, "names 'lenet'")
    out = tmp_path / "o.h5"
    tells(invoke("barrier", a, other, *FEW, "--model", "mlp", "-o", out), 0)


def test_two_language_models_of_one_shape_and_other_heads_are_refused(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    a, b = (
        stamped(
            tmp_path / f"{heads}.safetensors", end, "transformers:GPT2LMHeadModel", n_head=heads
        )
        for heads, end in zip((2, 4), pair, strict=True)
    )
    tells(invoke("barrier", a, b), 2, "'n_head' of model", "set to 2", "to 4", "--model-arg")


# alphas


@pytest.mark.parametrize(
    "command", ["barrier", "interpolate", "layerwise", "matrix", "merge", "variance"]
)
def test_a_grid_without_a_point_between_the_ends_is_refused(
    pair: tuple[Path, Path], tmp_path: Path, command: str
) -> None:
    alphas = "1,0" if command == "merge" else "0.9999999999999999999"
    done = invoke(command, *pair, "--alphas", alphas, "-o", tmp_path / "o.h5")
    tells(done, 2, "--alphas must name a position between 0 and 1")


# the same network, and ends at chance


def test_a_network_and_its_copy_are_said_to_be_the_same(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    a, b = pair
    again = tmp_path / "again.safetensors"
    save_file(load_file(a), again)  # equal tensors, other bytes
    for command, first, second in (("barrier", a, a), ("distance", a, again)):
        more = FEW if command == "barrier" else ()
        done = invoke(command, first, second, *more, "-o", tmp_path / f"{command}.h5")
        tells(done, 0, "A and B are the same network")
    done = invoke("distance", a, b, "-o", tmp_path / "o.h5")
    assert "same network" not in done.stderr


@pytest.mark.parametrize("definition", ["chord", "max-end"])
def test_an_end_at_chance_is_named_and_no_barrier_to_it_is_judged(
    pair: tuple[Path, Path], tmp_path: Path, definition: str
) -> None:
    a, _ = pair
    zeros = stamped(tmp_path / "zeros.safetensors", a, "mlp")
    save_file(
        {name: torch.zeros_like(tensor) for name, tensor in load_file(a).items()},
        zeros,
        metadata={"lmctool.model": "mlp", "lmctool.data": "digits"},
    )
    out = tmp_path / "o.h5"
    words = ("barrier", a, zeros, "--points", "3", "--definition", definition, "-o", out)
    judged = invoke(*words, "--require", "barrier.error <= 2%")
    tells(judged, 4, "zeros.safetensors' answers at chance on split 'test'")
    assert judged.stderr.count("answers at chance") == 1
    assert "can't be judged: checkpoint" in judged.stdout
    assert "at chance: b on test" in judged.stdout
    if definition == "max-end":
        assert "over the greater end, B's error" in judged.stdout.replace("\n", " ")
        tells(invoke(*words, "--require", "end.error[end=a] <= 50%", "--force"), 0)
    else:
        meant = invoke(*words, "--require", "barrier.error <= 90%", "--force", "--allow-chance")
        tells(meant, 0, "answers at chance")


# inputs that nobody normalised


@pytest.mark.parametrize("form", ["bytes as floats", "raw", "normalised", "normalised twice"])
def test_inputs_that_are_not_normalised_as_the_stamp_says_carry_no_verdict(
    pair: tuple[Path, Path], tmp_path: Path, form: str
) -> None:
    split = digits("test")
    raw = split.inputs[:].numpy().astype(np.float32)
    x = {
        "bytes as floats": np.round(raw * (255 / 16)),
        "raw": raw / 16,
        "normalised": split.head(1000, torch.float32).numpy(),
        "normalised twice": raw / 16 / 255,
    }[form]
    np.savez(tmp_path / "data.npz", x=x, y=split.targets.numpy())
    words: list[str | Path] = [
        "barrier",
        *pair,
        "--data",
        f"arrays:{tmp_path / 'data.npz'}",
        *FEW,
        "--allow-chance",
    ]
    words += ["--require", "barrier.error <= 99%", "-o", tmp_path / "o.h5"]
    if form == "normalised twice":
        words += ["--mean", "0.3053", "--std", "0.3760"]
    done = invoke(*words)
    if form == "normalised":
        tells(done, 0)
        assert "normalised" not in done.stderr
        return
    tells(done, 4, "most likely they are not normalised as in training", "--mean and --std")
    if form == "raw":
        meant = invoke(*words, "--mean", "0", "--std", "1", "--force")
        tells(meant, 0)
        assert "normalised" not in meant.stderr


# the user's own code

MODELS = """
    from collections import namedtuple
    from lmctool_plugins.models import mlp

    class Wrapped(mlp.MLP):
        def __init__(self, form):
            super().__init__(64, 16, 2, 10, "none")
            self.form = form

        def forward(self, x):
            return self.form(super().forward(x))

    def tensor():
        return Wrapped(lambda x: x)

    def logits():
        return Wrapped(lambda x: {"hidden": 0 * x, "logits": x})

    def only():
        return Wrapped(lambda x: {"out": x, "count": (x > 0).sum()})

    def pair():
        return Wrapped(lambda x: (x, 0 * x))

    def several():
        return Wrapped(lambda x: [(x > 0), x])

    def named():
        return Wrapped(lambda x: namedtuple("Output", "loss logits")(None, x))

    def unnamed():
        return Wrapped(lambda x: {"a": x, "b": 0 * x})

    def nothing():
        return Wrapped(lambda x: None)

    def words():
        return Wrapped(lambda x: "cat")

    def raises():
        return Wrapped(lambda x: {}["logits"])
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    file = tmp_path / "mine.py"
    file.write_text(dedent(MODELS))
    return file


def ends(file: Path) -> np.ndarray:
    return np.asarray(read(file).groups["barrier/curve"].variables["loss"].values)


def test_a_model_that_returns_more_than_its_outputs_gives_the_numbers_of_one_that_does_not(
    pair: tuple[Path, Path], code: Path, tmp_path: Path
) -> None:
    words = ("barrier", *pair, *FEW, "--data", "digits")
    tells(invoke(*words, "--model", f"{code}:tensor", "-o", tmp_path / "tensor.h5"), 0)
    right = ends(tmp_path / "tensor.h5")
    for form in ("pair", "named", "unnamed"):
        out = tmp_path / f"{form}.h5"
        tells(invoke(*words, "--model", f"{code}:{form}", "-o", out), 0)
        np.testing.assert_array_equal(ends(out), right)


def test_a_model_of_several_outputs_is_repaired_by_the_one_that_is_meant(
    pair: tuple[Path, Path], code: Path, tmp_path: Path
) -> None:
    words = ("barrier", *pair, *FEW, "--data", "digits", "--repair", "--calib-size", "60")
    found = []
    for form in ("tensor", "logits"):
        out = tmp_path / f"{form}.h5"
        tells(invoke(*words, "--model", f"{code}:{form}", "-o", out), 0)
        found.append(ends(out))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("nothing", "none of what the model returns can be scored: it returns no tensor"),
        ("words", "none of what the model returns can be scored: it returns no tensor"),
        ("raises", "the model cannot take the inputs of split 'test'"),
    ],
)
def test_a_model_that_returns_no_one_tensor_is_told(
    pair: tuple[Path, Path], code: Path, form: str, told: str
) -> None:
    done = invoke("barrier", *pair, *FEW, "--data", "digits", "--model", f"{code}:{form}")
    tells(done, 2, told)


DATA = """
    import numpy as np
    import torch
    from lmctool.api import Dataset, Examples
    from lmctool_plugins.datasets.digits import MEAN, STD, load

    def of(make):
        loaders = {split: (lambda: make(load(False))) for split in ("train", "test")}
        return Dataset(loaders, "mine", 10, scale=1 / 16, mean=MEAN, std=STD)

    def plain(): return of(lambda e: e)
    def tensors(): return of(lambda e: Examples(torch.tensor(e.inputs), torch.tensor(e.targets)))
    def both(): return of(lambda e: (torch.tensor(e.inputs), e.targets.tolist()))
    def column(): return of(lambda e: Examples(e.inputs, e.targets[:, None]))
    def keys(): return of(lambda e: {"inputs": e.inputs, "targets": e.targets})
    def raises(): return of(lambda e: {}["missing"])
    def none(): return of(lambda e: None)
    def lone(): return of(lambda e: torch.tensor(e.inputs))
    def generator(): return of(lambda e: (each for each in zip(e.inputs, e.targets)))
    def ragged(): return of(lambda e: ([[1.0], [1.0, 2.0]], [0, 1]))
    def listed(): return Dataset([load], "mine", 10)
"""


def test_loaders_of_a_users_data_are_taken_in_the_forms_that_arrays_have(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    file = tmp_path / "data.py"
    file.write_text(dedent(DATA))
    found = {}
    for form in ("plain", "both", "column"):
        out = tmp_path / f"{form}.h5"
        tells(invoke("barrier", *pair, *FEW, "--data", f"{file}:{form}", "-o", out), 0)
        found[form] = ends(out)
        np.testing.assert_array_equal(found[form], found["plain"])


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("raises", "failed: KeyError: 'missing'"),
        ("none", "is 'NoneType', which holds no examples; give a data set"),
        ("lone", "is 'Tensor' without targets"),
        ("generator", "is 'generator', which gives its examples only once"),
        ("ragged", "is no array: its parts differ in shape"),
        ("listed", "as its splits, not a mapping of names to loaders"),
    ],
)
def test_a_loader_of_a_users_data_that_gives_no_examples_is_named(
    pair: tuple[Path, Path], tmp_path: Path, form: str, told: str
) -> None:
    file = tmp_path / "data.py"
    file.write_text(dedent(DATA))
    tells(invoke("barrier", *pair, *FEW, "--data", f"{file}:{form}"), 2, told, f"data.py:{form}'")
