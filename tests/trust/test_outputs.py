"""Nothing is lost: no input, no verdict and no finished work, whatever outputs meet."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import h5py
import numpy as np
import pytest
from safetensors import safe_open

from lmctool.cli.command import Command, OutputFile
from lmctool.cli.group import HOST, main
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.testing import invoke

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INDEX = "model.safetensors.index.json"
DIGITS = Path(__file__).parents[2] / "examples/digits"
FEW = ("--points", "3", "--limit", "60", "--quiet")
POLICY = '[[gate]]\nrequire = "barrier.loss[split=test] <= -1"\n'
FACTORY = """
import imported_by_code
from lmctool.plugin import registry
from lmctool.plugin.kinds import DATASETS

def make():
    return registry.load(DATASETS, "digits").open("digits", None)
"""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, made: Callable[[str], Path]) -> Path:
    """Return a folder with one input of each kind, which no test may change."""
    folder = tmp_path_factory.mktemp("inputs")
    for end in "ab":
        shutil.copy(DIGITS / f"{end}.safetensors", folder)
    examples = np.random.default_rng(0).random((60, 64), np.float32)
    np.savez(folder / "data.npz", x=examples, y=np.arange(60) % 10)
    with h5py.File(folder / "data.h5", "w") as file:
        file["x"], file["y"] = examples, np.arange(60) % 10
    (folder / "text").mkdir()
    (folder / "text/one.txt").write_text("abc " * 300)
    (folder / "policy.toml").write_text(POLICY)
    (folder / "code.py").write_text(FACTORY)
    (folder / "imported_by_code.py").write_text("")
    (folder / "spec.png").write_text("version = 1\n")
    shutil.copy(made("barrier"), folder / "old.h5")
    return folder


@pytest.fixture
def here(inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with a copy of each input."""
    shutil.copytree(inputs, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file of a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


PAIR = ("a.safetensors", "b.safetensors")
READING: dict[str, tuple[str, ...]] = {
    "show": ("show", "old.h5"),
    "plot": ("plot", "old.h5", "-o", "new.pdf"),
    "metrics": ("metrics", "old.h5"),
    "compare": ("compare", "old.h5", "./old.h5"),
    "aggregate": ("aggregate", "old.h5", "-o", "new.h5"),
    "report": ("report", "old.h5", "--policy", "policy.toml"),
    "audit": ("audit", "old.h5", "--policy", "policy.toml"),
    "rerun": ("rerun", "old.h5"),
    "inspect": ("inspect", "a.safetensors", "--symmetry"),
    "stamp": ("stamp", "a.safetensors", "--model", "mlp"),
    "convert": ("convert", "a.safetensors"),
    "convert rewritten": ("convert", "a.safetensors", "--fuse-batchnorm", "--input", "2x64"),
    "barrier": ("barrier", *PAIR, *FEW, "--data", "arrays:data.h5", "--baseline", "old.h5",
                "--require", "barrier.error <= baseline"),
    "barrier of code": ("barrier", *PAIR, *FEW, "--align", "--data", "./code.py:make", "--spec",
                        "spec.png"),
    "align": ("align", *PAIR, "--apply", "old.h5", "--data", "text:text/one.txt?length=8"),
    "merge": ("merge", *PAIR, "--data", "data.npz"),
    "curve": ("curve", *PAIR, *FEW, "--curve-steps", "2", "--data", "data.npz"),
}  # fmt: skip
"""A command line of each command that writes, without its outputs."""


def outputs(command: click.Command) -> list[click.Parameter]:
    """Return what a command writes, by its parameters."""
    return [each for each in command.params if isinstance(each.type, OutputFile)]


def command(name: str) -> click.Command:
    """Return a command of the program."""
    with click.Context(main) as context:
        found = main.get_command(context, name)
    assert found is not None
    return found


OUTPUTS = {"csv", "document", "junit", "latex", "markdown", "out", "target"}
"""Names of parameters that name a file to write."""


def test_every_command_that_writes_says_what_and_is_walked_here() -> None:
    writing = {name for name in HOST if outputs(command(name))}
    assert writing == {words[0] for words in READING.values()} & {*HOST}
    for name in (*HOST, *registry.names(ANALYSES)):
        one = command(name)
        named = {p.name for p in one.params} & OUTPUTS
        assert named == {parameter.name for parameter in outputs(one)}, name
        assert isinstance(one, Command) or not named, name


def replacing(words: tuple[str, ...]) -> Iterator[tuple[click.Parameter, str]]:
    """Yield each output of a command with each input that it would replace."""
    writes = words[0] in {"align", "curve", "merge"}
    names = {each.partition("?")[0] for word in words[1:] for each in word.split(":")}
    for parameter in outputs(command(words[0])):
        for name in sorted(name for name in names if "." in name and Path(name).is_file()):
            suffixes = {".h5", ".png", *[".safetensors"] * writes}
            if words[0] in HOST or parameter.name != "out" or Path(name).suffix in suffixes:
                yield parameter, name


REFUSED = re.compile("is an input of this very command|is the input itself|must end in .(png|html)")


@pytest.mark.parametrize("case", list(READING))
def test_no_output_option_replaces_an_input(case: str, here: Path) -> None:
    words = READING[case]
    (here.parent / "link").symlink_to(here)
    for name in ("hard.h5", "hard.safetensors"):
        (here / name).hardlink_to(here / ("old.h5" if name == "hard.h5" else "a.safetensors"))
    before = contents(here)
    forced = ("--force",) if any(p.name == "force" for p in command(words[0]).params) else ()
    cases = list(replacing(words))
    for parameter, name in cases:
        linked = {"old.h5": "hard.h5", "a.safetensors": "hard.safetensors"}.get(name, f"./{name}")
        for text, force in ((str(here.parent / "link" / name), ()), (linked, forced)):
            place = (text,) if isinstance(parameter, click.Argument) else (parameter.opts[0], text)
            done = invoke(*words, *place, *force)
            assert done.exit_code == 2, (done.output, place)
            assert REFUSED.search(done.stderr), (done.stderr, place)
            assert contents(here) == before, (done.output, place)
    assert cases


MODEL = ("--model", "mlp", *(f"--model-arg={name}=64" for name in ("inputs", "width")),
         "--model-arg=depth=3", "--model-arg=classes=10")  # fmt: skip
UNNAMED: dict[str, tuple[str, ...]] = {
    "data of lmctool.toml": (*PAIR, "-o", "data.h5"),
    "lmctool.toml": (*PAIR, "--json", "lmctool.toml"),
    "a file of a folder of data": (*PAIR, "--data", "text:text", "--junit", "text/one.txt"),
    "a module of data": (*PAIR, "--data", "./code.py:make", "--json", "imported_by_code.py"),
    "a shard": ("folder", "b.safetensors", *MODEL, "--json", "folder/shard.safetensors"),
    "an index": ("folder", "b.safetensors", *MODEL, "--json", f"folder/{INDEX}"),
    "a file of a folder of work": (*PAIR, "--data", "arrays:out.h5.work/data.npz", "-o", "out.h5"),
}
"""Inputs that no word of a command names, as outputs of it."""


@pytest.mark.parametrize("case", list(UNNAMED))
def test_inputs_that_no_word_names_are_not_replaced_either(case: str, here: Path) -> None:
    table = '[data]\nspec = "arrays"\npaths = {arrays = "data.h5"}\n'
    (here / "lmctool.toml").write_text(table)
    for folder in ("folder", "out.h5.work"):
        (here / folder).mkdir()
    shutil.copy("data.npz", "out.h5.work")
    shutil.copy("a.safetensors", "folder/shard.safetensors")
    with safe_open(here / "a.safetensors", "pt") as file:
        shards = dict.fromkeys(file.keys(), "shard.safetensors")
    (here / "folder" / INDEX).write_text(json.dumps({"weight_map": shards}))
    before = contents(here)
    done = invoke("barrier", *FEW, *UNNAMED[case], "--force")
    assert done.exit_code == 2, done.output
    assert "is an input of this very command" in done.stderr
    assert contents(here) == before


def test_a_summary_of_a_job_is_not_written_into_an_input(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(here)
    for name in ("policy.toml", "old.h5"):
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(here / name))
        done = invoke("audit", "old.h5", "--policy", "policy.toml")
        assert (done.exit_code, contents(here)) == (2, before)
        assert "$GITHUB_STEP_SUMMARY names is an input" in done.stderr


def test_an_output_of_an_earlier_run_is_still_replaced(here: Path) -> None:
    for name in ("barrier.h5", "out.json"):
        shutil.copy("old.h5", name)
    done = invoke("barrier", *PAIR, *FEW, "--force", "--resume", "--json", "out.json")
    assert done.exit_code == 0, done.output
    assert json.loads(Path("out.json").read_text())["files"]["result"] == "barrier.h5"


def lmctool(*words: str, shell: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the program in a shell, which does the rest with its streams."""
    line = shlex.join([sys.executable, "-m", "lmctool", *words])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    command = ["bash", "-c", shell.format(line)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


FULL = "Error: stdout cannot be written: No space left on device\n"
AUDIT = ("audit", "old.h5", "--policy", "policy.toml")


@pytest.mark.parametrize(
    ("shell", "code", "told"),
    [
        ("{} > /dev/full", 2, FULL),
        ("{} >&-", 2, "Error: stdout cannot be written: it is closed\n"),
        ("{} | true; exit ${{PIPESTATUS[0]}}", 3, ""),
        ("{} | head -n 1 > /dev/null; exit ${{PIPESTATUS[0]}}", 3, ""),
        ("GITHUB_ACTIONS=true {} 2> /dev/full", 2, ""),
        ("GITHUB_ACTIONS=true {} 2> >(true)", 3, ""),
        ("{} --json out.json > /dev/full", 2, FULL),
    ],
)  # fmt: skip
def test_stdout_and_stderr_that_take_nothing(shell: str, code: int, told: str, here: Path) -> None:
    done = lmctool(*AUDIT, shell=shell)
    assert (done.returncode, done.stderr) == (code, told)
    assert (here / "out.json").exists() == ("out.json" in shell)


@contextmanager
def at_once() -> Iterator[None]:
    """Fail rather than hang where a pipe is read."""

    def late(*_: object) -> None:
        raise AssertionError("it is being read")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(60)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


ENDLESS: dict[str, tuple[str, ...]] = {
    "text": ("barrier", *PAIR, *FEW, "--data", "text:{}"),
    "text in a folder": ("barrier", *PAIR, *FEW, "--data", "text:pipes"),
    "arrays": ("barrier", *PAIR, *FEW, "--data", "arrays:{}"),
    "idx": ("barrier", *PAIR, *FEW, "--data", "mnist:{}"),
    "cifar": ("barrier", *PAIR, *FEW, "--data", "cifar10:{}"),
    "a stranger's": ("barrier", *PAIR, *FEW, "--data", "digits:{}"),
    "any data": ("barrier", *PAIR, *FEW, "--data", "{}"),
    "any data of a folder": ("barrier", *PAIR, *FEW, "--data", "pipes"),
    "code of data": ("barrier", *PAIR, *FEW, "--data", "./pipe.py:make"),
    "code of a model": ("barrier", *PAIR, *FEW, "--model", "./pipe.py:make"),
    "spec": ("align", *PAIR, "--spec", "{}"),
    "apply": ("align", *PAIR, "--apply", "{}"),
    "checkpoint": ("barrier", "{}", "b.safetensors"),
    "checkpoint of a folder": ("inspect", "pipes"),
    "index": ("inspect", "pipe.safetensors.index.json"),
    "config.json": ("inspect", "configured"),
    "baseline": ("barrier", *PAIR, *FEW, "--baseline", "{}"),
    "policy": ("audit", "old.h5", "--policy", "{}"),
    "result": ("show", "{}"),
    "results": ("compare", "old.h5", "{}"),
    "page": ("report", "{}", "-o", "page.html"),
    "rerun": ("rerun", "{}"),
    "plot": ("plot", "{}", "-o", "x.png"),
    "convert": ("convert", "{}", "x.safetensors"),
    "stamp": ("stamp", "{}", "-o", "x.safetensors", "--model", "mlp"),
    "lmctool.toml": ("config", "show"),
}
"""A command line that names a file of each kind."""


@pytest.mark.parametrize("case", list(ENDLESS))
def test_pipes_and_devices_are_refused_at_once(case: str, here: Path) -> None:
    for folder in ("pipes", "configured"):
        (here / folder).mkdir()
    for pipe in ("pipe.py", "pipe.safetensors.index.json", "pipes/x.txt", "pipes/x.safetensors"):
        os.mkfifo(here / pipe)
    os.mkfifo(here / "pipe")
    shutil.copy("a.safetensors", "configured")
    os.mkfifo(here / "configured/config.json")
    if case == "lmctool.toml":
        os.mkfifo(here / "lmctool.toml")
    for place in ("pipe", "/dev/zero"):
        with at_once():
            done = invoke(*(word.format(place) for word in ENDLESS[case]))
        assert "Traceback" not in done.stderr
        assert done.exit_code == 2 or case == "config.json", (done.output, place)


@pytest.mark.parametrize("case", list(READING))
def test_a_folder_that_was_removed_is_one_sentence(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    place = {"plot": ("-o", "x"), "report": ("-o", "x"), "stamp": ("-o", "x"), "convert": ("x",)}
    done = invoke(*READING[case], *place.get(case, ()))
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: the current folder cannot be used: No such file")
    assert done.stderr.count("\n") == 1


def full(*_: object, **__: object) -> None:
    """Fail as a full disk does."""
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_the_finished_work_and_no_half_a_file(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(contents(here))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        done = invoke("barrier", *PAIR, *FEW, "-o", "new.h5")
    assert done.exit_code == 2
    assert "result 'new.h5' cannot be written: No space left on device" in done.stderr
    assert "what was finished is kept in 'new.h5.work'; the same command" in done.stderr
    assert {name.partition("/")[0] for name in {*contents(here)} - before} == {"new.h5.work"}
    done = invoke("barrier", *PAIR, *FEW, "-o", "new.h5", "--resume")
    assert done.exit_code == 0, done.output
    assert {*contents(here)} - before == {"new.h5", "new.png"}
    assert not Path("new.h5.work").exists()


def test_pipes_in_a_folder_of_work_are_not_read(here: Path) -> None:
    (here / "new.h5.work").mkdir()
    for name in ("run.json", "0.npz"):
        os.mkfifo(here / "new.h5.work" / name)
    with at_once():
        done = invoke("barrier", *PAIR, *FEW, "-o", "new.h5", "--resume")
    assert done.exit_code == 2
    assert "does not say whose work it has" in done.stderr


def test_a_home_of_nobody_is_no_bug(here: Path) -> None:
    done = invoke("inspect", "a.safetensors", "--model", "~nobody-is-called-so/x.py:make")
    assert (done.exit_code, "Traceback" in done.stderr) == (0, False)


def test_work_that_finds_no_room_leaves_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(contents(here))

    def half(file: Any, **_: object) -> None:
        file.write(b"PK")
        full()

    monkeypatch.setattr(np, "savez", half)
    done = invoke("barrier", *PAIR, "--points", "3", "--limit", "60", "-o", "new.h5")
    assert done.exit_code == 0, done.output
    assert "finished work cannot be kept any more: No space left on device" in done.stderr
    assert {*contents(here)} - before == {"new.h5", "new.png"}
    assert not Path("new.h5.work").exists()


def test_a_full_disk_at_the_start_leaves_no_folder(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", full)
    done = invoke("barrier", *PAIR, *FEW, "-o", "new.h5")
    assert done.exit_code == 2
    assert not list(here.glob("new*"))


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_written_to(
    number: int, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: Callable[..., Any] = h5py.File

    def lockless(name: Any, *words: Any, locking: bool | None = None, **more: Any) -> Any:
        if isinstance(name, Path) and locking is not False:
            raise OSError(number, "unable to lock file")
        return opened(name, *words, locking=locking, **more)

    def flock(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    monkeypatch.setattr(h5py, "File", lockless)
    few = ("--points", "3", "--data", "arrays:data.h5", "--allow-chance")
    done = invoke("barrier", *PAIR, *few, "-o", "new.h5")
    assert done.exit_code == 0, done.output
    assert "Warning" not in done.stderr
    assert not Path("new.h5.work").exists()
    assert invoke("show", "new.h5").exit_code == 0


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.EAGAIN, "another program has locked it"),
        (errno.EACCES, "permission denied"),
        (errno.EIO, "input/output error"),
    ],
)
def test_damaged_is_said_of_damage_alone(
    number: int, told: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(number, "Unable to synchronously open file")

    monkeypatch.setattr(h5py, "File", refused)
    done = invoke("show", "old.h5")
    assert done.exit_code == 2
    assert f"result 'old.h5' cannot be read: {told}" in done.stderr
    assert "damaged" not in done.stderr


def test_a_result_that_another_program_writes_is_locked(here: Path) -> None:
    with h5py.File(here / "old.h5", "r+"):
        done = lmctool("show", "old.h5", shell="{}")
    assert done.returncode == 2
    assert "result 'old.h5' cannot be read: another program has locked it" in done.stderr


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "none"])
def test_figures_are_drawn_without_the_backend_of_a_notebook(backend: str, here: Path) -> None:
    done = lmctool("plot", "old.h5", "-o", "new.png", shell="{}", MPLBACKEND=backend)
    assert (done.returncode, done.stderr) == (0, "")
    assert Path("new.png").read_bytes().startswith(b"\x89PNG")
