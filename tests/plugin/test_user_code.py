"""What is code, and what is a word or a path."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmctool.config import Origin
from lmctool.errors import LmctoolError, UntrustedError
from lmctool.plugin.kinds import DATASETS, MODELS
from lmctool.plugin.user_code import Factory, imports_code, names_code, refuse_code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *(("m:make", True), ("package.m:make", True), ("./m.py:make", True), ("os:system", True)),
        *(("/a b/m.py:make", True), ("C:/m.py:make", True), ("größe:maß", True)),
        *(("mlp:make", False), ("timm:resnet18", False), ("transformers:./folder", False)),
        *(("mlp", False), ("m", False), ("./m.py", False), (":make", False), ("m:", False)),
        *((".m:make", False), ("a-b:make", False), ("m:make()", False), ("cuda:0", False)),
        *(("ids<9:3x11", False), ("", False), ("\0:x", False), ("x" * 5000, False)),
    ],
)
def test_code_is_the_place_and_the_name_of_a_function(text: str, code: bool) -> None:
    assert names_code(text, MODELS) == code
    assert imports_code(text, MODELS) == code


def test_words_are_those_of_the_kind_that_is_asked_for() -> None:
    assert names_code("digits:make", MODELS)
    assert not names_code("digits:make", DATASETS)
    assert not names_code("digits:make", MODELS, DATASETS)


def test_what_is_there_under_the_very_name_is_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert imports_code("m:make", DATASETS)
    Path("m:make").touch()
    assert not imports_code("m:make", DATASETS)
    assert names_code("m:make", DATASETS)


@pytest.mark.parametrize("text", ["~nobody-at-all:make", "x" * 5000 + ":make"])
def test_a_name_that_no_file_can_have_is_there_for_nobody(text: str) -> None:
    assert imports_code(text, MODELS) == text.startswith("x")


def test_code_is_refused_where_it_is_not_permitted() -> None:
    refuse_code("m:make", MODELS, Origin("--model"))
    refuse_code("mlp", MODELS, Origin("file", "pass --trust"))
    with pytest.raises(UntrustedError, match=r"file names 'm:make' as model, .*; pass --trust$"):
        refuse_code("m:make", MODELS, Origin("file", "pass --trust"))


def test_a_file_of_any_folder_is_not_taken_for_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("anybodys", "theirs"):
        Path(f"{name}.py").write_text("def make():\n    return 1\n")
    assert Factory("./anybodys.py:make").call({}) == 1
    assert Factory(f"{tmp_path}/anybodys.py:make", here=False).call({}) == 1
    with pytest.raises(LmctoolError, match="give its whole path"):
        Factory("./anybodys.py:make", here=False).call({})
    with pytest.raises(LmctoolError, match="No module named 'theirs'"):
        Factory("theirs:make", here=False).call({})
