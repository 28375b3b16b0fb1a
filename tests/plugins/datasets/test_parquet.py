"""Tables of parquet and of Hugging Face's library hold what was written into them."""

from __future__ import annotations

import json
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from lmctool.config import Config
from lmctool.data.opening import open_split
from lmctool.data.resolve import open_spec
from lmctool.errors import LmctoolError
from lmctool.plugin.data_records import Preprocessing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lmctool.data.split import Split
    from lmctool.plugin.data_records import Dataset

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
RNG = np.random.default_rng(0)
NAMES = {"label": {"names": ["zebra", "ape", "bee"], "_type": "ClassLabel"}}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(path: str, columns: dict[str, Any], features: Any = None, group: int = 4) -> None:
    """Write a table, with the features that Hugging Face's library would name."""
    table = pa.table(columns)
    if features:
        table = table.replace_schema_metadata(
            {"huggingface": json.dumps({"info": {"features": features}})}
        )
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path, row_group_size=group)


def save(folder: str, columns: dict[str, Any], features: Any = None) -> None:
    """Write a table as ``save_to_disk`` does: two files of streams, and their list."""
    Path(folder).mkdir(parents=True)
    table = pa.table(columns)
    if features:
        table = table.replace_schema_metadata(
            {"huggingface": json.dumps({"info": {"features": features}})}
        )
    names = [f"data-{number:05}-of-00002.arrow" for number in range(2)]
    for name, part in zip(names, (table[:3], table[3:]), strict=True):
        with (
            pa.OSFile(f"{folder}/{name}", "wb") as file,
            pa.ipc.new_stream(file, table.schema) as out,
        ):
            out.write_table(part, max_chunksize=2)
    listed = {"_data_files": [{"filename": name} for name in names]}
    Path(folder, "state.json").write_text(json.dumps(listed))


def encoded(image: Image.Image, **options: Any) -> dict[str, Any]:
    stream = BytesIO()
    image.save(stream, "png", **options)
    return {"bytes": stream.getvalue(), "path": None}


def images(count: int) -> tuple[NDArray[np.uint8], list[dict[str, Any]]]:
    """Return images (example, 8, 9, 3), and how Hugging Face's library keeps them."""
    pixels = RNG.integers(0, 256, (count, 8, 9, 3), dtype=np.uint8)
    return pixels, [encoded(Image.fromarray(each)) for each in pixels]


def opened(spec: str) -> Dataset:
    return open_spec(spec, Config()).dataset


def whole(split: Split) -> torch.Tensor:
    """Return all stored inputs of a split, which lie in memory or in a file."""
    return split.inputs[: len(split)]


def split(spec: str, name: str = "test", **options: Any) -> Split:
    how = Preprocessing((), channels=3)
    chosen = {"limit": None, "seed": 0, "device": torch.device("cpu"), **options}
    return open_split(opened(spec), name, preparation=lambda: how, **chosen)


@pytest.mark.parametrize("form", ["parquet", "saved"])
def test_encoded_images_and_the_order_of_their_classes(form: str) -> None:
    pixels, kept = images(7)
    labels = [2, 0, 1, 1, 0, 2, 1]
    if form == "parquet":
        write("data/train-00000-of-00001.parquet", {"image": kept, "label": labels}, NAMES)
    else:
        save("data/train", {"image": kept, "label": labels}, NAMES)
        Path("data/dataset_dict.json").write_text('{"splits": ["train"]}')
    dataset = opened("data")
    assert (dataset.class_names, dataset.classes) == (("zebra", "ape", "bee"), 3)
    found = split("data", "train")
    assert torch.equal(whole(found), torch.from_numpy(pixels.transpose(0, 3, 1, 2)))
    assert found.targets.tolist() == labels
    some = split("data", "train", limit=3)
    assert torch.equal(whole(some), whole(found)[torch.from_numpy(some.index)])


def test_images_are_turned_as_their_camera_noted() -> None:
    image = Image.fromarray(RNG.integers(0, 256, (8, 9, 3), dtype=np.uint8))
    exif = image.getexif()
    exif[0x0112] = 6  # turned by a quarter
    write("x.parquet", {"image": [encoded(image, exif=exif)] * 2, "label": [0, 1]})
    turned = np.rot90(np.asarray(image), -1).transpose(2, 0, 1)
    assert np.array_equal(whole(split("x.parquet"))[1].numpy(), turned)


def test_arrays_are_read_row_group_by_row_group() -> None:
    values = RNG.random((11, 2, 3), dtype=np.float32)
    write("x.parquet", {"x": values.tolist(), "y": list("abcabcabcab")}, group=3)
    rows = opened("x.parquet").splits["test"]().inputs
    assert (rows.shape, len(rows)) == ((11, 2, 3), 11)
    assert np.array_equal(rows[np.array([0, 2, 3, 10])], values[[0, 2, 3, 10]].astype(np.float64))
    found = split("x.parquet")
    assert np.allclose(whole(found).numpy(), values)
    assert found.targets.tolist() == [0, 1, 2] * 3 + [0, 1]


def test_bytes_are_scaled_and_fixed_lists_are_arrays() -> None:
    values = RNG.integers(0, 256, (5, 6), dtype=np.uint8)
    listed = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), 6)
    write("x.parquet", {"x": listed, "y": [0, 1, 0, 1, 1]})
    assert opened("x.parquet").scale == 1 / 255
    assert torch.equal(whole(split("x.parquet")), torch.from_numpy(values))


def test_arrays_of_images_have_their_channels_first() -> None:
    values = RNG.integers(0, 256, (3, 5, 6, 3), dtype=np.uint8)
    shaped = pa.array(values.ravel())
    for length in (3, 6, 5):
        shaped = pa.FixedSizeListArray.from_arrays(shaped, length)
    write("x.parquet", {"x": shaped, "y": [0, 1, 0]})
    assert torch.equal(whole(split("x.parquet")), torch.from_numpy(values.transpose(0, 3, 1, 2)))
    assert "channels last" in opened("x.parquet").read_as[0]
    left = whole(split("parquet:x.parquet?layout=as-is"))
    assert torch.equal(left, torch.from_numpy(values))


def test_a_table_of_numbers_is_features_and_a_target() -> None:
    columns = {"b": [1.5, 2.5, 3.5], "a": [4, 5, 6], "target": [0.25, 0.5, 1.0]}
    write("x.parquet", columns)
    dataset = opened("x.parquet")
    assert dataset.task == "regression"
    assert dataset.read_as[0] == "inputs are the columns b, a"
    found = split("x.parquet")
    assert whole(found).tolist() == [[1.5, 4], [2.5, 5], [3.5, 6]]
    assert found.targets.flatten().tolist() == [0.25, 0.5, 1.0]
    assert whole(split("parquet:x.parquet?x=a")).tolist() == [[4], [5], [6]]
    assert whole(split("parquet:x.parquet?x=a,b&y=target"))[0].tolist() == [4, 1.5]


def test_a_column_of_numbers_that_is_called_x_is_one_of_a_table() -> None:
    write("points.parquet", {"x": [1.0, 2.0], "z": [3.0, 4.0], "label": [0, 1]})
    assert whole(split("points.parquet")).tolist() == [[1, 3], [2, 4]]
    assert whole(split("parquet:points.parquet?x=x")).tolist() == [[1], [2]]


def test_tokens_come_with_labels_with_one_class_or_alone() -> None:
    ids = RNG.integers(0, 9, (4, 6))
    write("alone.parquet", {"input_ids": ids.tolist()})
    assert opened("alone.parquet").task == "causal-lm"
    assert split("alone.parquet").targets[:, :-1].tolist() == ids[:, 1:].tolist()
    following = np.concatenate([ids[:, 1:], np.full((4, 1), -100)], axis=1)
    write("next.parquet", {"input_ids": ids.tolist(), "labels": following.tolist()})
    assert split("next.parquet").targets.tolist() == following.tolist()
    write("own.parquet", {"input_ids": ids.tolist(), "labels": ids.tolist()})
    assert split("own.parquet").targets[:, :-1].tolist() == ids[:, 1:].tolist()
    assert "not yet shifted by one" in opened("own.parquet").read_as[-1]
    mask = np.ones_like(ids)
    write(
        "one.parquet",
        {"input_ids": ids.tolist(), "attention_mask": mask.tolist(), "label": [0, 1, 1, 0]},
    )
    assert opened("one.parquet").task == "classification"
    found = split("one.parquet")
    assert (whole(found).tolist(), found.targets.tolist()) == (ids.tolist(), [0, 1, 1, 0])
    mask[2, 4:] = 0
    write(
        "padded.parquet",
        {"input_ids": ids.tolist(), "attention_mask": mask.tolist(), "label": [0, 1, 1, 0]},
    )
    with pytest.raises(LmctoolError, match="the models take no mask"):
        opened("padded.parquet")


def test_a_column_of_masks_is_segmentation() -> None:
    pixels, kept = images(2)
    masks = RNG.integers(0, 4, (2, 8, 9), dtype=np.uint8)
    stored = [encoded(Image.fromarray(each)) for each in masks]
    write("x.parquet", {"image": kept, "annotation": stored})
    assert opened("x.parquet").task == "segmentation"
    found = split("parquet:x.parquet?ignore=3").targets.numpy()
    assert np.array_equal(found, np.where(masks == 3, -100, masks.astype(np.int64)))
    assert pixels.shape[1:3] == found.shape[1:]


def test_splits_are_told_by_the_names_of_files_and_folders() -> None:
    for place in ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001-ab12"):
        write(f"hub/data/{place}.parquet", {"x": [[1.0], [2.0]], "y": [0, 1]})
    for place in ("val/0000", "test/0000"):
        write(f"converted/default/{place}.parquet", {"x": [[1.0], [2.0]], "y": [0, 1]})
    assert list(opened("hub").splits) == ["test", "train"]
    assert len(split("hub", "train")) == 4
    assert sorted(opened("converted").splits) == ["test", "val"]
    for place in ("plain/train", "fancy/train"):
        write(f"several/{place}.parquet", {"x": [[1.0]], "y": [0]})
    with pytest.raises(LmctoolError, match="several datasets, in fancy, plain; name the folder"):
        opened("several")


@pytest.mark.parametrize(
    ("columns", "query", "told"),
    [
        ({"x": [[1.0], [2.0, 3.0]], "y": [0, 1]}, "", "lists of different lengths"),
        ({"x": [[1.0], None], "y": [0, 1]}, "", "missing values"),
        ({"x": [[1.0], [2.0]], "y": [0, None]}, "", "missing values"),
        ({"x": [[1.0], [2.0]], "y": [0, 1]}, "?x=z", "no column 'z'"),
        (
            {"x": [[1.0], [2.0]], "fine": [0, 1]},
            "",
            r"no column of targets.*say which with \?y=NAME",
        ),
        ({"text": ["a", "b"], "label": [0, 1]}, "", r"say which with \?x=NAME"),
        ({"text": ["a", "b"], "label": [0, 1]}, "?x=text", "cut it into tokens first"),
        ({"x": [[1.0], [2.0]], "y": [0, 1]}, "?crop=8", r"holds no images for \?crop="),
        ({"x": [[1.0], [2.0]], "y": [b"a", b"b"]}, "", "holds masks, but of no images"),
        ({"x": [["a"], ["b"]], "y": [0, 1]}, "", "holds text, which is no input"),
        ({"image": [{"bytes": None, "path": "/etc/passwd"}] * 2, "y": [0, 1]}, "", "only named"),
        ({"image": [{"bytes": b"GIF", "path": None}] * 2, "y": [0, 1]}, "", "it is no image"),
    ],
)
def test_unusable_columns_are_told(columns: dict[str, Any], query: str, told: str) -> None:
    write("x.parquet", columns)
    with pytest.raises(LmctoolError, match=told):
        split(f"parquet:x.parquet{query}")


def test_damaged_files_and_lists_of_files_elsewhere_are_told() -> None:
    write("x.parquet", {"x": [[1.0], [2.0]], "y": [0, 1]})
    Path("x.parquet").write_bytes(Path("x.parquet").read_bytes()[:-9])
    with pytest.raises(LmctoolError, match=r"'x\.parquet' cannot be read"):
        opened("x.parquet")
    Path("saved").mkdir()
    Path("saved/state.json").write_text('{"_data_files": [{"filename": "../x.arrow"}]}')
    with pytest.raises(LmctoolError, match="names no files as save_to_disk does"):
        opened("saved")


def test_without_the_library_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write("x.parquet", {"x": [[1.0]], "y": [0]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(LmctoolError, match=r"pip install 'lmctool\[datasets\]'"):
        opened("x.parquet")


def test_what_the_library_itself_writes_is_read() -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"x": datasets.Array2D((2, 3), "float32"), "label": datasets.ClassLabel(names=["b", "a"])}
    )
    values = RNG.random((5, 2, 3), dtype=np.float32)
    table = datasets.Dataset.from_dict({"x": values, "label": [0, 1, 1, 0, 1]}, features=features)
    table.to_parquet("x.parquet")
    table.save_to_disk("saved")
    for spec in ("x.parquet", "saved"):
        assert opened(spec).class_names == ("b", "a")
        found = split(spec)
        assert np.array_equal(whole(found).numpy(), values)
        assert found.targets.tolist() == [0, 1, 1, 0, 1]
