"""--observer: those who hear only of the runs that ask for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lmctool.errors import LmctoolError
from lmctool.notebook.functions import function_of
from lmctool.results.file import read
from lmctool.results.provenance import Provenance
from lmctool.testing import invoke

if TYPE_CHECKING:
    from tests.cli.conftest import Install


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


DIARY = '''
"""Keep a diary."""
import sys
from pathlib import Path
from lmctool.api import LmctoolError, Observer, hookimpl

def told(place):
    def tell(*words):
        with Path("told.txt").open("a") as file:
            print(place, *words, file=file)
    OPENED
    return Observer(
        started=lambda provenance: tell("started", provenance["analysis"]),
        finished=lambda result, error: tell("finished", type(result).__name__, repr(error)),
    )

@hookimpl
def lmctool_observer():
    """Keep a diary."""
    return Observer(open=told)
'''
HEARS_ALL = '''
"""Hear all."""
from lmctool.api import Observer, hookimpl

@hookimpl
def lmctool_observer():
    """Hear all."""
    return Observer()
'''


def diary(install: Install, opened: str = "pass") -> None:
    install("lmctool.observers", "diary", DIARY.replace("OPENED", opened))


def test_an_observer_that_opens_hears_only_of_runs_that_name_it_each_place_by_itself(
    install: Install, weigh: str, pair: tuple[str, str]
) -> None:
    diary(install)
    assert invoke(weigh, *pair).exit_code == 0
    assert not Path("told.txt").exists()
    named = ("--observer", "diary:here:1", "--observer=diary")
    assert invoke(weigh, *pair, "--force", *named).exit_code == 0
    assert invoke(weigh, *pair, "--force", *named[:2], "--fail", "bug").exit_code == 1
    assert Path("told.txt").read_text().splitlines() == [
        "here:1 started weigh",
        " started weigh",
        "here:1 finished Result None",
        " finished Result None",
        "here:1 started weigh",
        "here:1 finished NoneType RuntimeError('broken scales')",
    ]


def test_a_result_does_not_say_who_observed_it_and_rerun_tells_nobody(
    install: Install, weigh: str, pair: tuple[str, str]
) -> None:
    diary(install)
    words = ("--observer", "diary:x", "--grams", "2", "--observer=diary:y")
    assert invoke(weigh, *words, "--", *pair).exit_code == 0
    recorded = Provenance.of(read(Path("weigh.h5")))
    assert recorded.command == f"lmctool weigh --grams 2 -- {pair[0]} {pair[1]}"
    assert not [entry for entry in recorded.entries() if "observer" in str(entry)]
    Path("told.txt").unlink()
    done = invoke("rerun", "weigh.h5")
    assert (done.exit_code, Path("told.txt").exists()) == (0, False), done.output


def test_a_file_may_have_the_name_of_the_option(
    install: Install, weigh: str, pair: tuple[str, str]
) -> None:
    diary(install)
    Path(pair[0]).rename("--observer")
    assert invoke(weigh, "--observer", "diary", "--", "--observer", pair[1]).exit_code == 0
    recorded = Provenance.of(read(Path("weigh.h5")))
    assert recorded.command == f"lmctool weigh -- --observer {pair[1]}"


def test_an_observed_run_is_resumed_by_an_unobserved_command(
    install: Install, weigh: str, pair: tuple[str, str]
) -> None:
    diary(install)
    invoke(weigh, *pair, "--observer", "diary:x")
    done = invoke(weigh, *pair, "--resume")
    assert (done.exit_code, "is whole already" in done.stderr) == (0, True), done.output


@pytest.mark.parametrize("more", [(), ("--dry-run",)], ids=["run", "dry run"])
@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("dairy:x", "no observer is called 'dairy'; did you mean 'diary'? installed: "),
        ("all:x", "observer 'all' hears of every run and takes no place; leave out --observer"),
        ("broken", "observer 'broken' ("),
    ],
)
def test_an_observer_that_cannot_be_asked_for_is_refused_before_the_work(
    install: Install, weigh: str, pair: tuple[str, str], word: str, sentence: str, more: tuple[str]
) -> None:
    diary(install)
    install("lmctool.observers", "all", HEARS_ALL)
    install("lmctool.observers", "broken", "import no_such_module_anywhere")
    done = invoke(weigh, *pair, "--observer", word, *more)
    assert done.exit_code == 2
    assert f"Error: {sentence}" in done.stderr
    assert "weigh: 3 done" not in done.stderr


def test_a_dry_run_names_the_observers_and_tells_them_nothing(
    install: Install, weigh: str, pair: tuple[str, str]
) -> None:
    diary(install)
    done = invoke(weigh, *pair, "--dry-run", "--observer", "diary:x")
    assert (done.exit_code, Path("told.txt").exists()) == (0, False)
    assert "diary:x" in done.stdout


def test_what_the_user_can_put_right_ends_the_run_and_ci_learns_of_it(
    install: Install, weigh: str, pair: tuple[str, str]
) -> None:
    diary(install, "raise LmctoolError('no ink')")
    done = invoke(weigh, *pair, "--observer", "diary:x", "--junit", "verdicts.xml")
    assert (done.exit_code, done.stderr) == (2, "Error: no ink\n")
    assert "no ink" in Path("verdicts.xml").read_text()


def test_an_observer_that_fails_to_open_is_warned_about_and_the_run_goes_on(
    install: Install, weigh: str, pair: tuple[str, str]
) -> None:
    diary(install, "raise OSError('no ink')")
    done = invoke(weigh, *pair, "--observer", "diary:x")
    assert done.exit_code == 0
    warning = "Warning: observer 'diary:x' failed and is told no more: OSError: no ink"
    assert done.stderr.count(warning) == 1


def test_an_observer_that_exits_when_it_is_opened_is_named(
    install: Install, weigh: str, pair: tuple[str, str]
) -> None:
    diary(install, "sys.exit(0)")
    done = invoke(weigh, *pair, "--observer", "diary:x")
    assert done.exit_code == 2
    assert "observer 'diary' asks to exit with 0" in done.stderr


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_call_in_python_is_observed_too(
    install: Install, weigh: str, pair: tuple[str, str], in_memory: bool
) -> None:
    from safetensors.torch import load_file

    diary(install)
    ends = [load_file(path) for path in pair] if in_memory else pair
    found = function_of(weigh)(*ends, observer=["diary:x", "diary:y"])
    assert Path("told.txt").read_text().splitlines() == [
        *("x started weigh", "y started weigh", "x finished Result None", "y finished Result None")
    ]
    assert "observer" not in str(Provenance.of(found.record).command)
    with pytest.raises(LmctoolError, match="did you mean 'diary'"):
        function_of(weigh)(*ends, observer="dairy")


def test_every_run_names_the_option_and_its_help_says_what_it_is() -> None:
    for name in ("barrier", "distance", "el2n"):
        assert "--observer NAME[:PLACE]" in invoke(name, "--help-all").stdout
