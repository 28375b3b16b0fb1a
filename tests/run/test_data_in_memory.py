"""Data that Python code hands over: the numbers of the same arrays in a file, and their record."""

from __future__ import annotations

import gc
import weakref
from collections import UserDict
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from lmctool.errors import LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.given import Given
from lmctool.plugin.kinds import MODELS
from lmctool.plugin.settings import Choice, InputShape
from lmctool.run.provenance import provenance
from lmctool.testing import ARGUMENTS, save, tiny_pair, tiny_run
from lmctool_plugins.datasets import digits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from lmctool.run.run import Run

COUNT = 60
TRAIN, TEST = digits.load(train=True), digits.load(train=False)
X, Y = TEST.inputs[:COUNT], TEST.targets[:COUNT]
X2, Y2 = TRAIN.inputs[: 2 * COUNT], TRAIN.targets[: 2 * COUNT]
REPAIRED: dict[str, Any] = {
    "aligner": "activation",
    "correction": Choice("repair", {"targets": "layers"}),
    "calib_batch": 25,
}


class Digits(Dataset[Any]):
    """A data set of the user's own."""

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, place: int) -> tuple[torch.Tensor, int]:
        return torch.from_numpy(X[place]), int(Y[place])


def loader() -> DataLoader[Any]:
    """A loader of it that shuffles."""
    shuffled = torch.Generator().manual_seed(3)
    return DataLoader(Digits(), batch_size=16, shuffle=True, generator=shuffled)


FORMS: dict[str, Callable[[], Any]] = {
    "tuple of arrays": lambda: (X, Y),
    "tuple of tensors": lambda: (torch.from_numpy(X), torch.from_numpy(Y)),
    "Dataset": Digits,
    "DataLoader": loader,
    "dict of splits": lambda: {"train": (X2, Y2), "test": Digits()},
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return tiny_pair(tmp_path_factory.mktemp("pair"))


def numbers(run: Run) -> list[NDArray[Any]]:
    """Return the scores of both networks, moments at all layers, and a repaired path."""
    scores = run.evaluate([run.weights(0), run.weights(1)], per_example=True)
    assert scores.losses is not None
    axes = {target.tap: target.axis for target in run.resources.targets("layers")}
    moments = run.calibration.moments(run.weights(1), axes)
    curves = run.follow(run.variants(), np.linspace(0, 1, 3))
    found: list[Any] = [scores.loss, scores.error, *scores.losses, curves.loss, curves.error]
    for each in moments.values():
        found += [each.mean.numpy(), each.variance.numpy()]
    return found


def record(run: Run) -> dict[str, Any]:
    return provenance(run, "", {}).attributes()


@pytest.fixture(scope="module")
def in_file(
    pair: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[bool], tuple[list[NDArray[Any]], dict[str, Any]]]:
    """What a run finds and records on a file of the arrays, with or without a split train."""

    @cache
    def found(train: bool) -> tuple[list[NDArray[Any]], dict[str, Any]]:
        file = tmp_path_factory.mktemp("file") / "d.npz"
        np.savez(file, x=X, y=Y, **({"x_train": X2, "y_train": Y2} if train else {}))
        run = tiny_run(file.parent, data=str(file), checkpoints=pair, **REPAIRED)
        return numbers(run), record(run)

    return found


@pytest.mark.parametrize("form", FORMS)
def test_numbers_and_digests_are_those_of_the_same_arrays_in_a_file(
    form: str,
    in_file: Callable[[bool], tuple[list[NDArray[Any]], dict[str, Any]]],
    pair: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    has_train, data = form == "dict of splits", FORMS[form]()
    run = tiny_run(tmp_path, given=Given(data=data), checkpoints=pair, **REPAIRED)
    right, there = in_file(has_train)
    for own, of_file in zip(numbers(run), right, strict=True):
        np.testing.assert_array_equal(own, of_file)
    here = record(run)
    for key in ("split.test.digest", "calibration.digest", "calibration.split", "preprocessing"):
        assert here[key] == there[key], key
    assert here["calibration.split"] == ("train" if has_train else "test")
    assert here["data"] == f"{type(data).__name__} in memory"
    assert here["data.origin"] == "data="


@pytest.mark.parametrize(
    ("x", "y", "arguments"),
    [
        (X.astype(np.float64), Y[:, None], {}),
        (X.astype(np.float16).reshape(COUNT, 64), np.eye(10)[Y], {}),
        (X[:, 0], Y.astype(np.float32) / 3, {"classes": 1}),
        (X.transpose(0, 2, 3, 1), np.array(list("abcdefghij"))[Y], {}),
        (X, np.stack([Y % 2, Y % 3 == 0], 1), {"classes": 2}),
    ],
    ids=["float64", "one-hot", "regression", "channels last, names", "labels"],
)
def test_what_inputs_and_targets_are_is_told_as_in_a_file(
    x: NDArray[Any], y: NDArray[Any], arguments: dict[str, int], tmp_path: Path
) -> None:
    whole = ARGUMENTS | arguments
    module = registry.load(MODELS, "mlp").build("mlp", **whole)
    file = save(tmp_path / "n.safetensors", module, model="mlp", arguments=whole)
    np.savez(tmp_path / "d.npz", x=x, y=y)
    settings: dict[str, Any] = {"checkpoints": (file, file)}
    runs = [
        tiny_run(tmp_path, given=Given(data=(x, y)), **settings),
        tiny_run(tmp_path, data=str(tmp_path / "d.npz"), **settings),
    ]
    own, right = (run.evaluate([run.weights(0)]) for run in runs)
    np.testing.assert_array_equal(own.loss, right.loss)
    assert runs[0].task_name == runs[1].task_name


def test_nothing_of_the_callers_is_written_to_or_kept(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    x, y = torch.from_numpy(X.copy()), torch.from_numpy(Y.copy())
    array = X2.copy()
    array.flags.writeable = False
    versions = x._version, y._version
    given = Given(data=(x, y), calib=(array, Y2))
    run = tiny_run(tmp_path, given=given, checkpoints=pair, **REPAIRED)
    numbers(run)
    assert (x._version, y._version) == versions
    assert np.array_equal(x.numpy(), X) and np.array_equal(array, X2)
    gone = weakref.ref(array)
    del run, given, array
    gc.collect()
    assert gone() is None


def test_a_loader_goes_on_with_its_own_random_numbers(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    own, plain = loader(), DataLoader(Digits(), shuffle=True)
    before = own.generator.get_state(), torch.get_rng_state()
    for each in (own, plain):
        run = tiny_run(tmp_path, given=Given(data=each), checkpoints=pair)
        assert len(run.splits[0]) == COUNT
    assert torch.equal(own.generator.get_state(), before[0])
    assert torch.equal(torch.get_rng_state(), before[1])


def test_data_in_memory_stands_where_data_that_is_named_does(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    """It goes before what the checkpoints are stamped with, and against an example input."""
    given = Given(data=(X, Y))
    run = tiny_run(tmp_path, "align", given=given, checkpoints=pair, aligner="weight")
    assert run.data is not None and run.data.spec == "tuple in memory"
    shape = (InputShape((3, 1, 8, 8)),)
    told = "--input stands in for data, but data= names 'tuple in memory'; leave --input out"
    with pytest.raises(LmctoolError, match=told):
        tiny_run(tmp_path, "align", given=given, checkpoints=pair, aligner="weight", inputs=shape)
    bare = tiny_run(tmp_path, "merge", checkpoints=tuple(map(unstamped, pair)))
    assert bare.model is None
    with pytest.raises(LmctoolError, match="model"):  # weights alone would do without data
        tiny_run(tmp_path, "merge", checkpoints=tuple(map(unstamped, pair)), given=given)


def unstamped(path: Path) -> Path:
    """Write the tensors of a checkpoint without its metadata, under names that tell no model."""
    from safetensors.numpy import load_file, save_file

    other = path.with_name(f"unstamped-{path.name}")
    save_file({f"odd.{name}.odd": each for name, each in load_file(path).items()}, other)
    return other


def test_what_is_no_data_is_told(pair: tuple[Path, Path], tmp_path: Path) -> None:
    for value, told in (
        (5, "split 'test' of 'int in memory' is 'int', which holds no examples; give a data set"),
        (X, "'ndarray in memory' is 'ndarray' without targets"),
        ((X, Y[:3]), "'tuple in memory' has 60 inputs but 3 targets"),
        (UserDict(a=1), "'UserDict in memory'"),
    ):
        with pytest.raises(LmctoolError, match=told):
            _ = tiny_run(tmp_path, given=Given(data=value), checkpoints=pair).splits


class Exits(Digits):
    def __getitem__(self, place: int) -> tuple[torch.Tensor, int]:
        raise SystemExit(0)


def test_code_that_exits_is_told(pair: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(LmctoolError, match="'Exits in memory' asks to exit with 0"):
        tiny_run(tmp_path, given=Given(data=Exits()), checkpoints=pair)
