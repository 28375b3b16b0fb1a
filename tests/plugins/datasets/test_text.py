"""Text as sequences of bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmctool.config import Config
from lmctool.data.resolve import open_spec
from lmctool.errors import LmctoolError
from lmctool_plugins.datasets.text import detect, open_text
from tests.rows import whole

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "".join(f"{number}: naïve Größe\n" for number in range(100))


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """Return a text file."""
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT.encode())
    return path


def test_the_splits_are_the_text_from_its_first_byte_on(text: Path) -> None:
    content = TEXT.encode()
    dataset = open_text("text", text, 10)
    assert (dataset.task, dataset.classes) == ("causal-lm", 256)
    train, test = (dataset.splits[name]() for name in ("train", "test"))
    cut = len(content) - len(content) // 10
    assert bytes(whole(train.inputs).ravel().astype(np.uint8)) == content[: train.targets.size]
    assert (
        bytes(whole(test.inputs).ravel().astype(np.uint8)) == content[cut : cut + test.targets.size]
    )
    assert cut - train.targets.size <= 10


def test_each_target_is_the_byte_that_follows_across_sequences_too(text: Path) -> None:
    examples = open_text("text", text, 10).splits["train"]()
    assert examples.inputs.shape == examples.targets.shape
    assert np.array_equal(whole(examples.inputs).ravel()[1:], examples.targets.ravel()[:-1])


def test_a_folder_is_its_files_by_name(tmp_path: Path) -> None:
    for name, letter in (("b.txt", "b"), ("a.txt", "a")):
        (tmp_path / name).write_text(letter * 50)
    dataset = open_text("text", tmp_path, 9)
    assert set(whole(dataset.splits["train"]().inputs).ravel()[:50]) == {ord("a")}
    assert set(whole(dataset.splits["test"]().inputs).ravel()) == {ord("b")}
    assert dataset.source == f"{tmp_path}, 2 file(s), sequences of 9 bytes"


@pytest.mark.parametrize(("query", "length"), [("", 128), ("?length=16", 16)])
@pytest.mark.parametrize("word", ["text:", ""])
def test_the_length_stands_behind_the_path(text: Path, query: str, length: int, word: str) -> None:
    dataset = open_spec(f"{word}{text}{query}", Config()).dataset
    assert dataset.splits["train"]().inputs.shape[1] == length


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("?width=3", "data 'text' has no argument 'width'; it has length"),
        ("?length=0", "length 0, which is no number from 1 on"),
        ("?length=long", "length 'long', which is no number"),
        ("?length", "no '.*length'"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(text: Path, query: str, told: str) -> None:
    with pytest.raises(LmctoolError, match=told):
        open_spec(f"text:{text}{query}", Config())


def test_a_format_without_arguments_says_so() -> None:
    with pytest.raises(LmctoolError, match="data 'digits' has no argument 'length'; it has none"):
        open_spec("digits?length=3", Config())


def test_a_file_whose_name_has_a_question_mark_is_found(tmp_path: Path) -> None:
    path = tmp_path / "what?length=1.txt"
    path.write_text(TEXT)
    assert open_spec(f"text:{path}", Config()).dataset.splits["train"]().inputs.shape[1] == 128


def test_a_short_text_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "short.txt"
    path.write_text("x" * 200)
    with pytest.raises(LmctoolError, match="leaves 20 bytes for split 'test', too few"):
        open_text("text", path).splits["test"]()


def test_what_is_no_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes("Größe".encode("latin-1") * 1000)
    with pytest.raises(LmctoolError, match=r"is no UTF-8 text: .* at 2"):
        open_text("text", path).splits["train"]()
    assert not detect(path)


def test_only_what_is_named_txt_and_reads_as_text_is_detected(text: Path, tmp_path: Path) -> None:
    assert detect(text)
    assert detect(tmp_path)
    np.savez(tmp_path / "data.npz", x=np.zeros(3))
    assert not detect(tmp_path)
    assert not detect((tmp_path / "data.npz").rename(tmp_path / "data.txt"))
    assert not detect(text.rename(tmp_path / "table.csv"))
    (tmp_path / "empty").mkdir()
    assert not detect(tmp_path / "empty")


def test_the_word_alone_needs_a_path() -> None:
    with pytest.raises(LmctoolError, match="pass --data text:PATH"):
        open_text("text", None)


def test_a_folder_without_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LmctoolError, match=r"holds no \*.txt"):
        open_text("text", tmp_path)
