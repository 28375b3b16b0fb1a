"""The user's standing choices."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from lmctool.config import Config, load, settings
from lmctool.errors import LmctoolError
from lmctool.testing import invoke


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
        ("[modle]\n", "has an unknown key 'modle'; did you mean 'model'"),
        ("model = 3\n", "'model' of .* is 3, but must be a table"),
        (
            "[model]\nname = 1\n",
            r"^\[model\] of .*toml has an unknown key 'name'; known: arguments, output, spec$",
        ),
        ("[model\n", "cannot be read as TOML"),
        ("\x00", "cannot be read as TOML"),
    ],
)
def test_a_wrong_file_is_told_in_one_sentence(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "lmctool.toml").write_text(text)
    with pytest.raises(LmctoolError, match=message):
        load(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[model]\nspecs = "mlp"\n', "did you mean 'spec'"),
        ("[modell]\n", "did you mean 'model'"),
        ("[model]\nspec = 3\n", "'spec' in .model. .* is 3, but must be a text in quotes"),
        ("[model]\narguments = 3\n", "'arguments' in .model. .* is 3, but must be a table"),
        ('[data]\npaths = "here"\n', "'paths' in .data. .* is 'here', but must be a table"),
        ("[data]\npaths = { mnist = 3 }\n", "'mnist' in .data.paths. .* is 3, but must be a text"),
        ("a = " + "[" * 5000 + "\n", "cannot be read as TOML"),
    ],
)
def test_what_means_nothing_is_told_with_what_may_have_been_meant(
    text: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "lmctool.toml").write_text(text)
    with pytest.raises(LmctoolError, match=message):
        load(tmp_path)


def test_each_choice_is_shown_with_where_it_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lmctool.toml").write_text('[model]\nspec = "mlp"\n[data]\nspec = "mnist"\n')
    monkeypatch.setenv("LMCTOOL_DATASET", "digits")
    monkeypatch.chdir(tmp_path)
    choices = {each.key: (each.value, each.origin) for each in settings()}
    assert choices["model.spec"] == ("mlp", str(tmp_path / "lmctool.toml"))
    assert choices["data.spec"] == ("digits", "$LMCTOOL_DATASET")
    assert choices["model.arguments"] == ("", "not set")
    shown = " ".join(invoke("config", "show").stdout.split())
    assert "data.spec digits $LMCTOOL_DATASET yes" in shown


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the user's own file, which is not there yet."""
    (tmp_path / "own").mkdir()
    monkeypatch.setattr(click, "get_app_dir", lambda _: str(tmp_path / "own"))
    return tmp_path / "own/lmctool.toml"


def test_the_users_own_choices_lie_beneath_those_of_the_folder(tmp_path: Path, own: Path) -> None:
    own.write_text(
        '[model]\nspec = "lenet"\narguments = { size = 28 }\n'
        '[data]\nspec = "mnist"\npaths = { mnist = "m", cifar10 = "c" }\n'
    )
    alone = load(tmp_path)
    assert (alone.model, alone.model_arguments, alone.data) == ("lenet", {"size": 28}, "mnist")
    assert (alone.model_origin.name, alone.model_origin.permit) == (str(own), "")
    assert not alone.model_origin.here
    (tmp_path / "lmctool.toml").write_text(
        '[model]\nspec = "mlp"\n[data]\npaths = { mnist = "n" }\n'
    )
    both = load(tmp_path)
    assert (both.model, both.model_arguments, both.data) == ("mlp", {}, "mnist")
    assert both.model_origin.permit == "pass --trust-config if you trust that file"
    assert (both.data_origin.name, both.data_origin.permit) == (str(own), "")
    assert both.data_paths == {"mnist": tmp_path / "n", "cifar10": own.parent / "c"}
    assert load(tmp_path, trusted=True).model_origin.permit == ""
    recorded = load(tmp_path, permit="pass --trust")
    assert recorded.permit == recorded.data_origin.permit == "pass --trust"


def test_the_own_folder_is_trusted_as_the_current_one_too(own: Path) -> None:
    own.write_text('[model]\nspec = "a.b:c"\n')
    assert load(own.parent).model_origin.permit == ""
    assert [each.code for each in settings(own.parent) if each.key == "model.spec"] == [True]


def test_an_own_folder_that_may_not_be_entered_is_none(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_file(_: Path) -> bool:
        raise PermissionError

    monkeypatch.setattr(Path, "is_file", is_file)
    assert load().model is None


def test_a_relative_own_folder_is_nobodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(click, "get_app_dir", lambda _: "own")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "own/lmctool.toml").write_text('[model]\nspec = "a.b:c"\n')
    assert load() == Config()
