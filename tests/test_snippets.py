"""Every block of code in every page of Markdown is checked, in one of the ways of this file.

A block of a kind or a page that is not listed fails.  Commands are parsed by the command itself:
every option has to be one of its own, with a value that it takes; files need not be there.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shlex
import tomllib
from contextlib import suppress
from functools import cache
from pathlib import Path

import click
import pytest
import yaml

from lmctool import config
from lmctool.cli import main
from lmctool.errors import LmctoolError
from lmctool.gates.policy import read_policy
from lmctool.plugin.parameters import InputFile
from tests.action import ACTION
from tests.snippets import BLOCKS, PAGES, ROOT, Block, commands, spoken
from tests.test_guides import GUIDES

RUN_BY = {
    "docs/data.md": "tests/test_data_page.py",
    "docs/observers.md": "tests/notebook/training/conftest.py",
    "docs/plugins.md": "tests/test_plugins_page.py",
    "docs/python.md": "tests/test_python_page.py",
}
"""The tests that run the Python of a page that is none of tests/test_guides.py."""
MADE = {"norms", "signs"}
"""Analyses of packages that pages show how to write."""
OTHERS = {".", "cd", "cp", "mkdir"}
"""Programs that are not ours, and take what they take."""


def of(*languages: str) -> pytest.MarkDecorator:
    """Return the mark of a test of each block of these languages."""
    chosen = [block for block in BLOCKS if block.language in languages]
    return pytest.mark.parametrize("block", chosen, ids=str)


@pytest.fixture(autouse=True)
def no_file_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take any path for an option or an argument, in a folder without a lmctool.toml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(ROOT / "examples")
    for kind in (click.Path, InputFile):
        monkeypatch.setattr(kind, "convert", lambda _self, value, _param, _context: Path(value))


@cache
def program(path: str) -> click.Command:
    """Return the command of a program in examples/."""
    spec = importlib.util.spec_from_file_location("program", ROOT / path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: click.Command = module.main
    return found


def parse_lmctool(words: list[str]) -> None:
    """Parse a command of lmctool, or of a group in it, as it does itself."""
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group) and words:
        if command is main and words[0] in MADE:
            return
        name, found, words = command.resolve_command(context, words)
        assert name is not None and found is not None
        command, context = found, click.Context(found, context, name)
    if words:
        command.make_context(context.info_name, list(words), parent=context.parent)


def check(words: list[str]) -> None:
    """Check one command; parse it, if it is one of ours."""
    name, *rest = words
    if name == "lmctool":
        parse_lmctool(rest)
    elif name in {"python", "python3"} and rest[0] == "-m":
        assert importlib.util.find_spec(rest[1]) is not None
    elif name == "python" and rest[0] == "-c":
        ast.parse(rest[1])
    elif name == "python" and rest[0] == "examples/train.py":
        program(rest[0]).make_context("train", rest[1:])
    elif name == "python":
        assert (ROOT / rest[0]).is_file()
    elif name == "make":
        assert re.search(rf"^{rest[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif name == "pip":
        assert rest[0] in {"install", "wheel"}
    else:
        assert name in OTHERS, words


@of("console", "sh", "indented")
def test_commands_are_parsed_by_what_they_call(block: Block) -> None:
    if block.page == "docs/plugins.md":
        return  # all are run by tests/test_plugins_page.py, with the plugins that they need
    found = list(commands(block))
    assert found or block.language == "indented"
    for words in found:
        try:
            check(words)
        except click.ClickException as error:
            pytest.fail(f"{block}: {shlex.join(words)}: {error.format_message()}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_in_sentences_have_no_option_that_is_not_there(page: Path) -> None:
    for words in spoken(page):
        if words[0] == "lmctool":
            # words such as NAME stand for others, and what is left out is told elsewhere
            with suppress(LmctoolError, click.UsageError, click.exceptions.Exit):
                try:
                    parse_lmctool(words[1:])
                except click.NoSuchOption as error:
                    pytest.fail(f"{page}: {shlex.join(words)}: {error.format_message()}")


@of("python")
def test_python_is_python_and_is_run_by_a_test(block: Block) -> None:
    ast.parse(block.text)
    if block.page not in GUIDES:
        assert block.page in (ROOT / RUN_BY[block.page]).read_text(encoding="utf-8")


@of("toml")
def test_toml_is_read_by_what_reads_it(block: Block, tmp_path: Path) -> None:
    keys = set(tomllib.loads(block.text))
    if keys == {"gate"}:
        (tmp_path / "gates.toml").write_text(block.text)
        assert read_policy(tmp_path / "gates.toml")
    elif keys <= {"model", "data"}:
        (tmp_path / config.FILE).write_text(block.text)
        assert config.load(tmp_path, trusted=True).model
    else:  # of a package, which tests/test_plugins_page.py builds
        assert "build-system" in keys and block.page == "docs/plugins.md"


@of("json")
def test_json_is_json(block: Block) -> None:
    assert json.loads(block.text)


@of("yaml")
def test_yaml_uses_inputs_that_the_action_has(block: Block) -> None:
    (step,) = yaml.safe_load(block.text)
    required = {name for name, each in ACTION["inputs"].items() if each.get("required")}
    assert required <= set(step["with"]) <= set(ACTION["inputs"])


@of("")
def test_a_block_without_a_language_is_a_table_that_was_printed(block: Block) -> None:
    assert re.search(r"^-+(  -+)+$", block.text, re.MULTILINE)


def test_no_block_is_of_another_language() -> None:
    checked = {"console", "sh", "indented", "python", "toml", "json", "yaml", ""}
    assert {block.language for block in BLOCKS} <= checked
    assert len(BLOCKS) > 100
