"""The user's standing choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmctool.config import Config, load
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LMCTOOL_MODEL", "LMCTOOL_DATASET", "LMCTOOL_DATA"):
        monkeypatch.delenv(name, raising=False)


def test_without_file_and_environment_nothing_is_chosen(tmp_path: Path) -> None:
    assert load(tmp_path) == Config()


def test_every_key_of_the_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "lmctool.toml").write_text(
        '[model]\nspec = "mlp"\narguments = { width = 3 }\n'
        '[data]\nspec = "mnist"\npaths = { mnist = "here", cifar10 = "/there" }\n'
    )
    config = load(tmp_path)
    assert (config.model, config.model_arguments, config.data) == ("mlp", {"width": 3}, "mnist")
    assert config.data_paths["mnist"] == tmp_path / "here"
    assert str(config.data_paths["cifar10"]) == "/there"


def test_the_file_is_that_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lmctool.toml").write_text('[data]\nspec = "spiral"\n')
    monkeypatch.chdir(tmp_path)
    assert load().data == "spiral"


def test_the_environment_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMCTOOL_MODEL", "lenet")
    monkeypatch.setenv("LMCTOOL_DATASET", "digits")
    monkeypatch.setenv("LMCTOOL_DATA", str(tmp_path))
    config = load(tmp_path)
    assert (config.environment_model, config.environment_data) == ("lenet", "digits")
    assert config.data_folder == tmp_path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[modle]\n", r"has no section \[modle\]"),
        ("model = 3\n", r"has no section \[model\]"),
        ("[model]\nname = 1\n", r"has an unknown key 'name' in \[model\]; known: arguments, spec"),
        ("[model\n", "cannot be read as TOML"),
        ("\x00", "cannot be read as TOML"),
    ],
)
def test_a_wrong_file_is_told_in_one_sentence(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "lmctool.toml").write_text(text)
    with pytest.raises(LmctoolError, match=message):
        load(tmp_path)
