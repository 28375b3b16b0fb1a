"""Options as keywords, and their values as words of a command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import torch

from lmctool.cli.analysis import AnalysisCommand
from lmctool.errors import LmctoolError
from lmctool.notebook.keywords import Keyword, keywords, path_word
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES


def command(name: str) -> AnalysisCommand:
    return AnalysisCommand(name, registry.load(ANALYSES, name))


def words(option: click.Option, value: Any, *, named: bool = False) -> list[str]:
    return Keyword("it", option, named).words(value)


FLAG = click.Option(["--it"], is_flag=True)
SWITCH = click.Option(["--it/--no-it"], default=True)
NAMED = click.Option(["--it"])
NUMBER = click.Option(["--it"], type=int)
COMMAS = click.Option(["--it"], metavar="A,A,…")
SEVERAL = click.Option(["--it"], multiple=True)
PAIR = click.Option(["--it"], nargs=2)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        (FLAG, True, "--it"),
        (FLAG, False, ""),
        (FLAG, None, ""),
        (SWITCH, True, "--it"),
        (SWITCH, False, "--no-it"),
        (NUMBER, 11, "--it 11"),
        (NUMBER, -1, "--it=-1"),
        (NUMBER, np.int64(3), "--it 3"),
        (NUMBER, torch.tensor(3), "--it 3"),
        (NUMBER, 1e-7, "--it 1e-07"),
        (NUMBER, Path("a/b"), "--it a/b"),
        (COMMAS, [0.1, 0.5], "--it 0.1,0.5"),
        (COMMAS, np.array([0.25, 0.75]), "--it 0.25,0.75"),
        (COMMAS, torch.tensor([1, 2]), "--it 1,2"),
        (COMMAS, "0.1,0.5", "--it 0.1,0.5"),
        (COMMAS, 0.5, "--it 0.5"),
        (SEVERAL, "a", "--it a"),
        (SEVERAL, ("a", "b"), "--it a --it b"),
        (SEVERAL, {"a": 1, "b": True}, "--it a=1 --it b=True"),
        (SEVERAL, [["a", "b"], "c"], "--it a,b --it c"),
        (PAIR, ("a", "b"), "--it a b"),
    ],
)
def test_a_value_is_said_in_words(option: click.Option, value: Any, said: str) -> None:
    assert words(option, value) == said.split()


@pytest.mark.parametrize(
    ("value", "said"), [(True, "--it"), (False, ""), (None, ""), ("weight", "--it weight")]
)
def test_a_plugin_is_named_or_left_to_the_default(value: Any, said: str) -> None:
    assert words(NAMED, value, named=True) == said.split()


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        (FLAG, "yes", "it is true or false, not 'yes'"),
        (NUMBER, object(), "it takes no 'object'"),
        (NUMBER, {"a": 1}, "it takes no mapping"),
        (COMMAS, [[1], [2]], "it takes no 'list'"),
    ],
)
def test_what_no_word_can_say_is_refused(option: click.Option, value: Any, told: str) -> None:
    with pytest.raises(LmctoolError, match=told):
        words(option, value)


def test_every_float_is_the_same_number_again() -> None:
    for value in (0.1, 1 / 3, 1e-300, 123456789.123456789):
        assert float(words(NUMBER, value)[1]) == value


def test_keywords_are_the_flags_of_the_command() -> None:
    known = keywords(command("graft"))
    assert {"from_", "all_but", "except_", "calib_size", "model_arg", "split"} <= known.keys()
    assert not {"json", "require", "baseline", "dry_run", "help", "verbose"} & known.keys()


def test_defaults_are_those_of_the_command() -> None:
    defaults = {name: each.default for name, each in keywords(command("barrier")).items()}
    assert defaults["points"] == 25
    assert defaults["align"] is defaults["repair"] is defaults["refine"] is False
    assert defaults["split"] == ("test",)
    assert defaults["limit"] is None
    assert defaults["batch_size"] == "auto"


def test_a_path_is_no_flag_and_its_home_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert path_word("-a.safetensors") == "./-a.safetensors"
    assert path_word(Path("runs/a")) == "runs/a"
    assert path_word("~/a.pt") == "/home/me/a.pt"
