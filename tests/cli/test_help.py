"""Help pages: examples that work, the main options, and the way to all others."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from lmctool.cli import main
from lmctool.cli.command import Command
from lmctool.cli.group import HOST
from lmctool.cli.help_page import ALL, MOST, write_examples
from lmctool.cli.options import MAIN
from lmctool.errors import ExitCode
from lmctool.plugin import registry
from lmctool.plugin.help_page import words
from lmctool.plugin.kinds import ANALYSES
from lmctool.testing import invoke, tiny_pair
from lmctool.testing.example_check import check_examples

if TYPE_CHECKING:
    from tests.cli.conftest import Install

ROOT = Path(__file__).parents[2]
NAMES = registry.names(ANALYSES)


def command(name: str) -> click.Command:
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return found


def options(name: str) -> list[click.Option]:
    """Return the options of a command, but for those of help."""
    return [
        each for each in command(name).params if isinstance(each, click.Option) and not each.hidden
    ]


def page(*asked: str, columns: int = 80) -> str:
    """Return a page as a terminal of some columns has it."""
    from click.testing import CliRunner

    done = CliRunner().invoke(main, asked, prog_name="lmctool", terminal_width=columns - 2)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_help_of_barrier_begins_with_what_it_does_examples_and_the_main_options() -> None:
    shown = page("barrier", "--help")
    assert shown.startswith(
        """\
Usage: lmctool barrier [OPTIONS] A B

  Barrier of loss and error on the straight line between two checkpoints.

Examples:
  lmctool barrier a.safetensors b.safetensors --align --repair

  # exit code 3 if it is higher
  lmctool barrier a.safetensors b.safetensors --data digits --align \\
      --require 'barrier.error[variant=align] <= 2%'

Main options:
  --points"""
    )
    assert shown.endswith(
        """
More:
  lmctool barrier --help-all  every option
  docs/analyses/barrier.md    the documentation
"""
    )
    flags = re.findall(r"^  (?:-o, )?(--[a-z-]+)", shown, re.MULTILINE)
    assert flags == [
        *("--points", "--bootstrap", "--within", "--align", "--repair", "--data", "--model"),
        *("--split", "--limit", "--out", "--require", "--device"),
    ]


def test_all_of_barriers_options_stand_under_their_headings() -> None:
    shown = page("barrier", ALL)
    heads = re.findall(r"^(\S.*):$", shown, re.MULTILINE)
    assert heads == [
        *("barrier", "--align activation", "--repair repair", "Output", "Gates", "Checkpoints"),
        *("Model", "Data", "Computation", "More"),
    ]
    for option in options("barrier"):
        assert re.search(rf"^  (-\w, )?{option.opts[-1]}\b", shown, re.MULTILINE), option


@pytest.mark.parametrize("name", [*NAMES, *HOST])
def test_every_page_names_a_page_of_the_documentation_that_is_there(name: str) -> None:
    own = command(name)
    if isinstance(own, Command):
        assert (ROOT / own.page.docs).is_file()
        assert own.page.docs in page(name, "--help")
        assert own.page.docs in page(name, ALL)


@pytest.mark.parametrize("name", [*NAMES, *HOST])
def test_a_command_of_many_options_has_main_ones_and_examples(name: str) -> None:
    own = command(name)
    flags = {flag for option in options(name) for flag in option.opts}
    if len(options(name)) > MOST:
        assert isinstance(own, Command)
        assert 2 <= len(own.page.examples) <= 4
        assert flags.issuperset(flag for flag in own.page.main if flag not in MAIN)
        assert len(flags.intersection(own.page.main)) <= MOST + 3
    elif isinstance(own, Command):
        assert all(option.opts[-1] in page(name, "--help") for option in options(name))


@pytest.mark.parametrize("name", NAMES)
def test_examples_of_an_analysis_are_commands_of_it(name: str) -> None:
    check_examples(name, registry.load(ANALYSES, name))


@pytest.mark.parametrize("name", HOST)
def test_examples_of_a_command_of_the_host_can_be_parsed(name: str) -> None:
    own = command(name)
    for example in own.page.examples if isinstance(own, Command) else ():
        own.make_context(name, words(example))


def test_the_examples_of_barrier_work_as_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_pair(tmp_path, steps=100)
    monkeypatch.chdir(tmp_path)
    plain, gated = registry.load(ANALYSES, "barrier").help.examples
    assert invoke("barrier", *words(plain)).exit_code == 0
    done = invoke("barrier", *words(gated), "--force")
    assert done.exit_code == ExitCode.GATE, done.output
    assert "0 of 1 gate passed" in done.output


@pytest.mark.parametrize("name", [*NAMES, *HOST])
def test_examples_are_broken_where_a_shell_lets_them_be(name: str) -> None:
    own = command(name)
    examples = own.page.examples if isinstance(own, Command) else ()
    formatter = click.HelpFormatter(width=60)
    write_examples(formatter, name, examples)
    lines = formatter.getvalue().replace("\\\n", "").splitlines()
    shown = [shlex.split(line) for line in lines if line.startswith("  lmctool")]
    assert shown == [["lmctool", name, *words(example)] for example in examples]


@pytest.mark.parametrize("name", ["barrier", "inspect"])
def test_no_line_of_help_is_wider_than_the_terminal(name: str) -> None:
    for columns in (60, 80):
        lines = page(name, "--help", columns=columns).splitlines()
        wide = [line for line in lines if len(line) > columns]
        assert all(" " not in line.strip(" \\") for line in wide), wide  # one word that is wider


def test_the_list_of_commands_has_them_in_groups() -> None:
    shown = page("--help")
    heads = re.findall(r"^(\S.*):$", shown, re.MULTILINE)
    assert heads == ["Options", "Analyses", "Checkpoints", "Results", "Set-up"]
    for name in [*NAMES, *HOST]:
        assert len(re.findall(rf"^  {name} ", shown, re.MULTILINE)) == 1


STRANGER = '''
"""Mine."""
import click
from lmctool.api import Analysis, HelpPage, hookimpl

@hookimpl
def lmctool_analysis():
    """Add it."""
    options = (click.Option(["--grams"], help="G."), click.Option(["--ounces"], help="O."))
    return Analysis(lambda run, **options: None, needs=frozenset(), options=options, help=PAGE)
'''


def test_the_own_options_of_a_strangers_analysis_are_all_main_ones(install: Install) -> None:
    install("lmctool.analyses", "mine", STRANGER.replace("PAGE", "HelpPage()"))
    shown = page("mine", "--help")
    assert "Examples:" not in shown
    assert [flag for flag in ("--grams", "--ounces", "-o, --out", "--seed") if flag in shown] == [
        "--grams",
        "--ounces",
        "-o, --out",
    ]
    assert shown.endswith("More:\n  lmctool mine --help-all  every option\n")


def test_a_strangers_page_shows_what_it_says(install: Install) -> None:
    said = "HelpPage(('a.pt b.pt --grams 3',), main=('--grams',), docs='https://mine.test/docs')"
    install("lmctool.analyses", "mine", STRANGER.replace("PAGE", said))
    shown = page("mine", "--help")
    assert "Examples:\n  lmctool mine a.pt b.pt --grams 3\n" in shown
    assert "--grams" in shown and "--ounces" not in shown
    assert "  https://mine.test/docs" in shown


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("HelpPage(main=('--gram',))", "'--gram', which is none of its own options; did you mean"),
        ("HelpPage(main=('--seed',))", "there are: --grams, --ounces"),
        ("HelpPage('a b')", "examples of a HelpPage is a tuple of texts, such as ('...',)"),
        ('HelpPage(("a \'b",))', "is no command line: No closing quotation"),
    ],
)
def test_a_page_that_cannot_be_meant_is_told(said: str, told: str, install: Install) -> None:
    install("lmctool.analyses", "mine", STRANGER.replace("PAGE", said))
    done = invoke("mine", "--help")
    assert done.exit_code == 2
    assert "analysis 'mine'" in done.stderr and told in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("example", "told"),
    [
        ("a.pt b.pt --gramms 3", "no such option '--gramms'"),
        ("a.pt", "mine takes two checkpoints, A and B; 1 given"),
        ("a.pt b.pt --align activaton", "no aligner is called 'activaton'"),
    ],
)
def test_an_example_that_is_no_command_fails_the_check(
    example: str, told: str, install: Install
) -> None:
    said = f"HelpPage(({example!r},)), aligner='optional'"
    install("lmctool.analyses", "mine", STRANGER.replace("PAGE", said))
    with pytest.raises(AssertionError, match=f"(?i){re.escape(told)}"):
        check_examples("mine", registry.load(ANALYSES, "mine"))
