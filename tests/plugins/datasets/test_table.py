"""Tables as CSV and TSV."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmctool.config import Config
from lmctool.data.resolve import open_spec
from lmctool.errors import LmctoolError
from lmctool_plugins.datasets.table import delimited, detect, open_csv
from tests.data.inputs import inputs_of

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "a,b,label\n1,2.5,0\n-3,4e1,2\n0.1,6,1\n"
INPUTS = [[1, 2.5], [-3, 40], [np.float32(0.1), 6]]


def write(folder: Path, text: str, name: str = "data.csv") -> Path:
    """Write a table."""
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_a_table_is_the_split_test(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT)
    assert detect(path)
    dataset = open_csv("csv", path)
    examples = dataset.splits["test"]()
    assert examples.inputs.dtype == np.float32
    assert examples.inputs.tolist() == INPUTS
    assert examples.targets.tolist() == [0, 2, 1]
    assert (dataset.classes, dataset.task, dataset.scale) == (3, "classification", 1.0)
    assert dataset.read_as == ()


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace(",", ";"),
        TEXT.replace(",", "\t"),
        TEXT.replace("\n", "\r\n"),
        "\ufeff" + TEXT,
        TEXT.replace("4e1", '"40.0"').replace("label", '" label "'),
        TEXT.replace("\n", "\n\n"),
        TEXT.removesuffix("\n"),
        TEXT.replace("label", "Target"),
        TEXT.replace("a,b", '"a, or A",b'),
        "label,a,b\n0,1,2.5\n2, -3 ,40\n1,.1,6\n",
        "0,1,label\n1,2.5,0\n-3,40,2\n0.1,6,1\n",
    ],
)
def test_tables_come_in_many_dialects(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    for again in (path, tmp_path / "data.csv.gz"):
        again.write_bytes(gzip.compress(path.read_bytes()) if again != path else path.read_bytes())
        dataset = open_csv("csv", again)
        assert inputs_of(dataset).tolist() == INPUTS
        assert dataset.splits["test"]().targets.tolist() == [0, 2, 1]


@pytest.mark.parametrize("target", ["c", 2, -1])
def test_the_target_is_a_name_or_a_place(tmp_path: Path, target: Any) -> None:
    dataset = open_csv("csv", write(tmp_path, TEXT.replace("label", "c")), target=target)
    assert dataset.splits["test"]().targets.tolist() == [0, 2, 1]


def test_a_name_goes_before_a_place(tmp_path: Path) -> None:
    path = write(tmp_path, "1,0,y\n5,0.5,7\n6,1.5,8\n")
    dataset = open_csv("csv", path, target=1, header=True)
    assert dataset.splits["test"]().targets.tolist() == [5, 6]


@pytest.mark.parametrize(
    ("column", "targets", "task"),
    [
        (["0.5", "1", "-2"], [0.5, 1, -2], "regression"),
        (["1.0", "2.0", "0.0"], [1, 2, 0], "regression"),
        (["dog", "cat", "dog"], [1, 0, 1], "classification"),
        (["none", "cat", "none"], [1, 0, 1], "classification"),
        (["+1", "0", "2"], [1, 0, 2], "classification"),
        (["0.0", "1.0", "1.0"], [0, 1, 1], "classification"),
    ],
)
def test_the_column_tells_what_targets_are(
    tmp_path: Path, column: list[str], targets: list[float], task: str
) -> None:
    path = write(tmp_path, "x,y\n" + "".join(f"1,{text}\n" for text in column))
    dataset = open_csv("csv", path)
    assert dataset.task == task
    assert dataset.splits["test"]().targets.tolist() == targets


def test_classes_may_count_from_1(tmp_path: Path) -> None:
    dataset = open_csv("csv", write(tmp_path, "x,y\n1,1\n2,2\n"), labels="from-1")
    assert dataset.splits["test"]().targets.tolist() == [0, 1]
    assert dataset.classes == 2


def test_a_column_may_tell_the_splits(tmp_path: Path) -> None:
    path = write(tmp_path, "part,x,y\ntest,1,cat\nTraining,2,dog\ntest,3,dog\n")
    dataset = open_csv("csv", path, split="part")
    assert set(dataset.splits) == {"test", "train"}
    assert inputs_of(dataset).tolist() == [[1], [3]]
    assert dataset.splits["test"]().targets.tolist() == [0, 1]
    assert inputs_of(dataset, "train").tolist() == [[2]]
    assert dataset.splits["train"]().targets.tolist() == [1]


def test_a_folder_has_a_table_for_each_split(tmp_path: Path) -> None:
    write(tmp_path, TEXT, "test.csv")
    write(tmp_path, TEXT.replace("-3", "-5"), "train.csv")
    (tmp_path / "val.tsv.gz").write_bytes(gzip.compress(TEXT.replace(",", "\t").encode()))
    write(tmp_path, "id\n1\n", "sample_submission.csv")
    assert detect(tmp_path)
    dataset = open_csv("csv", tmp_path)
    assert set(dataset.splits) == {"train", "test", "val"}
    assert inputs_of(dataset).tolist() == inputs_of(dataset, "val").tolist() == INPUTS
    assert inputs_of(dataset, "train")[1].tolist() == [-5, 40]


def test_a_table_without_targets_is_left_out_and_told(tmp_path: Path) -> None:
    write(tmp_path, TEXT, "train.csv")
    write(tmp_path, "a,b\n1,2\n", "test.csv")
    dataset = open_csv("csv", tmp_path)
    assert list(dataset.splits) == ["train"]
    (told,) = dataset.read_as
    assert told.startswith("split 'test' is left out: ")
    assert "no column called target, label, class or y among 'a', 'b'" in told


def test_a_table_without_a_header_has_places(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT.partition("\n")[2])
    dataset = open_csv("csv", path, target=-1)
    assert inputs_of(dataset).tolist() == INPUTS
    assert dataset.read_as == ("the first line is a row: columns are counted from 0",)
    names = write(tmp_path, "5.1,iris\n4.9,rose\n")
    dataset = open_csv("csv", names, target=1, header=False)
    assert inputs_of(dataset).tolist() == [[np.float32(5.1)], [np.float32(4.9)]]
    assert dataset.class_names == ("iris", "rose")


def test_the_numbers_of_rows_that_pandas_writes_are_no_input(tmp_path: Path) -> None:
    path = write(tmp_path, ",x,y\n0,5,1\n1,6,0\n")
    dataset = open_csv("csv", path)
    assert inputs_of(dataset).tolist() == [[5], [6]]
    assert dataset.read_as == (
        "the first column, which has no name, numbers the rows and is left out",
    )


@pytest.mark.parametrize(
    ("text", "asked", "told"),
    [
        ("a,b\n1,2\n", {}, r"no column called target, .* among 'a', 'b'; name one with \?target="),
        ("y,label\n1,2\n", {}, r"several columns of targets, 'y', 'label'; name one"),
        ("a,y\n1,2\n", {"target": "z"}, "has no column 'z'; it has 'a', 'y'"),
        ("a,y\n1,2\n", {"target": 2}, "has no column 2; it has 'a', 'y'"),
        ("a,y\n1,2\n", {"split": "s"}, "has no column 's'"),
        ("a,y\n1,2\n", {"header": "maybe"}, r"\?header=maybe is neither true nor false"),
        ("y\n2\n", {}, "has no column of inputs beside its targets"),
        ("a,a,y\n1,1,2\n", {}, "has several columns 'a'; rename all but one"),
        ("a,,y\n1,1,2\n", {}, "column 1 of .* has no name"),
        ("5.1,iris\n4.9,rose\n", {}, r"numbers \('5.1'\) beside texts \('iris'\); say with"),
        ("", {}, "is empty: it has no header"),
        ("a,y\n1\n", {}, "has 1 cells in line 2, but 2 columns"),
        ("a,y\n1,2,3\n", {}, "has 3 cells in line 2, but 2 columns"),
        ("a,y\n1,0\n2,\n", {}, "has no value of 'y' in line 3; leave such rows out"),
        ("a,y\n1,0.5\n2,NA\n", {}, "has no value of 'y' in line 3"),
        ("a,y\n1,0.5\n2,nan\n", {}, "has no value of 'y' in line 3"),
        (f"a,y\n1,{'z' * 300}\n", {}, "holds 300 characters in line 2, which are no name"),
        ('a,y\n"1,0\n', {}, "line 2: unexpected end of data"),
    ],
)
def test_a_table_that_says_no_targets_is_told(
    tmp_path: Path, text: str, asked: Any, told: str
) -> None:
    with pytest.raises(LmctoolError, match=told):
        open_csv("csv", write(tmp_path, text), **asked)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sex,y\n1,0\nmale,1\n", "column 'sex' of '.*' holds text, 'male' in line 3; leave it out"),
        ("a,y\n1,0\n,1\n", "has no value of 'a' in line 3"),
        ("a,y\n1,0\nNaN,1\n", "has no value of 'a' in line 3"),
        ("a,y\n1,0\n?,1\n", "has no value of 'a' in line 3"),
        ("a,y\n1,0\n-inf,1\n", "has '-inf' as 'a' in line 3, which is no finite number"),
        ("a,y\n1,0\n1e39,1\n", "has '1e39' as 'a' in line 3, which is no finite number"),
        ("a;y\n1;0\n1,5;1\n", "holds text, '1,5' in line 3"),
    ],
)
def test_inputs_that_are_no_numbers_are_told_with_their_line(
    tmp_path: Path, text: str, told: str
) -> None:
    dataset = open_csv("csv", write(tmp_path, text))
    with pytest.raises(LmctoolError, match=told):
        dataset.splits["test"]()


def test_tables_that_differ_in_their_inputs_are_refused(tmp_path: Path) -> None:
    write(tmp_path, TEXT, "test.csv")
    for header, told in (("a,c,label", "[bc]$"), ("b,a,label", "the order of their columns$")):
        write(tmp_path, TEXT.replace("a,b,label", header), "train.csv")
        with pytest.raises(LmctoolError, match=rf"differ in their inputs: {told}"):
            open_csv("csv", tmp_path)
    write(tmp_path, TEXT, "training.csv")
    with pytest.raises(LmctoolError, match="are both split 'train'"):
        open_csv("csv", tmp_path)
    (tmp_path / "training.csv").unlink()
    write(tmp_path, TEXT, "train.csv")
    with pytest.raises(LmctoolError, match="has a file for each split"):
        open_csv("csv", tmp_path, split="a")


def test_a_folder_without_tables_is_told(tmp_path: Path) -> None:
    write(tmp_path, TEXT, "other.csv")
    assert not detect(tmp_path)
    with pytest.raises(LmctoolError, match=r"holds no train.csv, test.csv or the like"):
        open_csv("csv", tmp_path)
    with pytest.raises(LmctoolError, match="pass --data csv:PATH"):
        open_csv("csv", None)


def test_what_is_no_text_or_has_no_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(b"a,y\n\xff,1\n")
    with pytest.raises(LmctoolError, match="is no UTF-8 text"):
        open_csv("csv", path)
    path.write_bytes(gzip.compress(TEXT.encode())[:-12])
    with pytest.raises(LmctoolError, match="cannot be read"):
        open_csv("csv", path)
    path.write_bytes(gzip.compress(b"a,y\n" + b"1,0\n" * 4000))
    monkeypatch.setattr(delimited, "ROOM", 100)
    with pytest.raises(LmctoolError, match=r"more than 50 times its size; .* with gunzip"):
        open_csv("csv", path)
    write(tmp_path, TEXT)
    monkeypatch.setattr(delimited, "LONGEST", 8)
    with pytest.raises(LmctoolError, match="is no table"):
        open_csv("csv", path)


def test_a_path_of_a_table_opens_by_itself(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT.replace("label", "c"), "Data.CSV")
    dataset = open_spec(f"{path}?target=c", Config()).dataset
    assert inputs_of(dataset).tolist() == INPUTS
