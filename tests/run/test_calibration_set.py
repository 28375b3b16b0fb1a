"""A calibration set of its own, and the split that statistics are taken on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from lmctool.errors import LmctoolError, UntrustedError
from lmctool.plugin.data_records import Dataset, Examples, Preprocessing
from lmctool.plugin.given import Given
from lmctool.plugin.settings import InputShape
from lmctool.results.provenance import Provenance
from lmctool.results.provenance_records import DataRecord
from lmctool.run.identity import Identity
from lmctool.run.provenance import indices, provenance
from lmctool.run.summary import plan
from lmctool.testing import tiny_pair, tiny_run
from lmctool_plugins.datasets import digits

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from lmctool.run.run import Run

TRAIN, TEST = digits.load(train=True), digits.load(train=False)
X, Y = TEST.inputs[:60], TEST.targets[:60]
OTHER = TRAIN.inputs[:90], TRAIN.targets[:90]
"""A calibration set."""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return tiny_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("arrays")
    np.savez(folder / "data.npz", x=X, y=Y)
    np.savez(folder / "other.npz", x=OTHER[0], y=OTHER[1])
    np.savez(folder / "both.npz", x=X, y=Y, x_train=OTHER[0], y_train=OTHER[1])
    return folder


def moments(run: Run) -> list[NDArray[Any]]:
    axes = {target.tap: target.axis for target in run.resources.targets("layers")}
    found = run.calibration.moments(run.weights(0), axes)
    return [values.numpy() for each in found.values() for values in (each.mean, each.variance)]


def test_statistics_are_those_of_data_whose_training_split_it_is(
    pair: tuple[Path, Path], arrays: Path
) -> None:
    """As an object and as a spec, to the bit; only the split's name is another."""
    settings: dict[str, Any] = {"checkpoints": pair, "calib_size": 70, "calib_batch": 30}
    file = str(arrays / "data.npz")
    given = Given(calib=OTHER)
    runs = [
        tiny_run(arrays, data=str(arrays / "both.npz"), **settings),
        tiny_run(arrays, data=file, calib=str(arrays / "both.npz"), **settings),
        tiny_run(arrays, data=file, given=Given(calib={"train": OTHER}), **settings),
    ]
    right, *own = map(moments, runs)
    for each in own:
        for value, of_data in zip(each, right, strict=True):
            np.testing.assert_array_equal(value, of_data)
    digests = {run.calibration.split.digest for run in runs}
    assert len(digests) == 1
    assert tiny_run(arrays, data=file, given=given, **settings).calibration.split.name == "test"


def test_it_is_prepared_in_its_own_way_and_recorded(pair: tuple[Path, Path], arrays: Path) -> None:
    file = str(arrays / "other.npz")
    run = tiny_run(arrays, checkpoints=pair, data="digits", calib=file, calib_size=40)
    split = run.calibration.split
    assert (split.scale, split.mean) == (1 / 255, ())
    found = provenance(run, "", {})
    assert found.calib is not None and found.calibration is not None
    assert (found.calib.spec, found.calib.origin, found.calib.source) == (file, "--calib", file)
    assert json.loads(str(found.settings["preprocessing"]))["mean"]
    done = json.loads(str(found.settings["calibration.preprocessing"]))
    assert done == {"scale": 1 / 255, "mean": [], "std": []}
    assert found.settings["calibration.split"] == "test"
    assert (found.calibration.examples, found.calibration.total) == (40, 90)
    assert indices(run)["index_calibration"].long_name == (
        "positions in the stored split 'test' of the calibration set"
    )
    assert Provenance.read(found.attributes()).calib == found.calib
    assert ("calibration set", f"{file}, from --calib: {file}") in plan(run)


def test_mean_and_std_that_the_user_names_hold_for_both(
    pair: tuple[Path, Path], arrays: Path
) -> None:
    given = Given(calib=OTHER)
    run = tiny_run(arrays, checkpoints=pair, given=given, mean=(0.25,), std=(0.5,))
    assert run.calibration.split.mean == run.splits[0].mean == (0.25,)
    assert "calibration.preprocessing" in provenance(run, "", {}).settings  # by another scale


def test_one_that_is_prepared_as_the_data_has_no_record_of_that(
    pair: tuple[Path, Path], arrays: Path
) -> None:
    run = tiny_run(arrays, checkpoints=pair, given=Given(data=(X, Y), calib=OTHER))
    assert len(run.calibration.split) == 90
    assert "calibration.preprocessing" not in provenance(run, "", {}).settings


def test_images_become_inputs_as_the_calibration_set_says(
    pair: tuple[Path, Path], arrays: Path
) -> None:
    pictures = [Image.fromarray(np.kron(each[0], np.ones((2, 2), np.uint8))) for each in OTHER[0]]
    how = Preprocessing(resize=(8, 8), channels=1, origin="its author")
    examples = Examples(pictures, OTHER[1])
    calib = Dataset({"test": lambda: examples}, "album", 10, preprocessing=how)
    run = tiny_run(arrays, checkpoints=pair, given=Given(calib=calib))
    split = run.calibration.split
    assert split.inputs.shape == (90, 1, 8, 8)
    told = "images are made grey, resized to 8x8 (bilinear), as said by its author"
    assert provenance(run, "", {}).calib == DataRecord(
        "Dataset in memory", "calib=", "album", images=told
    )
    found = provenance(run, "", {})
    assert "images" in json.loads(str(found.settings["calibration.preprocessing"]))
    assert found.data is not None and found.data.images is None


def test_it_is_part_of_a_runs_identity(pair: tuple[Path, Path], arrays: Path) -> None:
    def parts(**settings: Any) -> dict[str, str]:
        run = tiny_run(arrays, checkpoints=pair, aligner="activation", **settings)
        return Identity(run, {}).parts(calibrated=True)

    usual = parts(data=str(arrays / "both.npz"))
    named = parts(data=str(arrays / "both.npz"), calib=str(arrays / "both.npz"))
    assert {name for name in {*usual, *named} if usual.get(name) != named.get(name)} == {"calib"}
    alone = parts(data=str(arrays / "data.npz"))
    assert alone["calibration.split"] == '"test"' and usual["calibration.split"] == '"train"'


class Coded:
    """Examples of code of this module."""

    def __len__(self) -> int:
        return len(OTHER[0])

    def __getitem__(self, place: int) -> tuple[object, int]:
        return OTHER[0][place], int(OTHER[1][place])


def test_its_code_is_recorded(pair: tuple[Path, Path], arrays: Path) -> None:
    run = tiny_run(arrays, checkpoints=pair, given=Given(calib=Coded()))
    assert __name__ in run.files.code
    assert __name__ not in tiny_run(arrays, checkpoints=pair).files.code


SMALLER = np.zeros((30, 1, 4, 8), np.uint8)
NONE_OF_IT = np.full((30, 1, 8, 8), np.nan, np.float32)
TOKENS = np.zeros((30, 1, 8, 8), np.int64)
CLASSES = np.arange(30) % 10


@pytest.mark.parametrize(
    ("calib", "told"),
    [
        ((SMALLER, CLASSES), "inputs of split 'test' are uint8 of shape (1, 4, 8) each, but"),
        ((TOKENS, CLASSES), "are int64 of shape (1, 8, 8) each, but those of the data uint8"),
        ((NONE_OF_IT, CLASSES), "has inputs that are NaN or infinite, 1920 of 1920"),
        ((SMALLER[:0], CLASSES[:0]), "is empty: its inputs have shape (0, 1, 4, 8)"),
        ((OTHER[0], CLASSES), "has 90 inputs but 30 targets"),
        ({"a": OTHER, "b": OTHER}, "statistics of activations are taken on split 'train', which"),
        (X, "'ndarray in memory' is 'ndarray' without targets"),
    ],
    ids=["shape", "tokens", "NaN", "empty", "lengths", "splits", "no data"],
)
def test_what_is_wrong_with_it_names_it(
    calib: object, told: str, pair: tuple[Path, Path], arrays: Path
) -> None:
    with pytest.raises(LmctoolError) as caught:
        _ = tiny_run(arrays, checkpoints=pair, given=Given(calib=calib)).calibration.split
    assert str(caught.value).startswith("calibration set: ")
    assert told in str(caught.value)


def test_a_spec_that_names_nothing_names_it_too(pair: tuple[Path, Path], arrays: Path) -> None:
    told = "^calibration set: no dataset is called 'nowhere', and no such file or folder exists"
    with pytest.raises(LmctoolError, match=told):
        tiny_run(arrays, checkpoints=pair, calib="nowhere")
    told = "^calibration set: --calib names 'mine.py:make' as dataset, which is Python code"
    with pytest.raises(UntrustedError, match=told):
        tiny_run(arrays, checkpoints=pair, calib="mine.py:make", trust=False)


def test_inputs_that_the_model_cannot_take_are_told_where_no_data_is_evaluated(
    pair: tuple[Path, Path], arrays: Path
) -> None:
    given = Given(calib=(SMALLER, CLASSES))
    run = tiny_run(arrays, "align", checkpoints=pair, given=given, aligner="activation", splits=())
    told = r"^calibration set: the model cannot take the inputs of split 'test', float32 of shape"
    with pytest.raises(LmctoolError, match=told):
        run.align(run.weights(0), run.weights(1))


def test_it_stands_beside_data_alone(pair: tuple[Path, Path], arrays: Path) -> None:
    settings: dict[str, Any] = {"checkpoints": pair, "aligner": "weight"}
    told = "calib= names 'tuple in memory' as the calibration set, but no data is in use"
    with pytest.raises(LmctoolError, match=told):
        inputs = (InputShape((3, 1, 8, 8)),)
        tiny_run(arrays, "align", inputs=inputs, given=Given(calib=OTHER), **settings)


def test_targets_of_another_kind_matter_where_they_are_used(
    pair: tuple[Path, Path], arrays: Path
) -> None:
    for targets, told in (
        (OTHER[1] / 3, "targets of split 'test' are float64 of shape|are one float64 each, but"),
        (OTHER[1] + 5, "the data has class 14 but the model tells 10 classes apart"),
    ):
        run = tiny_run(arrays, checkpoints=pair, given=Given(calib=(OTHER[0], targets)))
        assert moments(run)
        with pytest.raises(LmctoolError, match=f"^calibration set: .*({told})"):
            run.evaluate([run.weights(0)], [*run.splits, run.calibration.split])


def test_inputs_that_nobody_scaled_are_a_doubt_of_all_numbers(
    pair: tuple[Path, Path], arrays: Path
) -> None:
    bytes_of_it = OTHER[0].astype(np.float32) * 15
    run = tiny_run(arrays, checkpoints=pair, given=Given(calib=(bytes_of_it, OTHER[1])))
    assert not run.doubts.found
    moments(run)
    (doubt,) = run.doubts.found
    assert doubt.reason.startswith("calibration set: inputs of split 'test' reach the model from 0")
    assert not doubt.where


def test_data_of_one_split_is_aligned_on_that_and_it_is_told(
    pair: tuple[Path, Path], arrays: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(**settings: Any) -> tuple[str, list[str]]:
        run = tiny_run(arrays, checkpoints=pair, **settings)
        told: list[str] = []
        monkeypatch.setattr(run.resources, "note", told.append)
        return run.calibration.split.name, told

    note = "activation statistics are taken on split 'test', the only one"
    assert found(given=Given(data=(X, Y))) == ("test", [note])
    assert found(data=str(arrays / "data.npz")) == ("test", [note])
    assert found(data=str(arrays / "data.npz"), calib_split="test") == ("test", [])
    assert found(data=str(arrays / "both.npz")) == ("train", [])
    told = "split 'train', which '.*data.npz' has not; pass --calib-split with one that it has: tes"
    with pytest.raises(LmctoolError, match=told):
        found(data=str(arrays / "data.npz"), calib_split="train")
