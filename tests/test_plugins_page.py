"""The authors' guide: it shows what `lmctool plugins new` writes, and all its commands are run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import NamedTuple

import pytest

from lmctool.cli.stored_result import sound
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES, KINDS, MODELS
from lmctool.plugin.new_package import NewPackage, kind_called
from lmctool.results.file import read
from lmctool.testing import invoke, tiny_pair, tiny_run

PAGE = (Path(__file__).parents[1] / "docs/plugins.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"`(lmctool-[\w./-]+)`:\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILES = {found[1]: found[2] for found in FILE.finditer(PAGE)}
EXAMPLE = re.search(r"`noise\.py` .*?^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
NEW = dict(re.findall(r"lmctool plugins new ([a-z-]+) ([a-z]+)", PAGE))
PACKAGES = [NewPackage(name, kind_called(word)) for name, word in NEW.items()]
TRY = """
import sys
from pathlib import Path
from lmctool.testing import invoke, save, tiny_pair
from lmctool_softmax.softmax import build

tiny_pair(Path())
save(Path("softmax.safetensors"), build("softmax", inputs=64), model="mlp")
row = ",".join(["0.5"] * 64)
Path("rows.csv").write_text("".join(f"{row},{place % 10}\\n" for place in range(40)))
for use in sys.argv[1:]:
    done = invoke(*use.split()[1:])
    assert done.exit_code == 0, f"{use}: {done.output}"
"""
NUMBER = re.compile(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?")


class Command(NamedTuple):
    """A command of the page, and what it is said to print."""

    words: str
    shown: str


def commands() -> list[Command]:
    """Return the commands in the order of the page."""
    found = []
    for language, text in FENCE.findall(PAGE):
        if language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                words, _, shown = part.partition("\n")
                found.append(Command(words, shown))
    return found


def words(text: str) -> list[str]:
    """Return the words of what was printed, a share being one.

    Of a minute and more pytest says the minutes too.
    """
    return re.sub(r"s \(\d+:\d\d:\d\d\)", "s", text).replace(" %", "%").split()


def agree(shown: str, printed: str) -> bool:
    """Tell whether two words are the same, but for what another machine may round or need."""
    if not (NUMBER.search(shown) and NUMBER.search(printed)):
        return shown == printed
    if NUMBER.sub("#", shown) != NUMBER.sub("#", printed):
        return False
    if re.fullmatch(r"[\d.]+s", shown):  # how long it took
        return True
    one, other = (
        [float(number[0]) for number in NUMBER.finditer(word)] for word in (shown, printed)
    )
    slack = 3.0 if "%" in shown or shown.isdigit() else 0.1
    return one == pytest.approx(other, rel=0.2, abs=slack)


class Session(NamedTuple):
    """The folder in which the page's commands were run, and what each printed."""

    folder: Path
    printed: list[str]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Run the page's commands in a folder that has lmctool's checkout nowhere in it.

    The first package is written by the command that the page shows, the others before it.
    """
    folder = tmp_path_factory.mktemp("plugins")
    for package in PACKAGES[1:]:
        package.write(folder / package.distribution)
    printed = [run(folder, "bash", "-eo", "pipefail", "-c", each.words) for each in commands()]
    return Session(folder, printed)


def run(folder: Path, *command: str) -> str:
    """Run a command that ends well, and return what it prints."""
    done = subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def environment(folder: Path) -> dict[str, str]:
    """Return an environment in which pip takes nothing from an index and installs beside us."""
    here = Path(sys.executable).parent
    site = folder.parent / f"{folder.name}-site"
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("LMCTOOL")},
        "PATH": f"{here}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(site),
        "PIP_TARGET": str(site),
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # of an option that says no, pip takes this for yes
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "120",
    }


def test_the_page_has_one_of_each_kind_of_plugin() -> None:
    assert sorted(package.kind.word for package in PACKAGES) == sorted(kind.word for kind in KINDS)
    for kind in KINDS:
        assert re.search(rf"\| \[`{kind.word}`\]\(.*\) \| .* \| `{kind.usage}` \|\n", PAGE)
    for package in PACKAGES:
        assert f"{package.distribution}/src/{package.package}/{package.module}.py" in FILES


def test_every_file_of_the_page_is_what_is_written() -> None:
    written = {
        f"{package.distribution}/{name}": text
        for package in PACKAGES
        for name, text in package.files().items()
    }
    assert {name: written[name] for name in FILES} == FILES


def test_every_block_is_a_file_the_example_or_commands() -> None:
    others = [text for language, text in FENCE.findall(PAGE) if language != "console"]
    assert EXAMPLE is not None
    others.remove(EXAMPLE[1])
    assert others == list(FILES.values())


def test_the_analysis_that_evaluates_works_and_its_curves_begin_at_the_networks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert EXAMPLE is not None
    (tmp_path / "noise.py").write_text(EXAMPLE[1], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    installed = registry.installed
    added = EntryPoint("noise", "noise", ANALYSES.group)
    monkeypatch.setattr(
        registry, "installed", lambda kind: (*installed(kind), *[added] * (kind is ANALYSES))
    )
    pair, out = tiny_pair(tmp_path), tmp_path / "noise.h5"
    asked = ("--split", "train,test", "--score", "auc", "--limit", "200", "--allow-chance")
    done = invoke("noise", *pair, *asked, "--points", "3", "-o", out)
    assert done.exit_code == 0, done.output
    assert out.with_suffix(".png").is_file()
    result = sound(read(out), out)  # what is derived is what is stored
    curve, rises = (result.groups[path].variables for path in ("noise/curve", "noise/rise"))
    ends = tiny_run(tmp_path, checkpoints=pair, splits=("train", "test"), limit=200).ends
    for metric in ends.metrics:
        values = curve[metric.name].values
        assert (values[..., 0] == ends.values(metric).T).all()
        assert (rises[metric.name].values == values[..., -1] - values[..., 0]).all()
    assert (rises["auc"].values != 0).all()


@pytest.mark.slow  # packages are built and installed, which takes minutes
def test_every_command_prints_what_the_page_shows(session: Session) -> None:
    for command, text in zip(commands(), session.printed, strict=True):
        shown, printed = words(command.shown), words(text)
        assert len(shown) == len(printed), f"{command.words}\n{text}"
        for one, other in zip(shown, printed, strict=True):
            assert agree(one, other), f"{command.words}: {one!r} is {other!r} in\n{text}"


@pytest.mark.slow
def test_the_command_that_each_package_is_told_to_be_used_by_runs(session: Session) -> None:
    uses = []
    for package in PACKAGES:
        use = package.usage
        a = "softmax.safetensors" if package.kind is MODELS else "a.safetensors"
        for word, path in (("A", a), ("B", "b.safetensors"), ("FILE", "rows.csv")):
            use = re.sub(rf"\b{word}\b", path, use)
        chance = " --allow-chance" if re.search("barrier|matrix|merge", use) else ""
        uses.append(f"{use}{chance} -o used-{package.name}" if "A B" in package.usage else use)
    run(session.folder, sys.executable, "-c", TRY, *uses)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("signs", "signs", True),
        ("signs", "sign", False),
        ("12.30%", "13.10%", True),
        ("12.30%", "23.10%", False),
        ("3.21s", "14.02s", True),
        ("0.5", "0.9", False),
        ("a-1.0.whl", "b-1.0.whl", False),
        ("23", "21", True),
        ("tests", "1", False),
    ],
)
def test_words_agree_but_for_what_a_machine_may_change(
    one: str, other: str, expected: bool
) -> None:
    assert agree(one, other) == expected
