"""A run from the command line: files, streams, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lmctool.cli import outputs
from lmctool.errors import LmctoolError
from lmctool.testing import invoke, tiny_pair
from tests.cli.conftest import WEIGH

if TYPE_CHECKING:
    from tests.cli.conftest import Install


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_run_writes_result_and_figure_and_shows_the_table(
    weigh: str, pair: tuple[str, str]
) -> None:
    done = invoke(weigh, *pair, "--grams", "5")
    assert done.exit_code == 0, done.output
    assert Path("weigh.h5").is_file()
    assert Path("weigh.png").is_file()
    assert "weigh.mass" in done.stdout
    assert done.stdout.endswith("result  weigh.h5\nfigure  weigh.png\n")
    assert "options [('fail', None), ('grams', 5)]" in done.stderr
    assert "weigh: 3 done" in done.stderr
    assert "weigh.mass" not in done.stderr


def test_quiet_leaves_stderr_empty(weigh: str, pair: tuple[str, str]) -> None:
    assert invoke(weigh, *pair, "--quiet").stderr == ""


def test_json_on_stdout_is_alone_there(weigh: str, pair: tuple[str, str]) -> None:
    done = invoke(weigh, *pair, "--json", "-")
    document = json.loads(done.stdout)
    assert document["metrics"] == {"weigh.mass": 2.5}
    assert document["files"] == {"result": "weigh.h5", "figure": "weigh.png"}
    assert document["provenance"]["command"].startswith("lmctool weigh ")


@pytest.mark.parametrize("out", ["x", "x.h5", "x.png", "x.safetensors"])
def test_any_known_suffix_of_out_means_the_same(
    out: str, weigh: str, pair: tuple[str, str]
) -> None:
    invoke(weigh, *pair, "-o", out, "--json", "x.json")
    assert sorted(path.name for path in Path().glob("x*")) == ["x.h5", "x.json", "x.png"]


def test_an_existing_output_is_refused_before_any_work(weigh: str, pair: tuple[str, str]) -> None:
    Path("weigh.png").write_text("mine")
    done = invoke(weigh, *pair)
    assert done.exit_code == 2
    assert "output 'weigh.png' exists; choose another with -o, or pass --force" in done.stderr
    assert "options" not in done.stderr
    assert not Path("weigh.h5").exists()
    assert invoke(weigh, *pair, "--force").exit_code == 0


def test_dry_run_says_what_would_be_done_and_does_nothing(
    weigh: str, pair: tuple[str, str]
) -> None:
    done = invoke(weigh, *pair, "--dry-run")
    assert "checkpoint A" in done.stdout
    assert "weigh.h5" in done.stdout
    assert not Path("weigh.h5").exists()


def test_an_input_is_never_written_over(tmp_path: Path) -> None:
    a, b = tiny_pair(tmp_path)
    before = b.read_bytes()
    done = invoke("align", a, b, "-o", b, "--force", "--allow-chance")
    assert done.exit_code == 2
    assert f"output '{b}' is an input of this very command" in done.stderr
    assert b.read_bytes() == before


def test_a_folder_is_no_output(weigh: str, pair: tuple[str, str], tmp_path: Path) -> None:
    done = invoke(weigh, *pair, "-o", tmp_path)
    assert done.exit_code == 2
    assert f"output '{tmp_path}' is a folder" in done.stderr


def test_a_bug_of_a_plugin_shows_its_traceback(weigh: str, pair: tuple[str, str]) -> None:
    done = invoke(weigh, *pair, "--fail", "bug")
    assert done.exit_code == 1
    assert "RuntimeError: broken scales" in done.stderr
    assert "while analysis 'weigh' of an unknown distribution was computing" in done.stderr
    assert not list(Path().glob("weigh*"))


def test_what_no_file_can_hold_is_refused_before_it_is_shown(
    install: Install, pair: tuple[str, str]
) -> None:
    names = 'Variable(np.array([[], "b"], dtype=object), ("checkpoint",))'
    source = WEIGH.replace("NEEDS", "needs=frozenset()")
    source = source.replace('"mass": value', f'"mass": value, "checkpoint": {names}')
    install("lmctool.analyses", "weigh", source)
    done = invoke("weigh", *pair)
    assert done.exit_code == 1
    assert "variable 'checkpoint' holds a value of type list at [0]" in done.stderr
    assert "while analysis 'weigh' of an unknown distribution was computing" in done.stderr
    assert done.stdout == ""
    assert not list(Path().glob("weigh*"))


def test_ctrl_c_says_that_nothing_was_written(weigh: str, pair: tuple[str, str]) -> None:
    done = invoke(weigh, *pair, "--fail", "stop")
    assert done.exit_code == 130
    assert "Interrupted; nothing was written" in done.stderr
    assert not list(Path().glob("weigh*"))


@pytest.mark.parametrize(
    ("cause", "code", "message"),
    [
        (LmctoolError("no ink"), 2, "no ink; written before: 'weigh.h5'"),
        (KeyboardInterrupt(), 130, "Interrupted; written before: 'weigh.h5'"),
    ],
)
def test_a_figure_that_cannot_be_written_loses_nothing_that_was_found(
    cause: BaseException,
    code: int,
    message: str,
    weigh: str,
    pair: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise cause

    monkeypatch.setattr(outputs, "write_bytes", fail)
    done = invoke(weigh, *pair)
    assert done.exit_code == code
    assert message in done.stderr
    assert "weigh.mass" in done.stdout
    assert Path("weigh.h5").is_file()


@pytest.mark.parametrize(
    "drawing", ["raise RuntimeError('no ink')", "raise SystemExit(0)", "figure.suptitle(1, font=1)"]
)
def test_a_figure_that_cannot_be_drawn_is_a_warning(
    drawing: str, install: Install, pair: tuple[str, str]
) -> None:
    source = WEIGH.replace("NEEDS", "needs=frozenset(), figure=draw")
    drawn = f"def draw(result, figure):\n    {drawing}\n\n@hookimpl"
    install("lmctool.analyses", "weigh", source.replace("@hookimpl", drawn))
    Path("weigh.png").write_text("old")
    gate = ("--force", "--require", "weigh.mass <= 1", "--junit", "junit.xml")
    done = invoke("weigh", *pair, *gate)
    assert done.exit_code == 3
    assert "Warning: the figure cannot be drawn: " in done.stderr
    assert "'weigh.png' is of an earlier run" in done.stderr
    assert "failed" in done.stdout
    assert "failure" in Path("junit.xml").read_text()
    assert Path("weigh.png").read_text() == "old"
    done = invoke("plot", "weigh.h5", "-o", "again.png")
    assert (done.exit_code, Path("again.png").exists()) == (2, False)
    assert "Error: the figure cannot be drawn: " in done.stderr or "does not hold" in done.stderr
    done = invoke("report", "weigh.h5", "-o", "page.html")
    assert (done.exit_code, Path("page.html").exists()) == (0, True)
    assert "Warning: no figure of 'weigh.h5': the figure cannot be drawn" in done.stderr


OBSERVER = '''
"""Watch runs."""
from pathlib import Path
from lmctool.api import Observer, hookimpl

def tell(*words):
    with Path("told.txt").open("a") as file:
        print(*words, file=file)

@hookimpl
def lmctool_observer():
    """Watch."""
    return Observer(
        started=lambda provenance: tell("started", provenance["analysis"]),
        progressed=lambda *words: tell("progressed", *words),
        finished=lambda result, error: tell("finished", type(result).__name__, repr(error)),
    )
'''


def test_observers_are_told_how_a_run_goes(
    install: Install, weigh: str, pair: tuple[str, str]
) -> None:
    install("lmctool.observers", "watch", OBSERVER)
    invoke(weigh, *pair)
    invoke(weigh, *pair, "--force", "--fail", "bug")
    assert Path("told.txt").read_text().splitlines() == [
        "started weigh",
        "progressed weigh 3 3",
        "finished Result None",
        "started weigh",
        "progressed weigh 3 3",
        "finished NoneType RuntimeError('broken scales')",
    ]


def test_observers_hear_nothing_of_a_run_that_never_starts(
    install: Install, weigh: str, pair: tuple[str, str]
) -> None:
    install("lmctool.observers", "watch", OBSERVER)
    assert invoke(weigh, *pair, "--dry-run").exit_code == 0
    Path("weigh.png").touch()
    assert invoke(weigh, *pair).exit_code == 2
    assert not Path("told.txt").exists()


def test_a_failing_observer_is_warned_about_once_and_dropped(
    install: Install, weigh: str, pair: tuple[str, str]
) -> None:
    install("lmctool.observers", "watch", OBSERVER.replace("tell(*words):", "tell():"))
    install("lmctool.observers", "absent", "import no_such_module_anywhere")
    done = invoke(weigh, *pair)
    assert done.exit_code == 0
    assert done.stderr.count("Warning: observer 'watch' failed and is told no more") == 1
    assert done.stderr.count("Warning: observer 'absent' failed") == 1
